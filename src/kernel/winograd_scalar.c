/* SPDX-License-Identifier: GPL-3.0-or-later
   winograd_scalar.c -- the inner loops of Winograd convolution for any processor.
   Nothing here but the choice of sizes: the source is in loops_winograd*.inc. */
#pragma GCC optimize("O3,no-trapping-math,no-math-errno")
#define LANES         4
#define TILES_MOST    4
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

const winograd_loops *const winograd_scalar = &winograd_here;
