/* SPDX-License-Identifier: GPL-3.0-or-later
   op_linear.c -- the row of linear: y = x W' + b over the last dimension.
   The arithmetic is that of a 1x1 convolution of an image of one row. */
#include "graph/operator.h"
#include "graph/convolve.h"
#include "graph/op_integer.h"
#include "graph/rule.h"

static const attribute linear_attributes[] = {ATTRIBUTE(channels, ATTR_INTEGER),
                                              ATTRIBUTE(bias, ATTR_FLAG), ATTRIBUTE_END};

static status linear_shape(const node *n, const shape *in, shape *out, error *e)
{
    char text[128];
    if (in[0].rank < 2)
        return fail(e, E_SHAPE, "%s %s: input is %s, wanted rows of features",
                    n->op->name, n->name, shape_text(text, in[0]));
    TRY(rule_same(n, in, out, e));
    if (n->attr.channels < 1)
        return fail(e, E_RANGE, "%s %s: %lld output features, wanted 1 or more",
                    n->op->name, n->name, (long long)n->attr.channels);
    out->dim[out->rank - 1] = n->attr.channels;
    return E_OK;
}

static void linear_parameter(const node *n, const shape *in, parameter_role role,
                             shape *out)
{
    *out = (shape){0};
    if (role == ROLE_WEIGHT)
        *out = shape_of(2, n->attr.channels, in[0].dim[in[0].rank - 1]);
    else if (role == ROLE_BIAS && n->attr.bias)
        *out = shape_of(1, n->attr.channels);
}

static void linear_cost(const node *n, const shape *in, shape out, operation_cost *c)
{
    int64_t features = in[0].dim[in[0].rank - 1];
    cost_of_moving(n, in, out, c);
    c->multiply_adds = rule_sample_count(out) * features;
    c->bytes += (n->attr.channels * features + (n->attr.bias ? n->attr.channels : 0)) *
                (int64_t)sizeof(float);
}

const operator_row op_linear = {
    .name = "linear",
    .summary = "y = x W' + b over the last dimension",
    .attributes = linear_attributes,
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = linear_shape,
    .parameter_shape = linear_parameter,
    .cost = linear_cost,
    .couple = convolve_couple,
    .narrow = convolve_narrow,
    .scratch_bytes = convolve_scratch,
    .forward = convolve_forward,
    .backward = convolve_backward,
    .takes_bf16 = convolve_takes_bf16,
    .forward_s8 = integer_layer_forward,
    .methods = &convolve_methods,
    .needs_x = true,
    .can_fuse = true,
    .bias_is_added = true,
    .takes_x_pitch = true,
    .takes_y_pitch = true,
};
