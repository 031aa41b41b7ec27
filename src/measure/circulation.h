/* SPDX-License-Identifier: GPL-3.0-or-later
   circulation.h -- the sum of phase steps round closed paths, in turns: the enclosed
   winding number.  Steps are forward differences (x first, then y), radians a pixel. */
#ifndef LATHE_MEASURE_CIRCULATION_H
#define LATHE_MEASURE_CIRCULATION_H

#include <stdint.h>
#include "base/error.h"

/* GRADIENT (H, W, 2).  Circulation / (2 pi) round the pixel path nearest to the circle of
   RADIUS pixels about (CX, CY); E_RANGE where the path leaves the image.  Where MASK
   (H, W, u8, may be NULL) is 1 on the path *TOUCHES_INVALID is set. */
status circulation_circle(const float *gradient, int64_t height, int64_t width, double cx,
                          double cy, double radius, const uint8_t *mask, double *turns,
                          int *touches_invalid, error *e);

/* The same path, step by step: STEP is told which PIXEL's (row * width + column) gradient
   of AXIS (0: x, 1: y) counts with SIGN (+1 or -1), and the pixel it ARRIVES at. */
typedef void circulation_step(void *context, int64_t pixel, int axis, int sign,
                              int64_t arrives);
status circulation_walk(int64_t height, int64_t width, double cx, double cy,
                        double radius, circulation_step *step, void *context, error *e);

#endif
