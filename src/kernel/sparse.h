/* SPDX-License-Identifier: GPL-3.0-or-later
   sparse.h -- the convolution that skips weights of exactly 0 (groups of 1, f32), and
   when it is the faster one. */
#ifndef LATHE_KERNEL_SPARSE_H
#define LATHE_KERNEL_SPARSE_H

#include "kernel/algorithm.h"

/* Which kernel a prepared convolution uses: "sparse", or "sparse 4x1" where groups of
   four outputs have their weights at the same inputs and load them once. */
const char *sparse_describe(const void *prepared);

/* Clock cycles of one core that it will take, about; and whether dense algorithms are
   expected to take more.  V must suit. */
double sparse_cost(const convolution *v, const float *weight);
bool sparse_wins(const convolution *v, const float *weight);

#endif
