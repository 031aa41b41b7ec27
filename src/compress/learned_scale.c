/* SPDX-License-Identifier: GPL-3.0-or-later
   learned_scale.c -- scales of weights that are trained: sums of their gradients, and the
   step.  Weights are the optimizer's, codes are made in quantize_weights.c. */
#include "compress/learned.h"

#include <float.h>
#include <math.h>
#include "base/memory.h"
#include "base/parallel.h"
#include "kernel/integer.h"

#define STEP_MOST 0.1 /* of a scale, at once */

void learned_scales_clear(learned_scales *r)
{
    for (int i = 0; r->sum && i < r->parameters; i++)
        memory_free(r->sum[i]);
    memory_free(r->sum);
    memory_free(r->codes);
    *r = (learned_scales){0};
}

static status begin_weight(learned_scales *r, parameter *p, int i, const graph *deployed,
                           error *e)
{
    r->codes[i] = graph_find_parameter(deployed, p->name);
    const parameter *coded = r->codes[i] < 0 ? NULL : &deployed->parameters[r->codes[i]];
    if (!coded || p->role != ROLE_WEIGHT || !coded->codes)
        return E_OK;
    if (!p->quantizer)
        p->quantizer = quantizer_copy(coded->quantizer, e);
    if (!p->quantizer)
        return E_MEMORY;
    r->sum[i] = memory_new(p->quantizer->channels, sizeof *r->sum[i], e);
    return r->sum[i] ? E_OK : E_MEMORY;
}

status learned_scales_new(learned_scales *r, graph *g, const graph *deployed, error *e)
{
    *r = (learned_scales){.parameters = g->parameter_count};
    r->sum = memory_new(r->parameters, sizeof *r->sum, e);
    r->codes = memory_new(r->parameters, sizeof *r->codes, e);
    status s = r->sum && r->codes ? E_OK : E_MEMORY;
    for (int i = 0; i < r->parameters && !s; i++)
        s = begin_weight(r, &g->parameters[i], i, deployed, e);
    if (s)
        learned_scales_clear(r);
    return s;
}

typedef struct channel_work {
    const quantizer *q;
    const float *w;
    const int8_t *codes;
    float *gradient;
    int64_t taps;
    double share, *sum;
} channel_work;

static void add_channel(void *context, int64_t c, int thread)
{
    const channel_work *j = context;
    const double scale = (double)j->q->scale[c];
    const int32_t low = integer_low(j->q->bits), high = integer_high(j->q->bits);
    double sum = 0;
    (void)thread;
    for (int64_t i = c * j->taps; i < (c + 1) * j->taps; i++) {
        double v = (double)j->w[i] / scale, g = (double)j->gradient[i];
        if (v >= low && v <= high) {
            sum += g * (j->codes[i] - v);
        } else {
            sum += g * j->codes[i];
            j->gradient[i] = 0.0f;
        }
    }
    j->sum[c] += j->share * sum / sqrt((double)j->taps * high);
}

void learned_scales_add(learned_scales *r, const graph *g, const graph *deployed,
                        int number, double share, float *gradient)
{
    const parameter *p = &g->parameters[number];
    if (!r->sum[number])
        return;
    const parameter *coded = &deployed->parameters[r->codes[number]];
    const int64_t channels = coded->quantizer->channels;
    channel_work j = {.q = coded->quantizer,
                      .w = tensor_f32(p->data),
                      .codes = tensor_data(coded->codes),
                      .gradient = gradient,
                      .taps = tensor_count(p->data) / channels,
                      .share = share,
                      .sum = r->sum[number]};
    parallel_for(channels, add_channel, &j);
}

void learned_scales_step(learned_scales *r, graph *g, double rate)
{
    for (int i = 0; i < r->parameters; i++) {
        quantizer *q = g->parameters[i].quantizer;
        for (int64_t c = 0; r->sum[i] && c < q->channels; c++) {
            double scale = (double)q->scale[c], most = STEP_MOST * scale;
            double step = fmin(fmax(rate * r->sum[i][c], -most), most);
            q->scale[c] = (float)fmax(scale - step, (double)FLT_MIN);
            r->sum[i][c] = 0;
        }
    }
}
