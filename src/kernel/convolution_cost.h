/* SPDX-License-Identifier: GPL-3.0-or-later
   convolution_cost.h -- about how long the ways to compute a 3x3 convolution of stride 1
   take: a guess by shape.  Kept between the files that choose among them. */
#ifndef LATHE_KERNEL_CONVOLUTION_COST_H
#define LATHE_KERNEL_CONVOLUTION_COST_H

#include "kernel/algorithm.h"

/* Nanoseconds of one core for a task of V by F(tile x tile, 3x3), TILE 2 or 4; and by a
   direct sum over the SHARE (0..1) of pixels and taps that meet. */
double winograd_cost(const convolution *v, int64_t tile, algorithm_task task);
/* The same, forward, where weights are made on the way. */
double winograd_thin_cost(const convolution *v, int64_t tile);
double direct_cost(const convolution *v, double share, algorithm_task task);

/* What a direct sum of pairs of bf16 takes of the time of one in f32, with all that is
   around the products, as measured on one processor with pairs and one with tiles. */
double pair_share(algorithm_task task);

#endif
