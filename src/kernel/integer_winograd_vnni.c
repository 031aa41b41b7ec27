/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_winograd_vnni.c -- the loops of Winograd's algorithm on codes with AVX-512 VNNI.
   They allocate nothing and know no images. */
#include "kernel/integer_winograd.h"

#if defined(__x86_64__)
#pragma GCC target(                                                                      \
    "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,prefer-vector-width=512")
#pragma GCC optimize("O3")
#include <immintrin.h>
#include <string.h>

#define ALWAYS             static inline __attribute__((always_inline))
#define UNROLLED(i, count) _Pragma("GCC unroll 16") for (int i = 0; i < (count); i++)

/* The compiler forgets how POINTER came about: else it keeps a pointer for each of many
   planes, and these in memory. */
#define FORGET(pointer) __asm__("" : "+r"(pointer))

/* The points of each row of half, one to each plane, STEP numbers apart from START on. */
#define PUT_PLANES(half, points, start, step)                                            \
    do {                                                                                 \
        int16_t *at_ = (start);                                                          \
        UNROLLED (i, CODES_SIDE) {                                                       \
            __m512i out_[CODES_SIDE];                                                    \
            points((half)[i], out_);                                                     \
            UNROLLED (j, CODES_SIDE) {                                                   \
                _mm512_storeu_si512(at_, out_[j]);                                       \
                at_ += (step);                                                           \
                FORGET(at_);                                                             \
            }                                                                            \
        }                                                                                \
    } while (0)

/* ---- pixels to planes ---- */

/* Additions have more units than shifts. */
ALWAYS __m512i twice(__m512i x)
{
    return _mm512_add_epi16(x, x);
}

ALWAYS __m512i four_times(__m512i x)
{
    return _mm512_slli_epi16(x, 2);
}

/* to = B' d.  Codes grow at most tenfold: two rounds of it stay within 16 bits. */
ALWAYS void input_points(const __m512i *d, __m512i *to)
{
    __m512i even = _mm512_sub_epi16(d[4], four_times(d[2]));
    __m512i odd = _mm512_sub_epi16(d[3], four_times(d[1]));
    __m512i near = _mm512_sub_epi16(d[4], d[2]);
    __m512i far = twice(_mm512_sub_epi16(d[3], d[1]));
    to[0] = _mm512_add_epi16(four_times(_mm512_sub_epi16(d[0], d[2])), near);
    to[1] = _mm512_add_epi16(even, odd);
    to[2] = _mm512_sub_epi16(even, odd);
    to[3] = _mm512_add_epi16(near, far);
    to[4] = _mm512_sub_epi16(near, far);
    to[5] = _mm512_sub_epi16(_mm512_sub_epi16(d[5], d[3]),
                             four_times(_mm512_sub_epi16(d[3], d[1])));
}

static void read_tile(const int8_t *const pixel[CODES_PLANES], int64_t first, int64_t end,
                      int16_t *to, int64_t step)
{
    for (int64_t c = first; c < end; c += CODES_CHANNELS, to += CODES_CHANNELS) {
        __m512i half[CODES_SIDE][CODES_SIDE];
        UNROLLED (j, CODES_SIDE) {
            __m512i in[CODES_SIDE], out[CODES_SIDE];
            UNROLLED (i, CODES_SIDE) {
                const int8_t *from = pixel[i * CODES_SIDE + j] + c;
                in[i] = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)from));
            }
            input_points(in, out);
            UNROLLED (i, CODES_SIDE)
                half[i][j] = out[i];
        }
        PUT_PLANES(half, input_points, to, step);
    }
}

/* ---- kernels to planes ---- */

/* to = G g, each row times its denominator: kernels grow at most sevenfold, twice. */
ALWAYS void weight_points(const __m512i *g, __m512i *to)
{
    __m512i even = _mm512_add_epi16(g[0], g[2]), far = four_times(g[2]);
    __m512i near = twice(g[1]);
    far = _mm512_add_epi16(far, g[0]);
    to[0] = g[0];
    to[1] = _mm512_add_epi16(even, g[1]);
    to[2] = _mm512_sub_epi16(even, g[1]);
    to[3] = _mm512_add_epi16(far, near);
    to[4] = _mm512_sub_epi16(far, near);
    to[5] = g[2];
}

/* to = row ROW, a constant, of G g G' of CODES_CHANNELS kernels: what other rows need is
   not computed. */
ALWAYS void kernel_row(const int8_t *g, const int row, __m512i *to)
{
    __m512i half[3];
    UNROLLED (j, 3) {
        __m512i in[3], out[CODES_SIDE];
        UNROLLED (i, 3) {
            const int8_t *from = g + (3 * i + j) * CODES_CHANNELS;
            in[i] = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)from));
        }
        weight_points(in, out);
        half[j] = out[row];
    }
    weight_points(half, to);
}

ALWAYS void spread_row(const int8_t *g, int64_t count, const int row, int16_t *to,
                       int64_t step)
{
    for (; count > 0; count--, g += CODES_TAPS * CODES_CHANNELS, to += CODES_CHANNELS) {
        __m512i u[CODES_SIDE];
        kernel_row(g, row, u);
        UNROLLED (j, CODES_SIDE)
            _mm512_storeu_si512(to + j * step, u[j]);
    }
}

static void spread(const int8_t *g, int64_t count, int row, int16_t *to, int64_t step)
{
    switch (row) {
#define ROW_CASE(row)                                                                    \
    case row:                                                                            \
        spread_row(g, count, row, to, step);                                             \
        break;
        ROW_CASE(0)
        ROW_CASE(1)
        ROW_CASE(2)
        ROW_CASE(3)
        ROW_CASE(4)
        ROW_CASE(5)
#undef ROW_CASE
    default:
        break;
    }
}

/* ---- products ---- */

/* ROWS tiles by VECTORS, both constants; four tiles share a pointer. */
ALWAYS void multiply_tiles(const codes_product *p, const int16_t *x, const int16_t *u,
                           int32_t *sum, const int rows, const int vectors)
{
    enum { PAIR = 2, WORD = PAIR * CODES_LANES };
    __m512i acc[8][2];
    const int16_t *from[2] = {x, x + 4 * p->x_tile};
    const int64_t step = p->x_tile, steps = 3 * step;
    UNROLLED (r, rows)
        UNROLLED (v, vectors)
            acc[r][v] = p->add ? _mm512_loadu_si512(sum + (r * vectors + v) * CODES_LANES)
                               : _mm512_setzero_si512();
    for (const int16_t *end = u + p->channels / PAIR * vectors * WORD; u < end;
         u += vectors * WORD) {
        __m512i w[2];
        UNROLLED (v, vectors)
            w[v] = _mm512_loadu_si512(u + v * WORD);
        UNROLLED (r, rows) {
            int32_t pair;
            memcpy(&pair, from[r / 4] + (r % 4 == 3 ? steps : r % 4 * step), sizeof pair);
            __m512i value = _mm512_set1_epi32(pair);
            UNROLLED (v, vectors)
                acc[r][v] = _mm512_dpwssd_epi32(acc[r][v], value, w[v]);
        }
        from[0] += PAIR;
        from[1] += PAIR;
    }
    UNROLLED (r, rows)
        UNROLLED (v, vectors)
            _mm512_storeu_si512(sum + (r * vectors + v) * CODES_LANES, acc[r][v]);
}

ALWAYS void multiply_plane(const codes_product *p, const int16_t *x, const int16_t *u,
                           int32_t *sum, const int vectors)
{
    for (int64_t left = p->tiles; left > 0; left -= 8) {
        if (left > 4)
            multiply_tiles(p, x, u, sum, 8, vectors);
        else
            multiply_tiles(p, x, u, sum, 4, vectors);
        x += 8 * p->x_tile;
        sum += 8 * vectors * CODES_LANES;
    }
}

static void multiply(const codes_product *p)
{
    for (int64_t i = 0; i < CODES_SIDE; i++) {
        const int64_t plane = p->row * CODES_SIDE + i;
        const int16_t *x = p->x + plane * p->x_plane, *u = p->u + i * p->u_plane;
        int32_t *sum = p->sum + plane * p->sum_plane;
        if (p->vectors == 2)
            multiply_plane(p, x, u, sum, 2);
        else
            multiply_plane(p, x, u, sum, 1);
    }
}

/* ---- products of four tiles ---- */

/* Four tiles by the planes of row ROW, a constant, and one vector of outputs: kernels
   become planes in registers, and are multiplied there. */
ALWAYS void multiply_row(const codes_product *p, const int16_t *x, const int8_t *g,
                         int32_t *sum, const int row)
{
    enum { PAIR = 2 };
    __m512i acc[CODES_SIDE][4];
    const int16_t *from[CODES_SIDE];
    const int64_t step = p->x_tile, steps = 3 * step;
    const int64_t tile = p->vectors * CODES_LANES;
    int32_t *first = sum + row * CODES_SIDE * p->sum_plane, *at = first;
    UNROLLED (j, CODES_SIDE) {
        from[j] = x + (row * CODES_SIDE + j) * p->x_plane;
        UNROLLED (t, 4)
            acc[j][t] =
                p->add ? _mm512_loadu_si512(at + t * tile) : _mm512_setzero_si512();
        at += p->sum_plane;
        FORGET(at);
    }
    for (int64_t c = 0; c < p->channels; c += PAIR) {
        __m512i u[CODES_SIDE];
        kernel_row(g, row, u);
        g += p->vectors * CODES_TAPS * CODES_CHANNELS;
        UNROLLED (j, CODES_SIDE) {
            UNROLLED (t, 4) {
                int32_t pair;
                memcpy(&pair, from[j] + (t == 3 ? steps : t * step), sizeof pair);
                acc[j][t] = _mm512_dpwssd_epi32(acc[j][t], _mm512_set1_epi32(pair), u[j]);
            }
            from[j] += PAIR;
        }
    }
    at = first;
    UNROLLED (j, CODES_SIDE) {
        UNROLLED (t, 4)
            _mm512_storeu_si512(at + t * tile, acc[j][t]);
        at += p->sum_plane;
        FORGET(at);
    }
}

static void multiply_four(const codes_product *p, const int8_t *g)
{
    int32_t *sum = p->sum;
    for (int v = 0; v < p->vectors; v++) {
        multiply_row(p, p->x, g, sum, 0);
        multiply_row(p, p->x, g, sum, 1);
        multiply_row(p, p->x, g, sum, 2);
        multiply_row(p, p->x, g, sum, 3);
        multiply_row(p, p->x, g, sum, 4);
        multiply_row(p, p->x, g, sum, 5);
        g += CODES_TAPS * CODES_CHANNELS;
        sum += CODES_LANES;
    }
}

/* ---- planes to sums ---- */

ALWAYS __m512i six_times(__m512i x)
{
    __m512i three = _mm512_add_epi32(_mm512_add_epi32(x, x), x);
    return _mm512_add_epi32(three, three);
}

/* to = 24 A' m: the parts that the scaling of the weights left out are made up for. */
ALWAYS void output_points(const __m512i *m, __m512i *to)
{
    __m512i p = _mm512_add_epi32(m[1], m[2]), q = _mm512_sub_epi32(m[1], m[2]);
    __m512i r = _mm512_add_epi32(m[3], m[4]), s = _mm512_sub_epi32(m[3], m[4]);
    __m512i odd = _mm512_sub_epi32(_mm512_sub_epi32(s, q), q);
    __m512i last = _mm512_add_epi32(_mm512_add_epi32(s, s), six_times(m[5]));
    to[0] =
        _mm512_sub_epi32(_mm512_add_epi32(six_times(m[0]), r), _mm512_slli_epi32(p, 2));
    to[1] = _mm512_add_epi32(odd, odd);
    to[2] = _mm512_slli_epi32(_mm512_sub_epi32(r, p), 2);
    to[3] = _mm512_slli_epi32(_mm512_sub_epi32(last, q), 2);
}

/* z / 576 of z = 64 * 9 y, of which the lower 26 bits are known, with their sign. */
ALWAYS __m512i divided(__m512i z)
{
    const __m512i ninth = _mm512_set1_epi32(0x38e38e39); /* times 9 is 1 modulo 2^32 */
    return _mm512_srai_epi32(_mm512_mullo_epi32(z, ninth), 6);
}

ALWAYS void write_vector(const int32_t *m, int64_t step, const int32_t *more,
                         int64_t more_step, int32_t *to, int64_t to_step)
{
    __m512i half[CODES_TILE][CODES_SIDE];
    UNROLLED (i, CODES_SIDE) {
        __m512i in[CODES_SIDE], out[CODES_TILE];
        UNROLLED (j, CODES_SIDE)
            in[j] = _mm512_loadu_si512(m + j * step);
        output_points(in, out);
        UNROLLED (j, CODES_TILE)
            half[j][i] = out[j];
        m += CODES_SIDE * step;
        FORGET(m);
    }
    UNROLLED (j, CODES_TILE) {
        __m512i out[CODES_TILE];
        output_points(half[j], out);
        UNROLLED (i, CODES_TILE) {
            __m512i with = _mm512_loadu_si512(more + i * CODES_TILE * more_step);
            _mm512_storeu_si512(to + i * CODES_TILE * to_step,
                                _mm512_add_epi32(divided(out[i]), with));
        }
        more += more_step;
        to += to_step;
        FORGET(more);
        FORGET(to);
    }
}

static void write_tile(const int32_t *m, int64_t step, int vectors, const int32_t *more,
                       int64_t more_step, int32_t *to)
{
    for (int v = 0; v < vectors * CODES_LANES; v += CODES_LANES)
        write_vector(m + v, step, more + v, more_step, to + v, vectors * CODES_LANES);
}

static const integer_winograd_loops loops_here = {read_tile, spread, multiply,
                                                  multiply_four, write_tile};

const integer_winograd_loops *const integer_winograd_vnni = &loops_here;
#else
const integer_winograd_loops *const integer_winograd_vnni = 0;
#endif
