/* SPDX-License-Identifier: GPL-3.0-or-later
   support_random_graph.h -- small graphs drawn from all operators, and graphs run node by
   node in double by the reference.  It knows nothing of what they are drawn for. */
#ifndef LATHE_TESTS_SUPPORT_RANDOM_GRAPH_H
#define LATHE_TESTS_SUPPORT_RANDOM_GRAPH_H

#include "graph/graph.h"

/* Sound, filled, and with an input and output of the sizes they happen to have; the caller
   frees. */
graph *support_random_graph(uint64_t seed);

/* What G makes of X (BATCH samples), by the reference; where KEPT is not NULL it has one
   entry for each channel of each value, values one behind the other, and every value is
   zero in the channels where KEPT is 0.  The caller frees. */
double *support_reference_run(const graph *g, const float *x, int64_t batch,
                              const uint8_t *kept);

#endif
