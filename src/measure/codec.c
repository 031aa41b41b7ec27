/* SPDX-License-Identifier: GPL-3.0-or-later
   codec.c -- ratio and speed of an autoencoder, both ways measured on their own, with
   the input's transform and its undoing.  It judges no error. */
#include "measure/codec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "engine/plan.h"
#include "graph/cut.h"

#define WARM_RUNS 3
#define RUNS      21
#define MOST_TIME 1.0 /* seconds of one way */

/* One way: samples go in, and out again. */
typedef struct way {
    const model *m;
    plan *p;
    int64_t batch, in_count, out_count; /* numbers of a sample */
    int64_t channels;                   /* of what is transformed */
    const float *from;
    float *to, *side;
    bool encodes;
} way;

static void put_sample(void *context, int64_t i, int thread)
{
    (void)thread;
    const way *w = context;
    float *x = plan_input(w->p) + i * w->in_count;
    memcpy(x, w->from + i * w->in_count, (size_t)w->in_count * sizeof *x);
    if (!w->encodes)
        return;
    const transform *t = &w->m->input_transform;
    w->side[i] = transform_side(t, x, w->in_count / w->channels, w->channels);
    transform_apply(t, x, w->in_count / w->channels, w->channels);
}

static void get_sample(void *context, int64_t i, int thread)
{
    (void)thread;
    const way *w = context;
    float *y = w->to + i * w->out_count;
    memcpy(y, plan_output(w->p) + i * w->out_count, (size_t)w->out_count * sizeof *y);
    if (!w->encodes)
        transform_invert(&w->m->input_transform, y, w->out_count / w->channels,
                         w->channels, w->side[i]);
}

static status go(way *w, error *e)
{
    parallel_for(w->batch, put_sample, w);
    TRY(plan_forward(w->p, 0, 0, e));
    parallel_for(w->batch, get_sample, w);
    return E_OK;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median time of a run. */
static status time_way(way *w, const task *watch, double *seconds, error *e)
{
    double times[RUNS];
    int count = 0;
    TRY(plan_start(w->p, e));
    for (int i = 0; i < WARM_RUNS; i++)
        TRY(go(w, e));
    const double began = task_clock();
    while (count < RUNS && (count < 3 || task_clock() - began < MOST_TIME)) {
        double start = task_clock();
        if (task_cancelled(watch))
            return fail(e, E_STOPPED, "codec: stopped while its speed was measured");
        TRY(go(w, e));
        times[count++] = task_clock() - start;
    }
    qsort(times, (size_t)count, sizeof *times, ascending);
    *seconds = times[count / 2];
    return E_OK;
}

/* Everything that both ways need. */
typedef struct bench {
    graph *encoder, *decoder;
    way out, back;
    float *input, *latent, *output, *side;
} bench;

static void bench_clear(bench *b)
{
    plan_free(b->out.p);
    plan_free(b->back.p);
    graph_free(b->encoder);
    graph_free(b->decoder);
    memory_free(b->input);
    memory_free(b->latent);
    memory_free(b->output);
    memory_free(b->side);
}

static status bench_begin(bench *b, const model *m, int latent, int64_t batch,
                          uint64_t seed, error *e)
{
    const shape in = m->graph->input_shape;
    TRY(graph_cut(m->graph, latent, &b->encoder, &b->decoder, e));
    const int64_t n = shape_count(in), features = shape_count(b->decoder->input_shape);
    b->out.p = plan_new_inference(b->encoder, batch, in, e);
    b->back.p = b->out.p
                    ? plan_new_inference(b->decoder, batch, b->decoder->input_shape, e)
                    : NULL;
    if (!b->back.p)
        return e ? e->code : E_MEMORY;
    if (shape_count(plan_output_shape(b->back.p)) != batch * n)
        return fail(e, E_SHAPE, "codec: the output has not the size of the input");
    b->input = memory_new_raw(batch * n, sizeof(float), e);
    b->latent = memory_new_raw(batch * features, sizeof(float), e);
    b->output = memory_new_raw(batch * n, sizeof(float), e);
    b->side = memory_new_raw(batch, sizeof(float), e);
    if (!b->input || !b->latent || !b->output || !b->side)
        return E_MEMORY;
    random_stream r = random_new(seed, "codec", 0);
    random_fill_uniform(&r, b->input, batch * n, 0.1, 1);
    const int64_t channels = in.dim[in.rank - 1];
    b->out = (way){m,        b->out.p, batch,     n,       features,
                   channels, b->input, b->latent, b->side, true};
    b->back = (way){m,        b->back.p, batch,     features, n,
                    channels, b->latent, b->output, b->side,  false};
    return E_OK;
}

status codec_measure(const model *m, int latent, int64_t batch, uint64_t seed,
                     const task *watch, codec *out, error *e)
{
    bench b = {0};
    double there = NAN, back = NAN;
    *out = (codec){0};
    status code = bench_begin(&b, m, latent, batch, seed, e);
    if (code == E_OK)
        code = time_way(&b.out, watch, &there, e);
    if (code == E_OK)
        code = time_way(&b.back, watch, &back, e);
    if (code == E_OK) {
        const double bytes = (double)(batch * b.out.in_count) * sizeof(float);
        out->latent = b.out.out_count;
        out->side = m->input_transform.kind == TRANSFORM_BLOCK_LOG ? 1 : 0;
        out->ratio = (double)b.out.in_count / (double)(out->latent + out->side);
        out->compress = bytes / there;
        out->decompress = bytes / back;
    }
    bench_clear(&b);
    return code;
}
