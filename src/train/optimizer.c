/* SPDX-License-Identifier: GPL-3.0-or-later
   optimizer.c -- the table of optimizers: what each makes of its settings for one step on
   one parameter; nothing here keeps state or chooses a rate.  The passes over the elements
   are in kernel/loops_update.inc. */
#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "kernel/loops.h"

#define GRAIN 65536 /* elements a tile: five arrays of it stay in a core's cache */

typedef void (*update_loop)(const update *u, int64_t begin, int64_t end);

typedef struct job {
    const update *update;
    update_loop loop;
} job;

static void update_tile(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    (void)thread;
    j->loop(j->update, begin, end);
}

static void update_all(const update *u, int64_t n, update_loop loop)
{
    job j = {u, loop};
    parallel_range(n, GRAIN, update_tile, &j);
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
    update_all(u, n, loops_get()->adam);
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
    const kernel_loops *loops = loops_get();
    update_all(&u, n, s->momentum != 0 ? loops->momentum : loops->descent);
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
    update_all(&u, n, loops_get()->rmsprop);
}

static void adadelta_step(const optimizer_settings *s, int64_t step, int64_t n, float *w,
                          const float *g, float *const *slot, const uint8_t *mask)
{
    (void)step;
    update u = {.w = w, .g = g, .slot = slot, .mask = mask};
    u.rate = (float)s->learning_rate;
    u.l2 = (float)s->weight_decay;
    u.beta2 = (float)s->alpha;
    u.fresh2 = (float)(1 - s->alpha);
    u.epsilon = (float)s->epsilon;
    update_all(&u, n, loops_get()->adadelta);
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
    {"adadelta",
     "gradient in the unit of the weights, by the running size of earlier moves",
     "Zeiler 2012, arXiv:1212.5701, algorithm 1",
     2,
     {.learning_rate = 1, .alpha = 0.9, .epsilon = 1e-6},
     adadelta_step},
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
