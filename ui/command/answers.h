/* SPDX-License-Identifier: GPL-3.0-or-later
   answers.h -- how much what two models answer differs, for commands that replace one by
   another.  It judges nothing. */
#ifndef LATHE_UI_COMMAND_ANSWERS_H
#define LATHE_UI_COMMAND_ANSWERS_H

#include "base/error.h"
#include "graph/graph.h"

/* A and B on two samples drawn from -1..1 under SEED, which both were built for: the
   largest difference of their answers, and the largest answer of A. */
status answers_differ(const graph *a, const graph *b, uint64_t seed, double *difference,
                      double *largest, error *e);

#endif
