/* SPDX-License-Identifier: GPL-3.0-or-later
   bootstrap.c -- intervals of metrics by drawing samples anew.  It runs no model and
   knows no metric. */
#include "measure/bootstrap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "measure/latency.h"

enum { METRICS_DRAWN = 32 }; /* more than there are */

typedef struct drawing {
    const bootstrap *what;
    double *values; /* [metrics x BOOTSTRAP_DRAWS] */
    int64_t width;  /* sums of a unit */
    int varied;     /* those of them that must be added up, */
    int *column;    /* [varied] which they are, */
    double *table;  /* [units x varied] and what they are */
    double *fixed;  /* [width] what all the others are in every draw */
    double *sums;   /* [BOOTSTRAP_DRAWS x width] */
} drawing;

static void draw(void *context, int64_t number, int thread)
{
    (void)thread;
    const drawing *d = context;
    const bootstrap *b = d->what;
    double *sums = d->sums + number * d->width;
    random_stream random = random_new(b->seed, "bootstrap", (uint64_t)number);
    double added[METRICS_DRAWN * METRIC_SUMS] = {0};
    for (int64_t i = 0; i < b->units; i++) {
        const double *unit = d->table + random_below(&random, b->units) * d->varied;
        for (int k = 0; k < d->varied; k++)
            added[k] += unit[k];
    }
    memcpy(sums, d->fixed, (size_t)d->width * sizeof *sums);
    for (int k = 0; k < d->varied; k++)
        sums[d->column[k]] = added[k];
    for (int k = 0; k < b->metrics; k++)
        d->values[(int64_t)k * BOOTSTRAP_DRAWS + number] =
            b->finish[k](sums + (int64_t)k * METRIC_SUMS);
}

/* Is sum COLUMN the same whole number in all units, so that any draw's is exactly that
   many times it? */
static bool is_fixed(const drawing *d, int64_t column)
{
    const bootstrap *b = d->what;
    const double first = b->sums[column];
    if (first != rint(first) || fabs(first) * (double)b->units > 0x1p52)
        return false;
    for (int64_t i = 1; i < b->units; i++)
        if (b->sums[i * d->width + column] != first)
            return false;
    return true;
}

/* What is the same in all units (that a sample counts once, that a metric has no such sum)
   need not be added up a thousand times. */
static void choose_columns(drawing *d)
{
    const bootstrap *b = d->what;
    for (int64_t c = 0; c < d->width; c++)
        if (is_fixed(d, c))
            d->fixed[c] = b->sums[c] * (double)b->units;
        else
            d->column[d->varied++] = (int)c;
    for (int64_t i = 0; i < b->units; i++)
        for (int k = 0; k < d->varied; k++)
            d->table[i * d->varied + k] = b->sums[i * d->width + d->column[k]];
}

static status make_room(drawing *d, error *e)
{
    const bootstrap *b = d->what;
    d->width = (int64_t)b->metrics * METRIC_SUMS;
    d->values = memory_new_raw((int64_t)b->metrics * BOOTSTRAP_DRAWS, sizeof(double), e);
    d->column = d->values ? memory_new(d->width, sizeof *d->column, e) : NULL;
    d->fixed = d->column ? memory_new(d->width, sizeof *d->fixed, e) : NULL;
    d->table = d->fixed ? memory_new_raw(b->units * d->width, sizeof *d->table, e) : NULL;
    d->sums =
        d->table ? memory_new_raw(BOOTSTRAP_DRAWS * d->width, sizeof(double), e) : NULL;
    return d->sums ? E_OK : E_MEMORY;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Draws that have no value (all drawn units were without one) are left out. */
static void interval_of(double *values, double confidence, double *low, double *high)
{
    int64_t n = 0;
    for (int64_t i = 0; i < BOOTSTRAP_DRAWS; i++)
        if (!isnan(values[i]))
            values[n++] = values[i];
    qsort(values, (size_t)n, sizeof *values, ascending);
    if (n < 1)
        return;
    *low = latency_quantile(values, n, (1 - confidence) / 2);
    *high = latency_quantile(values, n, (1 + confidence) / 2);
}

/* Units that have the metric at all, up to two. */
static int count_units(const bootstrap *b, int metric)
{
    int count = 0;
    for (int64_t i = 0; i < b->units && count < 2; i++) {
        const double *sums = b->sums + (i * b->metrics + metric) * METRIC_SUMS;
        bool any = false;
        for (int k = 0; k < METRIC_SUMS; k++)
            any = any || sums[k] != 0;
        count += any;
    }
    return count;
}

status bootstrap_intervals(const bootstrap *b, double *low, double *high, error *e)
{
    drawing d = {.what = b};
    if (b->metrics > METRICS_DRAWN)
        return fail(e, E_RANGE, "intervals: %d metrics, at most %d were wanted",
                    b->metrics, METRICS_DRAWN);
    status code = make_room(&d, e);
    if (code == E_OK)
        choose_columns(&d);
    if (code == E_OK)
        parallel_for(BOOTSTRAP_DRAWS, draw, &d);
    for (int k = 0; code == E_OK && k < b->metrics; k++) {
        low[k] = high[k] = NAN;
        if (count_units(b, k) > 1)
            interval_of(d.values + (int64_t)k * BOOTSTRAP_DRAWS, b->confidence, &low[k],
                        &high[k]);
    }
    memory_free(d.values);
    memory_free(d.column);
    memory_free(d.fixed);
    memory_free(d.table);
    memory_free(d.sums);
    return code;
}
