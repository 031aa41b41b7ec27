/* SPDX-License-Identifier: GPL-3.0-or-later
   bisect_runs.c -- where a metric became bad, by what the database of runs has of it.  It
   measures nothing. */
#include <math.h>

#include "base/memory.h"
#include "ledger/lineage.h"
#include "ui/command/bisect.h"
#include "ui/interpreter.h"

/* What the ledger has of METRIC on SPLIT for the model HASH; NaN: nothing. */
static status find_value(ledger *l, const char *hash, const char *metric,
                         split_kind split, double *value, error *e)
{
    table *known = table_new(e);
    status s = known ? ledger_measured(l, hash, known, e) : E_MEMORY;
    *value = NAN;
    for (int64_t i = 0; s == E_OK && i < known->row_count; i++)
        if (text_equal(table_get(known, i, table_column(known, "key"))->words, metric) &&
            text_equal(table_get(known, i, table_column(known, "split"))->words,
                       split_name(split)))
            table_number(known, i, "value", value);
    table_free(known);
    return s;
}

/* VALUE [runs of CHAIN], the latest first as the chain is. */
static status find_values(ledger *l, const table *chain, const condition *when,
                          split_kind split, double *value, error *e)
{
    for (int64_t i = 0; i < chain->row_count; i++)
        TRY(find_value(l, table_get(chain, i, table_column(chain, "hash"))->words,
                       when->metric, split, &value[i], e));
    return E_OK;
}

/* The latest run of which WHEN does not hold, and the one after it that was measured; -1
   where there is none. */
static void find_turn(const condition *when, const double *value, int64_t count,
                      int64_t *good, int64_t *bad)
{
    *bad = -1;
    for (*good = 0; *good < count; ++*good) {
        if (isnan(value[*good]))
            continue;
        if (!condition_holds(when, value[*good]))
            return;
        *bad = *good;
    }
    *good = -1;
}

static void put_runs(call *c, const table *chain, const condition *when,
                     const double *value, int64_t bad)
{
    for (int64_t i = chain->row_count; i-- > 0;) {
        if (isnan(value[i]))
            continue;
        table_row(c->rows);
        table_text(c->rows, "part", "run");
        table_cell(c->rows, "line", table_get(chain, i, table_column(chain, "line")));
        table_real(c->rows, "value", value[i]);
        table_flag(c->rows, "holds", condition_holds(when, value[i]));
        table_flag(c->rows, "first", i == bad);
        table_cell(c->rows, "run", table_get(chain, i, table_column(chain, "run")));
    }
}

static void note_turn(call *c, const table *chain, const condition *when,
                      const double *value, int64_t good, int64_t bad)
{
    const int64_t run = table_column(chain, "run"), line = table_column(chain, "line");
    if (good < 0 || bad < 0)
        return;
    rows_note(c, "bisect: %s went from %g to %g between run %lld and run %lld: %s",
              when->metric, value[good], value[bad],
              (long long)table_get(chain, good, run)->integer,
              (long long)table_get(chain, bad, run)->integer,
              table_get(chain, bad, line)->words);
}

status bisect_runs(call *c, const model *m, const condition *when, const sample_set *on,
                   error *e)
{
    char hash[17];
    int64_t good, bad;
    ledger *l = interpreter_ledger(c->interpreter, NULL);
    if (!l)
        return E_OK;
    table *chain = table_new(e);
    status s = chain
                   ? ledger_lineage(l, ledger_hash(hash, graph_hash(m->graph)), chain, e)
                   : E_MEMORY;
    double *value = s == E_OK ? memory_new(chain->row_count, sizeof *value, e) : NULL;
    if (s == E_OK)
        s = value ? find_values(l, chain, when, on->split, value, e) : E_MEMORY;
    if (s == E_OK) {
        find_turn(when, value, chain->row_count, &good, &bad);
        put_runs(c, chain, when, value, good < 0 ? -1 : bad);
        note_turn(c, chain, when, value, good, bad);
    }
    memory_free(value);
    table_free(chain);
    return s;
}
