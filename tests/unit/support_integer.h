/* SPDX-License-Identifier: GPL-3.0-or-later
   support_integer.h -- a slow reference of the integer operators, for tests. */
#ifndef LATHE_TESTS_SUPPORT_INTEGER_H
#define LATHE_TESTS_SUPPORT_INTEGER_H

#include "engine/plan.h"
#include "graph/operator.h"

/* The operation of node N of a plan of G that ran and kept its values. */
operation support_integer_operation(const plan *p, const graph *g, const node *n);

/* The codes that OP must give, by the written arithmetic; the caller frees.  The test
   fails for an operator that has no reference. */
int8_t *support_integer(const operation *op);

/* Fails where CODES of a convolution or linear layer are not those of its simulation: the
   real numbers scale (q - zero) of its input, weight and bias, computed with in double,
   rounded to the output's format.  Where the exact result lies between two codes by less
   than the rounding of M and of the sum to float allows, either will do. */
void support_integer_simulate(const operation *op, const int8_t *codes);

#endif
