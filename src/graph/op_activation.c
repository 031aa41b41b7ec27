/* SPDX-License-Identifier: GPL-3.0-or-later
   op_activation.c -- the rows of the pointwise functions of one tensor of any shape.
   The arithmetic is in kernel/pointwise. */
#include "graph/operator.h"
#include "graph/op_integer.h"
#include "graph/rule.h"
#include "kernel/pointwise.h"

static void forward(const operation *op, pointwise f)
{
    pointwise_forward(f, (float)op->node->attr.slope, shape_count(op->out), op->x[0],
                      op->y);
}

static void backward(const operation *op, pointwise f, const void *seen)
{
    if (op->grad_x[0])
        pointwise_backward(f, (float)op->node->attr.slope, shape_count(op->out), seen,
                           op->grad_y, op->grad_x[0], op->accumulate[0]);
}

static void relu_forward(const operation *op)
{
    forward(op, POINTWISE_RELU);
}

static void relu_backward(const operation *op)
{
    backward(op, POINTWISE_RELU, op->y);
}

const operator_row op_relu = {
    .name = "relu",
    .summary = "max(x, 0)",
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = rule_same,
    .cost = cost_of_moving,
    .couple = couple_first,
    .forward = relu_forward,
    .backward = relu_backward,
    .forward_s8 = pointwise_forward_s8,
    .needs_y = true,
    .in_place = true,
};

static const attribute leaky_relu_attributes[] = {ATTRIBUTE(slope, ATTR_REAL),
                                                  ATTRIBUTE_END};

/* With a slope below 0 the backward could not tell the branch from y. */
static status leaky_relu_shape(const node *n, const shape *in, shape *out, error *e)
{
    if (!(n->attr.slope >= 0))
        return fail(e, E_RANGE, "%s %s: the slope is %g, wanted 0 or more", n->op->name,
                    n->name, n->attr.slope);
    return rule_same(n, in, out, e);
}

static void leaky_relu_forward(const operation *op)
{
    forward(op, POINTWISE_LEAKY_RELU);
}

static void leaky_relu_backward(const operation *op)
{
    backward(op, POINTWISE_LEAKY_RELU, op->y);
}

const operator_row op_leaky_relu = {
    .name = "leaky_relu",
    .summary = "x where it is positive, else slope * x",
    .attributes = leaky_relu_attributes,
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = leaky_relu_shape,
    .cost = cost_of_moving,
    .couple = couple_first,
    .forward = leaky_relu_forward,
    .backward = leaky_relu_backward,
    .forward_s8 = pointwise_forward_s8,
    .needs_y = true,
    .in_place = true,
};

static void sigmoid_forward(const operation *op)
{
    forward(op, POINTWISE_SIGMOID);
}

static void sigmoid_backward(const operation *op)
{
    backward(op, POINTWISE_SIGMOID, op->y);
}

const operator_row op_sigmoid = {
    .name = "sigmoid",
    .summary = "1 / (1 + exp(-x))",
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = rule_same,
    .cost = cost_of_moving,
    .couple = couple_first,
    .forward = sigmoid_forward,
    .backward = sigmoid_backward,
    .forward_s8 = pointwise_forward_s8,
    .needs_y = true,
    .in_place = true,
};

static void gelu_forward(const operation *op)
{
    forward(op, POINTWISE_GELU);
}

static void gelu_backward(const operation *op)
{
    backward(op, POINTWISE_GELU, op->x[0]);
}

const operator_row op_gelu = {
    .name = "gelu",
    .summary = "x times the normal distribution's integral up to x",
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = rule_same,
    .cost = cost_of_moving,
    .couple = couple_first,
    .forward = gelu_forward,
    .backward = gelu_backward,
    .forward_s8 = pointwise_forward_s8,
    .needs_x = true,
    .in_place = true,
};

static void hard_swish_forward(const operation *op)
{
    forward(op, POINTWISE_HARD_SWISH);
}

static void hard_swish_backward(const operation *op)
{
    backward(op, POINTWISE_HARD_SWISH, op->x[0]);
}

const operator_row op_hard_swish = {
    .name = "hard_swish",
    .summary = "x clamp(x / 6 + 1/2, 0, 1)",
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = rule_same,
    .cost = cost_of_moving,
    .couple = couple_first,
    .forward = hard_swish_forward,
    .backward = hard_swish_backward,
    .forward_s8 = pointwise_forward_s8,
    .needs_x = true,
    .in_place = true,
};

static void hard_sigmoid_forward(const operation *op)
{
    forward(op, POINTWISE_HARD_SIGMOID);
}

static void hard_sigmoid_backward(const operation *op)
{
    backward(op, POINTWISE_HARD_SIGMOID, op->x[0]);
}

const operator_row op_hard_sigmoid = {
    .name = "hard_sigmoid",
    .summary = "clamp(x / 6 + 1/2, 0, 1)",
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = rule_same,
    .cost = cost_of_moving,
    .couple = couple_first,
    .forward = hard_sigmoid_forward,
    .backward = hard_sigmoid_backward,
    .forward_s8 = pointwise_forward_s8,
    .needs_x = true,
    .in_place = true,
};

static void relu6_forward(const operation *op)
{
    forward(op, POINTWISE_RELU6);
}

static void relu6_backward(const operation *op)
{
    backward(op, POINTWISE_RELU6, op->y);
}

const operator_row op_relu6 = {
    .name = "relu6",
    .summary = "min(max(x, 0), 6)",
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = rule_same,
    .cost = cost_of_moving,
    .couple = couple_first,
    .forward = relu6_forward,
    .backward = relu6_backward,
    .forward_s8 = pointwise_forward_s8,
    .needs_y = true,
    .in_place = true,
};

static void tanh_forward(const operation *op)
{
    forward(op, POINTWISE_TANH);
}

static void tanh_backward(const operation *op)
{
    backward(op, POINTWISE_TANH, op->y);
}

const operator_row op_tanh = {
    .name = "tanh",
    .summary = "the hyperbolic tangent",
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = rule_same,
    .cost = cost_of_moving,
    .couple = couple_first,
    .forward = tanh_forward,
    .backward = tanh_backward,
    .forward_s8 = pointwise_forward_s8,
    .needs_y = true,
    .in_place = true,
};
