/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_loops_scalar.c -- the loops over codes for any processor.
   Nothing here but the name: the source is in integer_loops_plain.inc. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif
#include "kernel/integer_loops_plain.inc"

const integer_loops *const integer_loops_scalar = &loops_here;
