/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_loops.h -- the innermost loops over codes beside convolution, for each
   instruction set; all give the same bits.  They run in one thread, know nothing of
   operators and touch only the elements they are told of.  Kept between the files of
   integer. */
#ifndef LATHE_KERNEL_INTEGER_LOOPS_H
#define LATHE_KERNEL_INTEGER_LOOPS_H

#include "kernel/integer.h"

/* A line of windows: y[p][c] is the largest of
   x[p * x_step + row * x_row + column * x_column + c]. */
typedef struct integer_window {
    int64_t pixels, channels, rows, columns;
    const int8_t *x;
    int64_t x_step, x_row, x_column;
    int8_t *y; /* [pixels][channels] */
} integer_window;

/* A line of windows with a kernel for each channel: y[p][c] is the code of
   bias[c] + sum of (x[p * x_step + row * x_row + column * x_column + c] - zero)
   w[row * weight_row + column * channels + c], times multiplier[c]. */
typedef struct integer_depth {
    int64_t pixels, channels, rows, columns;
    const int8_t *x;
    int64_t x_step, x_row, x_column;
    int32_t zero;
    const int32_t *weight; /* 16 bits with their sign; the upper half is 0 */
    int64_t weight_row;
    const int32_t *bias;
    const float *multiplier;
    integer_format out;
    int8_t *y;
    int64_t y_step;
    int32_t *sums; /* not NULL: the sums, instead of codes in y */
} integer_depth;

/* Between two pixels: (2048 - weight) of LOW and weight of HIGH. */
typedef struct integer_place {
    int64_t low, high;
    int32_t weight; /* of 2048 */
} integer_place;

enum { INTEGER_PLACE_BITS = 11 };

/* Codes X, of which a real number is scale (q - zero), to be multiplied by M. */
typedef struct integer_term {
    const int8_t *x;
    int32_t zero;
    float multiplier;
} integer_term;

/* A tile of sums [rows][lanes] as codes, the same:
   map(clamp(rne((float)sum * multiplier[lane]) + zero)). */
typedef struct integer_rounding {
    int64_t rows, lanes; /* 16, 32 or 64 lanes; room for a multiple of 64 sums */
    const int32_t *sum;
    const float *multiplier;
    integer_format out;
    const int8_t *map; /* or NULL */
    int8_t *codes;     /* at a multiple of 64 bytes */
} integer_rounding;

typedef struct integer_loops {
    /* q = clamp(rne(x / scale) + zero), in double; and x = scale (q - zero). */
    void (*quantize)(int64_t n, const float *x, integer_format f, int8_t *q);
    void (*dequantize)(int64_t n, const int8_t *q, integer_format f, float *x);
    /* The least and the largest of 0 and X; what is no number is passed over. */
    void (*extremes)(int64_t n, const float *x, float *low, float *high);
    /* y = (float)sum * multiplier + bias, two roundings behind that of the sum. */
    void (*scale_sums)(int64_t n, const int32_t *sum, const float *multiplier,
                       const float *bias, float *y);
    void (*map)(int64_t n, const int8_t *x, const int8_t map[256], int8_t *y);
    /* y = clamp(rne(sum over both terms of (float)(x - zero) M) + zero). */
    void (*add)(int64_t n, const integer_term term[2], integer_format out, int8_t *y);
    void (*window_max)(const integer_window *w);
    void (*depthwise)(const integer_depth *d);
    void (*add_codes)(int64_t n, const int8_t *x, int32_t *sum); /* sum += x */
    /* y = clamp(rne((float)(sum - shift) M) + zero). */
    void (*round)(int64_t n, const int32_t *sum, int32_t shift, float multiplier,
                  integer_format out, int8_t *y);
    void (*round_tile)(const integer_rounding *r);
    /* sum[p][c] = (2048 - weight) x[low][c] + weight x[high][c] for each place p. */
    void (*blend_columns)(int64_t pixels, int64_t channels, const int8_t *x,
                          const integer_place *place, int32_t *sum);
    /* y = ((2048 - weight) low + weight high + 2^21) >> 22. */
    void (*blend_rows)(int64_t n, const int32_t *low, const int32_t *high, int32_t weight,
                       int8_t *y);
    /* y[c][r] = x[r][c] for COLUMNS c, whole lines of y being Y_STEP apart. */
    void (*turn)(int64_t rows, int64_t columns, const int8_t *x, int64_t x_step,
                 int8_t *y, int64_t y_step);
} integer_loops;

/* The loops for this processor. */
const integer_loops *integer_loops_get(void);

/* Of each instruction set; NULL where this build has none. */
extern const integer_loops *const integer_loops_scalar,
    *const integer_loops_avx2, *const integer_loops_avx512, *const integer_loops_vbmi;

#endif
