/* SPDX-License-Identifier: GPL-3.0-or-later
   kept.h -- pixels that are kept as bf16, brought to f32 and back a few rows at a time for
   kernels that compute in f32.  It computes nothing. */
#ifndef LATHE_KERNEL_KEPT_H
#define LATHE_KERNEL_KEPT_H

#include <stdint.h>
#include "kernel/precision.h"

/* COUNT pixels of CHANNELS of the bf16 numbers FROM, from number AT on and PITCH apart, to
   TO, where they follow each other. */
void kept_read(const void *from, int64_t at, int64_t count, int64_t channels,
               int64_t pitch, float *to);
/* The way back, rounded to nearest even. */
void kept_write(const float *from, int64_t count, int64_t channels, void *to, int64_t at,
                int64_t pitch);

#endif
