/* SPDX-License-Identifier: GPL-3.0-or-later
   depthwise_weight.c -- the gradient of depthwise convolution by its weight.  The others
   are in depthwise.c. */
#include "kernel/depthwise.h"

#include <string.h>
#include "base/parallel.h"
#include "kernel/loops.h"
#include "kernel/mapping.h"

static int64_t tap_count(const convolution *v)
{
    return v->kernel_h * v->kernel_w;
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
            if (first >= last)
                continue;
            const kept_rows seen =
                float_rows(line + (first * m->step_w + m->columns.place[b]) * m->pitch,
                           m->channels, m->step_w * m->pitch);
            const kept_rows up =
                float_rows(g + first * m->outputs, m->channels, m->outputs);
            j->loops->row_products(last - first, m->channels, &seen, &plain, &up, waste,
                                   sums + m->rows.weight[a] + m->columns.weight[b]);
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

size_t depthwise_weight_scratch(const convolution *v)
{
    weight_job j;
    float *zeros;
    return weight_layout(v, NULL, &j, &zeros);
}

void depthwise_weight_gradient(const convolution *v, const float *x, const float *grad_y,
                               float *grad_weight, void *block)
{
    convolution one = depthwise_ungrouped(v);
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
