/* SPDX-License-Identifier: GPL-3.0-or-later
   decompose_parts.h -- what the files of decomposition share: a layer's weights as
   matrices and their factors.  Nobody else reads it. */
#ifndef LATHE_COMPRESS_DECOMPOSE_PARTS_H
#define LATHE_COMPRESS_DECOMPOSE_PARTS_H

#include "compress/decompose.h"

/* The weights of a layer as PARTS matrices of rows x columns, each U diag(S) V. */
typedef struct factors {
    decomposition kind;
    bool transposed;
    int64_t parts, rows, columns, full; /* full: min(rows, columns) */
    int64_t outputs, inputs, taps;      /* of the layer; taps of the kernel */
    double *u, *s,
        *v; /* one block each: [parts][rows][full] [parts][full] [parts][full][columns] */
    double *square; /* [full] sum over parts of s^2 */
} factors;

/* Can node N of G be decomposed as KIND says?  *MASKED where it could but for a mask. */
bool factors_apply(const graph *g, const node *n, decomposition kind, bool *masked);
status factors_make(const graph *g, const node *n, decomposition kind, factors *f,
                    error *e);
void factors_clear(factors *f);

/* The weights that RANK leaves, the share of squares it keeps, and the least rank that
   keeps ENERGY. */
int64_t factors_weights(const factors *f, int64_t rank);
double factors_energy(const factors *f, int64_t rank);
int64_t factors_rank(const factors *f, double energy);

/* Node NAME of G becomes two. */
status factors_replace(graph *g, const char *name, const factors *f, int64_t rank,
                       error *e);

#endif
