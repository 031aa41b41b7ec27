/* SPDX-License-Identifier: GPL-3.0-or-later
   op_softmax.c -- the rows of softmax and its logarithm, over the last dimension.
   The arithmetic is in kernel/pointwise. */
#include "graph/operator.h"
#include "graph/rule.h"
#include "kernel/pointwise.h"

static void softmax_run(const operation *op)
{
    int64_t columns = op->out.dim[op->out.rank - 1];
    softmax_forward(shape_count(op->out) / columns, columns, op->x[0], op->y);
}

static void softmax_back(const operation *op)
{
    int64_t columns = op->out.dim[op->out.rank - 1];
    if (op->grad_x[0])
        softmax_backward(shape_count(op->out) / columns, columns, op->y, op->grad_y,
                         op->grad_x[0], op->accumulate[0]);
}

const operator_row op_softmax = {
    .name = "softmax",
    .summary = "exp(x) over its sum along the last dimension",
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = rule_same,
    .cost = cost_of_moving,
    .forward = softmax_run,
    .backward = softmax_back,
    .needs_y = true,
    .in_place = true,
};

static void log_softmax_run(const operation *op)
{
    int64_t columns = op->out.dim[op->out.rank - 1];
    log_softmax_forward(shape_count(op->out) / columns, columns, op->x[0], op->y);
}

static void log_softmax_back(const operation *op)
{
    int64_t columns = op->out.dim[op->out.rank - 1];
    if (op->grad_x[0])
        log_softmax_backward(shape_count(op->out) / columns, columns, op->y, op->grad_y,
                             op->grad_x[0], op->accumulate[0]);
}

const operator_row op_log_softmax = {
    .name = "log_softmax",
    .summary = "the logarithm of softmax along the last dimension",
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = rule_same,
    .cost = cost_of_moving,
    .forward = log_softmax_run,
    .backward = log_softmax_back,
    .needs_y = true,
    .in_place = true,
};
