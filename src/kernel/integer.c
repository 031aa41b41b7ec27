/* SPDX-License-Identifier: GPL-3.0-or-later
   integer.c -- the scalar rules of 8-bit arithmetic and its loops without neighbours.
   It allocates nothing and knows no graph. */
#include "kernel/integer.h"

#include <float.h>
#include "base/parallel.h"
#include "kernel/integer_loops.h"

#define GRAIN 16384

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
    const integer_loops *loops;
    const float *real;
    float *real_out;
    const int8_t *code;
    int8_t *code_out;
    const int8_t *table;
    integer_format format;
} codes;

static void quantize_range(void *context, int64_t begin, int64_t end, int thread)
{
    const codes *c = context;
    (void)thread;
    c->loops->quantize(end - begin, c->real + begin, c->format, c->code_out + begin);
}

static void dequantize_range(void *context, int64_t begin, int64_t end, int thread)
{
    const codes *c = context;
    (void)thread;
    c->loops->dequantize(end - begin, c->code + begin, c->format, c->real_out + begin);
}

static void map_range(void *context, int64_t begin, int64_t end, int thread)
{
    const codes *c = context;
    (void)thread;
    c->loops->map(end - begin, c->code + begin, c->table, c->code_out + begin);
}

void integer_quantize(const float *x, int64_t n, integer_format f, int8_t *q)
{
    codes c = {.loops = integer_loops_get(), .real = x, .code_out = q, .format = f};
    parallel_range(n, GRAIN, quantize_range, &c);
}

void integer_dequantize(const int8_t *q, int64_t n, integer_format f, float *x)
{
    codes c = {.loops = integer_loops_get(), .code = q, .real_out = x, .format = f};
    parallel_range(n, GRAIN, dequantize_range, &c);
}

void integer_map(const int8_t *x, int64_t n, const int8_t table[256], int8_t *y)
{
    codes c = {.loops = integer_loops_get(), .code = x, .code_out = y, .table = table};
    parallel_range(n, GRAIN, map_range, &c);
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
