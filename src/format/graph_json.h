/* SPDX-License-Identifier: GPL-3.0-or-later
   graph_json.h -- a graph's structure as JSON: nodes, values, names and roles of its
   parameters.  Tensors are not its business: parameters come back without data. */
#ifndef LATHE_FORMAT_GRAPH_JSON_H
#define LATHE_FORMAT_GRAPH_JSON_H

#include <jansson.h>
#include "base/error.h"
#include "graph/graph.h"

/* Fills OBJECT.  Its list "parameters" has one object for each parameter, in order, to
   which the caller may add fields. */
status graph_to_json(const graph *g, json_t *object, error *e);

/* The graph; NULL with E_FORMAT.  Checked: names, operators, attributes, and that each
   value is made once, before it is read.  Data, masks, codes and quantizers of parameters
   are NULL: the caller fills them in, then asks graph_json_check. */
graph *graph_from_json(const json_t *object, error *e);

/* Do shapes, types and parameters fit together?  Every parameter has its data. */
status graph_json_check(const graph *g, error *e);

#endif
