/* SPDX-License-Identifier: GPL-3.0-or-later
   unroll.h -- convolutions that run as simpler ones: conv3d as one of images whose
   channels are those of all slices that the kernel spans, a transposed convolution as a
   product with each pixel whose results are put together where they overlap.  Kept
   between their rows. */
#ifndef LATHE_GRAPH_UNROLL_H
#define LATHE_GRAPH_UNROLL_H

#include "graph/operator.h"
#include "kernel/convolution.h"
#include "kernel/patch.h"

/* Does OP run so? */
bool unroll_is(const operator_row *op);

/* How it runs: chunk by chunk, all of them alike. */
typedef struct unrolled {
    bool transposed, exact; /* exact: no pixel of y is in two patches, or in none */
    bool placed;            /* the inner convolution writes y itself */
    convolution inner;      /* of one chunk */
    patch patch;            /* of one chunk: of x, or of y where transposed */
    int64_t chunks;
    int64_t x_step, y_step; /* elements from chunk to chunk */
    int64_t turn[4];        /* w to the inner convolution's, as patch_turn takes it */
} unrolled;

/* WHOLE: everything in one chunk, as the gradients want it. */
unrolled unroll(const operation *op, bool whole);
int64_t unroll_patch_elements(const unrolled *u); /* of one chunk */

/* The convolution that runs inside, for all that one call of it takes. */
convolution unroll_geometry(const operation *op);

size_t unroll_scratch(const operation *op);
void unroll_forward(const operation *op);
void unroll_backward(const operation *op);

extern const operator_methods unroll_methods;

#endif
