/* SPDX-License-Identifier: GPL-3.0-or-later
   support_operator.h -- every operator once more, in double and by plain loops straight
   from its definition: what the tests believe.  It shares no code with src/kernel. */
#ifndef LATHE_TESTS_SUPPORT_OPERATOR_H
#define LATHE_TESTS_SUPPORT_OPERATOR_H

#include <stdbool.h>
#include <stdint.h>
#include "graph/graph.h"

typedef struct reference_run {
    const node *node;
    shape in[NODE_INPUTS_MAX], out;
    const double *x[NODE_INPUTS_MAX];
    const double *parameters[ROLE_COUNT]; /* lathe's layout; NULL where absent */
    const uint8_t *mask;                  /* dropout in training: what was kept */
    bool training;
    double *y;
} reference_run;

/* Output shape, by the definition; false where the reference lacks the operator. */
bool reference_shape(const node *n, const shape *in, shape *out);

/* Fills r->y [r->out]. */
void reference_forward(const reference_run *r);

#endif
