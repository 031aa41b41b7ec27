/* SPDX-License-Identifier: GPL-3.0-or-later
   data_check.c -- a name of data may mean others than before: the database of runs knows
   by a digest.  It measures nothing. */
#include "ui/command/data_check.h"

#include "ledger/lineage.h"
#include "ui/command/rows.h"
#include "ui/interpreter.h"

/* The row of FOUND with another digest, or -1. */
static int64_t find_other(const table *found, const char *digest)
{
    const int64_t column = table_column(found, "digest");
    for (int64_t i = 0; i < found->row_count; i++)
        if (!text_equal(table_get(found, i, column)->words, digest))
            return i;
    return -1;
}

void data_check_note(call *c, const char *who, const char *name, const model *m,
                     const char *data)
{
    char hash[17], digest[17];
    ledger *l = interpreter_ledger(c->interpreter, NULL);
    table *found = l ? table_new(NULL) : NULL;
    if (!found)
        return;
    ledger_hash(digest, interpreter_data_digest(c->interpreter, data));
    int64_t at = -1;
    if (ledger_trained_on(l, ledger_hash(hash, graph_hash(m->graph)), data, found,
                          NULL) == E_OK)
        at = find_other(found, digest);
    if (at >= 0)
        rows_note(
            c,
            "%s: %s was made with other data called %s (%s in run %lld, now %s): "
            "other samples or another split",
            who, name, data, table_get(found, at, table_column(found, "digest"))->words,
            (long long)table_get(found, at, table_column(found, "run"))->integer, digest);
    table_free(found);
}
