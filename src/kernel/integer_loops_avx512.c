/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_loops_avx512.c -- the loops over codes for AVX-512 (F, BW, DQ, VL).
   Nothing here but the name: the source is in integer_loops_vector.inc. */
#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,prefer-vector-width=512")
#pragma GCC optimize("O3")
#include "kernel/integer_loops_vector.inc"

const integer_loops *const integer_loops_avx512 = &loops_here;
#else
#include "kernel/integer_loops.h"
const integer_loops *const integer_loops_avx512 = 0;
#endif
