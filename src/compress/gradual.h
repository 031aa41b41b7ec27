/* SPDX-License-Identifier: GPL-3.0-or-later
   gradual.h -- masks in the course of a training: how much is gone before each epoch,
   weights that change places, weights that go back to earlier ones.  What goes is ranked
   in prune.c; nothing is trained here. */
#ifndef LATHE_COMPRESS_GRADUAL_H
#define LATHE_COMPRESS_GRADUAL_H

#include "base/error.h"
#include "graph/graph.h"

typedef struct gradual_row {
    const char *name, *summary, *source;
    /* The sparsity at share T (0..1) of the way from FROM to TO. */
    double (*amount)(double from, double to, double t);
} gradual_row;

const gradual_row *gradual_find(const char *name); /* linear, cubic, exponential */
const gradual_row *gradual_at(int i);

/* The sparsity before EPOCH (1..) where ROW leads from FROM before epoch FIRST to TO before
   epoch LAST and stays there. */
double gradual_amount(const gradual_row *row, double from, double to, int64_t first,
                      int64_t last, int64_t epoch);

/* The share that changes places before EPOCH of EPOCHS: from SHARE down to 0 at three
   quarters of them, along half a cosine.
   Source: Evci, Gale, Menick, Castro, Elsen 2020, arXiv:1911.11134, section 3. */
double gradual_exchange(double share, int64_t epoch, int64_t epochs);

/* In each masked parameter that has a gradient: SHARE of its weights, those of the smallest
   magnitude, are masked, and as many of those that were masked, with the largest magnitude
   of GRADIENT [parameters][elements], are weights again and begin at 0.  *MOVED: how many
   in all.  The number of weights stays.  Source: as above. */
status gradual_regrow(graph *g, float *const *gradient, double share, int64_t *moved,
                      error *e);

/* Every parameter takes the values of EARLY where it is not masked.  E_SHAPE where that is
   another network.  Source: Frankle, Carbin 2019, arXiv:1803.03635; to a time after the
   beginning: Frankle, Dziugaite, Roy, Carbin 2020, arXiv:1912.05671. */
status gradual_rewind(graph *g, const graph *early, error *e);

/* Is everything zero that the masks say?  E_NUMERIC names the parameter where not. */
status gradual_check(const graph *g, error *e);

#endif
