/* SPDX-License-Identifier: GPL-3.0-or-later
   winograd_avx512.c -- the inner loops of Winograd convolution for AVX-512 (F, BW, DQ, VL).
   Nothing here but the choice of sizes: the source is in loops_winograd*.inc. */
#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#pragma GCC optimize("O3,no-trapping-math,no-math-errno")
#define LANES         16
#define TILES_MOST    14
#define TAPS_TILES    9
#define OUTER_OUTPUTS 8
#include "kernel/loops_vector.inc"
#include "kernel/loops_narrow.inc"
#include "kernel/winograd_loops.h"
#include "kernel/loops_winograd_points.inc"
#include "kernel/loops_winograd_tiles.inc"
#include "kernel/loops_winograd_weight.inc"
#include "kernel/loops_winograd_taps.inc"
#include "kernel/loops_winograd_product.inc"

const winograd_loops *const winograd_avx512 = &winograd_here;
#else
#include "kernel/winograd_loops.h"
const winograd_loops *const winograd_avx512 = 0;
#endif
