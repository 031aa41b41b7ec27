/* SPDX-License-Identifier: GPL-3.0-or-later
   fuse.h -- a graph that answers the same with fewer nodes: batch norms folded into the
   layers around them, layers without anything between them joined, what changes nothing
   and what nobody reads taken out.  For inference: dropout is among what goes.
   Source of the folding: Jacob et al. 2018, arXiv:1712.05877, section 3.2. */
#ifndef LATHE_COMPRESS_FUSE_H
#define LATHE_COMPRESS_FUSE_H

#include "base/error.h"
#include "graph/graph.h"

typedef struct fuse_counts {
    int folded;     /* batch norms that a layer or another norm took over */
    int joined;     /* layers that the one behind took over */
    int identities; /* nodes that changed nothing */
    int dead;       /* nodes that nobody read */
    int constants;  /* sums and products with what is the same for every input */
} fuse_counts;

/* Changes G (on failure to what is of no use: work on a copy) until nothing is left to
   do.  Exact but for rounding, at any image size that G takes. */
status fuse_graph(graph *g, fuse_counts *counts, error *e);

/* Nodes that stand before the first flatten (all, where there is none), without those
   that turn numbers into codes and back: the modules of a classifier's backbone. */
int fuse_modules(const graph *g);

/* The passes; each counts what it took out. */
status fuse_drop_identities(graph *g, int *dropped, error *e);
status fuse_drop_dead(graph *g, int *dropped, error *e);

/* Sums and products with values that are the same at every pixel, for every input: behind
   layers whose weights are all 0, and what follows from them. */
status fuse_fold_constants(graph *g, int *folded, error *e);

/* W2 (W1 x + b1) + b2 as one layer, where the second is linear or a 1x1 convolution, no
   mask would be lost and the product has fewer weights than the two. */
status fuse_join_layers(graph *g, int *joined, error *e);

#endif
