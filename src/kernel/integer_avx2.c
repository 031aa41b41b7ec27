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
    const char *run_x = p->x + row * p->row_distance;
    const char *weight = p->weight + block * p->block_distance;
    int32_t *to = p->sum + (row * p->blocks + block) * INTEGER_LANES;
#pragma GCC unroll 8
    for (int i = 0; i < 2 * ROWS; i++)
        sum[i / 2][i % 2] = load(p->shift + block * INTEGER_LANES + i % 2 * HALF);
    for (int64_t run = 0; run < p->runs; run++, run_x += p->run_distance)
        for (int64_t step = 0; step < p->run_steps; step++, weight += WORD) {
            __m256i low = load(weight), high = load(weight + WORD / 2);
#pragma GCC unroll 4
            for (int r = 0; r < ROWS; r++) {
                int32_t two;
                memcpy(&two, run_x + r * p->row_distance + step * 4, sizeof two);
                __m256i x = _mm256_set1_epi32(two);
                sum[r][0] = _mm256_add_epi32(sum[r][0], _mm256_madd_epi16(x, low));
                sum[r][1] = _mm256_add_epi32(sum[r][1], _mm256_madd_epi16(x, high));
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

/* Eight sums, clamped and rounded half to even, without their zero point. */
static __m256i round_sums(const int32_t *sum, const float *multiplier, integer_format out)
{
    __m256 y = _mm256_mul_ps(_mm256_cvtepi32_ps(load(sum)), _mm256_loadu_ps(multiplier));
    y = _mm256_max_ps(y, _mm256_set1_ps((float)(out.low - out.zero)));
    return _mm256_cvtps_epi32(
        _mm256_min_ps(y, _mm256_set1_ps((float)(out.high - out.zero))));
}

static void round_tile(const integer_rounding *r)
{
    const int64_t lanes = r->blocks * INTEGER_LANES;
    const __m128i zero = _mm_set1_epi16((int16_t)r->out.zero);
    for (int64_t i = 0; i < r->rows * lanes; i += HALF) {
        __m256i y = round_sums(r->sum + i, r->multiplier + i % lanes, r->out);
        __m128i q =
            _mm_packs_epi32(_mm256_castsi256_si128(y), _mm256_extracti128_si256(y, 1));
        q = _mm_add_epi16(q, zero);
        _mm_storel_epi64((__m128i *)(r->codes + i), _mm_packs_epi16(q, q));
    }
    for (int64_t i = 0; r->map && i < r->rows * lanes; i++)
        r->codes[i] = r->map[r->codes[i] + 128];
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
    .round = round_tile,
    .copy = copy,
};

const integer_kernel *const integer_kernel_avx2 = &kernel;
#else
const integer_kernel *const integer_kernel_avx2 = 0;
#endif
