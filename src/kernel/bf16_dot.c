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

/* The sums of neighbouring lanes: first of A, then of B. */
ALWAYS __m512 fold(__m512 a, __m512 b)
{
    const __m512i even =
        _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    const __m512i odd = _mm512_or_si512(even, _mm512_set1_epi32(1));
    return _mm512_add_ps(_mm512_permutex2var_ps(a, even, b),
                         _mm512_permutex2var_ps(a, odd, b));
}

/* Eight rows from FIRST on, of two pixels each: four k of one are a broadcast, their
   first pair for the even lanes and their second for the odd ones. */
ALWAYS void split_rows(const bf16_multiply *t, int64_t first)
{
    enum { ROWS = 8 };
    __m512 acc[ROWS][2];
    const int64_t step = t->x_step, steps = 3 * step;
    UNROLLED (r, ROWS)
        acc[r][0] = acc[r][1] = _mm512_setzero_ps();
    for (int64_t b = 0; b < t->blocks; b++) {
        const bf16 *x[4];
        const uint32_t *w = t->w[0] + b * t->w_block;
        const uint32_t *end = w + (t->pairs[b] + 1) / 2 * t->w_row;
        UNROLLED (q, 4)
            x[q] = t->x + (first + q / 2 * 4) * step + t->x_offset[b] + q % 2 * t->second;
        for (; w < end; w += t->w_row) {
            __m512bh weight = (__m512bh)_mm512_loadu_si512(w);
            UNROLLED (r, ROWS)
                UNROLLED (p, 2) {
                    int64_t four;
                    memcpy(&four, x[r / 4 * 2 + p] + (r % 4 == 3 ? steps : r % 4 * step),
                           sizeof four);
                    acc[r][p] = _mm512_dpbf16_ps(
                        acc[r][p], (__m512bh)_mm512_set1_epi64(four), weight);
                }
            UNROLLED (q, 4)
                x[q] += 4;
        }
    }
    UNROLLED (r, ROWS)
        _mm512_storeu_ps(t->sum[first / BF16_LANES][0] +
                             (first % BF16_LANES + r) * BF16_LANES,
                         fold(acc[r][0], acc[r][1]));
}

static void loop_multiply_split(const bf16_multiply *t)
{
    for (int64_t r = 0; r < t->rows; r += 8)
        split_rows(t, r);
}

#define BF16_SPLIT loop_multiply_split
#include "kernel/bf16_table.inc"

const bf16_loops *const bf16_dot = &loops_here;
#else
#include "kernel/bf16.h"
const bf16_loops *const bf16_dot = 0;
#endif
