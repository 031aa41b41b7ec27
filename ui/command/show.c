/* SPDX-License-Identifier: GPL-3.0-or-later
   show.c -- the command `show`: what an object of the session is, whole or in its parts.
   It changes nothing and prints nothing. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "ledger/runs.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"
#include "ui/command/show.h"
#include "ui/interpreter.h"

static const option options[] = {
    {"names", OPTION_WORDS, NULL, NULL, NULL,
     "models, datasets or tables; run N: a run of the database"},
    {"layers", OPTION_FLAG, NULL, "no", NULL, "of a model: one row a layer"},
    {"graph", OPTION_FLAG, NULL, "no", NULL,
     "of a model: its layers as a drawing, with what skips others"},
    {"steps", OPTION_FLAG, NULL, "no", NULL, "of a model: what was done to it"},
    {"epochs", OPTION_FLAG, NULL, "no", NULL,
     "of a model: its training, one row an epoch"},
    {"samples", OPTION_FLAG, NULL, "no", NULL,
     "of a dataset: one row a sample, with its facts"},
    {"columns", OPTION_WORDS, NULL, NULL, NULL, "these columns alone, in this order"},
    {0},
};

static status show_model(call *c, const char *name, const model *m, error *e)
{
    artefact a;
    char words[128];
    TRY(artefact_make(m, &a, e));
    table_row(c->rows);
    table_text(c->rows, "model", name);
    status s = rows_put_model(c->rows, &a, e);
    table_text(c->rows, "options", m->options);
    table_text(c->rows, "input", rows_shape(words, m->graph->input_shape));
    table_integer(c->rows, "seed", (int64_t)m->seed);
    table_integer(c->rows, "epochs", m->epoch_count);
    table_integer(c->rows, "steps", m->step_count);
    table_text(c->rows, "hash", ledger_hash(words, graph_hash(m->graph)));
    artefact_clear(&a);
    return s;
}

static void show_steps(call *c, const char *name, const model *m)
{
    char hash[32];
    for (int64_t i = 0; i < m->step_count; i++) {
        snprintf(hash, sizeof hash, "%016" PRIx64, m->steps[i].hash);
        table_row(c->rows);
        table_text(c->rows, "model", name);
        table_integer(c->rows, "step", i + 1);
        table_text(c->rows, "command", m->steps[i].command);
        table_text(c->rows, "summary", m->steps[i].summary);
        table_text(c->rows, "hash", hash);
    }
}

static void show_epochs(call *c, const char *name, const model *m)
{
    if (m->epoch_count == 0)
        rows_note(c, "show: %s was not trained", name);
    for (int64_t i = 0; i < m->epoch_count; i++) {
        const epoch_row *row = &m->epochs[i];
        table_row(c->rows);
        table_text(c->rows, "model", name);
        table_integer(c->rows, "epoch", row->epoch);
        rows_put_real(c->rows, "train_loss", row->train_loss);
        rows_put_real(c->rows, "val_loss", row->val_loss);
        if (row->metric[0])
            rows_put_real(c->rows, row->metric, row->score);
        rows_put_real(c->rows, "learning_rate", row->learning_rate);
        table_real(c->rows, "seconds", row->seconds);
        table_flag(c->rows, "best", row->best);
    }
}

static void show_samples(call *c, const char *name, const dataset *d)
{
    for (int64_t i = 0; i < d->count; i++) {
        table_row(c->rows);
        table_text(c->rows, "data", name);
        table_integer(c->rows, "index", i);
        if (d->group)
            table_integer(c->rows, "group", d->group[i]);
        if (d->split && d->split[i] != SPLIT_NONE)
            table_text(c->rows, "split", split_name((split_kind)d->split[i]));
        if (d->class_count > 0) {
            const int64_t label = (int64_t)tensor_f32(d->target)[i];
            table_integer(c->rows, "label", label);
            if (d->class_names)
                table_text(c->rows, "class", dataset_class_name(d, label));
        }
        for (int64_t j = 0; d->facts && j < d->facts->column_count; j++)
            table_cell(c->rows, d->facts->columns[j], table_get(d->facts, i, j));
    }
}

static void show_dataset(call *c, const char *name, const dataset *d)
{
    table_row(c->rows);
    rows_put_dataset(c->rows, name, d);
    table_text(c->rows, "origin", d->origin);
}

static status show_a_model(call *c, const char *name, error *e)
{
    const option_set *o = &c->options;
    const model *m = session_get_model(c->session, name, e);
    if (!m)
        return e->code;
    if (option_flag(o, "layers"))
        return show_layers(c, name, m, e);
    if (option_flag(o, "graph"))
        return show_graph(c, name, m, e);
    if (option_flag(o, "steps"))
        show_steps(c, name, m);
    else if (option_flag(o, "epochs"))
        show_epochs(c, name, m);
    else
        return show_model(c, name, m, e);
    return E_OK;
}

static status show_one(call *c, const char *name, error *e)
{
    switch (session_kind(c->session, name)) {
    case OBJECT_DATASET:
        if (option_flag(&c->options, "samples"))
            show_samples(c, name, session_get_dataset(c->session, name, e));
        else
            show_dataset(c, name, session_get_dataset(c->session, name, e));
        return E_OK;
    case OBJECT_TABLE:
        table_append(c->rows, session_get_table(c->session, name, e));
        return E_OK;
    default:
        return show_a_model(c, name, e);
    }
}

/* "run 12"; no name is a number. */
static bool is_run(const option_value *names, int64_t *number)
{
    return names->count == 2 && text_equal(names->items[0], "run") &&
           text_to_integer(names->items[1], number);
}

static status show_all(call *c, error *e)
{
    const option_value *names = option_get(&c->options, "names");
    int64_t number;
    if (is_run(names, &number)) {
        ledger *l = interpreter_ledger(c->interpreter, e);
        return l ? ledger_show_run(l, number, c->rows, e) : e->code;
    }
    for (int64_t i = 0; i < names->count; i++)
        TRY(show_one(c, names->items[i], e));
    return E_OK;
}

static status fail_column(const table *all, const char *column, error *e)
{
    const char *nearest =
        text_nearest(column, (const char *const *)all->columns, all->column_count);
    fail(e, E_NAME, "show: there is no column '%.80s'", column);
    return nearest ? fail_hint(e, "did you mean '%s'?", nearest) : E_NAME;
}

/* The columns asked for, of every row. */
static status choose_columns(call *c, const table *all, error *e)
{
    const option_value *columns = option_get(&c->options, "columns");
    for (int64_t j = 0; j < columns->count; j++)
        if (table_column(all, columns->items[j]) < 0)
            return fail_column(all, columns->items[j], e);
    for (int64_t i = 0; i < all->row_count; i++) {
        table_row(c->rows);
        for (int64_t j = 0; j < columns->count; j++)
            table_cell(c->rows, columns->items[j],
                       table_get(all, i, table_column(all, columns->items[j])));
    }
    return E_OK;
}

static status run(call *c, error *e)
{
    if (!option_get(&c->options, "columns")->present)
        return show_all(c, e);
    table *answer = c->rows, *all = table_new(e);
    if (!all)
        return e->code;
    c->rows = all;
    status s = show_all(c, e);
    c->rows = answer;
    if (s == E_OK)
        s = table_ok(all, e);
    if (s == E_OK)
        s = choose_columns(c, all, e);
    table_free(all);
    return s;
}

const command command_show = {
    .name = "show",
    .group = "session",
    .summary = "tell what models, datasets and tables are",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "show m layers=yes",
    .details =
        "The bytes of a model are those of the file that 'save' writes.  sparsity is "
        "the share of trained parameters that are 0; multiply_adds are of one "
        "sample of the shape that the model was built for.  Of layers, share is the "
        "layer's part of them, and receptive_field the pixels of the input that one "
        "of its outputs can depend on.  With columns= a table becomes as narrow as a "
        "page wants it.  'show run 12' is all that is kept of run 12: its arguments, the "
        "models and data it read and made, its answer, curves and warnings.",
    .see = "list, eval, plot weights, runs",
    .run = run,
};
