/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_avx2.c -- products of codes with AVX2, as 16-bit numbers without zero point:
   the multiply-add of bytes would saturate.  It allocates nothing and knows no
   convolution. */
#include "kernel/integer_product.h"

#if defined(__x86_64__)
#pragma GCC target("avx2,fma")
#pragma GCC optimize("O3")
#include <immintrin.h>
#include <string.h>

enum { UNIT = 2, WORD = 4 * INTEGER_LANES, ROWS = 4, HALF = INTEGER_LANES / 2 };

static __m256i load(const void *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

/* Four rows by one block: sums are 8 of the 16 registers. */
static void multiply_rows(const integer_product *p, int64_t row, int64_t block)
{
    __m256i sum[ROWS][2];
    const char *x[ROWS];
    const integer_reach reach = integer_product_reach(p, row, ROWS);
    const int64_t first = reach.first_run, end = reach.end_run;
    const char *weight =
        p->weight + block * p->block_distance + first * p->run_steps * WORD;
    int32_t *to = p->sum + (row * p->blocks + block) * INTEGER_LANES;
#pragma GCC unroll 8
    for (int i = 0; i < 2 * ROWS; i++)
        sum[i / 2][i % 2] = load(p->shift + block * INTEGER_LANES + i % 2 * HALF);
    for (int r = 0; r < ROWS; r++)
        x[r] = p->x + p->row[row + r].place * p->row_distance;
    for (int64_t run = first; run < end; run++)
        for (int64_t step = 0; step < p->run_steps; step++, weight += WORD) {
            __m256i low = load(weight), high = load(weight + WORD / 2);
#pragma GCC unroll 4
            for (int r = 0; r < ROWS; r++) {
                int32_t two;
                memcpy(&two, x[r] + run * p->run_distance + step * 4, sizeof two);
                __m256i codes = _mm256_set1_epi32(two);
                sum[r][0] = _mm256_add_epi32(sum[r][0], _mm256_madd_epi16(codes, low));
                sum[r][1] = _mm256_add_epi32(sum[r][1], _mm256_madd_epi16(codes, high));
            }
        }
#pragma GCC unroll 8
    for (int i = 0; i < 2 * ROWS; i++)
        _mm256_storeu_si256(
            (__m256i *)(to + i / 2 * p->blocks * INTEGER_LANES + i % 2 * HALF),
            sum[i / 2][i % 2]);
}

static void multiply(const integer_product *p)
{
    for (int64_t block = 0; block < p->blocks; block++)
        for (int64_t row = 0; row < p->rows; row += ROWS)
            multiply_rows(p, row, block);
}

static void copy(void *source, const int8_t *codes, int64_t n, int32_t zero)
{
    int16_t *to = source;
    for (int64_t i = 0; i < n; i++)
        to[i] = (int16_t)(codes[i] - zero);
}

static const integer_kernel kernel = {
    .form = {.unit = UNIT, .element = 2},
    .multiply = multiply,
    .copy = copy,
};

const integer_kernel *const integer_kernel_avx2 = &kernel;
#else
const integer_kernel *const integer_kernel_avx2 = 0;
#endif
