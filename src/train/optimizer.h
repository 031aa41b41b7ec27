/* SPDX-License-Identifier: GPL-3.0-or-later
   optimizer.h -- the table of optimizers.  A row updates one parameter by one step; the
   caller owns the loop and the state. */
#ifndef LATHE_TRAIN_OPTIMIZER_H
#define LATHE_TRAIN_OPTIMIZER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"

typedef struct optimizer_settings {
    double learning_rate, weight_decay, momentum;
    double beta1, beta2, epsilon,
        alpha; /* Adam, AdamW; smoothing of RMSprop and Adadelta */
    bool nesterov;
} optimizer_settings;

typedef struct optimizer_row {
    const char *name, *summary, *source;
    int slots; /* arrays of state for each parameter */
    optimizer_settings standard;
    /* W [n] and SLOT[0..slots-1] [n] are updated from gradient G [n]; STEP counts from 1.
       Where MASK (u8 [n], may be NULL) is 0, weight, gradient, decay and state stay 0. */
    void (*step)(const optimizer_settings *s, int64_t step, int64_t n, float *w,
                 const float *g, float *const *slot, const uint8_t *mask);
} optimizer_row;

const optimizer_row *optimizer_find(const char *name); /* adam adamw sgd ... */
const optimizer_row *optimizer_at(int i);

#endif
