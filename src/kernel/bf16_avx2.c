/* SPDX-License-Identifier: GPL-3.0-or-later
   bf16_avx2.c -- the bf16 loops for AVX2, without products of bf16.
   Nothing here but the choice of sizes: the source is in bf16_*.inc. */
#if defined(__x86_64__)
#pragma GCC target("avx2,fma")
#pragma GCC optimize("O3,no-trapping-math,no-math-errno")
#define LANES     8
#define BF16_NAME "avx2"
#include "kernel/bf16_loops.inc"
#include "kernel/bf16_plain.inc"
#include "kernel/bf16_table.inc"

const bf16_loops *const bf16_avx2 = &loops_here;
#else
#include "kernel/bf16.h"
const bf16_loops *const bf16_avx2 = 0;
#endif
