/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_loops_avx2.c -- the loops over codes for AVX2.
   Nothing here but the name: the source is in integer_loops_plain.inc. */
#if defined(__x86_64__)
#pragma GCC target("avx2")
#pragma GCC optimize("O3,no-trapping-math")
#include "kernel/integer_loops_plain.inc"

const integer_loops *const integer_loops_avx2 = &loops_here;
#else
#include "kernel/integer_loops.h"
const integer_loops *const integer_loops_avx2 = 0;
#endif
