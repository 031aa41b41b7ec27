/* SPDX-License-Identifier: GPL-3.0-or-later
   builder.h -- a graph that grows node by node, as the architectures write it down.
   It computes nothing and fills no parameter. */
#ifndef LATHE_ZOO_BUILDER_H
#define LATHE_ZOO_BUILDER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "graph/model.h"

/* Once something failed nothing is added any more, and builder_finish says so: what
   builds need not ask in between. */
typedef struct builder {
    graph *g;
    error *e;
    int x; /* the value that the next node reads; may be set to an earlier one */
    bool failed;
} builder;

/* INPUT: one sample's shape, channels last. */
builder builder_begin(shape input, error *e);

/* Appends OP over b->x, whose output is b->x then.  The name is formatted. */
void builder_add(builder *b, const char *op, attributes a, const char *name, ...)
    __attribute__((format(printf, 4, 5)));

/* The same of two inputs, b->x and SECOND. */
void builder_join(builder *b, const char *op, attributes a, int second, const char *name,
                  ...) __attribute__((format(printf, 5, 6)));

/* A shape error that the architecture itself finds; ends the building. */
void builder_fail(builder *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The model of the graph, or NULL. */
model *builder_finish(builder *b);

/* Attributes: of nothing; of square kernels with padding kernel / 2; of cubic ones. */
attributes of_nothing(void);
attributes of_convolution(int64_t channels, int64_t kernel, int64_t stride, bool bias);
attributes of_depthwise(int64_t channels, int64_t kernel, int64_t stride, bool bias);
attributes of_block_convolution(int64_t channels, int64_t kernel, int64_t stride);
attributes of_linear(int64_t features);
attributes of_norm(double epsilon, double momentum);
attributes of_pool(int64_t kernel, int64_t stride, int64_t padding);
attributes of_dropout(double probability);

/* The multiple of 8 nearest to CHANNELS x WIDTH, but at least 8 and not below nine tenths
   of it.  Source: Howard et al. 2017, arXiv:1704.04861, section 3.3; the rounding is that
   of Sandler et al. 2018, arXiv:1801.04381. */
int64_t builder_width(int64_t channels, double width);

#endif
