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

/* Four rows share a pointer, so that all have a register. */
ALWAYS void multiply_rows(const bf16_multiply *t, int64_t first, const int rows,
                          const int vectors)
{
    __m512 acc[16][2];
    const int64_t step = t->x_step, steps = 3 * step;
    UNROLLED (r, rows)
        UNROLLED (v, vectors) {
            const float *sum = t->sum[first / BF16_LANES][v];
            acc[r][v] = t->add
                            ? _mm512_loadu_ps(sum + (first % BF16_LANES + r) * BF16_LANES)
                            : _mm512_setzero_ps();
        }
    for (int64_t b = 0; b < t->blocks; b++) {
        const bf16 *x[4];
        int64_t at = t->w_offset ? t->w_offset[b] : b * t->w_block;
        int64_t end = at + (t->pairs ? t->pairs[b] : BF16_DEPTH / 2) * t->w_row;
        UNROLLED (q, rows / 4)
            x[q] = t->x + (first + 4 * q) * step + t->x_offset[b];
        for (; at < end; at += t->w_row) {
            __m512i w[2];
            UNROLLED (v, vectors)
                w[v] = _mm512_loadu_si512(t->w[v] + at);
            UNROLLED (r, rows) {
                int32_t pair;
                memcpy(&pair, x[r / 4] + (r % 4 == 3 ? steps : r % 4 * step),
                       sizeof pair);
                __m512bh value = (__m512bh)_mm512_set1_epi32(pair);
                UNROLLED (v, vectors)
                    acc[r][v] = _mm512_dpbf16_ps(acc[r][v], value, (__m512bh)w[v]);
            }
            UNROLLED (q, rows / 4)
                x[q] += 2;
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
    enum { ROWS = 16 }; /* by one vector; sums of 16 hide how long a product takes */
    for (int64_t r = 0; t->vectors == 1 && r < t->rows; r += ROWS)
        multiply_rows(t, r, ROWS, 1);
    for (int64_t r = 0; t->vectors == 2 && r < t->rows; r += ROWS / 2)
        multiply_rows(t, r, ROWS / 2, 2);
}

#include "kernel/bf16_table.inc"

const bf16_loops *const bf16_dot = &loops_here;
#else
#include "kernel/bf16.h"
const bf16_loops *const bf16_dot = 0;
#endif
