/* SPDX-License-Identifier: GPL-3.0-or-later
   direct.c -- the convolution as its definition says it, in plain C, one output at a time.
   It is never chosen by itself: other algorithms are compared with it. */
#include "kernel/algorithm.h"

#include <math.h>
#include <string.h>
#include "base/parallel.h"

typedef struct job {
    const convolution *v;
    const float *x, *weight, *bias;
    const finish *tail;
    float *y;
} job;

enum { PIXELS = 64 }; /* of one tile */

static bool direct_suits(const convolution *v, const float *weight)
{
    (void)v;
    (void)weight;
    return true;
}

static bool direct_pays(const convolution *v, const float *weight, algorithm_task task)
{
    (void)v;
    (void)weight;
    (void)task;
    return false;
}

static size_t direct_prepared(const convolution *v, const float *weight)
{
    (void)weight;
    return (size_t)(v->out_c * v->kernel_h * v->kernel_w * (v->c / v->groups)) *
           sizeof(float);
}

static void direct_prepare(const convolution *v, const float *weight, void *prepared)
{
    memcpy(prepared, weight, direct_prepared(v, weight));
}

static size_t direct_scratch(const convolution *v)
{
    (void)v;
    return 0;
}

static float sum_of(const job *j, int64_t image, int64_t row, int64_t column, int64_t o)
{
    const convolution *v = j->v;
    int64_t depth = v->c / v->groups, pitch = v->x_pitch ? v->x_pitch : v->c;
    int64_t first = o / (v->out_c / v->groups) * depth;
    float sum = j->bias ? j->bias[o] : 0;
    for (int64_t kh = 0; kh < v->kernel_h; kh++)
        for (int64_t kw = 0; kw < v->kernel_w; kw++) {
            int64_t h = row * v->stride_h - v->pad_h + kh * v->dilation_h;
            int64_t w = column * v->stride_w - v->pad_w + kw * v->dilation_w;
            if (h < 0 || h >= v->h || w < 0 || w >= v->w)
                continue;
            const float *x = j->x + ((image * v->h + h) * v->w + w) * pitch + first;
            const float *weight =
                j->weight + ((o * v->kernel_h + kh) * v->kernel_w + kw) * depth;
            for (int64_t c = 0; c < depth; c++)
                sum += x[c] * weight[c];
        }
    return sum;
}

static void run_pixels(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    const convolution *v = j->v;
    int64_t pitch = v->y_pitch ? v->y_pitch : v->out_c;
    (void)thread;
    for (int64_t pixel = begin; pixel < end; pixel++)
        for (int64_t o = 0; o < v->out_c; o++)
            j->y[pixel * pitch + o] =
                finish_one(j->tail,
                           sum_of(j, pixel / (v->out_h * v->out_w),
                                  pixel / v->out_w % v->out_h, pixel % v->out_w, o),
                           pixel, o);
}

static void direct_forward(const convolution *v, const float *x, const void *prepared,
                           const float *bias, const finish *tail, float *y, void *block)
{
    job j = {v, x, prepared, bias, tail, y};
    (void)block;
    parallel_range(v->n * v->out_h * v->out_w, PIXELS, run_pixels, &j);
}

const algorithm algorithm_direct = {
    .name = "direct",
    .suits = direct_suits,
    .pays = direct_pays,
    .prepared_bytes = direct_prepared,
    .prepare = direct_prepare,
    .scratch_bytes = direct_scratch,
    .forward = direct_forward,
};
