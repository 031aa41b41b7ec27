/* SPDX-License-Identifier: GPL-3.0-or-later
   op_dropout.c -- the row of dropout.  The arithmetic is in kernel/pointwise. */
#include "graph/operator.h"
#include <string.h>
#include "graph/rule.h"
#include "kernel/pointwise.h"

static const attribute dropout_attributes[] = {ATTRIBUTE(probability, ATTR_REAL),
                                               ATTRIBUTE_END};

static status dropout_shape(const node *n, const shape *in, shape *out, error *e)
{
    if (!(n->attr.probability >= 0 && n->attr.probability < 1))
        return fail(e, E_RANGE, "%s %s: the probability is %g, wanted 0 or more, below 1",
                    n->op->name, n->name, n->attr.probability);
    return rule_same(n, in, out, e);
}

static size_t dropout_saved(const operation *op)
{
    return op->training ? (size_t)shape_count(op->out) : 0;
}

static void dropout_run(const operation *op)
{
    int64_t n = shape_count(op->out);
    if (op->training)
        dropout_forward(&op->random, op->node->attr.probability, n, op->x[0], op->y,
                        op->saved);
    else if (op->y != op->x[0])
        memcpy(op->y, op->x[0], (size_t)n * sizeof(float));
}

static void dropout_back(const operation *op)
{
    if (op->grad_x[0])
        dropout_backward(op->node->attr.probability, shape_count(op->out), op->saved,
                         op->grad_y, op->grad_x[0], op->accumulate[0]);
}

const operator_row op_dropout = {
    .name = "dropout",
    .summary = "in training: zeroes a share of the elements, scales up the others",
    .attributes = dropout_attributes,
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = dropout_shape,
    .cost = cost_of_moving,
    .couple = couple_first,
    .saved_bytes = dropout_saved,
    .forward = dropout_run,
    .backward = dropout_back,
    .in_place = true,
};
