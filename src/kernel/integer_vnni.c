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

/* What runs of padding add to each row. */
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
            if (run >= w->first_run && run < w->end_run)
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

/* ROWS rows by BLOCKS blocks, both constants: all sums stay in registers.  Only the runs
   that some of the rows need are computed.  Where rows are EVEN, DISTANCE apart, four of
   them share a pointer, so that these do too. */
static inline __attribute__((always_inline)) void multiply_rows(const integer_product *p,
                                                                int64_t row,
                                                                const int rows,
                                                                const int blocks,
                                                                const bool even)
{
    __m512i sum[16];
    const integer_reach w = integer_product_reach(p, row, rows);
    const char *x[16], *weight = p->weight + w.first_run * p->run_steps * WORD;
    const int64_t distance = p->row_distance, distances = 3 * distance;
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
        x[r] = p->x + p->row[row + r].place * p->row_distance +
               w.first_run * p->run_distance;
#pragma GCC unroll 16
    for (int i = 0; i < rows * blocks; i++)
        sum[i] = _mm512_loadu_si512(p->shift + i % blocks * INTEGER_LANES);
    if (p->tap_total && (w.first_run > 0 || w.end_run < p->runs))
        add_padding(p, &w, sum, rows, blocks);
    for (int64_t run = w.first_run; run < w.end_run; run++) {
        for (int64_t step = 0; step < p->run_steps; step++, weight += WORD) {
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

static void multiply_all(const integer_product *p)
{
    const int64_t most = p->blocks == 4 ? 4 : p->blocks == 2 ? 8 : 16;
    for (int64_t row = 0; row < p->rows; row += most)
        if (p->blocks == 4 && p->rows - row <= 2)
            multiply_rows(p, row, 2, 4, false);
        else if (p->blocks == 4)
            multiply_rows(p, row, 4, 4, false);
        else if (p->blocks == 2 && p->rows - row <= 4)
            multiply_rows(p, row, 4, 2, false);
        else if (p->blocks == 2)
            multiply_rows(p, row, 8, 2, false);
        else if (p->rows - row <= 8)
            multiply_rows(p, row, 8, 1, false);
        else if (is_even(p, row, 16))
            multiply_rows(p, row, 16, 1, true);
        else
            multiply_rows(p, row, 16, 1, false);
}

/* ---- tap by tap ---- */

/* A tap of some rows: X is where it begins for a row at place 0. */
typedef struct visit {
    const char *x, *weight;
    const uint8_t *row;
} visit;

/* Adds the products of a tap with ROWS rows and BLOCKS blocks, both constants. */
static inline __attribute__((always_inline)) void add_tap(const integer_product *p,
                                                          visit v, const int rows,
                                                          const int blocks)
{
    __m512i sum[16];
    const char *x[8];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
        x[r] = v.x + p->row[v.row[r]].place * p->row_distance;
#pragma GCC unroll 16
    for (int i = 0; i < rows * blocks; i++)
        sum[i] = _mm512_loadu_si512(p->sum + (v.row[i / blocks] * blocks + i % blocks) *
                                                 INTEGER_LANES);
    for (int64_t step = 0; step < p->tap_steps * UNIT; step += UNIT, v.weight += WORD) {
        __m512i word[2];
#pragma GCC unroll 2
        for (int b = 0; b < blocks; b++)
            word[b] = _mm512_loadu_si512(v.weight + b * p->block_distance);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, x[r] + step, sizeof four);
            __m512i codes = _mm512_set1_epi32(four);
#pragma GCC unroll 2
            for (int b = 0; b < blocks; b++)
                sum[r * blocks + b] =
                    _mm512_dpbusd_epi32(sum[r * blocks + b], codes, word[b]);
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows * blocks; i++)
        _mm512_storeu_si512(
            p->sum + (v.row[i / blocks] * blocks + i % blocks) * INTEGER_LANES, sum[i]);
}

/* COUNT rows, 8 at most. */
static inline __attribute__((always_inline)) void add_rows(const integer_product *p,
                                                           visit v, int64_t count,
                                                           const int blocks)
{
    switch (count) {
#define COUNT_CASE(rows)                                                                 \
    case rows:                                                                           \
        add_tap(p, v, rows, blocks);                                                     \
        break;
        COUNT_CASE(1)
        COUNT_CASE(2)
        COUNT_CASE(3)
        COUNT_CASE(4)
        COUNT_CASE(5)
        COUNT_CASE(6)
        COUNT_CASE(7)
        COUNT_CASE(8)
#undef COUNT_CASE
    default:
        break;
    }
}

/* What a tap adds to the rows that have padding there, from FIRST to END. */
static void add_outside(const integer_product *p, const uint8_t *first,
                        const uint8_t *end, const int32_t *total)
{
    for (int64_t b = 0; b < p->blocks; b++) {
        const __m512i more = _mm512_mullo_epi32(
            _mm512_set1_epi32(p->padding), _mm512_loadu_si512(total + b * INTEGER_LANES));
        for (const uint8_t *row = first; row < end; row++) {
            int32_t *sum = p->sum + (*row * p->blocks + b) * INTEGER_LANES;
            _mm512_storeu_si512(sum, _mm512_add_epi32(_mm512_loadu_si512(sum), more));
        }
    }
}

/* The weights of a tap stay in the nearest cache for all rows that it meets, a few at a
   time, as even as these can be. */
static void multiply_visits(const integer_product *p)
{
    const int64_t tap_bytes = p->tap_steps * WORD;
    const char *weight = p->weight;
    const int32_t *total = p->tap_total;
    for (int64_t i = 0; i < p->rows * p->blocks; i++)
        _mm512_storeu_si512(p->sum + i * INTEGER_LANES,
                            _mm512_loadu_si512(p->shift + i % p->blocks * INTEGER_LANES));
    for (int64_t t = 0; t < p->runs * p->taps; t++, weight += tap_bytes) {
        const integer_visit *rows = &p->visits[t];
        const int64_t count = rows->count, pieces = (count + 7) / 8;
        visit v = {.weight = weight,
                   .x = p->x + t / p->taps * p->run_distance +
                        t % p->taps * p->tap_steps * UNIT};
        for (int64_t i = 0; i < pieces; i++) {
            int64_t begin = count * i / pieces, end = count * (i + 1) / pieces;
            v.row = rows->row + begin;
            if (p->blocks == 2)
                add_rows(p, v, end - begin, 2);
            else
                add_rows(p, v, end - begin, 1);
        }
        if (total)
            add_outside(p, rows->row + count, rows->row + p->rows, total);
        total += total ? p->total_lanes : 0;
    }
}

static void multiply(const integer_product *p)
{
    if (p->visits)
        multiply_visits(p);
    else
        multiply_all(p);
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
