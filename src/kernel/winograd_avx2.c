/* SPDX-License-Identifier: GPL-3.0-or-later
   winograd_avx2.c -- the inner loops of Winograd convolution for AVX2 with FMA.
   Nothing here but the choice of sizes: the source is in loops_winograd*.inc. */
#if defined(__x86_64__)
#pragma GCC target("avx2,fma")
#pragma GCC optimize("O3,no-trapping-math,no-math-errno")
#define LANES         8
#define TILES_MOST    6
#define TAPS_TILES    4
#define OUTER_OUTPUTS 4
#include "kernel/loops_vector.inc"
#include "kernel/loops_narrow.inc"
#include "kernel/winograd_loops.h"
#include "kernel/loops_winograd_points.inc"
#include "kernel/loops_winograd_tiles.inc"
#include "kernel/loops_winograd_weight.inc"
#include "kernel/loops_winograd_taps.inc"
#include "kernel/loops_winograd_product.inc"

const winograd_loops *const winograd_avx2 = &winograd_here;
#else
#include "kernel/winograd_loops.h"
const winograd_loops *const winograd_avx2 = 0;
#endif
