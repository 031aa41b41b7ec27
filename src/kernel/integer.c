/* SPDX-License-Identifier: GPL-3.0-or-later
   integer.c -- the scalar rules of 8-bit arithmetic and the loops of the convolution.
   It allocates nothing and knows no graph. */
#include "kernel/integer.h"

#include <float.h>
#include <stdbool.h>
#include <string.h>
#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/integer_tile.h"

/* At -O2 gcc 12 leaves loops of unknown length scalar. */
#if defined(__GNUC__) && !defined(__clang__)
#define VECTORIZED __attribute__((optimize("O3")))
#else
#define VECTORIZED
#endif

#define PIXELS   16   /* output pixels of a tile */
#define CHANNELS 64   /* output channels of a tile, at most */
#define TAPS     1024 /* products summed before the next piece is gathered */
#define STEP     16   /* pieces are filled with zeros to a multiple of this */
#define GRAIN    16384

int32_t integer_low(int bits)
{
    return (int32_t)(-(INT64_C(1) << (bits - 1)));
}

int32_t integer_high(int bits)
{
    return (int32_t)((INT64_C(1) << (bits - 1)) - 1);
}

int32_t integer_encode(double r, integer_format f)
{
    /* Clamped before rounding, so that the addition below is exact to the unit:
       2^52 + 2^51 leaves no place behind the point, and adding rounds half to even. */
    const double magic = 6755399441055744.0;
    double v = r / (double)f.scale;
    double low = (double)f.low - f.zero, high = (double)f.high - f.zero;
    v = v > low ? v : low;
    v = v < high ? v : high;
    return (int32_t)((v + magic) - magic) + f.zero;
}

float integer_decode(int32_t q, integer_format f)
{
    return (float)((double)f.scale * (double)((int64_t)q - f.zero));
}

float integer_multiplier(double ratio)
{
    return ratio < (double)FLT_MAX ? (float)ratio : FLT_MAX;
}

int32_t integer_round(float v, integer_format f)
{
    /* The same with 2^23 + 2^22; |v| is at most 2^9 once it is clamped. */
    const float magic = 12582912.0f;
    float low = (float)(f.low - f.zero), high = (float)(f.high - f.zero);
    v = v > low ? v : low;
    v = v < high ? v : high;
    return (int32_t)((v + magic) - magic) + f.zero;
}

typedef struct codes {
    const float *real;
    float *real_out;
    const int8_t *code;
    int8_t *code_out;
    const int8_t *table;
    integer_format format;
} codes;

static VECTORIZED void quantize_range(void *context, int64_t begin, int64_t end,
                                      int thread)
{
    const codes *c = context;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        c->code_out[i] = (int8_t)integer_encode((double)c->real[i], c->format);
}

static void dequantize_range(void *context, int64_t begin, int64_t end, int thread)
{
    const codes *c = context;
    float table[256];
    (void)thread;
    for (int q = -128; q < 128; q++)
        table[q + 128] = integer_decode(q, c->format);
    for (int64_t i = begin; i < end; i++)
        c->real_out[i] = table[c->code[i] + 128];
}

static void map_range(void *context, int64_t begin, int64_t end, int thread)
{
    const codes *c = context;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        c->code_out[i] = c->table[c->code[i] + 128];
}

void integer_quantize(const float *x, int64_t n, integer_format f, int8_t *q)
{
    codes c = {.real = x, .code_out = q, .format = f};
    parallel_range(n, GRAIN, quantize_range, &c);
}

void integer_dequantize(const int8_t *q, int64_t n, integer_format f, float *x)
{
    codes c = {.code = q, .real_out = x, .format = f};
    parallel_range(n, GRAIN, dequantize_range, &c);
}

void integer_map(const int8_t *x, int64_t n, const int8_t table[256], int8_t *y)
{
    codes c = {.code = x, .code_out = y, .table = table};
    parallel_range(n, GRAIN, map_range, &c);
}

/* A piece of a row of products: its taps BEGIN..END of the (kernel, channels / groups)
   of one group, and its length filled up to STEP. */
typedef struct piece {
    int64_t group, begin, end, length;
} piece;

/* PATCH[i] = q_x - Z_x for the taps of the piece at one output pixel. */
static VECTORIZED void gather(const integer_conv *c, int64_t pixel, piece p,
                              int16_t *patch)
{
    int64_t depth = c->channels / c->groups;
    int64_t ox = pixel % c->out_width, row = pixel / c->out_width;
    int64_t oy = row % c->out_height, n = row / c->out_height;
    int16_t zero = (int16_t)c->in.zero;
    for (int64_t tap = p.begin / depth; tap * depth < p.end; tap++) {
        int64_t from = tap * depth > p.begin ? tap * depth : p.begin;
        int64_t to = (tap + 1) * depth < p.end ? (tap + 1) * depth : p.end;
        int64_t iy =
            oy * c->stride[0] - c->padding[0] + tap / c->kernel[1] * c->dilation[0];
        int64_t ix =
            ox * c->stride[1] - c->padding[1] + tap % c->kernel[1] * c->dilation[1];
        int16_t *to_patch = patch + (from - p.begin);
        if (iy < 0 || iy >= c->height || ix < 0 || ix >= c->width) {
            memset(to_patch, 0, (size_t)(to - from) * sizeof *to_patch);
            continue;
        }
        const int8_t *x = c->x + ((n * c->height + iy) * c->width + ix) * c->channels +
                          p.group * depth + (from - tap * depth);
        for (int64_t i = 0; i < to - from; i++)
            to_patch[i] = (int16_t)(x[i] - zero);
    }
    for (int64_t i = p.end - p.begin; i < p.length; i++)
        patch[i] = 0;
}

static VECTORIZED void widen(const int8_t *weight, int32_t zero, int64_t n,
                             int64_t length, int16_t *row)
{
    int16_t z = (int16_t)zero;
    for (int64_t i = 0; i < n; i++)
        row[i] = (int16_t)(weight[i] - z);
    for (int64_t i = n; i < length; i++)
        row[i] = 0;
}

/* Four pixels at once read each weight once; the products of 16-bit pairs summed in 32
   bits are one instruction on most machines. */
static VECTORIZED void dot4(const int16_t *row, const int16_t *patch, int64_t n,
                            int32_t *sum, int64_t step)
{
    const int16_t *x0 = patch, *x1 = patch + TAPS, *x2 = patch + 2 * TAPS,
                  *x3 = patch + 3 * TAPS;
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (int64_t i = 0; i < n; i++) {
        s0 += row[i] * x0[i];
        s1 += row[i] * x1[i];
        s2 += row[i] * x2[i];
        s3 += row[i] * x3[i];
    }
    sum[0] += s0;
    sum[step] += s1;
    sum[2 * step] += s2;
    sum[3 * step] += s3;
}

static VECTORIZED void dot1(const int16_t *row, const int16_t *patch, int64_t n,
                            int32_t *sum)
{
    int32_t s = 0;
    for (int64_t i = 0; i < n; i++)
        s += row[i] * patch[i];
    *sum += s;
}

typedef struct conv_tiles {
    const integer_conv *conv;
    int64_t pixels, group_channels, channel_blocks;
} conv_tiles;

static void finish(const integer_conv *c, int64_t pixel, int64_t count, int64_t channel,
                   int64_t channels, const int32_t *sum)
{
    for (int64_t o = 0; o < channels; o++) {
        int64_t at = channel + o;
        double scale = (double)c->weight_scale[c->weight_channels == 1 ? 0 : at];
        float m = integer_multiplier((double)c->in.scale * scale / (double)c->out.scale);
        int32_t bias = c->bias ? c->bias[at] : 0;
        for (int64_t p = 0; p < count; p++) {
            float product = (float)(sum[p * CHANNELS + o] + bias) * m;
            c->y[(pixel + p) * c->out_channels + at] =
                (int8_t)integer_round(product, c->out);
        }
    }
}

/* Output channels CHANNEL.. of one group at COUNT pixels. */
static void run_tile(void *context, int64_t tile, int thread)
{
    const conv_tiles *t = context;
    const integer_conv *c = t->conv;
    int16_t patch[PIXELS * TAPS], row[TAPS];
    int32_t sum[PIXELS * CHANNELS] = {0};
    int64_t blocks = c->groups * t->channel_blocks;
    int64_t pixel = tile / blocks * PIXELS, block = tile % blocks;
    int64_t group = block / t->channel_blocks;
    int64_t begin = block % t->channel_blocks * CHANNELS;
    int64_t left = t->group_channels - begin;
    int64_t channels = left < CHANNELS ? left : CHANNELS;
    int64_t channel = group * t->group_channels + begin;
    int64_t count = t->pixels - pixel < PIXELS ? t->pixels - pixel : PIXELS;
    int64_t taps = c->kernel[0] * c->kernel[1] * (c->channels / c->groups);
    (void)thread;
    for (int64_t at = 0; at < taps; at += TAPS) {
        piece piece = {group, at, at + TAPS < taps ? at + TAPS : taps, 0};
        int64_t n = piece.end - piece.begin;
        piece.length = (n + STEP - 1) / STEP * STEP;
        for (int64_t p = 0; p < count; p++)
            gather(c, pixel + p, piece, patch + p * TAPS);
        for (int64_t o = 0; o < channels; o++) {
            int32_t zero = c->weight_zero[c->weight_channels == 1 ? 0 : channel + o];
            int64_t p = 0;
            widen(c->weight + (channel + o) * taps + at, zero, n, piece.length, row);
            for (; p + 4 <= count; p += 4)
                dot4(row, patch + p * TAPS, piece.length, sum + p * CHANNELS + o,
                     CHANNELS);
            for (; p < count; p++)
                dot1(row, patch + p * TAPS, piece.length, sum + p * CHANNELS + o);
        }
    }
    finish(c, pixel, count, channel, channels, sum);
}

/* The same tile for VNNI. */
static void run_tile_vnni(void *context, int64_t tile, int thread)
{
    const conv_tiles *t = context;
    int64_t blocks = t->conv->groups * t->channel_blocks, block = tile % blocks;
    int64_t begin = block % t->channel_blocks * INTEGER_TILE_CHANNELS;
    int64_t left = t->group_channels - begin;
    integer_tile part = {.pixel = tile / blocks * INTEGER_TILE_PIXELS,
                         .group = block / t->channel_blocks};
    int64_t pixels = t->pixels - part.pixel;
    (void)thread;
    part.count = pixels < INTEGER_TILE_PIXELS ? pixels : INTEGER_TILE_PIXELS;
    part.channel = part.group * t->group_channels + begin;
    part.channels = left < INTEGER_TILE_CHANNELS ? left : INTEGER_TILE_CHANNELS;
    integer_tile_vnni(t->conv, part);
}

void integer_conv_run(const integer_conv *c)
{
    bool vnni = integer_has_vnni && cpu_get_level() >= CPU_VNNI;
    int64_t pixels = vnni ? INTEGER_TILE_PIXELS : PIXELS;
    int64_t channels = vnni ? INTEGER_TILE_CHANNELS : CHANNELS;
    conv_tiles t = {.conv = c};
    t.pixels = c->batch * c->out_height * c->out_width;
    t.group_channels = c->out_channels / c->groups;
    t.channel_blocks = (t.group_channels + channels - 1) / channels;
    parallel_for((t.pixels + pixels - 1) / pixels * c->groups * t.channel_blocks,
                 vnni ? run_tile_vnni : run_tile, &t);
}

bool integer_row_fits(const int8_t *weight, int64_t n, int32_t zero, int32_t bias)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i++) {
        int32_t w = weight[i] - zero;
        sum += w < 0 ? -w : w;
    }
    return sum <= INTEGER_SUM_MAX / 255 && bias >= -INTEGER_SUM_MAX &&
           bias <= INTEGER_SUM_MAX;
}
