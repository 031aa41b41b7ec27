/* SPDX-License-Identifier: GPL-3.0-or-later
   single_layers.h -- options that give single layers a number each: layers=a:0.5,b:0.7.
   It changes no model. */
#ifndef LATHE_UI_COMMAND_SINGLE_LAYERS_H
#define LATHE_UI_COMMAND_SINGLE_LAYERS_H

#include "base/option.h"
#include "graph/graph.h"

/* Reads ITEM, "NAME:NUMBER": the node of G of that name and the number.  E_NAME with the
   nearest name where there is no such node, or it has no weight; E_USAGE where ITEM has
   not that form.  WHO begins the sentences. */
status single_layer_read(const char *who, const char *item, const graph *g, int *node,
                         double *number, error *e);

/* AMOUNTS [parameter_count]: of the weights that ITEMS name ("NAME:AMOUNT") so much is to be
   zero; NaN for all others.  E_RANGE, E_USAGE where that cannot be. */
status single_layers_amounts(const char *who, const option_value *items, const graph *g,
                             double *amounts, error *e);

#endif
