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

/* The range of X [n]; false where X holds a value that is not finite. */
static bool find_range(const float *x, int64_t n, double *low, double *high)
{
    extremes r = {.x = x};
    *low = (double)INFINITY;
    *high = (double)-INFINITY;
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

/* One pass over the samples: SEE is shown every f32 value of every batch. */
typedef struct observation {
    const model *m;
    const dataset *d;
    const int64_t *index;
    int64_t n;
    const observer_row *observer;
    const task *watch;
    plan *p;
    double *low, *high;
    histogram *seen; /* [value_count], in the second pass */
    status (*see)(struct observation *o, int value, const float *x, int64_t n, error *e);
} observation;

static status see_range(observation *o, int value, const float *x, int64_t n, error *e)
{
    double low, high, share = o->observer->average;
    if (!find_range(x, n, &low, &high))
        return fail(e, E_NUMERIC, "calibration: %s gives values that are not finite",
                    value_name(o->m->graph, value));
    bool first = o->low[value] > o->high[value];
    if (share == 0 || first) {
        o->low[value] = fmin(o->low[value], low);
        o->high[value] = fmax(o->high[value], high);
    } else {
        o->low[value] += share * (low - o->low[value]);
        o->high[value] += share * (high - o->high[value]);
    }
    return E_OK;
}

typedef struct counting {
    const float *x;
    histogram *h;
    double bins_per_unit;
} counting;

static void count_range(void *context, int64_t begin, int64_t end, int thread)
{
    const counting *c = context;
    int64_t count[HISTOGRAM_BINS] = {0};
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        if (c->x[i] == 0.0f)
            continue;
        int64_t bin = (int64_t)(((double)c->x[i] - c->h->low) * c->bins_per_unit);
        count[bin < HISTOGRAM_BINS ? bin : HISTOGRAM_BINS - 1]++;
    }
    for (int i = 0; i < HISTOGRAM_BINS; i++)
        if (count[i])
            __atomic_fetch_add(&c->h->count[i], count[i], __ATOMIC_RELAXED);
}

static status see_histogram(observation *o, int value, const float *x, int64_t n,
                            error *e)
{
    histogram *h = &o->seen[value];
    (void)e;
    h->low = o->low[value];
    h->high = o->high[value];
    if (h->high > h->low)
        parallel_range(n, GRAIN, count_range,
                       &(counting){x, h, HISTOGRAM_BINS / (h->high - h->low)});
    return E_OK;
}

static status observe_batch(observation *o, error *e)
{
    const graph *g = o->m->graph;
    TRY(plan_forward(o->p, 0, 0, e));
    for (int v = 0; v < g->value_count; v++) {
        const float *x = g->values[v].type == DTYPE_F32 ? plan_value(o->p, v) : NULL;
        if (x)
            TRY(o->see(o, v, x, shape_count(plan_value_shape(o->p, v)), e));
    }
    return E_OK;
}

static status observe_all(observation *o, error *e)
{
    for (int64_t done = 0; done < o->n; done += BATCH) {
        int64_t now[BATCH];
        if (task_cancelled(o->watch))
            return fail(e, E_STOPPED, "calibration: stopped after %lld of %lld samples",
                        (long long)done, (long long)o->n);
        /* The last batch is filled up with its last sample, which widens no range. */
        for (int64_t i = 0; i < BATCH; i++)
            now[i] = o->index[done + i < o->n ? done + i : o->n - 1];
        TRY(dataset_batch(o->d, &o->m->input_transform, now, BATCH, plan_input(o->p),
                          NULL, NULL, e));
        TRY(observe_batch(o, e));
        progress report = {.stage = "calibrate", .unit = "sample", .total = o->n};
        report.done = done + BATCH < o->n ? done + BATCH : o->n;
        report.loss = report.metric = (double)NAN;
        task_report(o->watch, &report);
    }
    return E_OK;
}

static status narrow_ranges(observation *o, int bits, error *e)
{
    int values = o->m->graph->value_count;
    o->seen = memory_new(values, sizeof *o->seen, e);
    if (!o->seen)
        return E_MEMORY;
    o->see = see_histogram;
    status s = observe_all(o, e);
    for (int v = 0; v < values && !s; v++)
        if (o->high[v] > o->low[v])
            o->observer->narrow(&o->seen[v], bits, &o->low[v], &o->high[v]);
    memory_free(o->seen);
    return s;
}

/* Does M take samples of D? */
static status check_input(const model *m, const dataset *d, error *e)
{
    const graph *g = m->graph;
    const shape in = batch_input_shape(d, &m->input_transform);
    shape *shapes = memory_new(g->value_count, sizeof *shapes, e);
    status s = shapes ? graph_shapes(g, 1, in, shapes, e) : E_MEMORY;
    if (!s)
        s = graph_check_parameters(g, shapes, e);
    memory_free(shapes);
    if (s)
        fail_prefix(e, "calibration");
    return s;
}

status observe_ranges(const model *m, const dataset *d, const int64_t *index, int64_t n,
                      const observer_row *observer, int bits, const task *watch,
                      double *low, double *high, error *e)
{
    if (n < 1)
        return fail(e, E_RANGE, "calibration: no samples, wanted at least one");
    for (int v = 0; v < m->graph->value_count; v++) {
        low[v] = (double)INFINITY;
        high[v] = (double)-INFINITY;
    }
    TRY(check_input(m, d, e));
    plan *p =
        plan_new_inference(m->graph, BATCH, batch_input_shape(d, &m->input_transform), e);
    if (!p)
        return e ? e->code : E_MEMORY;
    observation o = {.m = m,
                     .d = d,
                     .index = index,
                     .n = n,
                     .observer = observer,
                     .watch = watch,
                     .p = p,
                     .low = low,
                     .high = high,
                     .see = see_range};
    status s = plan_keep_values(p, e);
    if (!s)
        s = plan_start(p, e);
    if (!s)
        s = observe_all(&o, e);
    if (!s && observer->narrow)
        s = narrow_ranges(&o, bits, e);
    plan_free(p);
    return s;
}
