/* SPDX-License-Identifier: GPL-3.0-or-later
   resize.h -- bilinear and nearest resampling of f32 images in channels-last layout. */
#ifndef LATHE_KERNEL_RESIZE_H
#define LATHE_KERNEL_RESIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/precision.h"

/* Where output place I of OUT lies on an axis of IN: between LOW and HIGH, LAMBDA of the
   way (0 <= lambda < 1).  With aligned corners I (in - 1) / (out - 1), else
   (I + 1/2) in / out - 1/2, not below 0.  Source: PyTorch, nn.functional.interpolate. */
void resize_place(int64_t in, int64_t out, bool align_corners, int64_t i, int64_t *low,
                  int64_t *high, double *lambda);
/* floor(I in / out). */
int64_t resize_nearest_place(int64_t in, int64_t out, int64_t i);

typedef struct resizing {
    int64_t n, h, w, c, out_h, out_w;
    bool nearest, align_corners;
    int64_t y_pitch; /* numbers from pixel to pixel of y and its gradient; 0: c */
    precision x_kept, y_kept; /* what x and y, and their gradients, are kept in */
} resizing;

size_t resize_scratch(const resizing *r); /* forward and backward */
void resize_forward(const resizing *r, const void *x, void *y, void *scratch);
void resize_backward(const resizing *r, const void *grad_y, void *grad_x,
                     bool accumulate, void *scratch);

#endif
