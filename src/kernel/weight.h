/* SPDX-License-Identifier: GPL-3.0-or-later
   weight.h -- the gradient by the weight of convolutions that gather their pixels.
   Kept between the files of convolution; see kernel/algorithm.h. */
#ifndef LATHE_KERNEL_WEIGHT_H
#define LATHE_KERNEL_WEIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include "kernel/convolution.h"

/* Whether a gradient of so many FLOATS leaves the second-level cache before an optimizer
   reads it. */
static inline bool weight_goes_past(int64_t floats)
{
    return floats > 1 << 18;
}

size_t weight_scratch(const convolution *v);
void weight_gradient(const convolution *v, const float *x, const float *grad_y,
                     float *grad_weight, void *scratch);

#endif
