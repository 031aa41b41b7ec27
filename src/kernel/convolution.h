/* SPDX-License-Identifier: GPL-3.0-or-later
   convolution.h -- 2-D convolution of f32 images in channels-last layout, and its
   gradients.  Threaded; allocates nothing: scratch memory is the caller's.

     x       [n, h, w, c]              weight  [out_c, kernel_h, kernel_w, c / groups]
     y       [n, out_h, out_w, out_c]  bias    [out_c], may be NULL

   A linear layer is a 1x1 convolution of an image of one row.  Results do not depend on
   the number of threads.
   Source: Goodfellow, Bengio, Courville 2016, section 9.1 and eq. 9.6. */
#ifndef LATHE_KERNEL_CONVOLUTION_H
#define LATHE_KERNEL_CONVOLUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/finish.h"

/* Largest kernel_h and kernel_w. */
#define CONVOLUTION_KERNEL_MAX 64

typedef struct convolution {
    int64_t n, h, w, c;
    int64_t out_h, out_w, out_c;
    int64_t kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
    int64_t groups;
    int64_t x_pitch, y_pitch; /* floats from pixel to pixel; 0: c and out_c */
} convolution;

/* Scratch bytes for all functions here, or for the forward alone, at cpu_threads(). */
size_t convolution_scratch(const convolution *v, bool training);

/* y = rectify((x * weight + bias) scale + shift). */
void convolution_forward(const convolution *v, const float *x, const float *weight,
                         const float *bias, const finish *tail, float *y, void *scratch);

/* grad_x (+)= gradient of sum(grad_y * y) by x. */
void convolution_grad_input(const convolution *v, const float *grad_y,
                            const float *weight, float *grad_x, bool accumulate,
                            void *scratch);

/* grad_weight and grad_bias = gradients of sum(grad_y * y) by the weight and the bias. */
void convolution_grad_weight(const convolution *v, const float *x, const float *grad_y,
                             float *grad_weight, void *scratch);
void convolution_grad_bias(const convolution *v, const float *grad_y, float *grad_bias,
                           void *scratch);

#endif
