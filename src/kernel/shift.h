/* SPDX-License-Identifier: GPL-3.0-or-later
   shift.h -- images laid out with their batch innermost, [h][w][n][c], so that the pixels
   at which a tap meets the image are a few lines without gaps.  Kept between shift.c and
   shift_weight.c. */
#ifndef LATHE_KERNEL_SHIFT_H
#define LATHE_KERNEL_SHIFT_H

#include <stddef.h>
#include "kernel/convolution.h"
#include "kernel/mapping.h"
#include "kernel/weight_taker.h"

/* Outputs first..last - 1 of an axis that meet the source at a tap's place. */
typedef struct reach {
    int64_t first, last;
} reach;

reach shift_reach(const axis *a, int64_t tap, int64_t length, int64_t outputs);

/* The part of all products of pixels and taps that meets the source: 0..1. */
double shift_share(const mapping *m);

/* turned[h][w][n][c] = x[n][h][w][c], whose pixels are PITCH numbers apart; those of
   turned, in f32 whatever x is kept in, shift_step(channels). */
typedef struct image_turn {
    int64_t images, pixels, channels, pitch;
    precision kept;
    const void *from;
    float *to;
} image_turn;

void shift_turn(const image_turn *t);

/* An odd number of cache lines: channels of pixels that are neighbours lie in different
   sets of the cache. */
int64_t shift_step(int64_t channels);

size_t shift_weight_scratch(const convolution *v);
void shift_weight_gradient(const convolution *v, const float *x, const float *grad_y,
                           float *grad_weight, void *scratch);
void shift_weight_taken(const convolution *v, const float *x, const float *grad_y,
                        const weight_taker *taker, void *scratch);

#endif
