/* SPDX-License-Identifier: GPL-3.0-or-later
   sparse_scalar.c -- the loops of the sparse convolution for any processor.
   Nothing here but the choice of sizes: the source is in sparse_loops.inc. */
#pragma GCC optimize("O3,no-trapping-math,no-math-errno")
#define LANES        4
#define FOUR_VECTORS 2
#include "kernel/loops_vector.inc"
#include "kernel/sparse_loops.inc"

const sparse_loops *const sparse_scalar = &loops_here;
