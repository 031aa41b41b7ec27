/* SPDX-License-Identifier: GPL-3.0-or-later
   arrange.h -- moving pixels without changing them: pad and crop, concat, flatten.
   Each has its way back for gradients. */
#ifndef LATHE_KERNEL_ARRANGE_H
#define LATHE_KERNEL_ARRANGE_H

#include <stdbool.h>
#include <stdint.h>

/* What of OUT - IN goes before: floor(d / 2), also where d is negative. */
int64_t pad_before(int64_t in, int64_t out);

/* y [n, out_h, out_w, c] = x [n, h, w, c] centred, zeros around or borders cut. */
typedef struct padding {
    int64_t n, h, w, c, out_h, out_w;
    int64_t y_pitch; /* floats from pixel to pixel of y and its gradient; 0: c */
} padding;
void pad_forward(const padding *p, const float *x, float *y);
void pad_backward(const padding *p, const float *grad_y, float *grad_x, bool accumulate);

/* y [rows, total] takes x [rows, columns] at column FIRST; and back. */
void concat_put(int64_t rows, int64_t total, int64_t first, int64_t columns,
                const float *x, float *y);
void concat_get(int64_t rows, int64_t total, int64_t first, int64_t columns,
                const float *y, float *x, bool accumulate);

/* y [rows, total] += x [rows, columns] at column FIRST. */
void concat_add(int64_t rows, int64_t total, int64_t first, int64_t columns,
                const float *x, float *y);

/* y [n, c, pixels] (+)= x [n, pixels, c]; and back. */
void flatten_forward(int64_t n, int64_t pixels, int64_t c, const float *x, float *y);
void flatten_add(int64_t n, int64_t pixels, int64_t c, const float *x, float *y,
                 bool accumulate);
void flatten_backward(int64_t n, int64_t pixels, int64_t c, const float *grad_y,
                      float *grad_x, bool accumulate);

#endif
