/* SPDX-License-Identifier: GPL-3.0-or-later
   gather.c -- sums of every metric over samples, quantiles of errors, and intervals.  It
   runs no model. */
#include "measure/gather.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "base/sort.h"
#include "measure/bootstrap.h"
#include "measure/metric_parts.h"

static int64_t elements(const gathering *g)
{
    return shape_count(g->subject->output);
}

static double *sums_of(const gathering *g, int64_t sample, int metric)
{
    return g->sums + (sample * g->what->count + metric) * METRIC_SUMS;
}

static bool any_row(const evaluation *v, bool physical, bool quantile)
{
    for (int k = 0; k < v->count; k++)
        if (v->row[k]->physical == physical && (!quantile || v->row[k]->quantile > 0))
            return true;
    return false;
}

status gathering_begin(gathering *g, const metric_subject *s, const evaluation *what,
                       int64_t samples, int64_t batch, error *e)
{
    *g = (gathering){.subject = s, .what = what, .samples = samples};
    g->sums = memory_new(samples * what->count * METRIC_SUMS, sizeof *g->sums, e);
    if (!g->sums)
        return E_MEMORY;
    for (int physical = 0; physical < 2; physical++) {
        if (!any_row(what, physical, true))
            continue;
        g->errors[physical] = memory_new_raw(samples * elements(g), sizeof(float), e);
        if (!g->errors[physical])
            return E_MEMORY;
    }
    if (!any_row(what, true, false))
        return E_OK;
    g->physical_output = memory_new_raw(batch * elements(g), sizeof(float), e);
    g->physical_target = memory_new_raw(batch * elements(g), sizeof(float), e);
    return g->physical_output && g->physical_target ? E_OK : E_MEMORY;
}

void gathering_clear(gathering *g)
{
    memory_free(g->sums);
    memory_free(g->errors[0]);
    memory_free(g->errors[1]);
    memory_free(g->physical_output);
    memory_free(g->physical_target);
    *g = (gathering){0};
}

static void keep_errors(const gathering *g, const metric_row *row, const metric_sample *s,
                        int64_t sample)
{
    int64_t n = elements(g);
    float *errors = g->errors[row->physical] + sample * n;
    for (int64_t i = 0; i < n; i++)
        errors[i] = row->element(s->output[i], s->target[i]);
}

/* The output of sample I of the batch with the input's transform undone. */
static metric_sample physical_sample(const gathering *g, int64_t i)
{
    const metric_subject *s = g->subject;
    const int64_t n = elements(g), channels = s->output.dim[s->output.rank - 1];
    float *output = g->physical_output + i * n, *target = g->physical_target + i * n;
    memcpy(output, g->batch->output + i * n, (size_t)n * sizeof *output);
    transform_invert(s->transform, output, n / channels, channels,
                     transform_side(s->transform, target, n / channels, channels));
    return (metric_sample){output, target, NULL, s->output, s->range};
}

static void measure_sample(void *context, int64_t i, int thread)
{
    (void)thread;
    const gathering *g = context;
    const metric_subject *s = g->subject;
    const run_output *b = g->batch;
    const int64_t labels = shape_count(batch_target_shape(s->data, s->transform));
    const bool transformed =
        dataset_is_reproduced(s->data) && s->transform->kind != TRANSFORM_NONE;
    metric_sample plain = {b->output + i * elements(g), b->target + i * labels,
                           b->valid ? b->valid + i * labels : NULL, s->output,
                           transformed ? 0 : s->range};
    metric_sample physical = {0};
    if (g->physical_output)
        physical = physical_sample(g, i);
    for (int k = 0; k < g->what->count; k++) {
        const metric_row *row = g->what->row[k];
        const metric_sample *sample = row->physical ? &physical : &plain;
        if (row->add)
            row->add(sample, sums_of(g, g->first + i, k));
        else
            keep_errors(g, row, sample, g->first + i);
    }
}

status gathering_take(gathering *g, const run_output *batch, const int64_t *index,
                      int64_t first, error *e)
{
    const transform *t = g->subject->transform;
    const transform size = {.height = t->height, .width = t->width};
    g->batch = batch;
    g->first = first;
    if (g->physical_target)
        TRY(dataset_batch(g->subject->data, &size, index, batch->count,
                          g->physical_target, NULL, NULL, e));
    parallel_for(batch->count, measure_sample, g);
    return E_OK;
}

double gathering_sample(const gathering *g, int64_t i, int k)
{
    const metric_row *row = g->what->row[k];
    return row->finish ? row->finish(sums_of(g, i, k)) : NAN;
}

/* ---- quantiles ---- */

/* All errors in order; those that do not count stand last and are not counted. */
static float *sorted_errors(const gathering *g, bool physical, int64_t *count, error *e)
{
    int64_t n = g->samples * elements(g);
    float *sorted = memory_new_raw(n, sizeof *sorted, e);
    float *scratch = memory_new_raw(n, sizeof *scratch, e);
    if (sorted && scratch) {
        memcpy(sorted, g->errors[physical], (size_t)n * sizeof *sorted);
        sort_floats(sorted, scratch, n);
        while (n > 0 && isnan(sorted[n - 1]))
            n--;
        *count = n;
    } else {
        memory_free(sorted);
        sorted = NULL;
    }
    memory_free(scratch);
    return sorted;
}

static double quantile_at(const float *sorted, int64_t n, double share)
{
    if (n < 1)
        return NAN;
    double at = fmin(fmax(share, 0), 1) * (double)(n - 1);
    int64_t below = (int64_t)at, above = below + 1 < n ? below + 1 : below;
    return (double)sorted[below] +
           (at - (double)below) * ((double)sorted[above] - (double)sorted[below]);
}

/* How many elements of each sample are at most LIMIT, and how many there are: their mean
   is the share at LIMIT. */
static void count_below(gathering *g, int metric, double limit)
{
    int64_t n = elements(g);
    for (int64_t i = 0; i < g->samples; i++) {
        const float *errors = g->errors[g->what->row[metric]->physical] + i * n;
        double *sums = sums_of(g, i, metric);
        sums[0] = sums[1] = 0;
        for (int64_t k = 0; k < n; k++) {
            sums[0] += (double)errors[k] <= limit;
            sums[1] += !isnan(errors[k]);
        }
    }
}

static status add_up_quantiles(gathering *g, bool physical, evaluation *out, error *e)
{
    int64_t count;
    float *sorted = sorted_errors(g, physical, &count, e);
    if (!sorted)
        return E_MEMORY;
    for (int k = 0; k < out->count; k++) {
        const metric_row *row = out->row[k];
        if (row->quantile == 0 || row->physical != physical)
            continue;
        out->value[k] = quantile_at(sorted, count, row->quantile);
        count_below(g, k, out->value[k]);
    }
    memory_free(sorted);
    return E_OK;
}

/* From the interval of the share at the quantile's value to that of the quantile.
   Source: Woodruff 1952, Journal of the American Statistical Association 47(260). */
static status turn_intervals(const gathering *g, bool physical, evaluation *out, error *e)
{
    int64_t count;
    float *sorted = sorted_errors(g, physical, &count, e);
    if (!sorted)
        return E_MEMORY;
    for (int k = 0; k < out->count; k++) {
        if (out->row[k]->quantile == 0 || out->row[k]->physical != physical ||
            isnan(out->low[k]))
            continue;
        out->low[k] = quantile_at(sorted, count, out->low[k]);
        out->high[k] = quantile_at(sorted, count, out->high[k]);
    }
    memory_free(sorted);
    return E_OK;
}

/* ---- all samples together ---- */

status gathering_add_up(gathering *g, evaluation *out, error *e)
{
    for (int k = 0; k < out->count; k++) {
        double sums[METRIC_SUMS] = {0};
        for (int64_t i = 0; i < g->samples; i++)
            for (int j = 0; j < METRIC_SUMS; j++)
                sums[j] += sums_of(g, i, k)[j];
        if (out->row[k]->finish)
            out->value[k] = out->row[k]->finish(sums);
    }
    for (int physical = 0; physical < 2; physical++)
        if (g->errors[physical])
            TRY(add_up_quantiles(g, physical, out, e));
    return E_OK;
}

typedef struct member {
    int64_t group, sample;
} member;

static int by_group(const void *a, const void *b)
{
    const member *x = a, *y = b;
    return x->group != y->group ? (x->group > y->group) - (x->group < y->group)
                                : (x->sample > y->sample) - (x->sample < y->sample);
}

/* Sums of each group, one behind the other; the caller frees. */
static double *group_sums(const gathering *g, const int64_t *group, const int64_t *index,
                          int64_t *units, error *e)
{
    const int64_t width = (int64_t)g->what->count * METRIC_SUMS;
    member *members = memory_new_raw(g->samples, sizeof *members, e);
    double *sums = members ? memory_new(g->samples * width, sizeof *sums, e) : NULL;
    *units = 0;
    if (sums) {
        for (int64_t i = 0; i < g->samples; i++)
            members[i] = (member){group ? group[index[i]] : i, i};
        qsort(members, (size_t)g->samples, sizeof *members, by_group);
        for (int64_t i = 0; i < g->samples; i++) {
            *units += i == 0 || members[i].group != members[i - 1].group;
            for (int64_t k = 0; k < width; k++)
                sums[(*units - 1) * width + k] += g->sums[members[i].sample * width + k];
        }
    }
    memory_free(members);
    return sums;
}

status gathering_intervals(gathering *g, const int64_t *group, const int64_t *index,
                           const certainty *how, evaluation *out, error *e)
{
    double (*finish[METRICS_MAX])(const double sums[METRIC_SUMS]);
    bootstrap b = {.metrics = out->count,
                   .finish = finish,
                   .confidence = how->confidence,
                   .seed = how->seed};
    for (int k = 0; k < out->count; k++)
        finish[k] = out->row[k]->finish ? out->row[k]->finish : mean_finish;
    double *sums = group_sums(g, group, index, &b.units, e);
    if (!sums)
        return E_MEMORY;
    b.sums = sums;
    status code = bootstrap_intervals(&b, out->low, out->high, e);
    for (int physical = 0; code == E_OK && physical < 2; physical++)
        if (g->errors[physical])
            code = turn_intervals(g, physical, out, e);
    memory_free(sums);
    return code;
}
