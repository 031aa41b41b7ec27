/* SPDX-License-Identifier: GPL-3.0-or-later
   weight.h -- what convolution.c must know of convolution_weight.c: its scratch memory.
   The function itself is in convolution.h. */
#ifndef LATHE_KERNEL_WEIGHT_H
#define LATHE_KERNEL_WEIGHT_H

#include "kernel/convolution.h"

/* Scratch bytes of convolution_grad_weight, where it is not depthwise. */
size_t weight_scratch(const convolution *v);

#endif
