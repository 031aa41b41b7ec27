/* SPDX-License-Identifier: GPL-3.0-or-later
   op_transposed.c -- the rows of transposed convolutions: what takes y back to the shape
   of x, and is the gradient of a convolution by its input.  How they run is in unroll.c.

     y[p stride - padding + t dilation][o] = sum over p, t, i of x[p][i] w[o][t][i]

   Source: Dumoulin, Visin 2016, arXiv:1603.07285, section 4. */
#include "graph/operator.h"
#include "graph/convolve.h"
#include "graph/op_integer.h"
#include "graph/rule.h"
#include "graph/unroll.h"

static const attribute transposed_attributes[] = {
    ATTRIBUTE(channels, ATTR_INTEGER),
    ATTRIBUTE(kernel, ATTR_INTEGERS),
    ATTRIBUTE(stride, ATTR_INTEGERS),
    ATTRIBUTE(padding, ATTR_INTEGERS),
    ATTRIBUTE(output_padding, ATTR_INTEGERS),
    ATTRIBUTE(dilation, ATTR_INTEGERS),
    ATTRIBUTE(groups, ATTR_INTEGER),
    ATTRIBUTE(bias, ATTR_FLAG),
    ATTRIBUTE_END};

static bool in_range(int64_t low, int64_t x)
{
    return x >= low && x <= INT16_MAX;
}

/* Pixels behind one axis: (in - 1) stride - 2 padding + dilation (kernel - 1) +
   output padding + 1. */
static status axis_size(const node *n, int axis, int64_t in, int64_t *out, error *e)
{
    const attributes *a = &n->attr;
    const int64_t kernel = a->kernel[axis], stride = a->stride[axis];
    const int64_t dilation = a->dilation[axis], more = a->output_padding[axis];
    if (!in_range(1, kernel) || !in_range(1, stride) || !in_range(1, dilation) ||
        !in_range(0, a->padding[axis]) || !in_range(0, more) ||
        (more >= stride && more >= dilation))
        return fail(
            e, E_RANGE,
            "%s %s: kernel %lld, stride %lld, dilation %lld, padding %lld, output "
            "padding %lld: wanted 1 or more of the first three, and an output "
            "padding below stride or dilation",
            n->op->name, n->name, (long long)kernel, (long long)stride,
            (long long)dilation, (long long)a->padding[axis], (long long)more);
    if (in > INT32_MAX)
        return fail(e, E_SHAPE, "%s %s: %lld pixels in a row are too many", n->op->name,
                    n->name, (long long)in);
    *out = (in - 1) * stride - 2 * a->padding[axis] + dilation * (kernel - 1) + more + 1;
    if (*out < 1)
        return fail(e, E_SHAPE, "%s %s: %lld pixels with padding %lld leave none",
                    n->op->name, n->name, (long long)in, (long long)a->padding[axis]);
    return E_OK;
}

static status transposed_shape(const node *n, const shape *in, int rank, shape *out,
                               error *e)
{
    TRY(convolve_check(n, in, rank, e));
    *out = in[0];
    out->dim[rank - 1] = n->attr.channels;
    for (int i = 1; i < rank - 1; i++)
        TRY(axis_size(n, i + 4 - rank, in[0].dim[i], &out->dim[i], e));
    return E_OK;
}

static status shape_2d(const node *n, const shape *in, shape *out, error *e)
{
    return transposed_shape(n, in, 4, out, e);
}

static status shape_3d(const node *n, const shape *in, shape *out, error *e)
{
    return transposed_shape(n, in, 5, out, e);
}

static void transposed_cost(const node *n, const shape *in, shape out, operation_cost *c)
{
    convolve_cost(n, in, out, rule_sample_count(in[0]) / in[0].dim[in[0].rank - 1], c);
}

const operator_row op_conv_transpose2d = {
    .name = "conv_transpose2d",
    .summary = "transposed convolution of images",
    .attributes = transposed_attributes,
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = shape_2d,
    .parameter_shape = convolve_parameter,
    .cost = transposed_cost,
    .couple = convolve_couple,
    .narrow = convolve_narrow,
    .scratch_bytes = unroll_scratch,
    .forward = unroll_forward,
    .backward = unroll_backward,
    .forward_s8 = integer_unroll_forward,
    .methods = &unroll_methods,
    .reach = REACH_TRANSPOSED,
    .needs_x = true,
    .can_fuse = true,
    .bias_is_added = true,
    .takes_x_pitch = true,
    .takes_y_pitch = true,
};

const operator_row op_conv_transpose3d = {
    .name = "conv_transpose3d",
    .summary = "transposed convolution of blocks",
    .attributes = transposed_attributes,
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = shape_3d,
    .parameter_shape = convolve_parameter,
    .cost = transposed_cost,
    .couple = convolve_couple,
    .narrow = convolve_narrow,
    .scratch_bytes = unroll_scratch,
    .forward = unroll_forward,
    .backward = unroll_backward,
    .forward_s8 = integer_unroll_forward,
    .methods = &unroll_methods,
    .reach = REACH_TRANSPOSED,
    .needs_x = true,
    .can_fuse = true,
    .bias_is_added = true,
    .takes_x_pitch = true,
    .takes_y_pitch = true,
};
