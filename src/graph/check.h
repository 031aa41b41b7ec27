/* SPDX-License-Identifier: GPL-3.0-or-later
   check.h -- is a graph sound?  For graphs from files, graphs that a pass has edited, and
   graphs that meet an input of another size than they were built for. */
#ifndef LATHE_GRAPH_CHECK_H
#define LATHE_GRAPH_CHECK_H

#include "base/error.h"
#include "graph/graph.h"

/* "weight", "running_mean": one word for each role. */
extern const char *const parameter_role_names[ROLE_COUNT];

/* Has every node exactly the parameters that its operator wants, in the shapes that
   SHAPES (of graph_shapes) ask for?  Kernels read as many weights as shapes say, so this
   stands before every run with shapes that are new.  E_SHAPE names node and parameter. */
status graph_check_parameters(const graph *g, const shape *shapes, error *e);

/* Do types, quantizers and codes fit together, node by node, and can no sum of a layer
   that runs in integers leave 32 bits?  A graph without s8 values passes.  E_SHAPE or
   E_RANGE names the node. */
status graph_check_types(const graph *g, error *e);

#endif
