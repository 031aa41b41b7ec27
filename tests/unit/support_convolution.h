/* SPDX-License-Identifier: GPL-3.0-or-later
   support_convolution.h -- convolutions of blocks and transposed ones in double, as
   support_operator.h has them.  It shares no code with src/kernel. */
#ifndef LATHE_TESTS_SUPPORT_CONVOLUTION_H
#define LATHE_TESTS_SUPPORT_CONVOLUTION_H

#include "graph/operator.h"
#include "support_operator.h"

void reference_convolution_shape(const node *n, const shape *in, shape *out);
void reference_convolution(const reference_run *r);
void reference_transposed(const reference_run *r);

#endif
