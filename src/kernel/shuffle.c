/* SPDX-License-Identifier: GPL-3.0-or-later
   shuffle.c -- channels to pixels and back, a row of y at a time.
   Nothing is computed but sums of gradients. */
#include "kernel/shuffle.h"

#include "base/parallel.h"

typedef struct job {
    shuffle s;
    const void *from;
    void *to;
    bool accumulate;
} job;

/* Where element K of pixel J R + B in row ROW of y lies in x, in two parts. */
static int64_t row_place(const shuffle *s, int64_t row)
{
    int64_t r = s->factor, image = row / (s->h * r), y = row % (s->h * r);
    return ((image * s->h + y / r) * s->w * s->c * r + y % r) * r;
}

static int64_t pixel_place(const shuffle *s, int64_t j, int64_t b)
{
    return j * s->c * s->factor * s->factor + b;
}

#define FOR_EACH_PIXEL(s, at)                                                            \
    for (int64_t j = 0, at = 0; j < (s)->w; j++)                                         \
        for (int64_t b = 0; b < (s)->factor; b++, at += (s)->c)

static void row_forward(void *context, int64_t row, int thread)
{
    const job *j_ = context;
    const shuffle *s = &j_->s;
    const float *x = (const float *)j_->from + row_place(s, row);
    float *y = (float *)j_->to + row * s->w * s->factor * s->c;
    const int64_t step = s->factor * s->factor;
    (void)thread;
    FOR_EACH_PIXEL(s, at)
    {
        const float *from = x + pixel_place(s, j, b);
        for (int64_t k = 0; k < s->c; k++)
            y[at + k] = from[k * step];
    }
}

static void row_codes(void *context, int64_t row, int thread)
{
    const job *j_ = context;
    const shuffle *s = &j_->s;
    const int8_t *x = (const int8_t *)j_->from + row_place(s, row);
    int8_t *y = (int8_t *)j_->to + row * s->w * s->factor * s->c;
    const int64_t step = s->factor * s->factor;
    (void)thread;
    FOR_EACH_PIXEL(s, at)
    {
        const int8_t *from = x + pixel_place(s, j, b);
        for (int64_t k = 0; k < s->c; k++)
            y[at + k] = from[k * step];
    }
}

static void row_backward(void *context, int64_t row, int thread)
{
    const job *j_ = context;
    const shuffle *s = &j_->s;
    const float *g = (const float *)j_->from + row * s->w * s->factor * s->c;
    float *x = (float *)j_->to + row_place(s, row);
    const int64_t step = s->factor * s->factor;
    (void)thread;
    FOR_EACH_PIXEL(s, at)
    {
        float *to = x + pixel_place(s, j, b);
        for (int64_t k = 0; k < s->c; k++)
            to[k * step] = j_->accumulate ? to[k * step] + g[at + k] : g[at + k];
    }
}

static void run(const shuffle *s, const void *from, void *to, bool accumulate,
                void (*row)(void *context, int64_t row, int thread))
{
    job j = {*s, from, to, accumulate};
    parallel_for(s->n * s->h * s->factor, row, &j);
}

void shuffle_forward(const shuffle *s, const float *x, float *y)
{
    run(s, x, y, false, row_forward);
}

void shuffle_codes(const shuffle *s, const int8_t *x, int8_t *y)
{
    run(s, x, y, false, row_codes);
}

void shuffle_backward(const shuffle *s, const float *grad_y, float *grad_x,
                      bool accumulate)
{
    run(s, grad_y, grad_x, accumulate, row_backward);
}
