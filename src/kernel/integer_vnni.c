/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_vnni.c -- products of codes with AVX-512 VNNI: outputs are lanes, and four taps
   of a row are broadcast to all of them.  It allocates nothing and knows no
   convolution. */
#include "kernel/integer_product.h"

#if defined(__x86_64__)
#pragma GCC target(                                                                      \
    "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,prefer-vector-width=512")
#pragma GCC optimize("O3")
#include <immintrin.h>
#include <string.h>

enum { UNIT = 4, WORD = 4 * INTEGER_LANES };

/* What a run of padding adds to each row. */
static inline __attribute__((always_inline)) void add_padding(const integer_product *p,
                                                              int64_t run, __m512i *sum,
                                                              const int rows,
                                                              const int blocks)
{
    const __m512i code = _mm512_set1_epi32(p->padding);
#pragma GCC unroll 4
    for (int b = 0; b < blocks; b++) {
        const int32_t *total = p->run_total + run * p->run_lanes + b * INTEGER_LANES;
        __m512i more = _mm512_mullo_epi32(code, _mm512_loadu_si512(total));
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++)
            sum[r * blocks + b] = _mm512_add_epi32(sum[r * blocks + b], more);
    }
}

/* ROWS rows by BLOCKS blocks, both constants: all sums stay in registers.  Where rows are
   EVEN, DISTANCE apart, four of them share a pointer, so that these do too. */
static inline __attribute__((always_inline)) void multiply_rows(const integer_product *p,
                                                                int64_t row,
                                                                const int rows,
                                                                const int blocks,
                                                                const bool even)
{
    __m512i sum[16];
    int64_t first, end;
    integer_product_runs(p, row, rows, &first, &end);
    const char *x[16], *weight = p->weight + first * p->run_steps * WORD;
    const int64_t distance = p->row_distance, distances = 3 * distance;
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
        x[r] = p->x + p->row[row + r].place * p->row_distance + first * p->run_distance;
#pragma GCC unroll 16
    for (int i = 0; i < rows * blocks; i++)
        sum[i] = _mm512_loadu_si512(p->shift + i % blocks * INTEGER_LANES);
    for (int64_t run = 0; p->padded && run < p->runs; run++)
        if (p->run_total && (run < first || run >= end))
            add_padding(p, run, sum, rows, blocks);
    for (int64_t run = first; run < end; run++) {
        for (int64_t step = 0; step < p->run_steps; step++, weight += WORD) {
            __m512i w[4];
#pragma GCC unroll 4
            for (int b = 0; b < blocks; b++)
                w[b] = _mm512_loadu_si512(weight + b * p->block_distance);
#pragma GCC unroll 16
            for (int r = 0; r < rows; r++) {
                const char *from =
                    !even ? x[r] + step * UNIT
                          : x[r / 4 * 4] + (r % 4 == 3 ? distances : r % 4 * distance);
                int32_t four;
                memcpy(&four, from, sizeof four);
                __m512i codes = _mm512_set1_epi32(four);
#pragma GCC unroll 4
                for (int b = 0; b < blocks; b++)
                    sum[r * blocks + b] =
                        _mm512_dpbusd_epi32(sum[r * blocks + b], codes, w[b]);
            }
#pragma GCC unroll 4
            for (int r = 0; even && r < rows; r += 4)
                x[r] += UNIT;
        }
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++)
            x[r] += p->run_distance - (even ? p->run_steps * UNIT : 0);
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows * blocks; i++)
        _mm512_storeu_si512(p->sum + (row * blocks + i) * INTEGER_LANES, sum[i]);
}

/* Rows that there are lie one place or more apart, those that fill a tile up do not. */
static inline bool is_even(const integer_product *p, int64_t row, int64_t rows)
{
    return row + rows <= p->rows &&
           p->row[row + rows - 1].place - p->row[row].place == rows - 1;
}

static void multiply(const integer_product *p)
{
    for (int64_t row = 0; p->blocks == 4 && row < p->rows; row += 4)
        multiply_rows(p, row, 4, 4, false);
    for (int64_t row = 0; p->blocks == 2 && row < p->rows; row += 8)
        multiply_rows(p, row, 8, 2, false);
    for (int64_t row = 0; p->blocks == 1 && row < p->rows; row += 16)
        if (is_even(p, row, 16))
            multiply_rows(p, row, 16, 1, true);
        else
            multiply_rows(p, row, 16, 1, false);
}

static void copy(void *source, const int8_t *codes, int64_t n, int32_t zero)
{
    const __m512i flip = _mm512_set1_epi8(-128);
    char *to = source;
    int64_t i = 0;
    (void)zero;
    for (; i + 64 <= n; i += 64)
        _mm512_storeu_si512(to + i,
                            _mm512_xor_si512(_mm512_loadu_si512(codes + i), flip));
    if (i < n) {
        __mmask64 there = (UINT64_C(1) << (n - i)) - 1;
        __m512i last = _mm512_maskz_loadu_epi8(there, codes + i);
        _mm512_mask_storeu_epi8(to + i, there, _mm512_xor_si512(last, flip));
    }
}

static const integer_kernel kernel = {
    .form = {.unit = UNIT, .element = 1, .offset = 128},
    .multiply = multiply,
    .copy = copy,
};

const integer_kernel *const integer_kernel_vnni = &kernel;
#else
const integer_kernel *const integer_kernel_vnni = 0;
#endif
