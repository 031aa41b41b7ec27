/* SPDX-License-Identifier: GPL-3.0-or-later
   reference.c -- the convolution in double precision, one output after the other.  It is
   meant to be right, not fast. */
#include "kernel/reference.h"

#include <math.h>
#include "base/parallel.h"

enum {
    SUMS = 8,   /* side by side: a sum waits for itself */
    PIXELS = 16 /* of one tile */
};

typedef struct job {
    const convolution *v;
    const float *x, *weight, *bias;
    const finish *tail;
    double *y;
} job;

static double dot(const float *a, const float *b, int64_t n)
{
    double sum[SUMS] = {0}, all = 0;
    int64_t i = 0;
    for (; i + SUMS <= n; i += SUMS)
        for (int k = 0; k < SUMS; k++)
            sum[k] += (double)a[i + k] * (double)b[i + k];
    for (; i < n; i++)
        all += (double)a[i] * (double)b[i];
    for (int k = 0; k < SUMS; k++)
        all += sum[k];
    return all;
}

static double products(const job *j, int64_t image, int64_t row, int64_t column,
                       int64_t output)
{
    const convolution *v = j->v;
    int64_t depth = v->c / v->groups, pitch = v->x_pitch ? v->x_pitch : v->c;
    int64_t first = output / (v->out_c / v->groups) * depth;
    double sum = 0;
    for (int64_t kh = 0; kh < v->kernel_h; kh++)
        for (int64_t kw = 0; kw < v->kernel_w; kw++) {
            int64_t h = row * v->stride_h - v->pad_h + kh * v->dilation_h;
            int64_t w = column * v->stride_w - v->pad_w + kw * v->dilation_w;
            int64_t tap = (output * v->kernel_h + kh) * v->kernel_w + kw;
            if (h >= 0 && h < v->h && w >= 0 && w < v->w)
                sum += dot(j->x + ((image * v->h + h) * v->w + w) * pitch + first,
                           j->weight + tap * depth, depth);
        }
    return sum;
}

static double finished(const job *j, double sum, int64_t pixel, int64_t output)
{
    const finish *t = j->tail;
    sum += j->bias ? (double)j->bias[output] : 0;
    sum = sum * (t->scale ? (double)t->scale[output] : 1) +
          (t->shift ? (double)t->shift[output] : 0);
    if (t->residual)
        sum += (double)t->residual[pixel * t->residual_pitch + output];
    if (t->rectify == RECTIFY_HARD_SWISH)
        return sum * fmin(fmax(sum / 6 + 0.5, 0), 1);
    if (sum >= 0 || t->rectify == RECTIFY_NONE)
        return sum;
    return t->rectify == RECTIFY_ZERO ? 0 : sum * (double)t->slope;
}

static void run_pixels(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    const convolution *v = j->v;
    (void)thread;
    for (int64_t pixel = begin; pixel < end; pixel++)
        for (int64_t o = 0; o < v->out_c; o++) {
            double sum = products(j, pixel / (v->out_h * v->out_w),
                                  pixel / v->out_w % v->out_h, pixel % v->out_w, o);
            j->y[pixel * v->out_c + o] = finished(j, sum, pixel, o);
        }
}

void convolution_reference(const convolution *v, const float *x, const float *weight,
                           const float *bias, const finish *tail, double *y)
{
    job j = {v, x, weight, bias, tail, y};
    parallel_range(v->n * v->out_h * v->out_w, PIXELS, run_pixels, &j);
}
