/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_vnni.c -- the convolution on codes for AVX-512 VNNI: pixels are lanes, so that
   weights are read as they are stored, four of a row at a time.
   It allocates nothing and knows no graph. */
#include "kernel/integer_tile.h"

#if defined(__x86_64__)
#pragma GCC target(                                                                      \
    "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,prefer-vector-width=512")
#pragma GCC optimize("O3")
#include <immintrin.h>
#include <string.h>

enum {
    LANES = 16,
    PIXELS = INTEGER_TILE_PIXELS, /* two vectors */
    CHANNELS = INTEGER_TILE_CHANNELS,
    TAPS = 512, /* products summed before the next are gathered */
    BLOCK = 8   /* output channels in registers */
};

typedef struct room {
    uint32_t patch[TAPS / 4][PIXELS]; /* four codes + 128 of each pixel */
    int32_t sum[CHANNELS][PIXELS];
    int32_t codes[PIXELS];    /* sums of the codes + 128 of each pixel */
    int8_t row[PIXELS][TAPS]; /* before it is turned */
} room;

/* The codes of taps BEGIN..END of one output pixel; the last group of four is filled up
   with codes that count 0. */
static void gather_row(const integer_conv *c, int64_t group, int64_t pixel, int64_t begin,
                       int64_t end, int8_t *row)
{
    int64_t depth = c->channels / c->groups;
    int64_t ox = pixel % c->out_width, line = pixel / c->out_width;
    int64_t oy = line % c->out_height, n = line / c->out_height;
    int64_t tap = begin / depth, ky = tap / c->kernel[1], kx = tap % c->kernel[1];
    for (int64_t at = begin; at < end; tap++) {
        int64_t next = (tap + 1) * depth < end ? (tap + 1) * depth : end;
        int64_t iy = oy * c->stride[0] - c->padding[0] + ky * c->dilation[0];
        int64_t ix = ox * c->stride[1] - c->padding[1] + kx * c->dilation[1];
        if (iy < 0 || iy >= c->height || ix < 0 || ix >= c->width)
            memset(row + at - begin, c->in.zero, (size_t)(next - at));
        else
            memcpy(row + at - begin,
                   c->x + ((n * c->height + iy) * c->width + ix) * c->channels +
                       group * depth + at - tap * depth,
                   (size_t)(next - at));
        at = next;
        if (++kx == c->kernel[1]) {
            kx = 0;
            ky++;
        }
    }
    memset(row + end - begin, -128, (size_t)(-(end - begin) & 3));
}

static void turn(room *r, int64_t groups)
{
    /* By pixels outside: gathering across rows is slower than storing down a column. */
    for (int64_t p = 0; p < PIXELS; p++)
        for (int64_t k = 0; k < groups; k++) {
            uint32_t four;
            memcpy(&four, r->row[p] + 4 * k, sizeof four);
            __asm__("" : "+r"(four)); /* one by one: scatters are slower still */
            r->patch[k][p] = four ^ 0x80808080u;
        }
}

/* sum[o][p] += products of COUNT rows of weights, STEP apart, N taps long. */
static inline __attribute__((always_inline)) void multiply(const room *r,
                                                           const int8_t *weight,
                                                           int64_t step, int64_t n,
                                                           const int count,
                                                           int32_t (*sum)[PIXELS])
{
    __m512i acc[BLOCK][2];
#pragma GCC unroll 8
    for (int o = 0; o < count; o++) {
        acc[o][0] = _mm512_loadu_si512(sum[o]);
        acc[o][1] = _mm512_loadu_si512(sum[o] + LANES);
    }
    for (int64_t k = 0; k < n; k += 4) {
        __m512i x0 = _mm512_loadu_si512(r->patch[k / 4]);
        __m512i x1 = _mm512_loadu_si512(r->patch[k / 4] + LANES);
        size_t bytes = n - k < 4 ? (size_t)(n - k) : 4;
#pragma GCC unroll 8
        for (int o = 0; o < count; o++) {
            int32_t four = 0;
            if (bytes == 4)
                memcpy(&four, weight + o * step + k, 4);
            else /* nothing is read behind the last row */
                memcpy(&four, weight + o * step + k, bytes);
            __m512i w = _mm512_set1_epi32(four);
            acc[o][0] = _mm512_dpbusd_epi32(acc[o][0], x0, w);
            acc[o][1] = _mm512_dpbusd_epi32(acc[o][1], x1, w);
        }
    }
#pragma GCC unroll 8
    for (int o = 0; o < count; o++) {
        _mm512_storeu_si512(sum[o], acc[o][0]);
        _mm512_storeu_si512(sum[o] + LANES, acc[o][1]);
    }
}

static void add_codes(room *r, int64_t groups)
{
    __m512i s0 = _mm512_loadu_si512(r->codes), s1 = _mm512_loadu_si512(r->codes + LANES);
    __m512i ones = _mm512_set1_epi8(1);
    for (int64_t k = 0; k < groups; k++) {
        s0 = _mm512_dpbusd_epi32(s0, _mm512_loadu_si512(r->patch[k]), ones);
        s1 = _mm512_dpbusd_epi32(s1, _mm512_loadu_si512(r->patch[k] + LANES), ones);
    }
    _mm512_storeu_si512(r->codes, s0);
    _mm512_storeu_si512(r->codes + LANES, s1);
}

static uint32_t weight_sum(const int8_t *weight, int64_t n)
{
    __m512i sum = _mm512_setzero_si512(), ones = _mm512_set1_epi8(1);
    for (int64_t i = 0; i < n; i += 64) {
        __mmask64 there = n - i >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << (n - i)) - 1;
        sum = _mm512_dpbusd_epi32(sum, ones, _mm512_maskz_loadu_epi8(there, weight + i));
    }
    return (uint32_t)_mm512_reduce_add_epi32(sum);
}

/* With u = q_x + 128 and all sums modulo 2^32, where the true one fits:
   sum (q_w - Z_w) (q_x - Z_x) = sum q_w u - (128 + Z_x) sum q_w
                                 - Z_w (sum u - taps (128 + Z_x)). */
static void finish(const integer_conv *c, room *r, int64_t pixel, int64_t count,
                   int64_t channel, int64_t channels, int64_t taps)
{
    uint32_t offset = (uint32_t)(128 + c->in.zero);
    __m512 low = _mm512_set1_ps((float)(c->out.low - c->out.zero));
    __m512 high = _mm512_set1_ps((float)(c->out.high - c->out.zero));
    for (int64_t o = 0; o < channels; o++) {
        int64_t at = channel + o, which = c->weight_channels == 1 ? 0 : at;
        uint32_t zero = (uint32_t)c->weight_zero[which];
        uint32_t shift = (c->bias ? (uint32_t)c->bias[at] : 0) -
                         offset * weight_sum(c->weight + at * taps, taps) +
                         zero * (uint32_t)taps * offset;
        float m = integer_multiplier(
            (double)c->in.scale * (double)c->weight_scale[which] / (double)c->out.scale);
        for (int v = 0; v < PIXELS; v += LANES) {
            __m512i sum = _mm512_add_epi32(_mm512_loadu_si512(r->sum[o] + v),
                                           _mm512_set1_epi32((int32_t)shift));
            sum = _mm512_sub_epi32(sum,
                                   _mm512_mullo_epi32(_mm512_set1_epi32((int32_t)zero),
                                                      _mm512_loadu_si512(r->codes + v)));
            __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(m));
            y = _mm512_min_ps(_mm512_max_ps(y, low), high);
            __m512i q =
                _mm512_add_epi32(_mm512_cvtps_epi32(y), _mm512_set1_epi32(c->out.zero));
            int8_t codes[LANES];
            _mm_storeu_si128((__m128i *)codes, _mm512_cvtepi32_epi8(q));
            int8_t *to = c->y + (pixel + v) * c->out_channels + at;
            for (int64_t p = 0; p < LANES && v + p < count; p++)
                to[p * c->out_channels] = codes[p];
        }
    }
}

void integer_tile_vnni(const integer_conv *c, integer_tile t)
{
    room r;
    int64_t taps = c->kernel[0] * c->kernel[1] * (c->channels / c->groups);
    bool affine = false;
    for (int64_t o = 0; o < t.channels; o++)
        affine |= c->weight_zero[c->weight_channels == 1 ? 0 : t.channel + o] != 0;
    memset(r.sum, 0, (size_t)t.channels * sizeof *r.sum);
    memset(r.codes, 0, sizeof r.codes);
    /* Lanes without a pixel are computed and thrown away. */
    memset(r.row + t.count, 0, (size_t)(PIXELS - t.count) * sizeof *r.row);
    for (int64_t at = 0; at < taps; at += TAPS) {
        int64_t n = taps - at < TAPS ? taps - at : TAPS, o = 0;
        const int8_t *weight = c->weight + t.channel * taps + at;
        for (int64_t p = 0; p < t.count; p++)
            gather_row(c, t.group, t.pixel + p, at, at + n, r.row[p]);
        turn(&r, (n + 3) / 4);
        if (affine)
            add_codes(&r, (n + 3) / 4);
        for (; o + BLOCK <= t.channels; o += BLOCK)
            multiply(&r, weight + o * taps, taps, n, BLOCK, r.sum + o);
        for (; o < t.channels; o++)
            multiply(&r, weight + o * taps, taps, n, 1, r.sum + o);
    }
    finish(c, &r, t.pixel, t.count, t.channel, t.channels, taps);
}

const bool integer_has_vnni = true;
#else
void integer_tile_vnni(const integer_conv *c, integer_tile t)
{
    (void)c;
    (void)t;
}

const bool integer_has_vnni = false;
#endif
