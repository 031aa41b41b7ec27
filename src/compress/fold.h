/* SPDX-License-Identifier: GPL-3.0-or-later
   fold.h -- what folding of batch norms is made of: a norm as one factor and one offset a
   channel, and what the layer that takes it over needs.  Kept between the folding files. */
#ifndef LATHE_COMPRESS_FOLD_H
#define LATHE_COMPRESS_FOLD_H

#include "base/error.h"
#include "graph/graph.h"

/* y = x * factor + offset for each channel. */
typedef struct affine {
    int64_t channels;
    double *factor, *offset; /* one block: free FACTOR */
} affine;

/* That of batch norm NORM in evaluation; E_NUMERIC where a channel has no finite scale.
   Clear with affine_clear. */
status affine_of(const graph *g, const node *norm, affine *a, error *e);
void affine_clear(affine *a);

/* A bias of zeros for node LAYER, which has none. */
status fold_add_bias(graph *g, int layer, int64_t channels, error *e);

/* The mask of P to be written, all kept where there was none; NULL with E_MEMORY. */
uint8_t *fold_mask(parameter *p, error *e);

/* Is N a layer with weights in plain f32 that are its own? */
bool fold_is_layer(const graph *g, const node *n);

/* Batch norms before a layer go into it: W (f x + o) + b = (W f) x + (b + W o), where
   nothing but pools, flatten and dropout stands between and no padding puts zeros beside
   x (unless o is 0 everywhere).  Exact but for rounding. */
status fold_norms_before(graph *g, int *folded, error *e);

/* A batch norm right behind a batch norm: both become one. */
status fold_norm_pairs(graph *g, int *folded, error *e);

#endif
