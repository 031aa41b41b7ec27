/* SPDX-License-Identifier: GPL-3.0-or-later
   convolve.h -- what the rows of conv2d and linear share: they run as convolutions, by
   one of the algorithms of kernel/algorithm.  Kept between these rows. */
#ifndef LATHE_GRAPH_CONVOLVE_H
#define LATHE_GRAPH_CONVOLVE_H

#include "graph/operator.h"

/* The operation as a convolution; a linear layer is one of an image of a single row. */
convolution convolve_geometry(const operation *op);

size_t convolve_scratch(const operation *op);
void convolve_forward(const operation *op);
void convolve_backward(const operation *op);

/* The algorithms, numbered as in their table. */
extern const operator_methods convolve_methods;

#endif
