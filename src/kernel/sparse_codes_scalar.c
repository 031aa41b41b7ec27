/* SPDX-License-Identifier: GPL-3.0-or-later
   sparse_codes_scalar.c -- the loops of the sparse convolution on codes, for any
   processor.
   Nothing here but its own arithmetic: the source is in sparse_codes.inc. */
#pragma GCC optimize("O3,no-trapping-math,no-math-errno")
#define LANES 4
#include "kernel/loops_vector.inc"

typedef uint32_t words __attribute__((vector_size(4 * LANES)));

/* sum + the products of four bytes of each word and four codes. */
ALWAYS words dot_four(words sum, words x, uint32_t codes)
{
    UNROLLED (i, 4)
        sum += (x >> 8 * i & 255) * (uint32_t)(int8_t)(codes >> 8 * i & 255);
    return sum;
}

/* The first LEFT codes, plus 128. */
ALWAYS words load_codes(const char *from, int64_t left)
{
    words w = {0};
    memcpy(&w, from, (size_t)(left < 4 * LANES ? left : 4 * LANES));
    return w ^ 0x80808080u;
}

#include "kernel/sparse_codes.inc"

const sparse_code_loops *const sparse_codes_scalar = &loops_here;
