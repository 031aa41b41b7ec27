/* SPDX-License-Identifier: GPL-3.0-or-later
   depthwise.c -- convolutions of each channel by itself: vectors run over channels, and
   each pixel visits only the taps inside of the image.
   Other convolutions are in gather.c. */
#include "kernel/depthwise.h"

#include <string.h>
#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/algorithm.h"
#include "kernel/loops.h"
#include "kernel/mapping.h"

bool depthwise_is(const convolution *v)
{
    return v->groups > 1 && v->groups == v->c && v->groups == v->out_c;
}

/* As one group, the taps' distances are those of weights [kernel_h][kernel_w][c]. */
static convolution ungrouped(const convolution *v)
{
    convolution one = *v;
    one.groups = 1;
    return one;
}

static int64_t tap_count(const convolution *v)
{
    return v->kernel_h * v->kernel_w;
}

typedef struct job {
    const mapping *m;
    const kernel_loops *loops;
    const float *source, *packed, *bias;
    const finish *tail;
    float *y;
    bool accumulate;
    int64_t taps;
    int64_t *lists; /* of each thread: 2 * taps */
} job;

/* Taps a (or b) with 0 <= at + place < length: a contiguous range. */
static void inside(const axis *a, int64_t at, int64_t length, int64_t *first,
                   int64_t *last)
{
    int64_t i = 0;
    while (i < a->count && at + a->place[i] < 0)
        i++;
    *first = i;
    while (i < a->count && at + a->place[i] < length)
        i++;
    *last = i;
}

static void row_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    const mapping *m = j->m;
    int64_t image = task / m->out_h, i = task % m->out_h;
    int64_t *offset = j->lists + thread * 2 * j->taps, *weight = offset + j->taps;
    int64_t a0, a1, b0, b1, from = -1, to = -1, taps = 0;
    inside(&m->rows, i * m->step_h, m->h, &a0, &a1);
    const float *line = j->source + (image * m->h + i * m->step_h) * m->w * m->pitch;
    float *y = j->y + image * m->y_image + i * m->y_row;
    for (int64_t x = 0; x < m->out_w; x++) {
        inside(&m->columns, x * m->step_w, m->w, &b0, &b1);
        if (b0 != from || b1 != to) {
            taps = 0;
            for (int64_t a = a0; a < a1; a++)
                for (int64_t b = b0; b < b1; b++, taps++) {
                    offset[taps] =
                        (m->rows.place[a] * m->w + m->columns.place[b]) * m->pitch;
                    weight[taps] = m->rows.weight[a] + m->columns.weight[b];
                }
            from = b0;
            to = b1;
        }
        j->loops->weighted_sum(taps, line + x * m->step_w * m->pitch, offset, j->packed,
                               weight, m->channels, y + x * m->y_pixel, j->accumulate);
    }
    if (!j->tail)
        return;
    finish tail = *j->tail;
    if (tail.residual)
        tail.residual += task * m->out_w * tail.residual_pitch;
    j->loops->add_finish(m->out_w, m->channels, y, j->bias, 0, &tail, y, m->y_pixel);
}

/* to[tap][c] = from[c][tap]. */
static void turn(int64_t channels, int64_t taps, const float *from, float *to)
{
    for (int64_t c = 0; c < channels; c++)
        for (int64_t t = 0; t < taps; t++)
            to[t * channels + c] = from[c * taps + t];
}

static size_t layout(const convolution *v, void *block, job *j, float **packed,
                     float **bias)
{
    scratch s = {.base = block};
    j->taps = tap_count(v);
    *bias = scratch_floats(&s, v->c);
    j->lists = scratch_take(&s, cpu_threads() * 2 * j->taps, sizeof *j->lists);
    if (packed)
        *packed = scratch_floats(&s, j->taps * v->c);
    return s.used;
}

static bool depthwise_suits(const convolution *v, const float *weight)
{
    (void)weight;
    return depthwise_is(v);
}

static size_t depthwise_prepared(const convolution *v, const float *weight)
{
    (void)weight;
    return (size_t)(tap_count(v) * v->c) * sizeof(float);
}

static void depthwise_prepare(const convolution *v, const float *weight, void *prepared)
{
    turn(v->c, tap_count(v), weight, prepared);
}

static size_t depthwise_scratch(const convolution *v)
{
    job j;
    float *bias;
    return layout(v, NULL, &j, NULL, &bias);
}

static void depthwise_forward(const convolution *v, const float *x, const void *prepared,
                              const float *bias, const finish *tail, float *y,
                              void *block)
{
    convolution one = ungrouped(v);
    mapping m;
    float *shift;
    job j = {.m = &m,
             .loops = loops_get(),
             .source = x,
             .packed = prepared,
             .tail = tail,
             .y = y};
    mapping_forward(&m, &one);
    layout(v, block, &j, NULL, &shift);
    if (bias)
        memcpy(shift, bias, (size_t)v->c * sizeof *shift);
    else
        memset(shift, 0, (size_t)v->c * sizeof *shift);
    j.bias = shift;
    parallel_for(m.images * m.out_h, row_task, &j);
}

static void depthwise_grad_input(const convolution *v, const float *grad_y,
                                 const float *weight, float *grad_x, bool accumulate,
                                 void *block)
{
    convolution one = ungrouped(v);
    mapping m;
    float *packed, *unused;
    job j = {.m = &m, .loops = loops_get(), .source = grad_y, .accumulate = accumulate};
    layout(v, block, &j, &packed, &unused);
    turn(v->c, j.taps, weight, packed);
    j.packed = packed;
    for (int64_t h = 0; h < v->stride_h; h++)
        for (int64_t w = 0; w < v->stride_w && mapping_backward(&m, &one, h, w); w++) {
            j.y = grad_x + (h * v->w + w) * v->c;
            parallel_for(m.images * m.out_h, row_task, &j);
        }
}

/* The weight's gradient: partial sums over parts of the output rows, then their sum. */

enum { PARTS_MOST = 16 };

typedef struct weight_job {
    const mapping *m;
    const kernel_loops *loops;
    const float *x, *grad_y, *zeros;
    int64_t parts, size; /* size: floats of one part, taps * channels */
    float *sums;         /* [parts][tap][c] */
    float *waste;        /* [parts][c] */
} weight_job;

/* Outputs o with 0 <= o * step + place < length: first .. last - 1. */
static void outputs_inside(int64_t place, int64_t step, int64_t length, int64_t count,
                           int64_t *first, int64_t *last)
{
    *first = place < 0 ? (-place + step - 1) / step : 0;
    int64_t end = length > place ? (length - 1 - place) / step + 1 : 0;
    *last = end > count ? count : end;
}

static void weight_row(const weight_job *j, int64_t row, float *sums, float *waste)
{
    const mapping *m = j->m;
    int64_t image = row / m->out_h, i = row % m->out_h * m->step_h;
    const float *g = j->grad_y + row * m->out_w * m->outputs;
    const affine plain = {.mean = j->zeros};
    for (int64_t a = 0; a < m->rows.count; a++) {
        int64_t y = i + m->rows.place[a];
        if (y < 0 || y >= m->h)
            continue;
        const float *line = j->x + (image * m->h + y) * m->w * m->pitch;
        for (int64_t b = 0; b < m->columns.count; b++) {
            int64_t first, last;
            outputs_inside(m->columns.place[b], m->step_w, m->w, m->out_w, &first, &last);
            if (first < last)
                j->loops->row_products(
                    last - first, m->channels,
                    line + (first * m->step_w + m->columns.place[b]) * m->pitch,
                    m->step_w * m->pitch, &plain, g + first * m->outputs, m->outputs,
                    waste, sums + m->rows.weight[a] + m->columns.weight[b]);
        }
    }
}

static void weight_task(void *context, int64_t part, int thread)
{
    const weight_job *j = context;
    int64_t rows = j->m->images * j->m->out_h;
    float *sums = j->sums + part * j->size, *waste = j->waste + part * j->m->channels;
    (void)thread;
    memset(sums, 0, (size_t)j->size * sizeof *sums);
    memset(waste, 0, (size_t)j->m->channels * sizeof *waste);
    for (int64_t row = rows * part / j->parts; row < rows * (part + 1) / j->parts; row++)
        weight_row(j, row, sums, waste);
}

static size_t weight_layout(const convolution *v, void *block, weight_job *j,
                            float **zeros)
{
    scratch s = {.base = block};
    int64_t rows = v->n * v->out_h;
    j->parts = rows < PARTS_MOST ? rows : PARTS_MOST;
    j->size = tap_count(v) * v->c;
    j->sums = scratch_floats(&s, j->parts * j->size);
    j->waste = scratch_floats(&s, j->parts * v->c);
    *zeros = scratch_floats(&s, v->c);
    return s.used;
}

static size_t depthwise_gradient_scratch(const convolution *v)
{
    job j;
    weight_job w;
    float *one, *other;
    size_t pixels = layout(v, NULL, &j, &one, &other);
    size_t weight = weight_layout(v, NULL, &w, &one);
    return pixels > weight ? pixels : weight;
}

static void depthwise_grad_weight(const convolution *v, const float *x,
                                  const float *grad_y, float *grad_weight, void *block)
{
    convolution one = ungrouped(v);
    mapping m;
    float *zeros;
    weight_job j = {.m = &m, .loops = loops_get(), .x = x, .grad_y = grad_y};
    mapping_forward(&m, &one);
    weight_layout(v, block, &j, &zeros);
    memset(zeros, 0, (size_t)v->c * sizeof *zeros);
    j.zeros = zeros;
    parallel_for(j.parts, weight_task, &j);
    int64_t taps = tap_count(v);
    for (int64_t c = 0; c < v->c; c++)
        for (int64_t t = 0; t < taps; t++) {
            double sum = 0;
            for (int64_t part = 0; part < j.parts; part++)
                sum += (double)j.sums[part * j.size + t * v->c + c];
            grad_weight[c * taps + t] = (float)sum;
        }
}

const algorithm algorithm_depthwise = {
    .name = "depthwise",
    .suits = depthwise_suits,
    .prepared_bytes = depthwise_prepared,
    .prepare = depthwise_prepare,
    .scratch_bytes = depthwise_scratch,
    .forward = depthwise_forward,
    .gradient_scratch = depthwise_gradient_scratch,
    .grad_input = depthwise_grad_input,
    .grad_weight = depthwise_grad_weight,
};
