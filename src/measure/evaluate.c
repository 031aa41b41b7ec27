/* SPDX-License-Identifier: GPL-3.0-or-later
   evaluate.c -- one pass over a split that gathers every metric that applies; what a
   metric is stands in metric.c. */
#include "measure/evaluate.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "base/text.h"
#include "train/runner.h"

/* Sums and weights of every sample and metric: [samples x METRICS_MAX]. */
typedef struct gathering {
    const evaluation *what;
    double *sums, *weights;
    const run_output *batch;
    int64_t first; /* number of the batch's first sample within the split */
} gathering;

static void measure_sample(void *context, int64_t i, int thread)
{
    (void)thread;
    const gathering *g = context;
    const run_output *b = g->batch;
    int64_t at = i * shape_count(b->sample), row = (g->first + i) * METRICS_MAX;
    for (int k = 0; k < g->what->count; k++)
        g->what->row[k]->add(b->output + at, b->target + at,
                             b->valid ? b->valid + at : NULL, b->sample,
                             &g->sums[row + k], &g->weights[row + k]);
}

static double finish(const metric_row *row, double sum, double weight)
{
    double mean = weight > 0 ? sum / weight : NAN;
    return row->root ? sqrt(mean) : mean;
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

static status gather(runner *run, const dataset *d, const int64_t *index, int64_t n,
                     const task *watch, gathering *g, error *e)
{
    for (int64_t begin = 0; begin < n; begin += runner_batch(run)) {
        int64_t left = n - begin, batch = runner_batch(run);
        run_output out;
        if (task_cancelled(watch))
            return fail(e, E_STOPPED, "evaluate: stopped after %lld of %lld samples",
                        (long long)begin, (long long)n);
        TRY(runner_run(run, d, index + begin, left < batch ? left : batch, &out, e));
        g->batch = &out;
        g->first = begin;
        parallel_for(out.count, measure_sample, g);
        report(watch, begin + out.count, n);
    }
    return E_OK;
}

static void add_up(const gathering *g, int64_t n, evaluation *out)
{
    for (int k = 0; k < out->count; k++) {
        double sum = 0, weight = 0;
        for (int64_t i = 0; i < n; i++) {
            sum += g->sums[i * METRICS_MAX + k];
            weight += g->weights[i * METRICS_MAX + k];
        }
        out->value[k] = finish(out->row[k], sum, weight);
    }
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
        int64_t row = i * METRICS_MAX;
        table_row(t);
        table_integer(t, "index", index[i]);
        if (d->group)
            table_integer(t, "group", d->group[index[i]]);
        for (int k = 0; k < g->what->count; k++)
            put_number(t, g->what->row[k]->name,
                       finish(g->what->row[k], g->sums[row + k], g->weights[row + k]));
        put_facts(t, d->facts, index[i]);
    }
}

static status choose_metrics(const dataset *d, evaluation *out, error *e)
{
    for (int i = 0; metric_at(i) && out->count < METRICS_MAX; i++)
        if (metric_at(i)->applies(d))
            out->row[out->count++] = metric_at(i);
    if (out->count > 0)
        return E_OK;
    return fail(e, E_USAGE, "evaluate: the dataset has no targets that a metric knows");
}

static status evaluate_index(const model *m, const dataset *d, const int64_t *index,
                             int64_t n, int64_t batch, const task *watch, evaluation *out,
                             table *per_sample, error *e)
{
    gathering g = {.what = out};
    runner *run = runner_new(m, batch < n ? batch : n, dataset_input_shape(d), e);
    if (!run)
        return batch_explain(m->graph, d, e);
    g.sums = memory_new(n * METRICS_MAX, sizeof *g.sums, e);
    g.weights = memory_new(n * METRICS_MAX, sizeof *g.weights, e);
    status code = g.sums && g.weights ? E_OK : E_MEMORY;
    if (code == E_OK)
        code = batch_check_target(d, runner_output_shape(run), false, e);
    if (code == E_OK)
        code = gather(run, d, index, n, watch, &g, e);
    if (code == E_OK) {
        add_up(&g, n, out);
        if (per_sample) {
            list_samples(&g, d, index, n, per_sample);
            code = table_ok(per_sample, e);
        }
    }
    runner_free(run);
    memory_free(g.sums);
    memory_free(g.weights);
    return code;
}

status evaluate(const model *m, const dataset *d, split_kind split, int64_t batch,
                const task *watch, evaluation *out, table *per_sample, error *e)
{
    double began = task_clock();
    int64_t *index = NULL;
    *out = (evaluation){0};
    if (batch < 1)
        return fail(e, E_RANGE, "evaluate: batches of %lld, wanted 1 or more",
                    (long long)batch);
    TRY(choose_metrics(d, out, e));
    TRY(dataset_split_index(d, split, &index, &out->samples, e));
    status code = E_OK;
    if (out->samples < 1) {
        fail(e, E_USAGE, "evaluate: split %s has no samples, wanted some",
             split_name(split));
        code = fail_hint(e, "split it first, or say split=all");
    } else {
        code =
            evaluate_index(m, d, index, out->samples, batch, watch, out, per_sample, e);
    }
    memory_free(index);
    out->seconds = task_clock() - began;
    return code;
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
    for (int i = 0; i < v->count; i++)
        put_number(t, v->row[i]->name, v->value[i]);
}
