/* SPDX-License-Identifier: GPL-3.0-or-later
   simulation.h -- what training asks of whoever makes it see the model as it will be
   deployed.  The trainer knows no quantizer: compress/simulate.h makes one of these. */
#ifndef LATHE_TRAIN_SIMULATION_H
#define LATHE_TRAIN_SIMULATION_H

#include "base/task.h"
#include "data/dataset.h"
#include "engine/plan.h"
#include "graph/model.h"

/* From epoch FROM (1..) on each batch runs forward as it would in the deployed model, and
   backward through the trained one; what is validated and kept is the deployed model.
   SELF is the first argument of all. */
typedef struct train_simulation {
    int64_t from;
    void *self;
    /* Once, before that epoch: M becomes what is trained from then on. */
    status (*enter)(void *self, model *m, error *e);
    /* Before every epoch: the deployed model of M, measured on D.  Ranges that are trained
       are kept as the quantizers of M's values. */
    status (*begin)(void *self, model *m, const dataset *d, const task *watch, error *e);
    /* What the plan of a step is made of, valid for the epoch, and the plan made ready
       (plan_simulate). */
    graph *(*trained)(void *self);
    status (*attach)(void *self, plan *p, error *e);
    /* A batch forward, whose input is in P, with the weights of G, whose ranges take the
       step that the batches before ask for. */
    status (*forward)(void *self, graph *g, plan *p, uint64_t seed, uint64_t run,
                      error *e);
    /* The gradient of the loss by what parameter NUMBER of G means in codes, of a batch that
       counts SHARE of its step: it becomes that by the parameter. */
    void (*gradient)(void *self, const graph *g, int number, double share,
                     float *gradient);
    /* The deployed model with the weights of G; lent until the next call. */
    status (*deployed)(void *self, graph *g, const model **m, error *e);
} train_simulation;

#endif
