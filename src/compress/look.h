/* SPDX-License-Identifier: GPL-3.0-or-later
   look.h -- a network at work on training samples, for whoever wants to see its values or
   its gradients.  It trains nothing. */
#ifndef LATHE_COMPRESS_LOOK_H
#define LATHE_COMPRESS_LOOK_H

#include "base/task.h"
#include "data/dataset.h"
#include "engine/plan.h"
#include "graph/model.h"
#include "train/loss.h"

typedef struct look_settings {
    const dataset *data;
    int64_t samples, batch; /* samples of split train, drawn by the seed */
    uint64_t seed;
    bool
        gradients; /* of the loss below, in training mode; else all values, in inference */
    const loss_row *loss;
    loss_settings terms;
} look_settings;

/* Shown every batch: P has run, forward or both ways, on G; SHARE is what the batch counts
   in a mean. */
typedef status look_taker(void *context, const graph *g, const plan *p, double share,
                          error *e);

/* M is not changed.  WHO names the command in messages.  E_RANGE where there are no
   samples, E_STOPPED where the task was cancelled. */
status look(const char *who, const model *m, const look_settings *s, const task *watch,
            look_taker *take, void *context, error *e);

#endif
