/* SPDX-License-Identifier: GPL-3.0-or-later
   answers.h -- how much what two models answer differs, for whoever replaces one by
   another.  It judges nothing. */
#ifndef LATHE_MEASURE_ANSWERS_H
#define LATHE_MEASURE_ANSWERS_H

#include "base/error.h"
#include "graph/graph.h"

/* A and B on samples drawn from several ranges under SEED, of the shape that both were built
   for: of the sample where their answers differ most, as a share of A's largest, that
   difference and that largest answer. */
status answers_differ(const graph *a, const graph *b, uint64_t seed, double *difference,
                      double *largest, error *e);

#endif
