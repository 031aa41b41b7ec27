/* SPDX-License-Identifier: GPL-3.0-or-later
   bf16_avx512.c -- the bf16 loops for AVX-512 (F, BW, DQ, VL), without products of bf16.
   Nothing here but the choice of sizes: the source is in bf16_*.inc. */
#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#pragma GCC optimize("O3,no-trapping-math,no-math-errno")
#define LANES     16
#define BF16_NAME "avx512"
#include "kernel/bf16_loops.inc"
#include "kernel/bf16_plain.inc"
#include "kernel/bf16_table.inc"

const bf16_loops *const bf16_avx512 = &loops_here;
#else
#include "kernel/bf16.h"
const bf16_loops *const bf16_avx512 = 0;
#endif
