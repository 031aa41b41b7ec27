/* SPDX-License-Identifier: GPL-3.0-or-later
   sparse_avx2.c -- the loops of the sparse convolution for AVX2 with FMA.
   Nothing here but the choice of sizes: the source is in sparse_loops.inc. */
#if defined(__x86_64__)
#pragma GCC target("avx2,fma")
#pragma GCC optimize("O3,no-trapping-math,no-math-errno")
#define LANES        8
#define FOUR_VECTORS 2
#include "kernel/loops_vector.inc"
#include "kernel/sparse_loops.inc"

const sparse_loops *const sparse_avx2 = &loops_here;
#else
#include "kernel/sparse_parts.h"
const sparse_loops *const sparse_avx2 = 0;
#endif
