/* SPDX-License-Identifier: GPL-3.0-or-later
   integer.c -- the scalar rules of 8-bit arithmetic and its loops without neighbours.
   It allocates nothing and knows no graph. */
#include "kernel/integer.h"

#include <float.h>
#include <math.h>
#include <string.h>
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

integer_format integer_format_for(double low, double high, int bits, bool symmetric)
{
    const double least = integer_low(bits), most = integer_high(bits);
    integer_format f = {.low = integer_low(bits), .high = integer_high(bits)};
    low = low < -(double)FLT_MAX ? -(double)FLT_MAX : low < 0.0 ? low : 0.0;
    high = high > (double)FLT_MAX ? (double)FLT_MAX : high > 0.0 ? high : 0.0;
    if (symmetric)
        f.scale = (float)((high > -low ? high : -low) / most);
    else
        f.scale = (float)((high - low) / (most - least));
    if (!(f.scale >= FLT_MIN))
        f.scale = 1.0f;
    if (symmetric)
        return f;
    double zero = least - rint(low / (double)f.scale);
    f.zero = (int32_t)(zero > most ? most : zero);
    return f;
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
    parallel_evenly(n, GRAIN, quantize_range, &c);
}

void integer_dequantize(const int8_t *q, int64_t n, integer_format f, float *x)
{
    codes c = {.loops = integer_loops_get(), .code = q, .real_out = x, .format = f};
    parallel_evenly(n, GRAIN, dequantize_range, &c);
}

/* ---- ends and sums ---- */

enum { ENDS = 64 }; /* pieces, cut by size alone */

typedef struct ends {
    const integer_loops *loops;
    const float *x;
    int64_t n, each;
    float low[ENDS], high[ENDS];
} ends;

static void find_ends(void *context, int64_t i, int thread)
{
    ends *s = context;
    int64_t begin = i * s->each, left = s->n - begin;
    (void)thread;
    s->loops->extremes(left < s->each ? left : s->each, s->x + begin, &s->low[i],
                       &s->high[i]);
}

void integer_extremes(const float *x, int64_t n, float *low, float *high)
{
    ends s = {
        .loops = integer_loops_get(), .x = x, .n = n, .each = (n + ENDS - 1) / ENDS};
    s.each = s.each < GRAIN ? GRAIN : s.each;
    parallel_for((n + s.each - 1) / s.each, find_ends, &s);
    *low = *high = 0.0f;
    for (int i = 0; i < ENDS; i++) {
        *low = s.low[i] < *low ? s.low[i] : *low;
        *high = s.high[i] > *high ? s.high[i] : *high;
    }
}

typedef struct scaling {
    const integer_loops *loops;
    int64_t channels;
    const char *sum; /* int32_t, or the memory of y */
    const float *multiplier, *bias;
    float *y;
} scaling;

enum { SUMS = 256 };

static void scale_rows(void *context, int64_t begin, int64_t end, int thread)
{
    const scaling *s = context;
    int32_t sum[SUMS];
    (void)thread;
    for (int64_t row = begin; row < end; row++)
        for (int64_t c = 0; c < s->channels; c += SUMS) {
            int64_t n = s->channels - c < SUMS ? s->channels - c : SUMS;
            int64_t at = row * s->channels + c;
            memcpy(sum, s->sum + at * (int64_t)sizeof *sum, (size_t)n * sizeof *sum);
            s->loops->scale_sums(n, sum, s->multiplier + c, s->bias + c, s->y + at);
        }
}

void integer_scale_sums(int64_t rows, int64_t channels, const int32_t *sum,
                        const float *multiplier, const float *bias, float *y)
{
    scaling s = {integer_loops_get(), channels, (const char *)sum, multiplier, bias, y};
    parallel_evenly(rows, GRAIN / (channels > 0 ? channels : 1) + 1, scale_rows, &s);
}

void integer_map(const int8_t *x, int64_t n, const int8_t table[256], int8_t *y)
{
    codes c = {.loops = integer_loops_get(), .code = x, .code_out = y, .table = table};
    parallel_evenly(n, GRAIN, map_range, &c);
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
