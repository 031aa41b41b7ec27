/* SPDX-License-Identifier: GPL-3.0-or-later
   diff.c -- the command `diff`: in what two models, or two runs of the database, differ.
   It changes nothing. */
#include <math.h>
#include <stdio.h>

#include "ledger/lineage.h"
#include "ledger/runs.h"
#include "measure/metric.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"
#include "ui/interpreter.h"

/* Of the data that metrics were measured on. */
#define DATA_DIGEST "data_digest"

static const option diff_options[] = {
    {"a", OPTION_TEXT, NULL, NULL, NULL, "a model, or the number of a run"},
    {"b", OPTION_TEXT, NULL, NULL, NULL, "another"},
    {"all", OPTION_FLAG, NULL, "no", NULL, "tell what is the same, too"},
    {0},
};

/* One row: where A and B are numbers, their difference as well. */
static void put_pair(call *c, const char *part, const char *key, const cell *a,
                     const cell *b)
{
    double x = NAN, y = NAN;
    table *pair = table_new(NULL);
    if (!pair)
        return;
    table_row(pair);
    table_cell(pair, "a", a);
    table_cell(pair, "b", b);
    table_number(pair, 0, "a", &x);
    table_number(pair, 0, "b", &y);
    table_free(pair);
    bool same =
        a->kind == b->kind && (a->kind == CELL_TEXT ? text_equal(a->words, b->words)
                                                    : a->kind == CELL_NONE || x == y);
    if (same && !option_flag(&c->options, "all"))
        return;
    table_row(c->rows);
    table_text(c->rows, "part", part);
    table_text(c->rows, "key", key);
    table_cell(c->rows, "a", a);
    table_cell(c->rows, "b", b);
    rows_put_real(c->rows, "difference", y - x);
}

/* ---- tables of keys and values ---- */

/* The row of T with the same part, row and key as row I of LIKE, or -1. */
static int64_t find_like(const table *t, const table *like, int64_t i)
{
    static const char *const names[] = {"part", "row", "key"};
    for (int64_t k = 0; k < t->row_count; k++) {
        bool same = true;
        for (size_t j = 0; j < sizeof names / sizeof *names; j++) {
            const cell *x = table_get(like, i, table_column(like, names[j]));
            const cell *y = table_get(t, k, table_column(t, names[j]));
            same = same && x->kind == y->kind && text_equal(x->words, y->words) &&
                   x->integer == y->integer && x->real == y->real;
        }
        if (same)
            return k;
    }
    return -1;
}

static const cell nothing = {.kind = CELL_NONE};

static const cell *value_of(const table *t, int64_t row)
{
    return row < 0 ? &nothing : table_get(t, row, table_column(t, "value"));
}

/* "3.accuracy" of the third row of an answer. */
static void put_values(call *c, const table *a, int64_t i, const table *b, int64_t k)
{
    const table *t = i >= 0 ? a : b;
    const int64_t at = i >= 0 ? i : k;
    const cell *row = table_get(t, at, table_column(t, "row"));
    text key = {0};
    if (row->kind == CELL_INTEGER && row->integer > 1)
        text_addf(&key, "%lld.", (long long)row->integer);
    else if (row->kind == CELL_REAL)
        text_addf(&key, "%g.", row->real);
    text_add(&key, table_get(t, at, table_column(t, "key"))->words);
    put_pair(c, table_get(t, at, table_column(t, "part"))->words, text_get(&key),
             value_of(a, i), value_of(b, k));
    text_clear(&key);
}

static void put_tables(call *c, const table *a, const table *b)
{
    for (int64_t i = 0; i < a->row_count; i++)
        put_values(c, a, i, b, find_like(b, a, i));
    for (int64_t k = 0; k < b->row_count; k++)
        if (find_like(a, b, k) < 0)
            put_values(c, a, -1, b, k);
}

/* What the database knows of one of the two, in T as part, row, key, value. */
typedef status gather(ledger *l, const void *which, table *t, error *e);

static status diff_known(call *c, ledger *l, gather *ask, const void *first,
                         const void *second, error *e)
{
    table *a = table_new(e), *b = table_new(e);
    status s = a && b ? ask(l, first, a, e) : E_MEMORY;
    if (s == E_OK)
        s = ask(l, second, b, e);
    if (s == E_OK)
        put_tables(c, a, b);
    table_free(a);
    table_free(b);
    return s;
}

static status gather_run(ledger *l, const void *number, table *t, error *e)
{
    return ledger_show_run(l, *(const int64_t *)number, t, e);
}

static status diff_runs(call *c, int64_t first, int64_t second, error *e)
{
    ledger *l = interpreter_ledger(c->interpreter, e);
    return l ? diff_known(c, l, gather_run, &first, &second, e) : e->code;
}

/* ---- models ---- */

static status put_size(table *t, const model *m, error *e)
{
    artefact made;
    TRY(artefact_make(m, &made, e));
    table_row(t);
    status s = rows_put_model(t, &made, e);
    table_text(t, "options", m->options);
    table_integer(t, "layers", m->graph->node_count);
    table_integer(t, "epochs", m->epoch_count);
    table_integer(t, "seed", (int64_t)m->seed);
    artefact_clear(&made);
    return s;
}

static status diff_sizes(call *c, const model *a, const model *b, error *e)
{
    table *t = table_new(e);
    status s = t ? put_size(t, a, e) : E_MEMORY;
    if (s == E_OK)
        s = put_size(t, b, e);
    for (int64_t j = 0; s == E_OK && j < t->column_count; j++)
        put_pair(c, "size", t->columns[j], table_get(t, 0, j), table_get(t, 1, j));
    table_free(t);
    return s;
}

static void put_step_cell(table *t, const model *m, int64_t i)
{
    table_row(t);
    if (i < m->step_count)
        table_text(t, "command", m->steps[i].command);
    else
        table_none(t, "command");
}

/* Steps are put side by side by their number. */
static status diff_steps(call *c, const model *a, const model *b, error *e)
{
    const int64_t most = a->step_count > b->step_count ? a->step_count : b->step_count;
    table *t = table_new(e);
    if (!t)
        return e->code;
    for (int64_t i = 0; i < most; i++) {
        char key[24];
        snprintf(key, sizeof key, "%lld", (long long)i + 1);
        put_step_cell(t, a, i);
        put_step_cell(t, b, i);
        put_pair(c, "step", key, table_get(t, 2 * i, 0), table_get(t, 2 * i + 1, 0));
    }
    table_free(t);
    return E_OK;
}

/* ||b - a|| / ||a||; NaN for different shapes. */
static double distance(const tensor *a, const tensor *b)
{
    double square = 0, of = 0;
    if (!shape_equal(tensor_shape(a), tensor_shape(b)))
        return NAN;
    const float *x = tensor_f32(a), *y = tensor_f32(b);
    for (int64_t i = 0; i < tensor_count(a); i++) {
        const double d = (double)y[i] - (double)x[i];
        square += d * d;
        of += (double)x[i] * (double)x[i];
    }
    return square == 0 ? 0 : sqrt(square / of);
}

static void put_parameter(call *c, const char *column, const parameter *p)
{
    char words[128];
    if (p)
        table_text(c->rows, column, rows_shape(words, tensor_shape(p->data)));
    else
        table_none(c->rows, column);
}

/* A row of the parameter NAME; one of A and B may be NULL. */
static void diff_parameter(call *c, const char *name, const parameter *a,
                           const parameter *b)
{
    const double far = a && b ? distance(a->data, b->data) : NAN;
    if (far == 0 && !option_flag(&c->options, "all"))
        return;
    table_row(c->rows);
    table_text(c->rows, "part", "layer");
    table_text(c->rows, "key", name);
    put_parameter(c, "a", a);
    put_parameter(c, "b", b);
    rows_put_real(c->rows, "difference", NAN);
    rows_put_real(c->rows, "distance", far);
    if (a)
        table_integer(c->rows, "nonzero_a", parameter_nonzero(a));
    if (b)
        table_integer(c->rows, "nonzero_b", parameter_nonzero(b));
}

static void diff_layers(call *c, const graph *a, const graph *b)
{
    for (int i = 0; i < a->parameter_count; i++) {
        const char *name = a->parameters[i].name;
        const int k = graph_find_parameter(b, name);
        diff_parameter(c, name, &a->parameters[i], k < 0 ? NULL : &b->parameters[k]);
    }
    for (int k = 0; k < b->parameter_count; k++)
        if (graph_find_parameter(a, b->parameters[k].name) < 0)
            diff_parameter(c, b->parameters[k].name, NULL, &b->parameters[k]);
}

/* What was measured last of a model: split and metrics. */
static status gather_metrics(ledger *l, const void *which, table *t, error *e)
{
    const model *m = which;
    char hash[17];
    table *known = table_new(e);
    status s = known
                   ? ledger_measured(l, ledger_hash(hash, graph_hash(m->graph)), known, e)
                   : E_MEMORY;
    const cell *digest = table_get(known, 0, table_column(known, "digest"));
    if (s == E_OK && digest->kind == CELL_TEXT) {
        table_row(t);
        table_text(t, "part", "metric");
        table_text(t, "key", DATA_DIGEST);
        table_cell(t, "value", digest);
    }
    for (int64_t i = 0; s == E_OK && i < known->row_count; i++) {
        const char *key = table_get(known, i, table_column(known, "key"))->words;
        if (!metric_find(key) && !text_equal(key, "split") && !text_equal(key, "data"))
            continue;
        table_row(t);
        table_text(t, "part", "metric");
        table_text(t, "key", key);
        table_cell(t, "value", table_get(known, i, table_column(known, "value")));
    }
    table_free(known);
    return s;
}

/* A warning where the digests of the data differ, but not their names. */
static void note_other_data(call *c)
{
    const int64_t key = table_column(c->rows, "key");
    bool other = false, named = false;
    for (int64_t i = 0; i < c->rows->row_count; i++) {
        const char *words = table_get(c->rows, i, key)->words;
        const char *a = table_get(c->rows, i, table_column(c->rows, "a"))->words;
        const char *b = table_get(c->rows, i, table_column(c->rows, "b"))->words;
        const bool differ = a && b && !text_equal(a, b);
        other = other || (text_equal(words, DATA_DIGEST) && differ);
        named = named || (text_equal(words, "data") && differ);
    }
    if (other && !named)
        rows_note(c,
                  "diff: the metrics were measured on different data of the same name: "
                  "other samples or another split");
}

/* Without a database there is nothing to tell. */
static status diff_metrics(call *c, const model *a, const model *b, error *e)
{
    ledger *l = interpreter_ledger(c->interpreter, NULL);
    if (!l)
        return E_OK;
    TRY(diff_known(c, l, gather_metrics, a, b, e));
    note_other_data(c);
    return E_OK;
}

static status diff_command(call *c, error *e)
{
    const char *a = option_words(&c->options, "a"), *b = option_words(&c->options, "b");
    int64_t first, second;
    status s;
    if (text_to_integer(a, &first) && text_to_integer(b, &second)) {
        s = diff_runs(c, first, second, e);
    } else {
        const model *x = session_get_model(c->session, a, e);
        const model *y = x ? session_get_model(c->session, b, e) : NULL;
        if (!y)
            return e->code;
        s = diff_sizes(c, x, y, e);
        if (s == E_OK)
            s = diff_metrics(c, x, y, e);
        if (s == E_OK)
            s = diff_steps(c, x, y, e);
        if (s == E_OK)
            diff_layers(c, x->graph, y->graph);
    }
    if (s == E_OK && c->rows->row_count == 0)
        rows_note(c, "%s and %s are the same", a, b);
    return s;
}

const command command_diff = {
    .name = "diff",
    .group = "measure",
    .summary = "tell in what two models, or two runs, differ",
    .options = diff_options,
    .arguments = 2,
    .required = 2,
    .example = "diff a b",
    .details =
        "Of models: sizes, what was measured of them last, the steps of their making, "
        "and "
        "every parameter with the distance |b - a| / |a| of its numbers.  Of runs (by "
        "their numbers, as 'runs' gives them): arguments, machine, the models and data "
        "read and made, and every value of the answer.  Metrics that were measured on "
        "different data of the same name are told so.",
    .see = "why, runs, verify",
    .run = diff_command,
};
