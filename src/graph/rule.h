/* SPDX-License-Identifier: GPL-3.0-or-later
   rule.h -- shape rules, costs and attribute rows that several operators share.
   It knows no operator by name and computes nothing on data. */
#ifndef LATHE_GRAPH_RULE_H
#define LATHE_GRAPH_RULE_H

#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "graph/operator.h"
#include "kernel/finish.h"

/* A row of an operator's list of attributes: FIELD of struct attributes. */
#define ATTRIBUTE(field, kind)                                                           \
    {                                                                                    \
#field, kind, offsetof(attributes, field)                                        \
    }
#define ATTRIBUTE_END                                                                    \
    {                                                                                    \
        NULL, ATTR_INTEGER, 0                                                            \
    }

/* E_SHAPE unless input I of N has RANK dimensions, none of them empty. */
status rule_rank(const node *n, const shape *in, int i, int rank, error *e);

/* Output = the first input's shape, of any rank of 1 or more. */
status rule_same(const node *n, const shape *in, shape *out, error *e);

/* Height and width behind a window that slides over input 0 (N,H,W,C):
   out = floor((in + 2 padding - dilation (kernel - 1) - 1) / stride) + 1. */
status rule_window(const node *n, const shape *in, const int64_t dilation[3],
                   int64_t *height, int64_t *width, error *e);

/* The same along one AXIS (depth, height, width) of IN pixels. */
status rule_window_axis(const node *n, int axis, int64_t in, int64_t dilation,
                        int64_t *out, error *e);

/* No multiply-adds; bytes are those of all inputs and the output, one sample. */
void cost_of_moving(const node *n, const shape *in, shape out, operation_cost *c);

/* The data of the parameter of ROLE, or NULL where the node has none. */
const float *operation_parameter(const operation *op, parameter_role role);

/* The epilogue of OP as the kernels take it. */
finish operation_finish(const operation *op);

/* Elements of one sample, that is without the first dimension. */
int64_t rule_sample_count(shape s);

#endif
