/* SPDX-License-Identifier: GPL-3.0-or-later
   depthwise.h -- which convolutions are of each channel by itself.  Their row is in
   kernel/algorithm. */
#ifndef LATHE_KERNEL_DEPTHWISE_H
#define LATHE_KERNEL_DEPTHWISE_H

#include <stdbool.h>
#include "kernel/convolution.h"

/* Groups, channels in and channels out are the same number, above 1. */
bool depthwise_is(const convolution *v);

#endif
