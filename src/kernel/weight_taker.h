/* SPDX-License-Identifier: GPL-3.0-or-later
   weight_taker.h -- somebody who takes the gradient by a weight piece by piece while it is
   in the cache, such as an optimizer: then it stands nowhere as a whole. */
#ifndef LATHE_KERNEL_WEIGHT_TAKER_H
#define LATHE_KERNEL_WEIGHT_TAKER_H

#include <stdint.h>

/* Pieces are handed over by several threads at a time, each number of the weight exactly
   once, in no order. */
typedef struct weight_taker {
    /* COUNT numbers of the gradient, from number FIRST of the weight on. */
    void (*take)(void *context, int64_t first, int64_t count, const float *gradient);
    void *context;
} weight_taker;

#endif
