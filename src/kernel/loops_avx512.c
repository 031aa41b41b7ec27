/* SPDX-License-Identifier: GPL-3.0-or-later
   loops_avx512.c -- the inner loops for AVX-512 (F, BW, DQ, VL).
   Nothing here but the choice of sizes: the source is in loops_*.inc. */
#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#pragma GCC optimize("O3,no-trapping-math,no-math-errno")
#define LANES         16
#define BLOCK_ONE     16
#define BLOCK_TWO     12
#define OUTER_OUTPUTS 8
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

const kernel_loops *const loops_avx512 = &loops_here;
#else
#include "kernel/loops.h"
const kernel_loops *const loops_avx512 = 0;
#endif
