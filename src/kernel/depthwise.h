/* SPDX-License-Identifier: GPL-3.0-or-later
   depthwise.h -- convolutions of each channel by itself (groups = channels in = channels
   out), as kernel/convolution calls them.  Arguments are those of convolution.h. */
#ifndef LATHE_KERNEL_DEPTHWISE_H
#define LATHE_KERNEL_DEPTHWISE_H

#include "kernel/convolution.h"

bool depthwise_is(const convolution *v);

size_t depthwise_scratch(const convolution *v, bool training);
void depthwise_forward(const convolution *v, const float *x, const float *weight,
                       const float *bias, const finish *tail, float *y, void *block);
void depthwise_grad_input(const convolution *v, const float *grad_y, const float *weight,
                          float *grad_x, bool accumulate, void *block);
void depthwise_grad_weight(const convolution *v, const float *x, const float *grad_y,
                           float *grad_weight, void *block);

#endif
