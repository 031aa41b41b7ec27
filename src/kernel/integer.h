/* SPDX-License-Identifier: GPL-3.0-or-later
   integer.h -- arithmetic on 8-bit codes: the scalar rules that define it, and the plain
   loops that follow them to the last bit.  It knows no graph and no file.

   A real number r is scale * (q - zero).  Rounding is half-to-even everywhere.
   Source: Jacob et al. 2018, arXiv:1712.05877, section 2. */
#ifndef LATHE_KERNEL_INTEGER_H
#define LATHE_KERNEL_INTEGER_H

#include <stdbool.h>
#include <stdint.h>

/* How the codes of a value are read: r = scale * (q - zero), low <= q <= high. */
typedef struct integer_format {
    float scale;
    int32_t zero, low, high;
} integer_format;

/* The range of BITS-bit codes: -2^(bits-1) and 2^(bits-1) - 1; BITS 2..32. */
int32_t integer_low(int bits);
int32_t integer_high(int bits);

/* clamp(rne(r / scale) + zero); NaN gives the lowest code. */
int32_t integer_encode(double r, integer_format f);
/* (float)(scale * (q - zero)), the product in double. */
float integer_decode(int32_t q, integer_format f);

/* A ratio of scales as the one float that products are rounded with; finite always. */
float integer_multiplier(double ratio);
/* clamp(rne(v) + zero) for a product V that is not NaN. */
int32_t integer_round(float v, integer_format f);

/* The format of BITS-bit codes for numbers from LOW to HIGH, which is widened to hold 0:
   S = (high - low) / (2^bits - 1), Z the code of 0 so that LOW is the lowest; SYMMETRIC:
   S = the larger end / (2^(bits-1) - 1) and Z = 0.  S is 1 where there is nothing to tell
   apart.  Ends beyond the largest float are that. */
integer_format integer_format_for(double low, double high, int bits, bool symmetric);

/* The least and the largest number of X [n], and 0; what is no number is passed over.
   Threaded; the same at any number of threads. */
void integer_extremes(const float *x, int64_t n, float *low, float *high);

/* y [rows][channels] = (float)sum * multiplier[c] + bias[c], each operation rounded;
   threaded.  SUM may be Y's own memory. */
void integer_scale_sums(int64_t rows, int64_t channels, const int32_t *sum,
                        const float *multiplier, const float *bias, float *y);

/* X [n] to codes and back, threaded. */
void integer_quantize(const float *x, int64_t n, integer_format f, int8_t *q);
void integer_dequantize(const int8_t *q, int64_t n, integer_format f, float *x);
/* y = table[x + 128], threaded. */
void integer_map(const int8_t *x, int64_t n, const int8_t table[256], int8_t *y);

/* A convolution on codes, channels-last; a linear layer is one with a 1x1 kernel and its
   rows as pixels. */
typedef struct integer_conv {
    int64_t batch, height, width, channels; /* of x */
    int64_t out_height, out_width, out_channels, groups;
    int64_t kernel[2], stride[2], padding[2], dilation[2]; /* height, width */
    int64_t x_pitch, y_pitch; /* codes from pixel to pixel; 0: as many as channels */
    integer_format in, out;
    const int8_t *map; /* [256] y = map[code + 128] behind the rounding, or NULL */
    bool to_sums; /* the results are the sums without bias, in `sums`; the format of the
                     output counts for nothing then, and that of the input for nothing
                     but its zero point, when it runs, not when it is prepared */

    /* Read while it is prepared (kernel/integer_method.h): */
    const int8_t *weight;       /* [out_channels, kernel, channels / groups] */
    const int32_t *bias;        /* [out_channels], or NULL */
    const float *weight_scale;  /* [weight_channels] */
    const int32_t *weight_zero; /* [weight_channels] */
    int64_t weight_channels;    /* 1, or out_channels */

    /* Read while it runs: */
    const int8_t *x; /* [batch, height, width, channels] */
    int8_t *y;       /* [batch, out_height, out_width, out_channels] */
    int32_t *sums;   /* the same, instead of y */
} integer_conv;

/* acc = sum (q_w - Z_w) (q_x - Z_x) + bias;  y = clamp(rne((float)acc * M) + Z_y) with
   M = (float)(S_x S_w / S_y).  Taps outside the image count 0.  The caller has seen to it
   that acc fits 32 bits (integer_row_fits for every row).  It is computed by the methods
   of kernel/integer_method.h, which all give these bits. */

/* The largest sum over a row that integer_conv_run may meet: where 255 * sum |q_w - Z_w|
   and |bias| are each at most this, no sum leaves 32 bits. */
#define INTEGER_SUM_MAX (INT32_C(1) << 30)

/* Is that so for a row of N weights and its bias? */
bool integer_row_fits(const int8_t *weight, int64_t n, int32_t zero, int32_t bias);

#endif
