/* SPDX-License-Identifier: GPL-3.0-or-later
   weight.h -- the gradient by the weight of convolutions that gather their pixels.
   Kept between the files of convolution; see kernel/algorithm.h. */
#ifndef LATHE_KERNEL_WEIGHT_H
#define LATHE_KERNEL_WEIGHT_H

#include <stddef.h>
#include "kernel/convolution.h"
#include "kernel/weight_taker.h"

size_t weight_scratch(const convolution *v);
void weight_gradient(const convolution *v, const float *x, const float *grad_y,
                     float *grad_weight, void *scratch);

#endif
