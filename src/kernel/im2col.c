/* SPDX-License-Identifier: GPL-3.0-or-later
   im2col.c -- the convolution as one matrix product: the patches that the kernel sees are
   written out as rows of a matrix, [pixels, kernel_h kernel_w c], which OpenBLAS
   multiplies by the weights.  It is never chosen by itself: other algorithms are compared
   with it.
   Source: Chellapilla, Puri, Simard 2006, High performance convolutional neural networks
   for document processing. */
#include "kernel/algorithm.h"

#include <cblas.h>
#include <string.h>
#include "base/parallel.h"
#include "kernel/loops.h"
#include "kernel/scratch.h"

/* Pixels of one sgemm; floats of the patches that are written out at once: a whole image
   where it fits. */
enum { TILE_PIXELS = 256, PATCH_FLOATS = 1 << 24 };

typedef struct job {
    const convolution *v;
    const float *x, *weight, *bias;
    const finish *tail;
    float *y, *patches;
    int64_t group, first, pixels; /* of y, that the patches are of */
} job;

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t patch_floats(const convolution *v)
{
    return v->kernel_h * v->kernel_w * (v->c / v->groups);
}

static int64_t pixels_at_once(const convolution *v)
{
    int64_t fit = PATCH_FLOATS / patch_floats(v);
    return smaller(v->out_h * v->out_w, fit > TILE_PIXELS ? fit : TILE_PIXELS);
}

static bool im2col_suits(const convolution *v, const float *weight)
{
    (void)v;
    (void)weight;
    return true;
}

static bool im2col_pays(const convolution *v, const float *weight, algorithm_task task)
{
    (void)v;
    (void)weight;
    (void)task;
    return false;
}

static size_t im2col_prepared(const convolution *v, const float *weight)
{
    (void)weight;
    return (size_t)(v->out_c * patch_floats(v)) * sizeof(float);
}

static void im2col_prepare(const convolution *v, const float *weight, void *prepared)
{
    memcpy(prepared, weight, im2col_prepared(v, weight));
}

/* Cuts S into patches and a bias of zeros, for layers without one. */
static float *cut(const convolution *v, scratch *s, float **zeros)
{
    *zeros = scratch_floats(s, v->out_c);
    return scratch_floats(s, pixels_at_once(v) * patch_floats(v));
}

static size_t im2col_scratch(const convolution *v)
{
    scratch s = {0};
    float *zeros;
    cut(v, &s, &zeros);
    return s.used;
}

static void write_patch(const job *j, int64_t pixel, float *to)
{
    const convolution *v = j->v;
    int64_t depth = v->c / v->groups, pitch = v->x_pitch ? v->x_pitch : v->c;
    int64_t image = pixel / (v->out_h * v->out_w), row = pixel / v->out_w % v->out_h,
            column = pixel % v->out_w;
    for (int64_t kh = 0; kh < v->kernel_h; kh++)
        for (int64_t kw = 0; kw < v->kernel_w; kw++, to += depth) {
            int64_t h = row * v->stride_h - v->pad_h + kh * v->dilation_h;
            int64_t w = column * v->stride_w - v->pad_w + kw * v->dilation_w;
            if (h < 0 || h >= v->h || w < 0 || w >= v->w)
                memset(to, 0, (size_t)depth * sizeof *to);
            else
                memcpy(to,
                       j->x + ((image * v->h + h) * v->w + w) * pitch + j->group * depth,
                       (size_t)depth * sizeof *to);
        }
}

static void write_patches(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        write_patch(j, j->first + i, j->patches + i * patch_floats(j->v));
}

static void multiply(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    const convolution *v = j->v;
    int64_t outputs = v->out_c / v->groups, k = patch_floats(v);
    int64_t pitch = v->y_pitch ? v->y_pitch : v->out_c, first = j->group * outputs;
    float *y = j->y + (j->first + begin) * pitch + first;
    finish tail = *j->tail;
    (void)thread;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)(end - begin),
                (blasint)outputs, (blasint)k, 1.0f, j->patches + begin * k, (blasint)k,
                j->weight + first * k, (blasint)k, 0.0f, y, (blasint)pitch);
    tail.scale = tail.scale ? tail.scale + first : NULL;
    tail.shift = tail.shift ? tail.shift + first : NULL;
    if (tail.residual)
        tail.residual += (j->first + begin) * tail.residual_pitch + first;
    loops_get()->add_finish(end - begin, outputs, y, j->bias + first, 0, &tail, y, pitch);
}

static void im2col_forward(const convolution *v, const float *x, const void *prepared,
                           const float *bias, const finish *tail, float *y, void *block)
{
    scratch s = {.base = block};
    float *zeros;
    job j = {.v = v, .x = x, .weight = prepared, .bias = bias, .tail = tail, .y = y};
    int64_t all = v->n * v->out_h * v->out_w, step = pixels_at_once(v);
    j.patches = cut(v, &s, &zeros);
    if (!bias)
        j.bias = memset(zeros, 0, (size_t)v->out_c * sizeof *zeros);
    for (j.group = 0; j.group < v->groups; j.group++)
        for (j.first = 0; j.first < all; j.first += step) {
            j.pixels = smaller(step, all - j.first);
            parallel_range(j.pixels, TILE_PIXELS, write_patches, &j);
            parallel_range(j.pixels, TILE_PIXELS, multiply, &j);
        }
}

const algorithm algorithm_im2col = {
    .name = "im2col",
    .suits = im2col_suits,
    .pays = im2col_pays,
    .prepared_bytes = im2col_prepared,
    .prepare = im2col_prepare,
    .scratch_bytes = im2col_scratch,
    .forward = im2col_forward,
};
