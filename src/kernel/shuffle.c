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

/* One element of each pixel of x's row, and of each r-th pixel of y's. */
typedef struct line {
    int64_t x, y, x_step, y_step;
} line;

/* Line I of ROW; it goes over whole rows, because pixels are too few elements to be worth
   a loop. */
static line line_of(const shuffle *s, int64_t row, int64_t i)
{
    const int64_t r = s->factor, b = i / s->c, k = i % s->c;
    const int64_t image = row / (s->h * r), at = row % (s->h * r);
    line l = {.x_step = s->c * r * r, .y_step = r * s->c};
    l.x = (image * s->h + at / r) * s->w * l.x_step + (k * r + at % r) * r + b;
    l.y = row * s->w * l.y_step + i;
    return l;
}

static int64_t line_count(const shuffle *s)
{
    return s->factor * s->c;
}

static void row_forward(void *context, int64_t row, int thread)
{
    const job *j = context;
    const float *x = j->from;
    float *y = j->to;
    (void)thread;
    for (int64_t i = 0; i < line_count(&j->s); i++) {
        const line l = line_of(&j->s, row, i);
        for (int64_t p = 0; p < j->s.w; p++)
            y[l.y + p * l.y_step] = x[l.x + p * l.x_step];
    }
}

static void row_codes(void *context, int64_t row, int thread)
{
    const job *j = context;
    const int8_t *x = j->from;
    int8_t *y = j->to;
    (void)thread;
    for (int64_t i = 0; i < line_count(&j->s); i++) {
        const line l = line_of(&j->s, row, i);
        for (int64_t p = 0; p < j->s.w; p++)
            y[l.y + p * l.y_step] = x[l.x + p * l.x_step];
    }
}

static void row_backward(void *context, int64_t row, int thread)
{
    const job *j = context;
    const float *g = j->from;
    float *x = j->to;
    (void)thread;
    for (int64_t i = 0; i < line_count(&j->s); i++) {
        const line l = line_of(&j->s, row, i);
        for (int64_t p = 0; p < j->s.w; p++) {
            float *to = x + l.x + p * l.x_step, more = g[l.y + p * l.y_step];
            *to = j->accumulate ? *to + more : more;
        }
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
