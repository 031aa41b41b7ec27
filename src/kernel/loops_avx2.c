/* SPDX-License-Identifier: GPL-3.0-or-later
   loops_avx2.c -- the inner loops for AVX2 with FMA.
   Nothing here but the choice of sizes: the source is in loops_*.inc. */
#if defined(__x86_64__)
#pragma GCC target("avx2,fma")
#pragma GCC optimize("O3,no-trapping-math,no-math-errno")
#define LANES         8
#define BLOCK_ONE     12
#define BLOCK_TWO     6
#define OUTER_OUTPUTS 4
#include "kernel/loops_vector.inc"
#include "kernel/loops_narrow.inc"
#include "kernel/loops_transpose.inc"
#include "kernel/loops_product.inc"
#include "kernel/loops_pack.inc"
#include "kernel/loops_outer.inc"
#include "kernel/loops_pointwise.inc"
#include "kernel/loops_norm.inc"
#include "kernel/loops_rows.inc"
#include "kernel/loops_update.inc"
#include "kernel/loops_random.inc"
#include "kernel/loops_depthwise.inc"
#include "kernel/loops_strip.inc"
#include "kernel/loops_planes.inc"
#include "kernel/loops_window.inc"
#include "kernel/loops_table.inc"

const kernel_loops *const loops_avx2 = &loops_here;
#else
#include "kernel/loops.h"
const kernel_loops *const loops_avx2 = 0;
#endif
