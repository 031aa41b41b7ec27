/* SPDX-License-Identifier: GPL-3.0-or-later
   optimizer.c -- one step of each optimizer on one parameter, as one fused pass over
   weight, gradient, state and mask; nothing here keeps state or chooses a rate. */
#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "base/parallel.h"

#define GRAIN 65536 /* elements a tile: five arrays of it stay in a core's cache */

/* A step on one parameter, with what is the same for all elements worked out once. */
typedef struct update {
    float *w;
    const float *g;
    float *const *slot;
    const uint8_t *mask;
    float rate, l2; /* rate times gradient; l2 times weight is added to the gradient */
    float shrink;   /* the weight's factor before the step: decoupled decay */
    float beta1, beta2;   /* momenta and smoothings, as the optimizer has them */
    float fresh1, fresh2; /* 1 - beta, rounded once: 1 - 0.999f is off by 5e-5 */
    float gain, epsilon;  /* bias correction inside the root; added to it */
    bool nesterov;
} update;

/* The loops below are written once and compiled for masked and unmasked parameters. */
#define KEEP(i, x) (masked && !mask[i] ? 0.0f : (x))

/* m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w -= rate m / (gain sqrt(v) + eps) */
static inline __attribute__((always_inline)) void adam_span(const update *u,
                                                            int64_t begin, int64_t end,
                                                            const bool masked)
{
    float *restrict w = u->w, *restrict m = u->slot[0], *restrict v = u->slot[1];
    const float *restrict g = u->g;
    const uint8_t *restrict mask = u->mask;
    const float rate = u->rate, l2 = u->l2, shrink = u->shrink, gain = u->gain;
    const float beta1 = u->beta1, beta2 = u->beta2, epsilon = u->epsilon;
    const float fresh1 = u->fresh1, fresh2 = u->fresh2;
#pragma omp simd
    for (int64_t i = begin; i < end; i++) {
        float slope = g[i] + l2 * w[i];
        float first = beta1 * m[i] + fresh1 * slope;
        float second = beta2 * v[i] + fresh2 * slope * slope;
        float next = shrink * w[i] - rate * first / (gain * sqrtf(second) + epsilon);
        m[i] = KEEP(i, first);
        v[i] = KEEP(i, second);
        w[i] = KEEP(i, next);
    }
}

static void adam_tile(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    const update *u = context;
    if (u->mask)
        adam_span(u, begin, end, true);
    else
        adam_span(u, begin, end, false);
}

/* b = momentum b + g;  w -= rate (b, or g + momentum b with Nesterov) */
static inline __attribute__((always_inline)) void momentum_span(const update *u,
                                                                int64_t begin,
                                                                int64_t end,
                                                                const bool masked)
{
    float *restrict w = u->w, *restrict b = u->slot[0];
    const float *restrict g = u->g;
    const uint8_t *restrict mask = u->mask;
    const float rate = u->rate, l2 = u->l2, momentum = u->beta1;
    /* With Nesterov: g + momentum b; without: b alone. */
    const float of_slope = u->nesterov ? 1 : 0, of_buffer = u->nesterov ? momentum : 1;
#pragma omp simd
    for (int64_t i = begin; i < end; i++) {
        float slope = g[i] + l2 * w[i];
        float buffer = momentum * b[i] + slope;
        float next = w[i] - rate * (of_slope * slope + of_buffer * buffer);
        b[i] = KEEP(i, buffer);
        w[i] = KEEP(i, next);
    }
}

static void momentum_tile(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    const update *u = context;
    if (u->mask)
        momentum_span(u, begin, end, true);
    else
        momentum_span(u, begin, end, false);
}

/* w -= rate g, without any state */
static inline __attribute__((always_inline)) void descent_span(const update *u,
                                                               int64_t begin, int64_t end,
                                                               const bool masked)
{
    float *restrict w = u->w;
    const float *restrict g = u->g;
    const uint8_t *restrict mask = u->mask;
    const float rate = u->rate, l2 = u->l2;
#pragma omp simd
    for (int64_t i = begin; i < end; i++) {
        float next = w[i] - rate * (g[i] + l2 * w[i]);
        w[i] = KEEP(i, next);
    }
}

static void descent_tile(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    const update *u = context;
    if (u->mask)
        descent_span(u, begin, end, true);
    else
        descent_span(u, begin, end, false);
}

/* v = alpha v + (1 - alpha) g^2;  step g / (sqrt(v) + eps), through a momentum buffer
   where there is momentum */
static inline __attribute__((always_inline)) void rmsprop_span(const update *u,
                                                               int64_t begin, int64_t end,
                                                               const bool masked,
                                                               const bool moving)
{
    float *restrict w = u->w, *restrict v = u->slot[0], *restrict b = u->slot[1];
    const float *restrict g = u->g;
    const uint8_t *restrict mask = u->mask;
    const float rate = u->rate, l2 = u->l2, momentum = u->beta1, epsilon = u->epsilon;
    const float alpha = u->beta2, fresh = u->fresh2;
#pragma omp simd
    for (int64_t i = begin; i < end; i++) {
        float slope = g[i] + l2 * w[i];
        float square = alpha * v[i] + fresh * slope * slope;
        float move = slope / (sqrtf(square) + epsilon);
        if (moving) {
            move = momentum * b[i] + move;
            b[i] = KEEP(i, move);
        }
        float next = w[i] - rate * move;
        v[i] = KEEP(i, square);
        w[i] = KEEP(i, next);
    }
}

static void rmsprop_tile(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    const update *u = context;
    bool moving = u->beta1 != 0;
    if (u->mask && moving)
        rmsprop_span(u, begin, end, true, true);
    else if (u->mask)
        rmsprop_span(u, begin, end, true, false);
    else if (moving)
        rmsprop_span(u, begin, end, false, true);
    else
        rmsprop_span(u, begin, end, false, false);
}

static void adam_like(const optimizer_settings *s, int64_t step, int64_t n, update *u)
{
    double correction1 = 1 - pow(s->beta1, (double)step);
    double correction2 = 1 - pow(s->beta2, (double)step);
    u->rate = (float)(s->learning_rate / correction1);
    u->gain = (float)(1 / sqrt(correction2));
    u->beta1 = (float)s->beta1;
    u->beta2 = (float)s->beta2;
    u->fresh1 = (float)(1 - s->beta1);
    u->fresh2 = (float)(1 - s->beta2);
    u->epsilon = (float)s->epsilon;
    parallel_range(n, GRAIN, adam_tile, u);
}

static void adam_step(const optimizer_settings *s, int64_t step, int64_t n, float *w,
                      const float *g, float *const *slot, const uint8_t *mask)
{
    update u = {.w = w, .g = g, .slot = slot, .mask = mask, .shrink = 1};
    u.l2 = (float)s->weight_decay;
    adam_like(s, step, n, &u);
}

static void adamw_step(const optimizer_settings *s, int64_t step, int64_t n, float *w,
                       const float *g, float *const *slot, const uint8_t *mask)
{
    update u = {.w = w, .g = g, .slot = slot, .mask = mask};
    u.shrink = (float)(1 - s->learning_rate * s->weight_decay);
    adam_like(s, step, n, &u);
}

static void sgd_step(const optimizer_settings *s, int64_t step, int64_t n, float *w,
                     const float *g, float *const *slot, const uint8_t *mask)
{
    (void)step;
    update u = {.w = w, .g = g, .slot = slot, .mask = mask, .nesterov = s->nesterov};
    u.rate = (float)s->learning_rate;
    u.l2 = (float)s->weight_decay;
    u.beta1 = (float)s->momentum;
    parallel_range(n, GRAIN, s->momentum != 0 ? momentum_tile : descent_tile, &u);
}

static void rmsprop_step(const optimizer_settings *s, int64_t step, int64_t n, float *w,
                         const float *g, float *const *slot, const uint8_t *mask)
{
    (void)step;
    update u = {.w = w, .g = g, .slot = slot, .mask = mask};
    u.rate = (float)s->learning_rate;
    u.l2 = (float)s->weight_decay;
    u.beta1 = (float)s->momentum;
    u.beta2 = (float)s->alpha;
    u.fresh2 = (float)(1 - s->alpha);
    u.epsilon = (float)s->epsilon;
    parallel_range(n, GRAIN, rmsprop_tile, &u);
}

#define ADAM_RATES .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8

static const optimizer_row rows[] = {
    {"adam",
     "adaptive moments; weight decay is added to the gradient",
     "Kingma and Ba 2015, arXiv:1412.6980, algorithm 1",
     2,
     {.learning_rate = 1e-3, ADAM_RATES},
     adam_step},
    {"adamw",
     "adaptive moments; weight decay apart from the gradient",
     "Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2",
     2,
     {.learning_rate = 1e-3, .weight_decay = 1e-2, ADAM_RATES},
     adamw_step},
    {"sgd",
     "gradient descent, with momentum and Nesterov's look ahead where asked",
     "Sutskever et al. 2013, Proc. ICML 28(3), section 2",
     1,
     {.learning_rate = 1e-3},
     sgd_step},
    {"rmsprop",
     "gradient over its running root mean square",
     "Tieleman and Hinton 2012, Neural Networks for Machine Learning, lecture 6.5",
     2,
     {.learning_rate = 1e-3, .alpha = 0.99, .epsilon = 1e-8},
     rmsprop_step},
};

const optimizer_row *optimizer_at(int i)
{
    return i >= 0 && i < (int)(sizeof rows / sizeof rows[0]) ? &rows[i] : NULL;
}

const optimizer_row *optimizer_find(const char *name)
{
    for (int i = 0; optimizer_at(i); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}
