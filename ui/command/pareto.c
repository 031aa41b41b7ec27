/* SPDX-License-Identifier: GPL-3.0-or-later
   pareto.c -- the command `pareto`: the rows of a table that no other row beats in two
   columns at once.  It changes nothing and judges no row itself. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "ledger/runs.h"
#include "measure/metric.h"
#include "measure/pareto.h"
#include "plots/column.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"
#include "ui/interpreter.h"

static const option options[] = {
    {"table", OPTION_TABLE, NULL, NULL, NULL,
     "table whose rows are compared (default: the answers in the database of runs)"},
    {"x", OPTION_TEXT, NULL, "bytes", NULL, "a column of numbers"},
    {"y", OPTION_TEXT, NULL, NULL, NULL,
     "another one (default: masked_mse, or the first metric)"},
    {"better", OPTION_WORDS, "auto|lower|higher", "auto,auto", NULL,
     "directions of x and y that are better (default: the metric's own)"},
    {"where", OPTION_TEXT, NULL, NULL, NULL,
     "without a table: of runs for which this holds, as \"command = eval\""},
    {"all", OPTION_FLAG, NULL, "no", NULL,
     "show all rows that were compared; the column front says which are on it"},
    {0},
};

/* The two numbers of each row (NaN where there is none), the rows on the front, and the
   order by x. */
typedef struct plane {
    const char *column[2];
    direction better[2];
    double *values[2]; /* [rows] each, one block */
    bool *front;
} plane;

static status choose(const call *c, const table *t, const char *y, plane *p, error *e)
{
    const char *words = option_words(&c->options, "table"),
               *name = words ? words : "the database of runs";
    const option_value *better = option_get(&c->options, "better");
    p->column[0] = option_words(&c->options, "x");
    p->column[1] = y;
    if (!p->column[1] && !(p->column[1] = column_default_metric(t)))
        return column_fail(t, name, "y", NULL, e);
    for (int64_t axis = 0; axis < 2; axis++) {
        if (!column_has_numbers(t, p->column[axis], 1))
            return column_fail(t, name, axis ? "y" : "x", p->column[axis], e);
        TRY(pareto_choose(p->column[axis],
                          better->items[axis < better->count ? axis : better->count - 1],
                          &p->better[axis], e));
    }
    return E_OK;
}

static status find_front(const table *t, plane *p, error *e)
{
    p->values[0] = memory_new(2 * t->row_count, sizeof *p->values[0], e);
    p->front = memory_new(t->row_count, sizeof *p->front, e);
    if (!p->values[0] || !p->front)
        return E_MEMORY;
    p->values[1] = p->values[0] + t->row_count;
    for (int axis = 0; axis < 2; axis++)
        for (int64_t i = 0; i < t->row_count; i++)
            if (!column_number(t, i, p->column[axis], &p->values[axis][i]))
                p->values[axis][i] = NAN;
    return pareto_front(p->values[0], p->values[1], t->row_count, p->better[0],
                        p->better[1], p->front, e);
}

/* The row with the lowest x, of those of WANTED, or -1. */
static int64_t next_row(const table *t, const plane *p, const bool *wanted)
{
    int64_t next = -1;
    for (int64_t i = 0; i < t->row_count; i++)
        if (wanted[i] && (next < 0 || p->values[0][i] < p->values[0][next]))
            next = i;
    return next;
}

/* By x: the front, or all that was compared. */
static status put_rows(call *c, const table *t, const plane *p, error *e)
{
    const bool all = option_flag(&c->options, "all");
    int64_t compared = 0, kept = 0;
    bool *wanted = memory_new(t->row_count, sizeof *wanted, e);
    if (!wanted)
        return E_MEMORY;
    for (int64_t i = 0; i < t->row_count; i++) {
        const bool counts = isfinite(p->values[0][i]) && isfinite(p->values[1][i]);
        compared += counts;
        kept += p->front[i];
        wanted[i] = all ? counts : p->front[i];
    }
    for (int64_t at; (at = next_row(t, p, wanted)) >= 0;) {
        wanted[at] = false;
        table_row(c->rows);
        for (int64_t k = 0; k < t->column_count; k++)
            table_cell(c->rows, t->columns[k], table_get(t, at, k));
        if (all)
            table_flag(c->rows, "front", p->front[at]);
    }
    memory_free(wanted);
    rows_note(c, "pareto: %lld of %lld rows are on the front, with %s %s and %s %s",
              (long long)kept, (long long)compared,
              p->better[0] == DIRECTION_LOWER ? "low" : "high", p->column[0],
              p->better[1] == DIRECTION_LOWER ? "low" : "high", p->column[1]);
    return E_OK;
}

/* Y is the other column; NULL: the table's first metric. */
static status compare_rows(call *c, const table *t, const char *y, error *e)
{
    plane p = {0};
    status result = choose(c, t, y, &p, e);
    if (result == E_OK)
        result = find_front(t, &p, e);
    if (result == E_OK)
        result = put_rows(c, t, &p, e);
    if (result != E_OK)
        fail_prefix(e, "pareto");
    memory_free(p.values[0]);
    memory_free(p.front);
    return result;
}

enum { NAMES_MOST = 64 };

/* The first metric that some of these runs have; NULL where they have none. */
static const char *metric_of_runs(const call *c, ledger *l, error *e)
{
    const char *names[NAMES_MOST], *found = NULL;
    runs_query q = {.where = option_words(&c->options, "where"), .columns = names};
    while (q.column_count < NAMES_MOST && metric_at((int)q.column_count)) {
        names[q.column_count] = metric_at((int)q.column_count)->name;
        q.column_count++;
    }
    table *all = table_new(e);
    if (all && ledger_runs(l, &q, all, e) == E_OK) {
        const char *column = column_default_metric(all);
        found = column ? metric_find(column)->name : NULL;
        if (!found)
            fail(e, E_NAME, "pareto: these runs have no metric: 'eval' gives them some");
    }
    table_free(all);
    return found;
}

/* Numbers of other samples are not comparable, and that is said. */
static void note_samples(call *c)
{
    static const char *const names[] = {"data", "split"};
    for (int k = 0; k < 2; k++) {
        const int64_t column = table_column(c->rows, names[k]);
        for (int64_t i = 1; column >= 0 && i < c->rows->row_count; i++)
            if (!column_same(c->rows, column, i, 0)) {
                rows_note(c,
                          "pareto: the rows are of several %s: where=\"%s = ...\" "
                          "keeps those of one",
                          k == 0 ? "datasets" : "splits", names[k]);
                break;
            }
    }
}

/* The answers of all sessions that have both numbers. */
static status compare_runs(call *c, error *e)
{
    const char *columns[] = {"model", option_words(&c->options, "x"),
                             option_words(&c->options, "y"), "data", "split"};
    const runs_query q = {.where = option_words(&c->options, "where"),
                          .columns = columns,
                          .column_count = sizeof columns / sizeof *columns};
    ledger *l = interpreter_ledger(c->interpreter, e);
    if (l && !columns[2])
        columns[2] = metric_of_runs(c, l, e);
    table *found = l && columns[2] ? table_new(e) : NULL;
    status result = found ? ledger_runs(l, &q, found, e) : e->code;
    if (result == E_OK)
        result = compare_rows(c, found, columns[2], e);
    if (result == E_OK)
        note_samples(c);
    table_free(found);
    return result;
}

static status pareto_command(call *c, error *e)
{
    const char *name = option_words(&c->options, "table");
    if (!name)
        return compare_runs(c, e);
    if (option_given(&c->options, "where"))
        return fail(e, E_USAGE, "pareto: where= is of runs, and %s is a table", name);
    const table *t = session_get_table(c->session, name, e);
    return t ? compare_rows(c, t, option_words(&c->options, "y"), e) : e->code;
}

const command command_pareto = {
    .name = "pareto",
    .group = "measure",
    .summary = "rows of a table that no other row beats in two columns at once",
    .options = options,
    .arguments = 1,
    .example = "pareto s x=bytes y=masked_mse",
    .details =
        "A row is dominated where another is at least as good in both columns and better "
        "in one; the others are shown, by x.  In which direction a metric is better the "
        "metric says; bytes, times, energy, parameters and multiply-adds are better when "
        "lower, sparsity and samples_per_second when higher; of other columns better= "
        "says it.  Rows without both numbers are left out.  Without a table the answers "
        "of "
        "earlier runs are compared, here and in other sessions: 'pareto x=bytes "
        "y=accuracy "
        "where=\"command = eval and split = test\"'.",
    .see = "sweep, goal, runs, plot pareto, show",
    .run = pareto_command,
};
