/* SPDX-License-Identifier: GPL-3.0-or-later
   op_convolution.c -- the row of conv2d.
   How it runs is in convolve.c. */
#include "graph/operator.h"
#include "graph/convolve.h"
#include "graph/op_integer.h"
#include "graph/rule.h"
#include "kernel/convolution.h"

static const attribute conv2d_attributes[] = {
    ATTRIBUTE(channels, ATTR_INTEGER),  ATTRIBUTE(kernel, ATTR_INTEGERS),
    ATTRIBUTE(stride, ATTR_INTEGERS),   ATTRIBUTE(padding, ATTR_INTEGERS),
    ATTRIBUTE(dilation, ATTR_INTEGERS), ATTRIBUTE(groups, ATTR_INTEGER),
    ATTRIBUTE(bias, ATTR_FLAG),         ATTRIBUTE_END};

static status conv2d_shape(const node *n, const shape *in, shape *out, error *e)
{
    const attributes *a = &n->attr;
    int64_t height, width;
    TRY(rule_window(n, in, a->dilation, &height, &width, e));
    if (a->kernel[1] > CONVOLUTION_KERNEL_MAX || a->kernel[2] > CONVOLUTION_KERNEL_MAX)
        return fail(e, E_RANGE,
                    "%s %s: the kernel is %lldx%lld, wanted at most %d each way",
                    n->op->name, n->name, (long long)a->kernel[1],
                    (long long)a->kernel[2], CONVOLUTION_KERNEL_MAX);
    if (a->channels < 1 || a->groups < 1 || a->channels % a->groups != 0 ||
        in[0].dim[3] % a->groups != 0)
        return fail(
            e, E_SHAPE,
            "%s %s: %lld channels in, %lld out, in %lld groups: wanted both to be "
            "multiples of the groups",
            n->op->name, n->name, (long long)in[0].dim[3], (long long)a->channels,
            (long long)a->groups);
    *out = shape_of(4, in[0].dim[0], height, width, a->channels);
    return E_OK;
}

static void conv2d_parameter(const node *n, const shape *in, parameter_role role,
                             shape *out)
{
    const attributes *a = &n->attr;
    *out = (shape){0};
    if (role == ROLE_WEIGHT)
        *out = shape_of(4, a->channels, a->kernel[1], a->kernel[2],
                        in[0].dim[3] / a->groups);
    else if (role == ROLE_BIAS && a->bias)
        *out = shape_of(1, a->channels);
}

static void conv2d_cost(const node *n, const shape *in, shape out, operation_cost *c)
{
    const attributes *a = &n->attr;
    int64_t products = a->kernel[1] * a->kernel[2] * (in[0].dim[3] / a->groups);
    cost_of_moving(n, in, out, c);
    c->multiply_adds = rule_sample_count(out) * products;
    c->bytes +=
        (a->channels * products + (a->bias ? a->channels : 0)) * (int64_t)sizeof(float);
}

const operator_row op_conv2d = {
    .name = "conv2d",
    .summary = "convolution of images, with groups, stride, padding and dilation",
    .attributes = conv2d_attributes,
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = conv2d_shape,
    .parameter_shape = conv2d_parameter,
    .cost = conv2d_cost,
    .scratch_bytes = convolve_scratch,
    .forward = convolve_forward,
    .backward = convolve_backward,
    .forward_s8 = integer_layer_forward,
    .methods = &convolve_methods,
    .needs_x = true,
    .can_fuse = true,
    .takes_x_pitch = true,
    .takes_y_pitch = true,
};
