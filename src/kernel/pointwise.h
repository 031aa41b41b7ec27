/* SPDX-License-Identifier: GPL-3.0-or-later
   pointwise.h -- functions of single elements, and sums and products of two tensors.
   Threaded over flat ranges; allocates nothing. */
#ifndef LATHE_KERNEL_POINTWISE_H
#define LATHE_KERNEL_POINTWISE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/random.h"
#include "kernel/finish.h"

typedef enum pointwise {
    POINTWISE_RELU,       /* max(x, 0) */
    POINTWISE_LEAKY_RELU, /* x, or slope * x where x < 0 */
    POINTWISE_RELU6,      /* min(max(x, 0), 6) */
    POINTWISE_SIGMOID,    /* 1 / (1 + exp(-x)) */
    POINTWISE_TANH,       /* the hyperbolic tangent */
    POINTWISE_GELU,       /* x Phi(x), Phi by erf: Hendrycks, Gimpel, arXiv:1606.08415 */
    POINTWISE_HARD_SWISH, /* x hard_sigmoid(x): Howard et al., arXiv:1905.02244 */
    POINTWISE_HARD_SIGMOID, /* clamp(x / 6 + 1/2, 0, 1) */
    POINTWISE_COUNT
} pointwise;

/* y[i] = f(x[i]); y may be x. */
void pointwise_forward(pointwise f, float slope, int64_t n, const float *x, float *y);

/* grad_x[i] (+)= grad_y[i] * f'(x[i]).  SEEN is y for relu, leaky relu, relu6, sigmoid
   and tanh, and x for the others. */
void pointwise_backward(pointwise f, float slope, int64_t n, const float *seen,
                        const float *grad_y, float *grad_x, bool accumulate);

/* Where tensors of two shapes meet: elements are n images of `pixels` pixels of
   `channels`; where b_is_vector, b has one pixel an image, which counts for all. */
typedef struct pairing {
    int64_t images, pixels, channels;
    bool b_is_vector;
} pairing;

/* y = rectify((a + b) scale + shift). */
void pair_add(const pairing *p, const float *a, const float *b, const finish *tail,
              float *y);
void pair_multiply(const pairing *p, const float *a, const float *b, float *y);

/* grad_a (+)= grad_y * b, or grad_y where b is NULL. */
void pair_grad_first(const pairing *p, const float *b, const float *grad_y, float *grad_a,
                     bool accumulate);
/* grad_b (+)= the same with a, summed over pixels in double where b_is_vector. */
void pair_grad_second(const pairing *p, const float *a, const float *grad_y,
                      float *grad_b, bool accumulate);

/* mask[i] = 1 with probability 1 - p, drawn from RANDOM; y = x mask / (1 - p). */
void dropout_forward(const random_stream *random, double p, int64_t n, const float *x,
                     float *y, uint8_t *mask);
void dropout_backward(double p, int64_t n, const uint8_t *mask, const float *grad_y,
                      float *grad_x, bool accumulate);

/* y[row] = exp(x - max) / sum over the row; y may be x. */
void softmax_forward(int64_t rows, int64_t columns, const float *x, float *y);
void softmax_backward(int64_t rows, int64_t columns, const float *y, const float *grad_y,
                      float *grad_x, bool accumulate);

/* y[row] = x - max - log(sum exp(x - max)); y may be x. */
void log_softmax_forward(int64_t rows, int64_t columns, const float *x, float *y);
void log_softmax_backward(int64_t rows, int64_t columns, const float *y,
                          const float *grad_y, float *grad_x, bool accumulate);

#endif
