/* SPDX-License-Identifier: GPL-3.0-or-later
   kept.c -- moving pixels between bf16 and f32; the loops are in bf16_loops.inc. */
#include "kernel/kept.h"

#include "kernel/bf16.h"

void kept_read(const void *from, int64_t at, int64_t count, int64_t channels,
               int64_t pitch, float *to)
{
    bf16_loops_get()->widen_rows(count, channels, precision_at(from, PRECISION_BF16, at),
                                 pitch, to);
}

void kept_write(const float *from, int64_t count, int64_t channels, void *to, int64_t at,
                int64_t pitch)
{
    bf16_loops_get()->narrow_rows(count, channels, from,
                                  precision_write_at(to, PRECISION_BF16, at), pitch);
}
