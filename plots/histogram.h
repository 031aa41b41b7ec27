/* SPDX-License-Identifier: GPL-3.0-or-later
   histogram.h -- how many weights of a tensor lie where, beside those of another one.  It
   counts and draws nothing. */
#ifndef LATHE_PLOTS_HISTOGRAM_H
#define LATHE_PLOTS_HISTOGRAM_H

#include "graph/graph.h"

typedef struct histogram {
    double reach; /* the bins go from -reach to reach */
    int64_t bins;
    int64_t *now, *before; /* [bins] each, one block; masked elements are left out */
    int64_t most;          /* of any bin */
    int64_t count, masked, broken; /* of now: all, pruned, not finite */
} histogram;

/* The largest finite |weight|, 0 where there is none. */
double histogram_largest(const parameter *p);

/* Counts NOW and BEFORE (NULL: none) in about BINS bins as far as REACH (0: as far as
   their weights); quantized weights get bins as wide as whole steps of their grid.  Clear
   H in any case. */
status histogram_make(histogram *h, const parameter *now, const parameter *before,
                      int64_t bins, double reach, error *e);
void histogram_clear(histogram *h);

#endif
