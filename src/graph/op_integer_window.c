/* SPDX-License-Identifier: GPL-3.0-or-later
   op_integer_window.c -- integer forward of the operators that move or gather pixels:
   pools, resampling, pad and crop, flatten.  Threaded over rows of the output. */
#include "graph/op_integer.h"

#include <math.h>
#include <string.h>
#include "base/parallel.h"
#include "kernel/arrange.h"
#include "kernel/integer.h"
#include "kernel/resize.h"

/* An image before and behind; one tile is a row of the output. */
typedef struct window {
    const operation *op;
    const int8_t *x;
    int8_t *y;
    int64_t height, width, channels, out_height, out_width;
    integer_format in, out;
    float multiplier;
} window;

static window window_of(const operation *op)
{
    window w = {.op = op, .x = op->x[0], .y = op->y};
    w.height = op->in[0].dim[1];
    w.width = op->in[0].dim[2];
    w.channels = op->in[0].dim[3];
    w.out_height = op->out.dim[1];
    w.out_width = op->out.dim[2];
    w.in = integer_format_of(op->in_value[0]->quantizer);
    w.out = integer_format_of(op->out_value->quantizer);
    return w;
}

static void run_rows(window *w, void (*row)(void *context, int64_t tile, int thread))
{
    parallel_for(w->op->out.dim[0] * w->out_height, row, w);
}

static const int8_t *pixel_at(const window *w, int64_t image, int64_t y, int64_t x)
{
    return w->x + ((image * w->height + y) * w->width + x) * w->channels;
}

/* ---- pools ---- */

/* The part of a window that lies inside the image, along one axis. */
typedef struct extent {
    int64_t begin, end;
} extent;

static extent extent_at(const attributes *a, int axis, int64_t out, int64_t size)
{
    extent t = {out * a->stride[axis] - a->padding[axis], 0};
    t.end = t.begin + a->kernel[axis];
    t.begin = t.begin > 0 ? t.begin : 0;
    t.end = t.end < size ? t.end : size;
    return t;
}

static void max_pool_row(void *context, int64_t tile, int thread)
{
    const window *w = context;
    const attributes *a = &w->op->node->attr;
    int64_t image = tile / w->out_height;
    extent rows = extent_at(a, 1, tile % w->out_height, w->height);
    int8_t *y = w->y + tile * w->out_width * w->channels;
    (void)thread;
    for (int64_t ox = 0; ox < w->out_width; ox++, y += w->channels) {
        extent columns = extent_at(a, 2, ox, w->width);
        memset(y, w->in.low, (size_t)w->channels);
        for (int64_t iy = rows.begin; iy < rows.end; iy++)
            for (int64_t ix = columns.begin; ix < columns.end; ix++) {
                const int8_t *x = pixel_at(w, image, iy, ix);
                for (int64_t c = 0; c < w->channels; c++)
                    y[c] = y[c] > x[c] ? y[c] : x[c];
            }
    }
}

void max_pool2d_forward_s8(const operation *op)
{
    window w = window_of(op);
    run_rows(&w, max_pool_row);
}

static int8_t mean_code(const window *w, int64_t sum)
{
    return (int8_t)integer_round((float)sum * w->multiplier, w->out);
}

/* Padding counts as zeros, that is as codes Z: it adds nothing. */
static void avg_pool_row(void *context, int64_t tile, int thread)
{
    const window *w = context;
    const attributes *a = &w->op->node->attr;
    int64_t image = tile / w->out_height;
    extent rows = extent_at(a, 1, tile % w->out_height, w->height);
    int8_t *y = w->y + tile * w->out_width * w->channels;
    (void)thread;
    for (int64_t ox = 0; ox < w->out_width; ox++, y += w->channels) {
        extent columns = extent_at(a, 2, ox, w->width);
        for (int64_t c = 0; c < w->channels; c++) {
            int64_t sum = 0;
            for (int64_t iy = rows.begin; iy < rows.end; iy++)
                for (int64_t ix = columns.begin; ix < columns.end; ix++)
                    sum += pixel_at(w, image, iy, ix)[c] - w->in.zero;
            y[c] = mean_code(w, sum);
        }
    }
}

static float mean_multiplier(const window *w, int64_t count)
{
    return integer_multiplier((double)w->in.scale /
                              ((double)w->out.scale * (double)count));
}

void avg_pool2d_forward_s8(const operation *op)
{
    const attributes *a = &op->node->attr;
    window w = window_of(op);
    w.multiplier = mean_multiplier(&w, a->kernel[1] * a->kernel[2]);
    run_rows(&w, avg_pool_row);
}

static void global_pool_image(void *context, int64_t image, int thread)
{
    const window *w = context;
    int64_t pixels = w->height * w->width;
    const int8_t *x = w->x + image * pixels * w->channels;
    int8_t *y = w->y + image * w->channels;
    (void)thread;
    for (int64_t c = 0; c < w->channels; c++) {
        int64_t sum = 0;
        for (int64_t p = 0; p < pixels; p++)
            sum += x[p * w->channels + c] - w->in.zero;
        y[c] = mean_code(w, sum);
    }
}

void global_avg_pool2d_forward_s8(const operation *op)
{
    window w = window_of(op);
    w.multiplier = mean_multiplier(&w, w.height * w.width);
    parallel_for(op->out.dim[0], global_pool_image, &w);
}

/* ---- resampling ---- */

#define WEIGHT_BITS 11

/* Where an output place lies between two input places, in 11-bit fixed point. */
typedef struct place {
    int64_t low, high;
    int32_t low_weight, high_weight;
} place;

static place place_at(const attributes *a, int64_t in, int64_t out, int64_t i)
{
    const int32_t one = 1 << WEIGHT_BITS;
    place p;
    double lambda;
    resize_place(in, out, a->align_corners, i, &p.low, &p.high, &lambda);
    p.high_weight = (int32_t)rint(lambda * one);
    p.low_weight = one - p.high_weight;
    return p;
}

static void bilinear_row(void *context, int64_t tile, int thread)
{
    const window *w = context;
    const attributes *a = &w->op->node->attr;
    const int32_t half = 1 << (2 * WEIGHT_BITS - 1);
    int64_t image = tile / w->out_height;
    int32_t zero = w->in.zero;
    place row = place_at(a, w->height, w->out_height, tile % w->out_height);
    int8_t *y = w->y + tile * w->out_width * w->channels;
    (void)thread;
    for (int64_t ox = 0; ox < w->out_width; ox++, y += w->channels) {
        place column = place_at(a, w->width, w->out_width, ox);
        const int8_t *x00 = pixel_at(w, image, row.low, column.low);
        const int8_t *x01 = pixel_at(w, image, row.low, column.high);
        const int8_t *x10 = pixel_at(w, image, row.high, column.low);
        const int8_t *x11 = pixel_at(w, image, row.high, column.high);
        for (int64_t c = 0; c < w->channels; c++) {
            int32_t upper = column.low_weight * (x00[c] - zero) +
                            column.high_weight * (x01[c] - zero);
            int32_t lower = column.low_weight * (x10[c] - zero) +
                            column.high_weight * (x11[c] - zero);
            int32_t sum = row.low_weight * upper + row.high_weight * lower;
            y[c] = (int8_t)(zero + ((sum + half) >> (2 * WEIGHT_BITS)));
        }
    }
}

void resize_bilinear_forward_s8(const operation *op)
{
    window w = window_of(op);
    run_rows(&w, bilinear_row);
}

static void nearest_row(void *context, int64_t tile, int thread)
{
    const window *w = context;
    int64_t image = tile / w->out_height;
    int64_t iy = resize_nearest_place(w->height, w->out_height, tile % w->out_height);
    int8_t *y = w->y + tile * w->out_width * w->channels;
    (void)thread;
    for (int64_t ox = 0; ox < w->out_width; ox++, y += w->channels) {
        int64_t ix = resize_nearest_place(w->width, w->out_width, ox);
        memcpy(y, pixel_at(w, image, iy, ix), (size_t)w->channels);
    }
}

void resize_nearest_forward_s8(const operation *op)
{
    window w = window_of(op);
    run_rows(&w, nearest_row);
}

/* ---- moving ---- */

static void pad_row(void *context, int64_t tile, int thread)
{
    const window *w = context;
    int64_t image = tile / w->out_height;
    int64_t iy = tile % w->out_height - pad_before(w->height, w->out_height);
    int64_t before = pad_before(w->width, w->out_width);
    int8_t *y = w->y + tile * w->out_width * w->channels;
    int64_t from = before > 0 ? before : 0; /* the columns of y that come from x */
    int64_t to = before + w->width < w->out_width ? before + w->width : w->out_width;
    (void)thread;
    memset(y, w->in.zero, (size_t)(w->out_width * w->channels));
    if (iy >= 0 && iy < w->height)
        memcpy(y + from * w->channels, pixel_at(w, image, iy, from - before),
               (size_t)((to - from) * w->channels));
}

void pad_or_crop_forward_s8(const operation *op)
{
    window w = window_of(op);
    run_rows(&w, pad_row);
}

static void flatten_image(void *context, int64_t image, int thread)
{
    const operation *op = context;
    int64_t channels = op->in[0].dim[op->in[0].rank - 1];
    int64_t count = shape_count(op->in[0]) / op->in[0].dim[0], pixels = count / channels;
    const int8_t *x = (const int8_t *)op->x[0] + image * count;
    int8_t *y = (int8_t *)op->y + image * count;
    (void)thread;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t p = 0; p < pixels; p++)
            y[c * pixels + p] = x[p * channels + c];
}

void flatten_forward_s8(const operation *op)
{
    operation copy = *op;
    parallel_for(op->in[0].dim[0], flatten_image, &copy);
}
