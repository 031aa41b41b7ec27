/* SPDX-License-Identifier: GPL-3.0-or-later
   update.h -- one step of an optimizer on the elements of a parameter: what the loops of
   loops_update.inc read.  The rules themselves are rows of train/optimizer.c. */
#ifndef LATHE_KERNEL_UPDATE_H
#define LATHE_KERNEL_UPDATE_H

#include <stdbool.h>
#include <stdint.h>

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

#endif
