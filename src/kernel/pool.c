/* SPDX-License-Identifier: GPL-3.0-or-later
   pool.c -- maxima and means over windows; a tile is one row of an image.
   The arithmetic of a row is in loops_window.inc. */
#include "kernel/pool.h"

#include <string.h>
#include "base/parallel.h"
#include "kernel/loops.h"

typedef struct job {
    const pooling *p;
    const kernel_loops *loops;
    const void *x;
    const uint16_t *from;
    void *y;
    uint16_t *where;
    bool accumulate;
} job;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t pitch_of(const pooling *p)
{
    return p->x_pitch ? p->x_pitch : p->c;
}

static bool apart(const pooling *p)
{
    return p->stride_h == p->kernel_h && p->stride_w == p->kernel_w && p->pad_h == 0 &&
           p->pad_w == 0 && p->out_h * p->kernel_h <= p->h &&
           p->out_w * p->kernel_w <= p->w;
}

bool max_pool_takes_bf16(const pooling *p)
{
    return apart(p);
}

/* The part of a window at START that lies in 0..length-1: first .. last - 1. */
static void clip(int64_t start, int64_t kernel, int64_t length, int64_t *first,
                 int64_t *last)
{
    *first = start < 0 ? -start : 0;
    *last = least(kernel, length - start);
}

/* Outputs o of an axis whose windows hold input place AT: first .. last - 1. */
static void covering(int64_t at, int64_t kernel, int64_t stride, int64_t pad,
                     int64_t count, int64_t *first, int64_t *last)
{
    int64_t from = at + pad - kernel + 1;
    *first = from > 0 ? (from + stride - 1) / stride : 0;
    *last = least(count, (at + pad) / stride + 1);
}

/* Windows of one row that are cut alike on both sides go as one line. */
static void max_row(void *context, int64_t row, int thread)
{
    const job *j = context;
    const pooling *p = j->p;
    (void)thread;
    int64_t image = row / p->out_h, top = row % p->out_h * p->stride_h - p->pad_h;
    int64_t pitch = pitch_of(p), y0, y1;
    clip(top, p->kernel_h, p->h, &y0, &y1);
    const int64_t first = (image * p->h + top + y0) * p->w * pitch;
    for (int64_t i = 0; i < p->out_w;) {
        int64_t x0, x1, next0, next1, count = 1;
        clip(i * p->stride_w - p->pad_w, p->kernel_w, p->w, &x0, &x1);
        for (; i + count < p->out_w; count++) {
            clip((i + count) * p->stride_w - p->pad_w, p->kernel_w, p->w, &next0, &next1);
            if (next0 != x0 || next1 != x1)
                break;
        }
        int64_t left = i * p->stride_w - p->pad_w + x0, at = (row * p->out_w + i) * p->c;
        window w = {.pixels = count,
                    .channels = p->c,
                    .kernel_h = y1 - y0,
                    .kernel_w = x1 - x0,
                    .x = precision_at(j->x, p->x_kept, first + left * pitch),
                    .x_kept = p->x_kept,
                    .y_kept = p->y_kept,
                    .x_step = p->stride_w * pitch,
                    .x_row = p->w * pitch,
                    .x_column = pitch,
                    .first = y0 * p->kernel_w + x0,
                    .row = p->kernel_w,
                    .y = precision_write_at(j->y, p->y_kept, at),
                    .where = j->where ? j->where + at : NULL};
        j->loops->window_max(&w);
        i += count;
    }
}

void max_pool_forward(const pooling *p, const void *x, void *y, uint16_t *where)
{
    job j = {.p = p, .loops = loops_get(), .x = x, .y = y, .where = where};
    parallel_for(p->n * p->out_h, max_row, &j);
}

/* COUNT pixels of the gradient by x, from number AT on. */
static void clear_pixels(const job *j, int64_t at, int64_t count)
{
    const pooling *p = j->p;
    int64_t pitch = pitch_of(p), length = pitch == p->c ? count * p->c : p->c;
    for (int64_t i = 0; i < count * p->c; i += length, at += pitch)
        memset(precision_write_at(j->y, p->x_kept, at), 0,
               (size_t)length * precision_bytes(p->x_kept));
}

/* Windows that do not overlap: a tile is one row of windows, written once. */
static void max_rows_back(void *context, int64_t row, int thread)
{
    const job *j = context;
    const pooling *p = j->p;
    int64_t image = row / p->out_h, top = row % p->out_h * p->kernel_h;
    int64_t at = row * p->out_w * p->c, pitch = pitch_of(p), line = p->w * pitch;
    int64_t first = (image * p->h + top) * line, beyond = p->out_w * p->kernel_w;
    (void)thread;
    if (!j->accumulate) {
        for (int64_t ky = 0; ky < p->kernel_h; ky++)
            clear_pixels(j, first + ky * line + beyond * pitch, p->w - beyond);
        if (row % p->out_h == p->out_h - 1)
            clear_pixels(j, first + p->kernel_h * line,
                         (p->h - top - p->kernel_h) * p->w);
    }
    window_gradient t = {.pixels = p->out_w,
                         .channels = p->c,
                         .kernel_h = p->kernel_h,
                         .kernel_w = p->kernel_w,
                         .g = precision_at(j->x, p->y_kept, at),
                         .where = j->from + at,
                         .row = p->kernel_w,
                         .gx = precision_write_at(j->y, p->x_kept, first),
                         .x_kept = p->x_kept,
                         .y_kept = p->y_kept,
                         .x_step = p->kernel_w * pitch,
                         .x_row = line,
                         .x_column = pitch,
                         .accumulate = j->accumulate};
    j->loops->window_back(&t);
}

/* Windows that may overlap: a tile is one row of the input, and takes from all rows of
   windows that hold it. */
static void max_row_back(void *context, int64_t row, int thread)
{
    const job *j = context;
    const pooling *p = j->p;
    int64_t image = row / p->h, at = row % p->h, pitch = pitch_of(p), first, last;
    float *gx = (float *)j->y + row * p->w * pitch;
    (void)thread;
    if (!j->accumulate)
        clear_pixels(j, row * p->w * pitch, p->w);
    covering(at, p->kernel_h, p->stride_h, p->pad_h, p->out_h, &first, &last);
    for (int64_t o = first; o < last; o++) {
        int64_t ky = at + p->pad_h - o * p->stride_h;
        int64_t from = (image * p->out_h + o) * p->out_w * p->c;
        for (int64_t kx = 0; kx < p->kernel_w; kx++) {
            /* Outputs whose kx-th column lies in the image. */
            int64_t place = kx - p->pad_w, i0, i1;
            i0 = place < 0 ? (-place + p->stride_w - 1) / p->stride_w : 0;
            i1 = least(p->out_w, place < p->w ? (p->w - 1 - place) / p->stride_w + 1 : 0);
            if (i0 >= i1)
                continue;
            window_gradient t = {.pixels = i1 - i0,
                                 .channels = p->c,
                                 .kernel_h = 1,
                                 .kernel_w = 1,
                                 .g = (const float *)j->x + from + i0 * p->c,
                                 .where = j->from + from + i0 * p->c,
                                 .first = ky * p->kernel_w + kx,
                                 .gx = gx + (i0 * p->stride_w + place) * pitch,
                                 .x_step = p->stride_w * pitch,
                                 .accumulate = true};
            j->loops->window_back(&t);
        }
    }
}

void max_pool_backward(const pooling *p, const uint16_t *where, const void *grad_y,
                       void *grad_x, bool accumulate)
{
    job j = {.p = p,
             .loops = loops_get(),
             .x = grad_y,
             .from = where,
             .y = grad_x,
             .accumulate = accumulate};
    if (apart(p))
        parallel_for(p->n * p->out_h, max_rows_back, &j);
    else
        parallel_for(p->n * p->h, max_row_back, &j);
}

static void mean_row(void *context, int64_t row, int thread)
{
    const job *j = context;
    const pooling *p = j->p;
    int64_t image = row / p->out_h, top = row % p->out_h * p->stride_h - p->pad_h;
    int64_t y0, y1, x0, x1;
    (void)thread;
    clip(top, p->kernel_h, p->h, &y0, &y1);
    for (int64_t i = 0; i < p->out_w; i++) {
        int64_t left = i * p->stride_w - p->pad_w;
        float *y = (float *)j->y + (row * p->out_w + i) * p->c;
        clip(left, p->kernel_w, p->w, &x0, &x1);
        memset(y, 0, (size_t)p->c * sizeof *y);
        for (int64_t ky = y0; ky < y1; ky++) {
            const float *x = (const float *)j->x +
                             ((image * p->h + top + ky) * p->w + left + x0) * p->c;
            const kept_rows rows = float_rows(x, p->c, p->c);
            j->loops->row_sum(x1 - x0, p->c, &rows, y);
        }
    }
    float each = (float)(1.0 / (double)(p->kernel_h * p->kernel_w));
    float *line = (float *)j->y + row * p->out_w * p->c;
    j->loops->blend(p->out_w * p->c, each, line, 0, line);
}

void avg_pool_forward(const pooling *p, const float *x, float *y)
{
    job j = {.p = p, .loops = loops_get(), .x = x, .y = y};
    parallel_for(p->n * p->out_h, mean_row, &j);
}

static void mean_row_back(void *context, int64_t row, int thread)
{
    const job *j = context;
    const pooling *p = j->p;
    int64_t image = row / p->h, o0, o1, i0, i1;
    float each = (float)(1.0 / (double)(p->kernel_h * p->kernel_w));
    (void)thread;
    covering(row % p->h, p->kernel_h, p->stride_h, p->pad_h, p->out_h, &o0, &o1);
    for (int64_t x = 0; x < p->w; x++) {
        float *gx = (float *)j->y + (row * p->w + x) * p->c;
        if (!j->accumulate)
            memset(gx, 0, (size_t)p->c * sizeof *gx);
        covering(x, p->kernel_w, p->stride_w, p->pad_w, p->out_w, &i0, &i1);
        for (int64_t o = o0; o < o1; o++)
            for (int64_t i = i0; i < i1; i++)
                j->loops->blend(p->c, each,
                                (const float *)j->x +
                                    ((image * p->out_h + o) * p->out_w + i) * p->c,
                                1, gx);
    }
}

void avg_pool_backward(const pooling *p, const float *grad_y, float *grad_x,
                       bool accumulate)
{
    job j = {
        .p = p, .loops = loops_get(), .x = grad_y, .y = grad_x, .accumulate = accumulate};
    parallel_for(p->n * p->h, mean_row_back, &j);
}

/* Global pooling: a tile is some channels of one image, summed in double. */

enum { CHANNELS = 64 };

typedef struct global_job {
    int64_t pixels, c, parts;
    const kernel_loops *loops;
    const float *x;
    float *y;
    bool accumulate;
} global_job;

static void global_mean(void *context, int64_t tile, int thread)
{
    const global_job *j = context;
    int64_t image = tile / j->parts, first = tile % j->parts * CHANNELS;
    int64_t count = least(CHANNELS, j->c - first);
    const float *x = j->x + image * j->pixels * j->c + first;
    double sum[CHANNELS] = {0};
    (void)thread;
    j->loops->total(j->pixels, count, x, j->c, sum);
    for (int64_t c = 0; c < count; c++)
        j->y[image * j->c + first + c] = (float)(sum[c] / (double)j->pixels);
}

void global_pool_forward(int64_t n, int64_t pixels, int64_t c, const float *x, float *y)
{
    global_job j = {.pixels = pixels,
                    .c = c,
                    .parts = (c - 1) / CHANNELS + 1,
                    .loops = loops_get(),
                    .x = x,
                    .y = y};
    parallel_for(n * j.parts, global_mean, &j);
}

static void global_spread(void *context, int64_t begin, int64_t end, int thread)
{
    const global_job *j = context;
    float each = (float)(1.0 / (double)j->pixels);
    (void)thread;
    for (int64_t p = begin; p < end; p++)
        j->loops->blend(j->c, each, j->x + p / j->pixels * j->c, j->accumulate ? 1 : 0,
                        j->y + p * j->c);
}

void global_pool_backward(int64_t n, int64_t pixels, int64_t c, const float *grad_y,
                          float *grad_x, bool accumulate)
{
    enum { GRAIN = 8192 };
    global_job j = {.pixels = pixels,
                    .c = c,
                    .loops = loops_get(),
                    .x = grad_y,
                    .y = grad_x,
                    .accumulate = accumulate};
    parallel_range(n * pixels, GRAIN / c + 1, global_spread, &j);
}
