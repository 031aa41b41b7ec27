/* SPDX-License-Identifier: GPL-3.0-or-later
   evaluate.c -- one pass over a split that gathers every metric that applies; what a
   metric is stands in metric.c, how sure it is is worked out in bootstrap.c. */
#include "measure/evaluate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "base/text.h"
#include "measure/gather.h"

/* Numbers of the largest value that flows through a batch. */
enum { BATCH_VALUES = 1 << 20, BATCH_MOST = 256 };

int64_t evaluation_batch(const model *m, const dataset *d)
{
    const graph *g = m->graph;
    const shape in = batch_input_shape(d, &m->input_transform);
    int64_t most = shape_count(in), batch = 1;
    shape *shapes = memory_new(g->value_count, sizeof *shapes, NULL);
    if (shapes && graph_shapes(g, 1, in, shapes, NULL) == E_OK)
        for (int v = 0; v < g->value_count; v++)
            most = shape_count(shapes[v]) > most ? shape_count(shapes[v]) : most;
    memory_free(shapes);
    while (batch < BATCH_MOST && 2 * batch * most <= BATCH_VALUES)
        batch *= 2;
    return batch;
}

static void report(const task *watch, int64_t done, int64_t total)
{
    progress p = {.stage = "evaluate",
                  .unit = "sample",
                  .done = done,
                  .total = total,
                  .loss = NAN,
                  .metric = NAN,
                  .milestone = done == total};
    task_report(watch, &p);
}

static status run_all(runner *run, const dataset *d, const int64_t *index, int64_t n,
                      const task *watch, gathering *g, error *e)
{
    for (int64_t begin = 0; begin < n; begin += runner_batch(run)) {
        int64_t left = n - begin, batch = runner_batch(run);
        run_output out;
        if (task_cancelled(watch))
            return fail(e, E_STOPPED, "evaluate: stopped after %lld of %lld samples",
                        (long long)begin, (long long)n);
        TRY(runner_run(run, d, index + begin, left < batch ? left : batch, &out, e));
        TRY(gathering_take(g, &out, index + begin, begin, e));
        report(watch, begin + out.count, n);
    }
    return E_OK;
}

/* A metric that no sample could give has an empty cell. */
static void put_number(table *t, const char *column, double value)
{
    if (isnan(value))
        table_none(t, column);
    else
        table_real(t, column, value);
}

/* The dataset's own columns go behind, but for names that are taken. */
static void put_facts(table *t, const table *facts, int64_t sample)
{
    for (int64_t c = 0; facts && c < facts->column_count; c++) {
        const char *name = facts->columns[c];
        if (!text_equal(name, "index") && !text_equal(name, "group") &&
            !metric_find(name))
            table_cell(t, name, table_get(facts, sample, c));
    }
}

static void list_samples(const gathering *g, const dataset *d, const int64_t *index,
                         int64_t n, table *t)
{
    for (int64_t i = 0; i < n; i++) {
        table_row(t);
        table_integer(t, "index", index[i]);
        if (d->group)
            table_integer(t, "group", d->group[index[i]]);
        for (int k = 0; k < g->what->count; k++)
            if (g->what->row[k]->finish)
                put_number(t, g->what->row[k]->name, gathering_sample(g, i, k));
        put_facts(t, d->facts, index[i]);
    }
}

static status choose_metrics(const metric_subject *s, evaluation *out, error *e)
{
    for (int i = 0; metric_at(i) && out->count < METRICS_MAX; i++)
        if (metric_at(i)->applies(s))
            out->row[out->count++] = metric_at(i);
    if (out->count > 0)
        return E_OK;
    return fail(e, E_USAGE, "evaluate: the dataset has no targets that a metric knows");
}

/* What an evaluation is asked for. */
typedef struct request {
    const model *model;
    const dataset *data;
    const int64_t *index; /* the samples */
    int64_t count;
    const certainty *how; /* or NULL */
    const task *watch;
    table *per_sample; /* or NULL */
} request;

static status finish(const request *q, gathering *g, evaluation *out, error *e)
{
    TRY(gathering_add_up(g, out, e));
    if (q->how)
        TRY(gathering_intervals(g, q->data->group, q->index, q->how, out, e));
    if (!q->per_sample)
        return E_OK;
    list_samples(g, q->data, q->index, q->count, q->per_sample);
    return table_ok(q->per_sample, e);
}

static status evaluate_with(const request *q, runner *run, evaluation *out, error *e)
{
    shape with_batch = runner_output_shape(run), sample = {.rank = with_batch.rank - 1};
    gathering g;
    for (int i = 0; i < sample.rank; i++)
        sample.dim[i] = with_batch.dim[i + 1];
    const metric_subject s =
        metric_subject_of(q->data, &q->model->input_transform, sample);
    TRY(choose_metrics(&s, out, e));
    TRY(batch_check_target(q->data, runner_transform(run), with_batch,
                           q->data->class_count > 0, e));
    status code = gathering_begin(&g, &s, out, q->count, runner_batch(run), e);
    if (code == E_OK)
        code = run_all(run, q->data, q->index, q->count, q->watch, &g, e);
    if (code == E_OK)
        code = finish(q, &g, out, e);
    gathering_clear(&g);
    return code;
}

static status evaluate_index(const request *q, int64_t batch, evaluation *out, error *e)
{
    const dataset *d = q->data;
    runner *run = runner_new(q->model, batch < q->count ? batch : q->count,
                             batch_input_shape(d, &q->model->input_transform), e);
    if (!run)
        return batch_explain(q->model, d, e);
    status code = evaluate_with(q, run, out, e);
    runner_free(run);
    return code;
}

status evaluate(const model *m, const dataset *d, split_kind split, int64_t batch,
                const certainty *how, const task *watch, evaluation *out,
                table *per_sample, error *e)
{
    double began = task_clock();
    request q = {.model = m, .data = d, .how = how, .watch = watch};
    q.per_sample = per_sample;
    *out = (evaluation){.confidence = how ? how->confidence : 0};
    if (batch < 0)
        return fail(e, E_RANGE, "evaluate: batches of %lld, wanted 1 or more",
                    (long long)batch);
    batch = batch ? batch : evaluation_batch(m, d);
    if (!d->target)
        return fail(e, E_USAGE, "evaluate: the dataset has no targets to compare with");
    int64_t *index;
    TRY(dataset_split_index(d, split, &index, &q.count, e));
    q.index = index;
    status code = E_OK;
    out->samples = q.count;
    if (q.count < 1) {
        fail(e, E_USAGE, "evaluate: split %s has no samples, wanted some",
             split_name(split));
        code = fail_hint(e, "split it first, or say split=all");
    } else {
        code = evaluate_index(&q, batch, out, e);
    }
    memory_free(index);
    out->seconds = task_clock() - began;
    return code;
}

static status choose_one(const metric_subject *s, const metric_row **row, error *e)
{
    for (int i = 0; metric_at(i) && !*row; i++)
        if (metric_at(i)->finish && metric_at(i)->applies(s))
            *row = metric_at(i);
    if (!*row)
        return fail(e, E_USAGE,
                    "evaluate: the dataset has no targets that a metric knows");
    if ((*row)->finish && (*row)->applies(s))
        return E_OK;
    return fail(e, E_USAGE, "evaluate: %s says nothing of one sample of these data",
                (*row)->name);
}

static status samples_with(const request *q, runner *run, const metric_row **row,
                           double *value, error *e)
{
    shape with_batch = runner_output_shape(run), sample = {.rank = with_batch.rank - 1};
    evaluation one = {.count = 1};
    gathering g;
    for (int i = 0; i < sample.rank; i++)
        sample.dim[i] = with_batch.dim[i + 1];
    const metric_subject s =
        metric_subject_of(q->data, &q->model->input_transform, sample);
    TRY(batch_check_target(q->data, runner_transform(run), with_batch,
                           q->data->class_count > 0, e));
    TRY(choose_one(&s, row, e));
    one.row[0] = *row;
    status code = gathering_begin(&g, &s, &one, q->count, runner_batch(run), e);
    if (code == E_OK)
        code = run_all(run, q->data, q->index, q->count, q->watch, &g, e);
    for (int64_t i = 0; code == E_OK && i < q->count; i++)
        value[i] = gathering_sample(&g, i, 0);
    gathering_clear(&g);
    return code;
}

status evaluate_samples(const model *m, const dataset *d, const int64_t *index, int64_t n,
                        int64_t batch, const task *watch, const metric_row **row,
                        double *value, error *e)
{
    request q = {.model = m, .data = d, .index = index, .count = n, .watch = watch};
    if (n < 1 || batch < 1)
        return fail(e, E_RANGE, "evaluate: no samples, wanted at least one");
    runner *run = runner_new(m, batch < n ? batch : n,
                             batch_input_shape(d, &m->input_transform), e);
    if (!run)
        return batch_explain(m, d, e);
    status code = samples_with(&q, run, row, value, e);
    runner_free(run);
    return code;
}

static status fail_absent(const char *name, error *e)
{
    fail(e, E_USAGE, "%s: the data do not have that metric", name);
    return fail_hint(e, "eval tells which they have");
}

status evaluate_check(const char *metric, const model *m, const dataset *d, error *e)
{
    const graph *g = m->graph;
    const metric_row *row = metric_find(metric);
    const shape in = batch_input_shape(d, &m->input_transform);
    shape *shapes = memory_new(g->value_count, sizeof *shapes, e);
    if (!shapes)
        return E_MEMORY;
    status code = graph_shapes(g, 1, in, shapes, e);
    shape sample = {.rank = shapes[g->output].rank - 1};
    for (int i = 0; i < sample.rank; i++)
        sample.dim[i] = shapes[g->output].dim[i + 1];
    memory_free(shapes);
    if (code != E_OK)
        return batch_explain(m, d, e);
    const metric_subject s = metric_subject_of(d, &m->input_transform, sample);
    return row && d->target && row->applies(&s) ? E_OK : fail_absent(metric, e);
}

static status measure_one(const char *name, const model *m, const dataset *d,
                          int64_t batch, const task *watch, double *value, error *e)
{
    evaluation v;
    TRY(evaluate(m, d, SPLIT_VAL, batch, NULL, watch, &v, NULL, e));
    *value = evaluation_get(&v, name);
    return isnan(*value) ? fail_absent(name, e) : E_OK;
}

train_monitor evaluate_monitor(const metric_row *row)
{
    return (train_monitor){row->name, row->higher_is_better, measure_one};
}

double evaluation_get(const evaluation *v, const char *metric)
{
    for (int i = 0; i < v->count; i++)
        if (strcmp(v->row[i]->name, metric) == 0)
            return v->value[i];
    return NAN;
}

void evaluation_put(const evaluation *v, table *t)
{
    char column[64];
    for (int i = 0; i < v->count; i++) {
        put_number(t, v->row[i]->name, v->value[i]);
        if (v->confidence == 0)
            continue;
        snprintf(column, sizeof column, "%s_low", v->row[i]->name);
        put_number(t, column, v->low[i]);
        snprintf(column, sizeof column, "%s_high", v->row[i]->name);
        put_number(t, column, v->high[i]);
    }
}
