/* SPDX-License-Identifier: GPL-3.0-or-later
   bf16_dot.c -- the bf16 loops for AVX-512 BF16: one instruction multiplies 16 pairs.
   It knows no images. */
#if defined(__x86_64__)
#pragma GCC target(                                                                      \
    "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,prefer-vector-width=512")
#pragma GCC optimize("O3,no-trapping-math,no-math-errno")
#define LANES     16
#define BF16_DOT  1
#define BF16_NAME "avx512-bf16"
#include "kernel/bf16_loops.inc"

static void loop_enter(void)
{
}

static void loop_leave(void)
{
}

ALWAYS void multiply_rows(const bf16_multiply *t, int64_t first, const int rows,
                          const int vectors)
{
    __m512 acc[8][2];
    UNROLLED (r, rows)
        UNROLLED (v, vectors) {
            const float *sum = t->sum[first / BF16_LANES][v];
            acc[r][v] = t->add
                            ? _mm512_loadu_ps(sum + (first % BF16_LANES + r) * BF16_LANES)
                            : _mm512_setzero_ps();
        }
    for (int64_t b = 0; b < t->blocks; b++) {
        const bf16 *x = t->x + first * t->x_step + t->x_offset[b];
        int64_t at = t->w_offset ? t->w_offset[b] : b * t->w_block;
        for (int64_t k = 0; k < BF16_DEPTH; k += 2, at += t->w_row) {
            __m512i w[2];
            UNROLLED (v, vectors)
                w[v] = _mm512_loadu_si512(t->w[v] + at);
            UNROLLED (r, rows) {
                int32_t pair;
                memcpy(&pair, x + r * t->x_step + k, sizeof pair);
                __m512bh value = (__m512bh)_mm512_set1_epi32(pair);
                UNROLLED (v, vectors)
                    acc[r][v] = _mm512_dpbf16_ps(acc[r][v], value, (__m512bh)w[v]);
            }
        }
    }
    UNROLLED (r, rows)
        UNROLLED (v, vectors)
            _mm512_storeu_ps(t->sum[first / BF16_LANES][v] +
                                 (first % BF16_LANES + r) * BF16_LANES,
                             acc[r][v]);
}

static void loop_multiply(const bf16_multiply *t)
{
    enum { ROWS = 8 };
    for (int64_t r = 0; r < t->rows; r += ROWS)
        if (t->vectors == 2)
            multiply_rows(t, r, ROWS, 2);
        else
            multiply_rows(t, r, ROWS, 1);
}

#include "kernel/bf16_table.inc"

const bf16_loops *const bf16_dot = &loops_here;
#else
#include "kernel/bf16.h"
const bf16_loops *const bf16_dot = 0;
#endif
