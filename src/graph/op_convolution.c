/* SPDX-License-Identifier: GPL-3.0-or-later
   op_convolution.c -- the rows of conv2d and conv3d, and what all convolutions share of
   rules.  How they run is in convolve.c and unroll.c. */
#include "graph/operator.h"
#include "graph/convolve.h"
#include "graph/op_integer.h"
#include "graph/rule.h"
#include "graph/unroll.h"
#include "kernel/convolution.h"

static const attribute conv_attributes[] = {
    ATTRIBUTE(channels, ATTR_INTEGER),  ATTRIBUTE(kernel, ATTR_INTEGERS),
    ATTRIBUTE(stride, ATTR_INTEGERS),   ATTRIBUTE(padding, ATTR_INTEGERS),
    ATTRIBUTE(dilation, ATTR_INTEGERS), ATTRIBUTE(groups, ATTR_INTEGER),
    ATTRIBUTE(bias, ATTR_FLAG),         ATTRIBUTE_END};

status convolve_check(const node *n, const shape *in, int rank, error *e)
{
    const attributes *a = &n->attr;
    TRY(rule_rank(n, in, 0, rank, e));
    const int64_t channels = in[0].dim[rank - 1];
    for (int i = 5 - rank; i < 3; i++)
        if (a->kernel[i] > CONVOLUTION_KERNEL_MAX)
            return fail(e, E_RANGE,
                        "%s %s: the kernel is %lldx%lld, wanted at most %d each way",
                        n->op->name, n->name, (long long)a->kernel[1],
                        (long long)a->kernel[2], CONVOLUTION_KERNEL_MAX);
    if (a->channels < 1 || a->groups < 1 || a->channels % a->groups != 0 ||
        channels % a->groups != 0)
        return fail(
            e, E_SHAPE,
            "%s %s: %lld channels in, %lld out, in %lld groups: wanted both to be "
            "multiples of the groups",
            n->op->name, n->name, (long long)channels, (long long)a->channels,
            (long long)a->groups);
    return E_OK;
}

static status conv_shape(const node *n, const shape *in, int rank, shape *out, error *e)
{
    TRY(rule_rank(n, in, 0, rank, e));
    *out = in[0];
    out->dim[rank - 1] = n->attr.channels;
    for (int i = 1; i < rank - 1; i++) {
        int axis = i + 4 - rank;
        TRY(rule_window_axis(n, axis, in[0].dim[i], n->attr.dilation[axis], &out->dim[i],
                             e));
    }
    return convolve_check(n, in, rank, e);
}

static status conv2d_shape(const node *n, const shape *in, shape *out, error *e)
{
    return conv_shape(n, in, 4, out, e);
}

static status conv3d_shape(const node *n, const shape *in, shape *out, error *e)
{
    return conv_shape(n, in, 5, out, e);
}

void convolve_parameter(const node *n, const shape *in, parameter_role role, shape *out)
{
    const attributes *a = &n->attr;
    const int rank = in[0].rank;
    *out = (shape){0};
    if (role == ROLE_WEIGHT) {
        *out = in[0];
        out->dim[0] = a->channels;
        for (int i = 1; i < rank - 1; i++)
            out->dim[i] = a->kernel[i + 4 - rank];
        out->dim[rank - 1] = in[0].dim[rank - 1] / a->groups;
    } else if (role == ROLE_BIAS && a->bias) {
        *out = shape_of(1, a->channels);
    }
}

void convolve_cost(const node *n, const shape *in, shape out, int64_t pixels,
                   operation_cost *c)
{
    shape weight;
    convolve_parameter(n, in, ROLE_WEIGHT, &weight);
    cost_of_moving(n, in, out, c);
    c->multiply_adds = pixels * shape_count(weight);
    c->bytes += (shape_count(weight) + (n->attr.bias ? n->attr.channels : 0)) *
                (int64_t)sizeof(float);
}

void convolve_couple(const node *n, const shape *in, shape out, coupling *c)
{
    const int64_t groups = n->attr.groups > 1 ? n->attr.groups : 1;
    const int64_t inputs = in[0].dim[in[0].rank - 1] / groups;
    const int64_t outputs = out.dim[out.rank - 1] / groups;
    for (int64_t g = 0; inputs == 1 && groups > 1 && g < groups; g++)
        for (int64_t o = 0; o < outputs; o++)
            couple(c, 0, g, COUPLE_OUTPUT, g * outputs + o);
    for (int64_t g = 1; inputs > 1 && g < groups; g++) {
        for (int64_t i = 0; i < inputs; i++)
            couple(c, 0, i, 0, g * inputs + i);
        for (int64_t o = 0; o < outputs; o++)
            couple(c, COUPLE_OUTPUT, o, COUPLE_OUTPUT, g * outputs + o);
    }
}

void convolve_narrow(node *n, const channel_cut *cut)
{
    if (n->attr.groups > 1 && n->attr.groups == cut->inputs)
        n->attr.groups = channel_cut_count(cut, 0, cut->inputs);
    n->attr.channels = cut->outputs;
}

static void conv_cost(const node *n, const shape *in, shape out, operation_cost *c)
{
    convolve_cost(n, in, out, rule_sample_count(out) / n->attr.channels, c);
}

const operator_row op_conv2d = {
    .name = "conv2d",
    .summary = "convolution of images, with groups, stride, padding and dilation",
    .attributes = conv_attributes,
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = conv2d_shape,
    .parameter_shape = convolve_parameter,
    .cost = conv_cost,
    .couple = convolve_couple,
    .narrow = convolve_narrow,
    .scratch_bytes = convolve_scratch,
    .forward = convolve_forward,
    .backward = convolve_backward,
    .forward_s8 = integer_layer_forward,
    .methods = &convolve_methods,
    .reach = REACH_WINDOW,
    .needs_x = true,
    .can_fuse = true,
    .bias_is_added = true,
    .takes_x_pitch = true,
    .takes_y_pitch = true,
    .takes_bf16 = convolve_takes_bf16,
    .takes_first = convolve_takes_first,
};

const operator_row op_conv3d = {
    .name = "conv3d",
    .summary = "convolution of blocks, with groups, stride, padding and dilation",
    .attributes = conv_attributes,
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = conv3d_shape,
    .parameter_shape = convolve_parameter,
    .cost = conv_cost,
    .couple = convolve_couple,
    .narrow = convolve_narrow,
    .scratch_bytes = unroll_scratch,
    .forward = unroll_forward,
    .backward = unroll_backward,
    .forward_s8 = integer_unroll_forward,
    .methods = &unroll_methods,
    .reach = REACH_WINDOW,
    .needs_x = true,
    .can_fuse = true,
    .bias_is_added = true,
    .takes_x_pitch = true,
    .takes_y_pitch = true,
};
