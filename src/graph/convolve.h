/* SPDX-License-Identifier: GPL-3.0-or-later
   convolve.h -- what the rows of conv2d and linear share: an operation as a convolution
   of the geometry V.  Kept between these two. */
#ifndef LATHE_GRAPH_CONVOLVE_H
#define LATHE_GRAPH_CONVOLVE_H

#include "graph/operator.h"
#include "kernel/convolution.h"

void convolve_forward(const operation *op, const convolution *v);
void convolve_backward(const operation *op, const convolution *v);

#endif
