/* SPDX-License-Identifier: GPL-3.0-or-later
   receptive.h -- how much of a graph's input each of its values can depend on.
   It reads shapes and attributes, no data. */
#ifndef LATHE_GRAPH_RECEPTIVE_H
#define LATHE_GRAPH_RECEPTIVE_H

#include <stdint.h>
#include "base/error.h"
#include "graph/graph.h"

/* Pixels of the input along its spatial axes (height and width, or depth, height and
   width) that one element of a value can depend on; at most all that there are. */
typedef struct receptive_field {
    int axes; /* 0: the input has none, it is a row */
    int64_t pixels[3];
} receptive_field;

/* Of every value; SHAPES as graph_shapes gives them; OUT has value_count entries.  Goes
   back from each value, node by node: n neighbours behind a window of kernel k, dilation d
   and stride s see (n - 1) s + (k - 1) d + 1 before it; where a grid becomes finer, the
   count is that of the neighbours that lie worst.  Of several ways the widest counts.
   Source: Araujo, Norris, Sim 2019, Distill, doi:10.23915/distill.00021. */
status graph_receptive_fields(const graph *g, const shape *shapes, receptive_field *out,
                              error *e);

#endif
