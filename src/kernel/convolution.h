/* SPDX-License-Identifier: GPL-3.0-or-later
   convolution.h -- what a 2-D convolution of f32 images in channels-last layout is.

     x       [n, h, w, c]              weight  [out_c, kernel_h, kernel_w, c / groups]
     y       [n, out_h, out_w, out_c]  bias    [out_c], may be NULL

   A linear layer is a 1x1 convolution of an image of one row.
   Source: Goodfellow, Bengio, Courville 2016, section 9.1 and eq. 9.6. */
#ifndef LATHE_KERNEL_CONVOLUTION_H
#define LATHE_KERNEL_CONVOLUTION_H

#include <stdint.h>
#include "kernel/precision.h"

/* Largest kernel_h and kernel_w. */
#define CONVOLUTION_KERNEL_MAX 64

typedef struct convolution {
    int64_t n, h, w, c;
    int64_t out_h, out_w, out_c;
    int64_t kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
    int64_t groups;
    int64_t x_pitch, y_pitch; /* numbers from pixel to pixel; 0: c and out_c */
    /* What x and y, and their gradients, are kept in: f32 but for algorithms of bf16,
       dense tensors and one group. */
    precision x_kept, y_kept;
} convolution;

/* y = rectify((x * weight + bias) scale + shift + residual), and its gradients by x and
   the weight, are in kernel/algorithm.h; that by the bias is a sum over pixels of grad_y
   (channel_sum in kernel/norm.h). */

#endif
