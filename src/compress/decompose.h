/* SPDX-License-Identifier: GPL-3.0-or-later
   decompose.h -- layers replaced by two smaller ones whose product is nearest to them, by
   singular values; exact at full rank.

     channel    conv k x k: I -> r, then 1 x 1: r -> O (linear: two linear layers; transposed:
                1 x 1 first)                        Zhang et al. 2015, arXiv:1505.06798
     spatial    conv k x 1: I -> r, then 1 x k: r -> O
                                                    Jaderberg et al. 2014, arXiv:1405.3866
     separable  depthwise k x k: I -> r I, then 1 x 1: r I -> O, nearest for each input
                channel by itself                   Guo et al. 2018, arXiv:1808.05517 */
#ifndef LATHE_COMPRESS_DECOMPOSE_H
#define LATHE_COMPRESS_DECOMPOSE_H

#include "base/error.h"
#include "base/table.h"
#include "base/task.h"
#include "graph/graph.h"

typedef enum decomposition {
    DECOMPOSE_CHANNEL,
    DECOMPOSE_SPATIAL,
    DECOMPOSE_SEPARABLE
} decomposition;

typedef struct decompose_settings {
    decomposition kind;
    /* One of these is not 0: the rank of every layer; the least rank that keeps this share
       of the sum of squares of the weights; the share of the graph's parameters that is
       left, all layers keeping the same share of their squares. */
    int64_t rank;
    double energy, target;
    const char *const *layers; /* patterns of names (fnmatch); none: all layers */
    int64_t layer_count;
    const char *const *skip; /* firstN, lastN, or patterns */
    int64_t skip_count;
    bool always; /* also where a layer does not become smaller */
} decompose_settings;

typedef struct decompose_result {
    int layers, replaced; /* that could be and were asked for; that were */
    int masked;           /* layers passed over because a mask would be lost */
    double largest_error; /* of any layer replaced: |W - W'| / |W| (Frobenius) */
} decompose_result;

/* Changes G, on failure to what is of no use: work on a copy.  ROWS, unless NULL, takes a
   row a layer: layer kind rank full_rank energy error weights_before weights replaced.
   With DRY only these are made.  E_NAME for a pattern that fits no layer, E_RANGE for a
   target out of reach, E_USAGE for integers. */
status decompose_graph(graph *g, const decompose_settings *s, bool dry, const task *watch,
                       table *rows, decompose_result *result, error *e);

#endif
