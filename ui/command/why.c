/* SPDX-License-Identifier: GPL-3.0-or-later
   why.c -- the command `why`: how a model came to be what it is, run by run, with its size
   and what was measured of it at each.  It measures nothing itself. */
#include <inttypes.h>
#include <stdio.h>

#include "ledger/lineage.h"
#include "measure/metric.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"
#include "ui/interpreter.h"

static const option why_options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "a model"},
    {0},
};

/* The metrics that the ledger has of the model HASH, and of what. */
static status put_metrics(ledger *l, const char *hash, table *t, error *e)
{
    table *known = table_new(e);
    status s = known ? ledger_measured(l, hash, known, e) : E_MEMORY;
    for (int64_t i = 0; s == E_OK && i < known->row_count; i++) {
        const char *key = table_get(known, i, table_column(known, "key"))->words;
        if (i == 0)
            table_cell(t, "split", table_get(known, i, table_column(known, "split")));
        if (metric_find(key))
            table_cell(t, key, table_get(known, i, table_column(known, "value")));
    }
    table_free(known);
    return s;
}

/* Row I of CHAIN as the step NUMBER. */
static status put_run(ledger *l, const table *chain, int64_t i, int64_t number, table *t,
                      error *e)
{
    table_row(t);
    table_integer(t, "step", number);
    for (int64_t j = 0; j < chain->column_count; j++)
        if (!text_equal(chain->columns[j], "from"))
            table_cell(t, chain->columns[j], table_get(chain, i, j));
    return put_metrics(l, table_get(chain, i, table_column(chain, "hash"))->words, t, e);
}

/* What the model itself remembers of steps up to the one after which it was HASH; the
   ledger knows nothing of them. */
static void put_steps(const model *m, const char *hash, table *t)
{
    char words[17];
    int64_t count = m->step_count;
    while (count > 0 && !text_equal(ledger_hash(words, m->steps[count - 1].hash), hash))
        count--;
    for (int64_t i = 0; i < count; i++) {
        table_row(t);
        table_integer(t, "step", i + 1);
        table_none(t, "run");
        table_text(t, "line", m->steps[i].command);
        table_text(t, "hash", ledger_hash(words, m->steps[i].hash));
        table_text(t, "summary", m->steps[i].summary);
    }
}

/* The model of which the oldest run of CHAIN knows no more: what that run read, or what it
   found in a file; NULL where it made the model of nothing. */
static const char *oldest_model(const table *chain, const char *hash)
{
    const int64_t last = chain->row_count - 1;
    if (last < 0)
        return hash;
    const char *from = table_get(chain, last, table_column(chain, "from"))->words;
    const char *line = table_get(chain, last, table_column(chain, "line"))->words;
    return from ? from
           : line && text_starts(line, "load ")
               ? table_get(chain, last, table_column(chain, "hash"))->words
               : NULL;
}

/* The oldest run first, and before it the steps that the model remembers. */
static status put_chain(ledger *l, const model *m, const char *hash, const table *chain,
                        table *t, error *e)
{
    const char *oldest = oldest_model(chain, hash);
    if (oldest)
        put_steps(m, oldest, t);
    for (int64_t i = chain->row_count; i-- > 0;)
        TRY(put_run(l, chain, i, t->row_count + 1, t, e));
    return E_OK;
}

static status why_command(call *c, error *e)
{
    const char *name = option_words(&c->options, "model");
    const model *m = session_get_model(c->session, name, e);
    char hash[17];
    if (!m)
        return e->code;
    ledger *l = interpreter_ledger(c->interpreter, e);
    if (!l)
        return e->code;
    table *chain = table_new(e);
    ledger_hash(hash, graph_hash(m->graph));
    status s = chain ? ledger_lineage(l, hash, chain, e) : E_MEMORY;
    if (s == E_OK)
        s = put_chain(l, m, hash, chain, c->rows, e);
    if (s == E_OK && c->rows->row_count == 0)
        rows_note(c, "why: no run in %s made %s", ledger_path(l), name);
    table_free(chain);
    return s;
}

const command command_why = {
    .name = "why",
    .group = "measure",
    .summary = "tell by which runs a model came to be",
    .options = why_options,
    .arguments = 1,
    .required = 1,
    .example = "why m",
    .details =
        "A model is known in the database of runs by the hash of its structure and all "
        "numbers, whatever its name and in whatever session it was made.  One row a run, "
        "the oldest first: the command, the size of what it made, and the metrics that "
        "were measured of that last, by eval or by the run itself; and the data that it "
        "read, by a digest of their content, with what made them, how many samples and "
        "how many of these for train, val and test.  What the database "
        "does not know, the steps in the model's file tell.",
    .see = "runs, diff, show",
    .run = why_command,
};
