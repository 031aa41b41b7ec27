/* SPDX-License-Identifier: GPL-3.0-or-later
   pairing.h -- which value of a deployed graph is which of the float graph it was made of.
   Nodes are paired by their names; nothing is run. */
#ifndef LATHE_COMPRESS_PAIRING_H
#define LATHE_COMPRESS_PAIRING_H

#include "base/error.h"
#include "graph/graph.h"

/* SOURCE [G's value_count]: the value of DEPLOYED that stands for each of G, its codes
   where there are any; that of the layer before for a ReLU that became a layer's clamp (and
   so the layer's own value of G, in front of the ReLU, is not there: it has the same
   source).  -1 where there is none. */
status pair_values(const graph *g, const graph *deployed, int *source, error *e);

#endif
