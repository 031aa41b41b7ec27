/* SPDX-License-Identifier: GPL-3.0-or-later
   support_network.h -- whole networks against PyTorch's outputs, which are kept in
   tests/reference/nets.json.  It builds no graph. */
#ifndef LATHE_TESTS_SUPPORT_NETWORK_H
#define LATHE_TESTS_SUPPORT_NETWORK_H

#include "graph/graph.h"

/* Checks names and shapes of G's parameters, fills them by the file's rule, runs two
   samples of G's input shape, and compares with network NAME. */
void support_network_check(graph *g, const char *name);

/* The shape of one sample of network NAME, in lathe's order. */
shape support_network_input(const char *name);

#endif
