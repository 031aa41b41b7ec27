/* SPDX-License-Identifier: GPL-3.0-or-later
   gather.h -- products of single pixels: such whose outputs do not lie side by side, and
   such of pixels that a depthwise convolution makes a few rows at a time.  Everything else
   of gather.c is reached by the table of algorithm.h. */
#ifndef LATHE_KERNEL_GATHER_H
#define LATHE_KERNEL_GATHER_H

#include <stdbool.h>
#include <stdint.h>
#include "kernel/convolution.h"
#include "kernel/depthwise.h"
#include "kernel/finish.h"

/* Output o of pixel p lies at y + at[o / each] + p / row_pixels * y_row +
   p % row_pixels * y_pixel + o % each. */
typedef struct placing {
    int64_t each;
    const int64_t *at;
    int64_t row_pixels, y_pixel, y_row;
} placing;

/* Can V, a 1x1 convolution of one row, put EACH outputs side by side? */
bool gather_can_place(const convolution *v, int64_t each);

/* The forward of algorithm_gather, no residual, with its prepared weights and scratch. */
void gather_forward_placed(const convolution *v, const float *x, const void *prepared,
                           const float *bias, const finish *tail, const placing *place,
                           float *y, void *block);

/* Can V, a 1x1 convolution, read the rows of a depthwise convolution as they come? */
bool gather_can_follow(const convolution *v);

/* Scratch of, and the forward of algorithm_gather with its prepared weights, where x is
   what FIRST would write: the same bits. */
size_t gather_following_scratch(const convolution *v, const depthwise_call *first);
void gather_forward_following(const convolution *v, const depthwise_call *first,
                              const void *prepared, const float *bias, const finish *tail,
                              float *y, void *block);

#endif
