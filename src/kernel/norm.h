/* SPDX-License-Identifier: GPL-3.0-or-later
   norm.h -- sums over rows, and batch normalisation of x [rows, channels] over its rows.
   Sums are taken in blocks cut by shape alone and joined in double in a fixed order, so
   they are accurate where the mean is far larger than the deviation, and the same at any
   number of threads.  Source: Ioffe, Szegedy 2015, arXiv:1502.03167, algorithms 1 and 2;
   joining of blocks: Chan, Golub, LeVeque 1983, Am. Stat. 37, 242. */
#ifndef LATHE_KERNEL_NORM_H
#define LATHE_KERNEL_NORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/finish.h"
#include "kernel/precision.h"

typedef struct batch_norm {
    int64_t rows, channels;
    double epsilon, momentum;
    const float *scale, *shift;             /* gamma, beta [channels] */
    float *running_mean, *running_variance; /* [channels], NULL: not wanted */
    rectifier rectify;                      /* of y, in the same pass */
    float slope;
    int64_t y_pitch; /* numbers from row to row of y and its gradient; 0: the channels */
    precision x_kept, y_kept; /* what x and y, and their gradients, are kept in */
} batch_norm;

/* Floats that the forward keeps for the backward: mean, inverse deviation, the part of
   the mean that a float loses, in deviations; and what x - mean was multiplied with and
   moved by. */
#define BATCH_NORM_SAVED 5

/* Scratch bytes of channel_sum, and of the functions behind it. */
size_t channel_scratch(int64_t rows, int64_t channels);
size_t batch_norm_scratch(const batch_norm *b);

/* sum[c] = sum over rows of x[row, c], kept in KEPT. */
void channel_sum(int64_t rows, int64_t channels, const void *x, precision kept,
                 float *sum, void *scratch);

/* y = rectify((x - mean) / sqrt(variance + epsilon) * gamma + beta) with the batch's
   statistics, which go to SAVED [3 channels] and into the running ones. */
void batch_norm_train(const batch_norm *b, const void *x, void *y, float *saved,
                      void *scratch);

/* The same with given statistics. */
void batch_norm_apply(const batch_norm *b, const float *mean, const float *variance,
                      const void *x, void *y, void *scratch);

/* Gradients by x (NULL: not wanted; added where ACCUMULATE), gamma and beta (NULL: not
   wanted) after batch_norm_train; and the sums over rows of the gradient by x (NULL: not
   wanted), which are the gradient of a bias that was added to x. */
void batch_norm_gradient(const batch_norm *b, const void *x, const float *saved,
                         const void *grad_y, void *grad_x, bool accumulate,
                         float *grad_scale, float *grad_shift, float *grad_x_sum,
                         void *scratch);

#endif
