/* SPDX-License-Identifier: GPL-3.0-or-later
   loops_scalar.c -- the inner loops for any processor, by vectors of four floats that the
   compiler makes of what there is.
   Nothing here but the choice of sizes: the source is in loops_*.inc. */
#pragma GCC optimize("O3,no-trapping-math,no-math-errno")
#define LANES         4
#define BLOCK_ONE     8
#define BLOCK_TWO     4
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

const kernel_loops *const loops_scalar = &loops_here;
