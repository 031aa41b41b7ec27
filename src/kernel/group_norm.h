/* SPDX-License-Identifier: GPL-3.0-or-later
   group_norm.h -- normalisation of each sample by itself: of x [images, pixels, channels]
   over all pixels and the channels of one group.  Sums are taken in double, one group of
   one image in one thread, so that they are the same at any number of threads.
   Sources: Wu, He 2018, arXiv:1803.08494, eq. 1 to 6; Ba, Kiros, Hinton 2016,
   arXiv:1607.06450 (one group, each row an image of one pixel). */
#ifndef LATHE_KERNEL_GROUP_NORM_H
#define LATHE_KERNEL_GROUP_NORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct group_norm {
    int64_t images, pixels, channels, groups; /* channels: a multiple of groups */
    double epsilon;
    const float *scale, *shift; /* gamma, beta [channels] */
} group_norm;

/* Bytes that the forward keeps for the backward: mean and inverse deviation in double,
   of each group of each image. */
size_t group_norm_saved(const group_norm *g);

/* y = (x - mean) / sqrt(variance + epsilon) * gamma + beta; y may be x; SAVED may be
   NULL. */
void group_norm_forward(const group_norm *g, const float *x, float *y, double *saved);

/* Gradients by x (NULL: not wanted; added where ACCUMULATE), gamma and beta (NULL: not
   wanted). */
void group_norm_backward(const group_norm *g, const float *x, const double *saved,
                         const float *grad_y, float *grad_x, bool accumulate,
                         float *grad_scale, float *grad_shift);

#endif
