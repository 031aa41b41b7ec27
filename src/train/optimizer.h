/* SPDX-License-Identifier: GPL-3.0-or-later
   optimizer.h -- the table of optimizers, and one step of a row on one parameter, as a
   whole or in pieces; the caller owns the loop and the state. */
#ifndef LATHE_TRAIN_OPTIMIZER_H
#define LATHE_TRAIN_OPTIMIZER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "kernel/update.h"

typedef struct optimizer_settings {
    double learning_rate, weight_decay, momentum;
    double beta1, beta2, epsilon,
        alpha; /* Adam, AdamW; smoothing of RMSprop and Adadelta */
    bool nesterov;
} optimizer_settings;

typedef void (*update_loop)(const update *u, int64_t begin, int64_t end);

#define OPTIMIZER_SLOTS_MAX 2

typedef struct optimizer_row {
    const char *name, *summary, *source;
    int slots; /* arrays of state for each parameter, at most OPTIMIZER_SLOTS_MAX */
    optimizer_settings standard;
    /* Puts what is the same for all elements in step STEP, from 1, to U.  Returns the loop
       that updates them. */
    update_loop (*begin)(const optimizer_settings *s, int64_t step, update *u);
} optimizer_row;

const optimizer_row *optimizer_find(const char *name); /* adam adamw sgd ... */
const optimizer_row *optimizer_at(int i);

/* One step on a parameter.  Where MASK (u8, may be NULL) is 0, weight, gradient, decay and
   state stay 0.  All arrays are lent. */
typedef struct optimizer_pass {
    update common;
    update_loop loop;
    float *w, *slot[OPTIMIZER_SLOTS_MAX];
    const uint8_t *mask;
    int slots;
} optimizer_pass;

/* Step STEP, from 1, on W with state SLOT[0..slots-1]. */
optimizer_pass optimizer_begin(const optimizer_row *row, const optimizer_settings *s,
                               int64_t step, float *w, float *const *slot,
                               const uint8_t *mask);
/* Updates elements FIRST.. from their gradients G [count], in the calling thread; each
   element once a step. */
void optimizer_take(const optimizer_pass *p, int64_t first, int64_t count,
                    const float *g);
/* All of the N elements, by the team. */
void optimizer_take_all(const optimizer_pass *p, int64_t n, const float *g);

#endif
