/* SPDX-License-Identifier: GPL-3.0-or-later
   observe.c -- the ranges of a graph's values over calibration samples.
   Memory is that of one small batch; no sample is kept. */
#include "compress/quantize.h"

#include <math.h>
#include "base/memory.h"
#include "base/parallel.h"
#include "engine/plan.h"
#include "graph/check.h"

#define BATCH       4
#define GRAIN       65536
#define THREADS_MAX 256

typedef struct extremes {
    const float *x;
    bool broken; /* a value that is not finite; only ever set to true */
    float low[THREADS_MAX], high[THREADS_MAX];
} extremes;

static void extremes_range(void *context, int64_t begin, int64_t end, int thread)
{
    extremes *r = context;
    float low = r->low[thread], high = r->high[thread], check = 0.0f;
    for (int64_t i = begin; i < end; i++) {
        float x = r->x[i];
        low = x < low ? x : low;
        high = x > high ? x : high;
        check += x * 0.0f; /* 0, or NaN once X is infinite or NaN */
    }
    r->low[thread] = low;
    r->high[thread] = high;
    if (!(check == 0.0f))
        __atomic_store_n(&r->broken, true, __ATOMIC_RELAXED);
}

/* Widens LOW and HIGH by X [n]; false where X holds a value that is not finite. */
static bool widen_range(const float *x, int64_t n, double *low, double *high)
{
    extremes r = {.x = x};
    for (int i = 0; i < THREADS_MAX; i++) {
        r.low[i] = INFINITY;
        r.high[i] = -INFINITY;
    }
    parallel_range(n, GRAIN, extremes_range, &r);
    for (int i = 0; i < THREADS_MAX; i++) {
        *low = fmin(*low, (double)r.low[i]);
        *high = fmax(*high, (double)r.high[i]);
    }
    return !r.broken;
}

static const char *value_name(const graph *g, int value)
{
    int producer = g->values[value].producer;
    return producer < 0 ? "the input" : g->nodes[producer].name;
}

static status observe_batch(const model *m, plan *p, double *low, double *high, error *e)
{
    const graph *g = m->graph;
    TRY(plan_forward(p, 0, 0, e));
    for (int v = 0; v < g->value_count; v++) {
        const float *x = g->values[v].type == DTYPE_F32 ? plan_value(p, v) : NULL;
        if (!x)
            continue;
        if (!widen_range(x, shape_count(plan_value_shape(p, v)), &low[v], &high[v]))
            return fail(e, E_NUMERIC, "calibration: %s gives values that are not finite",
                        value_name(g, v));
    }
    return E_OK;
}

static status observe_all(const model *m, const dataset *d, const int64_t *index,
                          int64_t n, const task *watch, plan *p, double *low,
                          double *high, error *e)
{
    for (int64_t done = 0; done < n; done += BATCH) {
        int64_t now[BATCH];
        if (task_cancelled(watch))
            return fail(e, E_STOPPED, "calibration: stopped after %lld of %lld samples",
                        (long long)done, (long long)n);
        /* The last batch is filled up with its last sample: no range changes by that. */
        for (int64_t i = 0; i < BATCH; i++)
            now[i] = index[done + i < n ? done + i : n - 1];
        dataset_batch(d, &m->input_transform, now, BATCH, plan_input(p), NULL, NULL);
        TRY(observe_batch(m, p, low, high, e));
        progress report = {.stage = "calibrate", .unit = "sample", .total = n};
        report.done = done + BATCH < n ? done + BATCH : n;
        report.loss = report.metric = (double)NAN;
        task_report(watch, &report);
    }
    return E_OK;
}

/* Does G take samples of D as they are? */
static status check_input(const graph *g, const dataset *d, error *e)
{
    shape *shapes = memory_new(g->value_count, sizeof *shapes, e);
    status s = shapes ? graph_shapes(g, 1, dataset_input_shape(d), shapes, e) : E_MEMORY;
    if (!s)
        s = graph_check_parameters(g, shapes, e);
    memory_free(shapes);
    if (s)
        fail_prefix(e, "calibration");
    return s;
}

status observe_ranges(const model *m, const dataset *d, const int64_t *index, int64_t n,
                      const task *watch, double *low, double *high, error *e)
{
    if (n < 1)
        return fail(e, E_RANGE, "calibration: no samples, wanted at least one");
    for (int v = 0; v < m->graph->value_count; v++) {
        low[v] = (double)INFINITY;
        high[v] = (double)-INFINITY;
    }
    TRY(check_input(m->graph, d, e));
    plan *p = plan_new_inference(m->graph, BATCH, dataset_input_shape(d), e);
    if (!p)
        return e ? e->code : E_MEMORY;
    status s = plan_keep_values(p, e);
    if (!s)
        s = plan_start(p, e);
    if (!s)
        s = observe_all(m, d, index, n, watch, p, low, high, e);
    plan_free(p);
    return s;
}
