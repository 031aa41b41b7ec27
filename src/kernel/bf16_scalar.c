/* SPDX-License-Identifier: GPL-3.0-or-later
   bf16_scalar.c -- the bf16 loops in plain C.
   Nothing here but the choice of sizes: the source is in bf16_*.inc. */
#pragma GCC optimize("O3,no-trapping-math,no-math-errno")
#define LANES     4
#define BF16_NAME "scalar"
#include "kernel/bf16_loops.inc"
#include "kernel/bf16_plain.inc"
#include "kernel/bf16_table.inc"

const bf16_loops *const bf16_scalar = &loops_here;
