/* SPDX-License-Identifier: GPL-3.0-or-later
   pointwise.c -- shares flat ranges of elements out to the threads.
   The arithmetic is in loops_*.inc. */
#include "kernel/pointwise.h"

#include <math.h>
#include <stddef.h>
#include "base/parallel.h"
#include "kernel/loops.h"

enum { GRAIN = 16 * 1024 }; /* elements of a tile */

typedef struct job {
    const kernel_loops *loops;
    pointwise f;
    float slope;
    double probability;
    const random_stream *random;
    const finish *tail;
    pairing pair;
    const float *x, *g; /* g: the gradient from above, or a pair's second */
    const uint8_t *kept;
    uint8_t *mask;
    float *y;
    bool accumulate;
} job;

static void forward_tile(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    (void)thread;
    j->loops->pointwise(j->f, j->slope, end - begin, j->x + begin, j->y + begin);
}

void pointwise_forward(pointwise f, float slope, int64_t n, const float *x, float *y)
{
    job j = {.loops = loops_get(), .f = f, .slope = slope, .x = x, .y = y};
    parallel_range(n, GRAIN, forward_tile, &j);
}

static void backward_tile(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    (void)thread;
    j->loops->pointwise_gradient(j->f, j->slope, end - begin, j->x + begin, j->g + begin,
                                 j->y + begin, j->accumulate);
}

void pointwise_backward(pointwise f, float slope, int64_t n, const float *seen,
                        const float *grad_y, float *grad_x, bool accumulate)
{
    job j = {.loops = loops_get(),
             .f = f,
             .slope = slope,
             .x = seen,
             .g = grad_y,
             .y = grad_x,
             .accumulate = accumulate};
    parallel_range(n, GRAIN, backward_tile, &j);
}

/* Pixels of a tile of about GRAIN elements. */
static int64_t pixel_grain(int64_t channels)
{
    return GRAIN / channels + 1;
}

/* Calls RUN for the pixels begin..end-1, image by image where b has one pixel each. */
static void each_image(const job *j, int64_t begin, int64_t end,
                       void (*run)(const job *j, int64_t pixel, int64_t count,
                                   const float *b, int64_t b_step))
{
    const pairing *p = &j->pair;
    for (int64_t at = begin; at < end;) {
        int64_t image = at / p->pixels, last = (image + 1) * p->pixels;
        last = p->b_is_vector && last < end ? last : end;
        int64_t b = p->b_is_vector ? image : at;
        run(j, at, last - at, j->g ? j->g + b * p->channels : NULL,
            p->b_is_vector ? 0 : p->channels);
        at = last;
    }
}

static void add_image(const job *j, int64_t pixel, int64_t count, const float *b,
                      int64_t b_step)
{
    int64_t at = pixel * j->pair.channels, width = j->pair.channels;
    if (b_step > 0 && !j->tail->scale && !j->tail->shift) {
        width *= count; /* nothing is by channel: one long row */
        count = 1;
    }
    j->loops->add_finish(count, width, j->x + at, b, b_step, j->tail, j->y + at, width);
}

static void add_tile(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    each_image(context, begin, end, add_image);
}

void pair_add(const pairing *p, const float *a, const float *b, const finish *tail,
              float *y)
{
    job j = {.loops = loops_get(), .pair = *p, .tail = tail, .x = a, .g = b, .y = y};
    parallel_range(p->images * p->pixels, pixel_grain(p->channels), add_tile, &j);
}

static void multiply_image(const job *j, int64_t pixel, int64_t count, const float *b,
                           int64_t b_step)
{
    int64_t at = pixel * j->pair.channels, width = j->pair.channels;
    if (b_step > 0) {
        width *= count;
        count = 1;
    }
    j->loops->multiply(count, width, j->x + at, b, b_step, j->y + at, j->accumulate);
}

static void multiply_tile(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    each_image(context, begin, end, multiply_image);
}

void pair_multiply(const pairing *p, const float *a, const float *b, float *y)
{
    job j = {.loops = loops_get(), .pair = *p, .x = a, .g = b, .y = y};
    parallel_range(p->images * p->pixels, pixel_grain(p->channels), multiply_tile, &j);
}

static void copy_tile(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    (void)thread;
    j->loops->blend(end - begin, 1, j->x + begin, j->accumulate ? 1 : 0, j->y + begin);
}

void pair_grad_first(const pairing *p, const float *b, const float *grad_y, float *grad_a,
                     bool accumulate)
{
    job j = {.loops = loops_get(),
             .pair = *p,
             .x = grad_y,
             .g = b,
             .y = grad_a,
             .accumulate = accumulate};
    if (b)
        parallel_range(p->images * p->pixels, pixel_grain(p->channels), multiply_tile,
                       &j);
    else
        parallel_range(p->images * p->pixels * p->channels, GRAIN, copy_tile, &j);
}

/* One channel of one image at a time: the sum over its pixels in double. */
static void vector_sums(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    const pairing *p = &j->pair;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        int64_t at = i / p->channels * p->pixels * p->channels + i % p->channels;
        double sum = 0;
        for (int64_t pixel = 0; pixel < p->pixels; pixel++, at += p->channels)
            sum += (double)j->g[at] * (j->x ? (double)j->x[at] : 1);
        j->y[i] = j->accumulate ? j->y[i] + (float)sum : (float)sum;
    }
}

void pair_grad_second(const pairing *p, const float *a, const float *grad_y,
                      float *grad_b, bool accumulate)
{
    if (!p->b_is_vector) {
        pair_grad_first(p, a, grad_y, grad_b, accumulate);
        return;
    }
    job j = {.loops = loops_get(),
             .pair = *p,
             .x = a,
             .g = grad_y,
             .y = grad_b,
             .accumulate = accumulate};
    parallel_range(p->images * p->channels, GRAIN / p->pixels + 1, vector_sums, &j);
}

static float dropout_scale(const job *j)
{
    return (float)(1 / (1 - j->probability));
}

/* A block of the generator is four words; a tile starts at its own block. */
static void dropout_tile(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    random_stream r = *j->random;
    uint32_t last = (uint32_t)(ceil((1 - j->probability) * 0x1p32) - 1);
    (void)thread;
    r.counter += (uint64_t)begin / 4;
    j->loops->draw_mask(&r, last, end - begin, j->mask + begin);
    j->loops->mask_scaled(end - begin, j->mask + begin, dropout_scale(j), j->x + begin,
                          j->y + begin, false);
}

void dropout_forward(const random_stream *random, double p, int64_t n, const float *x,
                     float *y, uint8_t *mask)
{
    job j = {.loops = loops_get(),
             .random = random,
             .probability = p,
             .x = x,
             .y = y,
             .mask = mask};
    parallel_range(n, GRAIN, dropout_tile, &j);
}

static void dropout_back(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    (void)thread;
    j->loops->mask_scaled(end - begin, j->kept + begin, dropout_scale(j), j->g + begin,
                          j->y + begin, j->accumulate);
}

void dropout_backward(double p, int64_t n, const uint8_t *mask, const float *grad_y,
                      float *grad_x, bool accumulate)
{
    job j = {.loops = loops_get(),
             .probability = p,
             .kept = mask,
             .g = grad_y,
             .y = grad_x,
             .accumulate = accumulate};
    parallel_range(n, GRAIN, dropout_back, &j);
}

/* Of rows, softmax or its logarithm. */
typedef void row_function(int64_t rows, int64_t columns, const float *x, float *y);
typedef void row_gradient(int64_t rows, int64_t columns, const float *y, const float *g,
                          float *gx, bool accumulate);

typedef struct row_job {
    row_function *function;
    row_gradient *gradient;
    int64_t columns;
    const float *x, *g;
    float *y;
    bool accumulate;
} row_job;

static void run_rows(void *context, int64_t begin, int64_t end, int thread)
{
    const row_job *j = context;
    int64_t at = begin * j->columns;
    (void)thread;
    if (j->function)
        j->function(end - begin, j->columns, j->x + at, j->y + at);
    else
        j->gradient(end - begin, j->columns, j->x + at, j->g + at, j->y + at,
                    j->accumulate);
}

void softmax_forward(int64_t rows, int64_t columns, const float *x, float *y)
{
    row_job j = {.function = loops_get()->softmax, .columns = columns, .x = x, .y = y};
    parallel_range(rows, pixel_grain(columns), run_rows, &j);
}

void softmax_backward(int64_t rows, int64_t columns, const float *y, const float *grad_y,
                      float *grad_x, bool accumulate)
{
    row_job j = {.gradient = loops_get()->softmax_gradient,
                 .columns = columns,
                 .x = y,
                 .g = grad_y,
                 .y = grad_x,
                 .accumulate = accumulate};
    parallel_range(rows, pixel_grain(columns), run_rows, &j);
}

void log_softmax_forward(int64_t rows, int64_t columns, const float *x, float *y)
{
    row_job j = {
        .function = loops_get()->log_softmax, .columns = columns, .x = x, .y = y};
    parallel_range(rows, pixel_grain(columns), run_rows, &j);
}

void log_softmax_backward(int64_t rows, int64_t columns, const float *y,
                          const float *grad_y, float *grad_x, bool accumulate)
{
    row_job j = {.gradient = loops_get()->log_softmax_gradient,
                 .columns = columns,
                 .x = y,
                 .g = grad_y,
                 .y = grad_x,
                 .accumulate = accumulate};
    parallel_range(rows, pixel_grain(columns), run_rows, &j);
}
