/* SPDX-License-Identifier: GPL-3.0-or-later
   sparse_codes_vnni.c -- the loops of the sparse convolution on codes, for AVX-512 with
   VNNI.
   Nothing here but its own arithmetic: the source is in sparse_codes.inc. */
#if defined(__x86_64__)
#pragma GCC target(                                                                      \
    "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,prefer-vector-width=512")
#pragma GCC optimize("O3,no-trapping-math,no-math-errno")
#define LANES 16
#include "kernel/loops_vector.inc"

typedef uint32_t words __attribute__((vector_size(4 * LANES)));

/* sum + the products of four bytes of each word and four codes. */
ALWAYS words dot_four(words sum, words x, uint32_t codes)
{
    return (words)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)x,
                                      _mm512_set1_epi32((int32_t)codes));
}

/* The first LEFT codes, plus 128. */
ALWAYS words load_codes(const char *from, int64_t left)
{
    __mmask64 there = left < 64 ? (UINT64_C(1) << left) - 1 : ~UINT64_C(0);
    return (words)_mm512_maskz_loadu_epi8(there, from) ^ 0x80808080u;
}

#include "kernel/sparse_codes.inc"

const sparse_code_loops *const sparse_codes_vnni = &loops_here;
#else
#include "kernel/sparse_parts.h"
const sparse_code_loops *const sparse_codes_vnni = 0;
#endif
