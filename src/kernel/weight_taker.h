/* SPDX-License-Identifier: GPL-3.0-or-later
   weight_taker.h -- somebody who takes the gradient by a weight piece by piece while it is
   in the cache, such as an optimizer: then it stands nowhere as a whole. */
#ifndef LATHE_KERNEL_WEIGHT_TAKER_H
#define LATHE_KERNEL_WEIGHT_TAKER_H

#include <stdbool.h>
#include <stdint.h>

/* Pieces are handed over by several threads at a time, each number of the weight exactly
   once, in no order. */
typedef struct weight_taker {
    /* COUNT numbers of the gradient, from number FIRST of the weight on. */
    void (*take)(void *context, int64_t first, int64_t count, const float *gradient);
    void *context;
} weight_taker;

/* Whether a gradient of so many FLOATS leaves the second-level cache before an optimizer
   reads it. */
static inline bool weight_goes_past(int64_t floats)
{
    return floats > 1 << 18;
}

#endif
