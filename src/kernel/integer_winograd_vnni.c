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
            }                                                                            \
        }                                                                                \
    } while (0)

/* ---- pixels to planes ---- */

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
    __m512i far = _mm512_slli_epi16(_mm512_sub_epi16(d[3], d[1]), 1);
    to[0] = _mm512_add_epi16(four_times(_mm512_sub_epi16(d[0], d[2])), near);
    to[1] = _mm512_add_epi16(even, odd);
    to[2] = _mm512_sub_epi16(even, odd);
    to[3] = _mm512_add_epi16(near, far);
    to[4] = _mm512_sub_epi16(near, far);
    to[5] = _mm512_sub_epi16(_mm512_sub_epi16(d[5], d[3]),
                             four_times(_mm512_sub_epi16(d[3], d[1])));
}

static void read_tile(const int8_t *const pixel[CODES_PLANES], int64_t channels,
                      int16_t *to, int64_t step)
{
    for (int64_t c = 0; c < channels; c += CODES_CHANNELS) {
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
        PUT_PLANES(half, input_points, to + c, step);
    }
}

/* ---- kernels to planes ---- */

/* to = G g, each row times its denominator: kernels grow at most sevenfold, twice. */
ALWAYS void weight_points(const __m512i *g, __m512i *to)
{
    __m512i even = _mm512_add_epi16(g[0], g[2]), far = four_times(g[2]);
    __m512i twice = _mm512_slli_epi16(g[1], 1);
    far = _mm512_add_epi16(far, g[0]);
    to[0] = g[0];
    to[1] = _mm512_add_epi16(even, g[1]);
    to[2] = _mm512_sub_epi16(even, g[1]);
    to[3] = _mm512_add_epi16(far, twice);
    to[4] = _mm512_sub_epi16(far, twice);
    to[5] = g[2];
}

static void spread(const int8_t *g, int64_t count, int16_t *to, int64_t step)
{
    for (; count > 0; count--, g += CODES_TAPS * CODES_CHANNELS, to += CODES_CHANNELS) {
        __m512i half[CODES_SIDE][3];
        UNROLLED (j, 3) {
            __m512i in[3], out[CODES_SIDE];
            UNROLLED (i, 3) {
                const int8_t *from = g + (3 * i + j) * CODES_CHANNELS;
                in[i] = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)from));
            }
            weight_points(in, out);
            UNROLLED (i, CODES_SIDE)
                half[i][j] = out[i];
        }
        PUT_PLANES(half, weight_points, to, step);
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
    for (int64_t i = 0; i < CODES_PLANES; i++) {
        const int16_t *x = p->x + i * p->x_plane, *u = p->u + i * p->u_plane;
        int32_t *sum = p->sum + i * p->sum_plane;
        if (p->vectors == 2)
            multiply_plane(p, x, u, sum, 2);
        else
            multiply_plane(p, x, u, sum, 1);
    }
}

/* ---- planes to sums ---- */

/* to = 24 A' m: the parts that the scaling of the weights left out are made up for. */
ALWAYS void output_points(const __m512i *m, __m512i *to)
{
    __m512i p = _mm512_add_epi32(m[1], m[2]), q = _mm512_sub_epi32(m[1], m[2]);
    __m512i r = _mm512_add_epi32(m[3], m[4]), s = _mm512_sub_epi32(m[3], m[4]);
    __m512i first =
        _mm512_add_epi32(_mm512_slli_epi32(m[0], 2), _mm512_slli_epi32(m[0], 1));
    __m512i last =
        _mm512_add_epi32(_mm512_slli_epi32(m[5], 4), _mm512_slli_epi32(m[5], 3));
    p = _mm512_slli_epi32(p, 2);
    q = _mm512_slli_epi32(q, 2);
    to[0] = _mm512_sub_epi32(_mm512_add_epi32(first, r), p);
    to[1] = _mm512_sub_epi32(_mm512_slli_epi32(s, 1), q);
    to[2] = _mm512_sub_epi32(_mm512_slli_epi32(r, 2), p);
    to[3] = _mm512_sub_epi32(_mm512_add_epi32(_mm512_slli_epi32(s, 3), last), q);
}

/* z / 576, of which all but the upper 6 bits are known, with the sign of what is left. */
ALWAYS __m512i divided(__m512i z)
{
    const __m512i ninth = _mm512_set1_epi32(0x38e38e39); /* times 9 is 1 modulo 2^32 */
    z = _mm512_mullo_epi32(_mm512_srli_epi32(z, 6), ninth);
    return _mm512_srai_epi32(_mm512_slli_epi32(z, 6), 6);
}

static void write_tile(const int32_t *m, int64_t step, int vectors, const int32_t *shift,
                       int32_t *to)
{
    for (int v = 0; v < vectors; v++) {
        __m512i half[CODES_TILE][CODES_SIDE];
        const __m512i more = _mm512_loadu_si512(shift + v * CODES_LANES);
        UNROLLED (j, CODES_SIDE) {
            __m512i in[CODES_SIDE], out[CODES_TILE];
            const int32_t *at = m + v * CODES_LANES + j * step;
            UNROLLED (i, CODES_SIDE) {
                in[i] = _mm512_loadu_si512(at);
                at += CODES_SIDE * step;
            }
            output_points(in, out);
            UNROLLED (i, CODES_TILE)
                half[i][j] = out[i];
        }
        int32_t *at = to + v * CODES_LANES;
        UNROLLED (i, CODES_TILE) {
            __m512i out[CODES_TILE];
            output_points(half[i], out);
            UNROLLED (j, CODES_TILE) {
                _mm512_storeu_si512(at, _mm512_add_epi32(divided(out[j]), more));
                at += vectors * CODES_LANES;
            }
        }
    }
}

static const integer_winograd_loops loops_here = {read_tile, spread, multiply,
                                                  write_tile};

const integer_winograd_loops *const integer_winograd_vnni = &loops_here;
#else
const integer_winograd_loops *const integer_winograd_vnni = 0;
#endif
