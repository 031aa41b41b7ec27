/* SPDX-License-Identifier: GPL-3.0-or-later
   cut.h -- a graph in two at a value that all must pass: the encoder and the decoder of an
   autoencoder. */
#ifndef LATHE_GRAPH_CUT_H
#define LATHE_GRAPH_CUT_H

#include "graph/graph.h"

/* *BEFORE puts out VALUE, *AFTER takes it in and puts out what G does; their parameters
   share storage with G's.  The caller frees both.  E_USAGE where a node behind VALUE reads
   another value before it, or G runs in integers. */
status graph_cut(const graph *g, int value, graph **before, graph **after, error *e);

#endif
