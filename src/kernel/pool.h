/* SPDX-License-Identifier: GPL-3.0-or-later
   pool.h -- maxima and means over windows of f32 images in channels-last layout, and
   their gradients, gathered for each input pixel so that nobody adds to another's. */
#ifndef LATHE_KERNEL_POOL_H
#define LATHE_KERNEL_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include "kernel/precision.h"

typedef struct pooling {
    int64_t n, h, w, c, out_h, out_w;
    int64_t kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
    /* Of max_pool alone: numbers from pixel to pixel of x and its gradient (0: c), and what
       x and y, and their gradients, are kept in. */
    int64_t x_pitch;
    precision x_kept, y_kept;
} pooling;

/* Kernel positions that fit the saved index. */
#define POOL_WINDOW_MAX 65536

/* Padding never wins.  WHERE (may be NULL) takes the winner's place in its window,
   ky * kernel_w + kx; the first of equals wins. */
void max_pool_forward(const pooling *p, const void *x, void *y, uint16_t *where);
void max_pool_backward(const pooling *p, const uint16_t *where, const void *grad_y,
                       void *grad_x, bool accumulate);

/* Does each place lie in one window at most?  Only then may anything be bf16: a sum of
   several gradients would be rounded at each of them. */
bool max_pool_takes_bf16(const pooling *p);

/* The mean over the whole window, padding counted as zeros. */
void avg_pool_forward(const pooling *p, const float *x, float *y);
void avg_pool_backward(const pooling *p, const float *grad_y, float *grad_x,
                       bool accumulate);

/* y [n, c] = mean over pixels of x [n, pixels, c]. */
void global_pool_forward(int64_t n, int64_t pixels, int64_t c, const float *x, float *y);
void global_pool_backward(int64_t n, int64_t pixels, int64_t c, const float *grad_y,
                          float *grad_x, bool accumulate);

#endif
