/* SPDX-License-Identifier: GPL-3.0-or-later
   op_norm.c -- the row of batch_norm, over all but the last dimension.
   The arithmetic is in kernel/norm. */
#include "graph/operator.h"
#include "graph/rule.h"
#include "kernel/norm.h"

static const attribute batch_norm_attributes[] = {
    ATTRIBUTE(epsilon, ATTR_REAL), ATTRIBUTE(momentum, ATTR_REAL), ATTRIBUTE_END};

static status batch_norm_shape(const node *n, const shape *in, shape *out, error *e)
{
    char text[128];
    if (in[0].rank < 2)
        return fail(e, E_SHAPE, "%s %s: input is %s, wanted a batch of channels",
                    n->op->name, n->name, shape_text(text, in[0]));
    if (!(n->attr.epsilon > 0) || !(n->attr.momentum >= 0 && n->attr.momentum <= 1))
        return fail(e, E_RANGE,
                    "%s %s: epsilon is %g and momentum %g, wanted epsilon above 0 and "
                    "momentum from 0 to 1",
                    n->op->name, n->name, n->attr.epsilon, n->attr.momentum);
    return rule_same(n, in, out, e);
}

static void batch_norm_parameter(const node *n, const shape *in, parameter_role role,
                                 shape *out)
{
    (void)n;
    *out = (shape){0};
    if (role == ROLE_SCALE || role == ROLE_SHIFT || role == ROLE_RUNNING_MEAN ||
        role == ROLE_RUNNING_VARIANCE)
        *out = shape_of(1, in[0].dim[in[0].rank - 1]);
}

static batch_norm batch_norm_geometry(const operation *op)
{
    int64_t channels = op->in[0].dim[op->in[0].rank - 1];
    finish tail = operation_finish(op);
    return (batch_norm){.rows = shape_count(op->in[0]) / channels,
                        .channels = channels,
                        .epsilon = op->node->attr.epsilon,
                        .momentum = op->node->attr.momentum,
                        .scale = operation_parameter(op, ROLE_SCALE),
                        .shift = operation_parameter(op, ROLE_SHIFT),
                        .running_mean = op->running[ROLE_RUNNING_MEAN],
                        .running_variance = op->running[ROLE_RUNNING_VARIANCE],
                        .rectify = tail.rectify,
                        .slope = tail.slope,
                        .y_pitch = op->out_pitch,
                        .x_kept = op->in_kept[0],
                        .y_kept = op->out_kept};
}

static size_t batch_norm_saved(const operation *op)
{
    int64_t channels = op->in[0].dim[op->in[0].rank - 1];
    return op->training ? (size_t)(BATCH_NORM_SAVED * channels) * sizeof(float) : 0;
}

static size_t batch_norm_room(const operation *op)
{
    batch_norm b = batch_norm_geometry(op);
    return batch_norm_scratch(&b);
}

static void batch_norm_forward(const operation *op)
{
    batch_norm b = batch_norm_geometry(op);
    if (op->training)
        batch_norm_train(&b, op->x[0], op->y, op->saved, op->scratch);
    else
        batch_norm_apply(&b, operation_parameter(op, ROLE_RUNNING_MEAN),
                         operation_parameter(op, ROLE_RUNNING_VARIANCE), op->x[0], op->y,
                         op->scratch);
}

static void batch_norm_backward(const operation *op)
{
    batch_norm b = batch_norm_geometry(op);
    batch_norm_gradient(&b, op->x[0], op->saved, op->grad_y, op->grad_x[0],
                        op->accumulate[0], op->grad_parameters[ROLE_SCALE],
                        op->grad_parameters[ROLE_SHIFT], op->grad_x_sum, op->scratch);
}

static bool batch_norm_takes_bf16(const operation *op, bool input)
{
    (void)input;
    return op->training;
}

const operator_row op_batch_norm = {
    .name = "batch_norm",
    .summary = "normalisation of each channel over the batch",
    .attributes = batch_norm_attributes,
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = batch_norm_shape,
    .parameter_shape = batch_norm_parameter,
    .cost = cost_of_moving,
    .couple = couple_first,
    .saved_bytes = batch_norm_saved,
    .scratch_bytes = batch_norm_room,
    .forward = batch_norm_forward,
    .backward = batch_norm_backward,
    .needs_x = true,
    .in_place = true,
    .takes_y_pitch = true,
    .pitches_in_training = true,
    .fuses_activation = true,
    .sums_gradient = true,
    .takes_bf16 = batch_norm_takes_bf16,
};
