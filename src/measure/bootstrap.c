/* SPDX-License-Identifier: GPL-3.0-or-later
   bootstrap.c -- intervals of metrics by drawing samples anew.  It runs no model and
   knows no metric. */
#include "measure/bootstrap.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "measure/latency.h"

typedef struct drawing {
    const bootstrap *what;
    double *values; /* [metrics x BOOTSTRAP_DRAWS] */
    double *sums;   /* [BOOTSTRAP_DRAWS x metrics x METRIC_SUMS] */
} drawing;

static void draw(void *context, int64_t number, int thread)
{
    (void)thread;
    const drawing *d = context;
    const bootstrap *b = d->what;
    const int64_t width = (int64_t)b->metrics * METRIC_SUMS;
    double *sums = d->sums + number * width;
    random_stream random = random_new(b->seed, "bootstrap", (uint64_t)number);
    for (int64_t i = 0; i < b->units; i++) {
        const double *unit = b->sums + random_below(&random, b->units) * width;
        for (int64_t k = 0; k < width; k++)
            sums[k] += unit[k];
    }
    for (int k = 0; k < b->metrics; k++)
        d->values[(int64_t)k * BOOTSTRAP_DRAWS + number] =
            b->finish[k](sums + (int64_t)k * METRIC_SUMS);
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
    d.values = memory_new_raw((int64_t)b->metrics * BOOTSTRAP_DRAWS, sizeof(double), e);
    d.sums = memory_new((int64_t)b->metrics * BOOTSTRAP_DRAWS * METRIC_SUMS,
                        sizeof(double), e);
    status code = d.values && d.sums ? E_OK : E_MEMORY;
    if (code == E_OK)
        parallel_for(BOOTSTRAP_DRAWS, draw, &d);
    for (int k = 0; code == E_OK && k < b->metrics; k++) {
        low[k] = high[k] = NAN;
        if (count_units(b, k) > 1)
            interval_of(d.values + (int64_t)k * BOOTSTRAP_DRAWS, b->confidence, &low[k],
                        &high[k]);
    }
    memory_free(d.values);
    memory_free(d.sums);
    return code;
}
