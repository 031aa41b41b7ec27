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

void optimizer_take(const optimizer_pass *p, int64_t first, int64_t count, const float *g)
{
    float *slot[OPTIMIZER_SLOTS_MAX];
    update u = p->common;
    for (int k = 0; k < p->slots; k++)
        slot[k] = p->slot[k] + first;
    u.w = p->w + first;
    u.slot = slot;
    u.mask = p->mask ? p->mask + first : NULL;
    u.g = g;
    p->loop(&u, 0, count);
}

typedef struct job {
    const optimizer_pass *pass;
    const float *g;
} job;

static void take_tile(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    (void)thread;
    optimizer_take(j->pass, begin, end - begin, j->g + begin);
}

void optimizer_take_all(const optimizer_pass *p, int64_t n, const float *g)
{
    parallel_range(n, GRAIN, take_tile, &(job){p, g});
}

optimizer_pass optimizer_begin(const optimizer_row *row, const optimizer_settings *s,
                               int64_t step, float *w, float *const *slot,
                               const uint8_t *mask)
{
    optimizer_pass p = {.w = w, .mask = mask, .slots = row->slots};
    for (int k = 0; k < row->slots; k++)
        p.slot[k] = slot[k];
    p.loop = row->begin(s, step, &p.common);
    return p;
}

static update_loop adam_like(const optimizer_settings *s, int64_t step, update *u)
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
    return loops_get()->adam;
}

static update_loop adam_begin(const optimizer_settings *s, int64_t step, update *u)
{
    u->shrink = 1;
    u->l2 = (float)s->weight_decay;
    return adam_like(s, step, u);
}

static update_loop adamw_begin(const optimizer_settings *s, int64_t step, update *u)
{
    u->shrink = (float)(1 - s->learning_rate * s->weight_decay);
    return adam_like(s, step, u);
}

static update_loop sgd_begin(const optimizer_settings *s, int64_t step, update *u)
{
    (void)step;
    u->nesterov = s->nesterov;
    u->rate = (float)s->learning_rate;
    u->l2 = (float)s->weight_decay;
    u->beta1 = (float)s->momentum;
    return s->momentum != 0 ? loops_get()->momentum : loops_get()->descent;
}

static update_loop rmsprop_begin(const optimizer_settings *s, int64_t step, update *u)
{
    (void)step;
    u->rate = (float)s->learning_rate;
    u->l2 = (float)s->weight_decay;
    u->beta1 = (float)s->momentum;
    u->beta2 = (float)s->alpha;
    u->fresh2 = (float)(1 - s->alpha);
    u->epsilon = (float)s->epsilon;
    return loops_get()->rmsprop;
}

static update_loop adadelta_begin(const optimizer_settings *s, int64_t step, update *u)
{
    (void)step;
    u->rate = (float)s->learning_rate;
    u->l2 = (float)s->weight_decay;
    u->beta2 = (float)s->alpha;
    u->fresh2 = (float)(1 - s->alpha);
    u->epsilon = (float)s->epsilon;
    return loops_get()->adadelta;
}

#define ADAM_RATES .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8

static const optimizer_row rows[] = {
    {"adam",
     "adaptive moments; weight decay is added to the gradient",
     "Kingma and Ba 2015, arXiv:1412.6980, algorithm 1",
     2,
     {.learning_rate = 1e-3, ADAM_RATES},
     adam_begin},
    {"adamw",
     "adaptive moments; weight decay apart from the gradient",
     "Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2",
     2,
     {.learning_rate = 1e-3, .weight_decay = 1e-2, ADAM_RATES},
     adamw_begin},
    {"sgd",
     "gradient descent, with momentum and Nesterov's look ahead where asked",
     "Sutskever et al. 2013, Proc. ICML 28(3), section 2",
     1,
     {.learning_rate = 1e-3},
     sgd_begin},
    {"rmsprop",
     "gradient over its running root mean square",
     "Tieleman and Hinton 2012, Neural Networks for Machine Learning, lecture 6.5",
     2,
     {.learning_rate = 1e-3, .alpha = 0.99, .epsilon = 1e-8},
     rmsprop_begin},
    {"adadelta",
     "gradient in the unit of the weights, by the running size of earlier moves",
     "Zeiler 2012, arXiv:1212.5701, algorithm 1",
     2,
     {.learning_rate = 1, .alpha = 0.9, .epsilon = 1e-6},
     adadelta_begin},
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
