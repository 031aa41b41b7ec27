/* SPDX-License-Identifier: GPL-3.0-or-later
   op_group_norm.c -- the rows of group_norm and layer_norm, which normalise each sample by
   itself.  The arithmetic is in kernel/group_norm. */
#include "graph/operator.h"
#include "graph/rule.h"
#include "kernel/group_norm.h"

static const attribute group_norm_attributes[] = {
    ATTRIBUTE(groups, ATTR_INTEGER), ATTRIBUTE(epsilon, ATTR_REAL), ATTRIBUTE_END};
static const attribute layer_norm_attributes[] = {ATTRIBUTE(epsilon, ATTR_REAL),
                                                  ATTRIBUTE_END};

static int64_t channels_of(shape s)
{
    return s.dim[s.rank - 1];
}

static status layer_norm_shape(const node *n, const shape *in, shape *out, error *e)
{
    char text[128];
    if (in[0].rank < 2)
        return fail(e, E_SHAPE, "%s %s: input is %s, wanted a batch of channels",
                    n->op->name, n->name, shape_text(text, in[0]));
    if (!(n->attr.epsilon > 0))
        return fail(e, E_RANGE, "%s %s: epsilon is %g, wanted more than 0", n->op->name,
                    n->name, n->attr.epsilon);
    return rule_same(n, in, out, e);
}

static status group_norm_shape(const node *n, const shape *in, shape *out, error *e)
{
    TRY(layer_norm_shape(n, in, out, e));
    if (n->attr.groups < 1 || channels_of(in[0]) % n->attr.groups != 0)
        return fail(e, E_SHAPE,
                    "%s %s: %lld channels in %lld groups: wanted a multiple of the "
                    "groups",
                    n->op->name, n->name, (long long)channels_of(in[0]),
                    (long long)n->attr.groups);
    return E_OK;
}

static void norm_parameter(const node *n, const shape *in, parameter_role role,
                           shape *out)
{
    (void)n;
    *out = (shape){0};
    if (role == ROLE_SCALE || role == ROLE_SHIFT)
        *out = shape_of(1, channels_of(in[0]));
}

/* What goes of a group would change its mean: groups go as a whole. */
static void group_norm_couple(const node *n, const shape *in, shape out, coupling *c)
{
    const int64_t each = channels_of(in[0]) / n->attr.groups;
    couple_first(n, in, out, c);
    for (int64_t i = 0; i < channels_of(in[0]); i++)
        couple(c, 0, i, 0, i / each * each);
}

static void group_norm_narrow(node *n, const channel_cut *cut)
{
    n->attr.groups = cut->outputs / (cut->inputs / n->attr.groups);
}

/* layer_norm: each row is an image of one pixel, in one group. */
static group_norm geometry(const operation *op)
{
    const shape in = op->in[0];
    const bool rows = op->node->op == &op_layer_norm;
    group_norm g = {.images = in.dim[0],
                    .channels = channels_of(in),
                    .groups = rows ? 1 : op->node->attr.groups,
                    .epsilon = op->node->attr.epsilon,
                    .scale = operation_parameter(op, ROLE_SCALE),
                    .shift = operation_parameter(op, ROLE_SHIFT)};
    if (rows)
        g.images = shape_count(in) / g.channels;
    g.pixels = shape_count(in) / (g.images * g.channels);
    return g;
}

static size_t norm_saved(const operation *op)
{
    group_norm g = geometry(op);
    return op->training ? group_norm_saved(&g) : 0;
}

static void norm_forward(const operation *op)
{
    group_norm g = geometry(op);
    group_norm_forward(&g, op->x[0], op->y, op->training ? op->saved : NULL);
}

static void norm_backward(const operation *op)
{
    group_norm g = geometry(op);
    group_norm_backward(&g, op->x[0], op->saved, op->grad_y, op->grad_x[0],
                        op->accumulate[0], op->grad_parameters[ROLE_SCALE],
                        op->grad_parameters[ROLE_SHIFT]);
}

const operator_row op_group_norm = {
    .name = "group_norm",
    .summary = "normalisation of groups of channels, each sample by itself",
    .attributes = group_norm_attributes,
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = group_norm_shape,
    .parameter_shape = norm_parameter,
    .cost = cost_of_moving,
    .couple = group_norm_couple,
    .narrow = group_norm_narrow,
    .saved_bytes = norm_saved,
    .forward = norm_forward,
    .backward = norm_backward,
    .reach = REACH_ALL,
    .needs_x = true,
    .in_place = true,
};

const operator_row op_layer_norm = {
    .name = "layer_norm",
    .summary = "normalisation along the last dimension",
    .attributes = layer_norm_attributes,
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = layer_norm_shape,
    .parameter_shape = norm_parameter,
    .cost = cost_of_moving,
    .saved_bytes = norm_saved,
    .forward = norm_forward,
    .backward = norm_backward,
    .needs_x = true,
    .in_place = true,
};
