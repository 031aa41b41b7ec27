/* SPDX-License-Identifier: GPL-3.0-or-later
   sparse_avx512.c -- the loops of the sparse convolution for AVX-512 (F, BW, DQ, VL).
   Nothing here but the choice of sizes: the source is in sparse_loops.inc. */
#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#pragma GCC optimize("O3,no-trapping-math,no-math-errno")
#define LANES        16
#define FOUR_VECTORS 4
#include "kernel/loops_vector.inc"
#include "kernel/sparse_loops.inc"

const sparse_loops *const sparse_avx512 = &loops_here;
#else
#include "kernel/sparse_parts.h"
const sparse_loops *const sparse_avx512 = 0;
#endif
