/* SPDX-License-Identifier: GPL-3.0-or-later
   support_integer.h -- a slow reference of the integer operators, for tests. */
#ifndef LATHE_TESTS_SUPPORT_INTEGER_H
#define LATHE_TESTS_SUPPORT_INTEGER_H

#include "graph/operator.h"

/* The codes that OP must give, by the written arithmetic; the caller frees.  The test
   fails for an operator that has no reference. */
int8_t *support_integer(const operation *op);

#endif
