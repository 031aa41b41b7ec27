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

/* What taps of padding add to each row. */
static inline __attribute__((always_inline)) void add_padding(const integer_product *p,
                                                              const integer_reach *w,
                                                              __m512i *sum,
                                                              const int rows,
                                                              const int blocks)
{
    const __m512i code = _mm512_set1_epi32(p->padding);
    const int32_t *total = p->tap_total;
    for (int64_t run = 0; run < p->runs; run++)
        for (int64_t tap = 0; tap < p->taps; tap++, total += p->total_lanes) {
            if (run >= w->first_run && run < w->end_run && tap >= w->first_tap &&
                tap < w->end_tap)
                continue;
#pragma GCC unroll 4
            for (int b = 0; b < blocks; b++) {
                __m512i more = _mm512_mullo_epi32(
                    code, _mm512_loadu_si512(total + b * INTEGER_LANES));
#pragma GCC unroll 16
                for (int r = 0; r < rows; r++)
                    sum[r * blocks + b] = _mm512_add_epi32(sum[r * blocks + b], more);
            }
        }
}

/* ROWS rows by BLOCKS blocks, both constants: all sums stay in registers.  Only the taps
   that COUNT of the rows need are computed.  Where rows are EVEN, DISTANCE apart, four of
   them share a pointer, so that these do too. */
static inline __attribute__((always_inline)) void multiply_rows(
    const integer_product *p, int64_t row, int64_t count, const int rows,
    const int blocks, const bool even)
{
    __m512i sum[16];
    const integer_reach w = integer_product_reach(p, row, count);
    bool whole = w.first_tap == 0 && w.end_tap == p->taps;
    const int64_t begin = w.first_tap * p->tap_steps;
    const int64_t steps = whole ? p->run_steps : w.end_tap * p->tap_steps - begin;
    const char *x[16], *weight = p->weight + (w.first_run * p->run_steps + begin) * WORD;
    const int64_t distance = p->row_distance, distances = 3 * distance;
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
        x[r] = p->x + p->row[row + r].place * p->row_distance +
               w.first_run * p->run_distance + begin * UNIT;
#pragma GCC unroll 16
    for (int i = 0; i < rows * blocks; i++)
        sum[i] = _mm512_loadu_si512(p->shift + i % blocks * INTEGER_LANES);
    if (p->tap_total && !(whole && w.first_run == 0 && w.end_run == p->runs))
        add_padding(p, &w, sum, rows, blocks);
    for (int64_t run = w.first_run; run < w.end_run; run++) {
        for (int64_t step = 0; step < steps; step++, weight += WORD) {
            __m512i word[4];
#pragma GCC unroll 4
            for (int b = 0; b < blocks; b++)
                word[b] = _mm512_loadu_si512(weight + b * p->block_distance);
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
                        _mm512_dpbusd_epi32(sum[r * blocks + b], codes, word[b]);
            }
#pragma GCC unroll 4
            for (int r = 0; even && r < rows; r += 4)
                x[r] += UNIT;
        }
        weight += (p->run_steps - steps) * WORD;
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++)
            x[r] += p->run_distance - (even ? steps * UNIT : 0);
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
        int64_t to = p->order ? p->order[row + r].index : row + r;
#pragma GCC unroll 4
        for (int b = 0; b < blocks; b++)
            _mm512_storeu_si512(p->sum + (to * blocks + b) * INTEGER_LANES,
                                sum[r * blocks + b]);
    }
}

/* Rows that there are lie one place or more apart, those that fill a tile up do not. */
static inline bool is_even(const integer_product *p, int64_t row, int64_t rows)
{
    return row + rows <= p->rows &&
           p->row[row + rows - 1].place - p->row[row].place == rows - 1;
}

/* How many of the rows from ROW on, MOST at most, are multiplied together: where they are
   ordered, of one kind, in pieces as even as they can be, as small ones do not keep the
   multipliers busy. */
static inline int64_t together(const integer_product *p, int64_t row, int64_t most)
{
    int64_t left = p->rows - row, end = row + 1;
    if (!p->order)
        return left < most ? left : most;
    while (end < p->rows && p->order[end].kind == p->order[row].kind)
        end++;
    left = end - row;
    int64_t pieces = (left + most - 1) / most, count = (left + pieces - 1) / pieces;
    count += count % 2;
    return count < left ? count : left;
}

/* COUNT rows of one kind, 16 / blocks at most: those behind them that a multiply takes too
   are computed once more with their own kind. */
static inline void multiply_some(const integer_product *p, int64_t row, int64_t count)
{
    if (p->blocks == 4 && count <= 2)
        multiply_rows(p, row, count, 2, 4, false);
    else if (p->blocks == 4)
        multiply_rows(p, row, count, 4, 4, false);
    else if (p->blocks == 2 && count <= 4)
        multiply_rows(p, row, count, 4, 2, false);
    else if (p->blocks == 2 && count <= 6)
        multiply_rows(p, row, count, 6, 2, false);
    else if (p->blocks == 2)
        multiply_rows(p, row, count, 8, 2, false);
    else if (count <= 8)
        multiply_rows(p, row, count, 8, 1, false);
    else if (is_even(p, row, 16))
        multiply_rows(p, row, count, 16, 1, true);
    else
        multiply_rows(p, row, count, 16, 1, false);
}

static void multiply(const integer_product *p)
{
    const int64_t most = p->blocks == 4 ? 4 : p->blocks == 2 ? 8 : 16;
    for (int64_t row = 0, count; row < p->rows; row += count) {
        count = together(p, row, most);
        multiply_some(p, row, count);
    }
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
