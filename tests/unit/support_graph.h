/* SPDX-License-Identifier: GPL-3.0-or-later
   support_graph.h -- small graphs with filled parameters, for tests. */
#ifndef LATHE_TESTS_SUPPORT_GRAPH_H
#define LATHE_TESTS_SUPPORT_GRAPH_H

#include "graph/graph.h"

/* Attributes of a KERNEL x KERNEL convolution to CHANNELS, padded to keep the size. */
attributes support_convolution(int64_t channels, int64_t kernel);
attributes support_window(int64_t kernel, int64_t stride); /* pools */
attributes support_norm(void);

/* conv, batch norm, ReLU; returns the output value. */
int support_block(graph *g, const char *name, int input, int64_t channels);

/* A U-Net in small: two levels, skip, pool, resize, pad to the skip, concat, head of two
   channels, for SIZE x SIZE x 1. */
graph *support_unet(int64_t size);

/* Weights uniform in +-1/sqrt(fan in), norms near 1 and 0, variances near 1. */
void support_fill(graph *g, uint64_t seed);

#endif
