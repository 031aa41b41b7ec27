/* SPDX-License-Identifier: GPL-3.0-or-later
   peak.h -- what one core can do at most: products that never leave its registers, and
   reading with nothing else to do.  Others count the time. */
#ifndef LATHE_KERNEL_PEAK_H
#define LATHE_KERNEL_PEAK_H

#include <stddef.h>
#include <stdint.h>

typedef enum peak_kind { PEAK_F32, PEAK_BF16, PEAK_S8, PEAK_KINDS } peak_kind;

/* Does ROUNDS of independent multiply-adds in registers, by the instructions that the
   kernels of this level use.  Returns how many they were; 0 where the level has none of
   their own (bf16).  *SINK receives what keeps them from being left out. */
int64_t peak_multiply(peak_kind kind, int64_t rounds, float *sink);

/* Reads BYTES (a multiple of 512) at BLOCK, 64-byte aligned. */
void peak_read(const void *block, size_t bytes, uint64_t *sink);

#endif
