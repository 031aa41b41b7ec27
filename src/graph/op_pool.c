/* SPDX-License-Identifier: GPL-3.0-or-later
   op_pool.c -- the rows of max_pool2d, avg_pool2d and global_avg_pool2d.
   The arithmetic is in kernel/pool. */
#include "graph/operator.h"
#include "graph/op_integer.h"
#include "graph/rule.h"
#include "kernel/pool.h"

static const attribute pool_attributes[] = {
    ATTRIBUTE(kernel, ATTR_INTEGERS), ATTRIBUTE(stride, ATTR_INTEGERS),
    ATTRIBUTE(padding, ATTR_INTEGERS), ATTRIBUTE_END};

static status pool_shape(const node *n, const shape *in, shape *out, error *e)
{
    static const int64_t no_dilation[3] = {1, 1, 1};
    const attributes *a = &n->attr;
    int64_t height, width;
    TRY(rule_window(n, in, no_dilation, &height, &width, e));
    for (int i = 1; i < 3; i++)
        if (2 * a->padding[i] > a->kernel[i])
            return fail(e, E_RANGE,
                        "%s %s: padding is %lld, wanted at most half of the "
                        "kernel, which is %lld",
                        n->op->name, n->name, (long long)a->padding[i],
                        (long long)a->kernel[i]);
    if (a->kernel[1] > POOL_WINDOW_MAX / a->kernel[2])
        return fail(e, E_RANGE,
                    "%s %s: the window has %lldx%lld pixels, wanted at most %d",
                    n->op->name, n->name, (long long)a->kernel[1],
                    (long long)a->kernel[2], POOL_WINDOW_MAX);
    *out = shape_of(4, in[0].dim[0], height, width, in[0].dim[3]);
    return E_OK;
}

static pooling pool_geometry(const operation *op)
{
    const attributes *a = &op->node->attr;
    const int64_t *in = op->in[0].dim;
    return (pooling){.n = in[0],
                     .h = in[1],
                     .w = in[2],
                     .c = in[3],
                     .out_h = op->out.dim[1],
                     .out_w = op->out.dim[2],
                     .kernel_h = a->kernel[1],
                     .kernel_w = a->kernel[2],
                     .stride_h = a->stride[1],
                     .stride_w = a->stride[2],
                     .pad_h = a->padding[1],
                     .pad_w = a->padding[2],
                     .x_pitch = op->in_pitch[0],
                     .x_kept = op->in_kept[0],
                     .y_kept = op->out_kept};
}

static size_t max_pool2d_saved(const operation *op)
{
    return op->training ? (size_t)shape_count(op->out) * sizeof(uint16_t) : 0;
}

static bool max_pool2d_takes_bf16(const operation *op, bool input)
{
    (void)input;
    pooling p = pool_geometry(op);
    return max_pool_takes_bf16(&p);
}

static void max_pool2d_forward(const operation *op)
{
    pooling p = pool_geometry(op);
    max_pool_forward(&p, op->x[0], op->y, op->training ? op->saved : NULL);
}

static void max_pool2d_backward(const operation *op)
{
    pooling p = pool_geometry(op);
    if (op->grad_x[0])
        max_pool_backward(&p, op->saved, op->grad_y, op->grad_x[0], op->accumulate[0]);
}

const operator_row op_max_pool2d = {
    .name = "max_pool2d",
    .summary = "the largest value of each window",
    .attributes = pool_attributes,
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = pool_shape,
    .cost = cost_of_moving,
    .couple = couple_first,
    .saved_bytes = max_pool2d_saved,
    .forward = max_pool2d_forward,
    .backward = max_pool2d_backward,
    .forward_s8 = max_pool2d_forward_s8,
    .reach = REACH_WINDOW,
    .takes_x_pitch = true,
    .pitches_in_training = true,
    .takes_bf16 = max_pool2d_takes_bf16,
};

static void avg_pool2d_forward(const operation *op)
{
    pooling p = pool_geometry(op);
    avg_pool_forward(&p, op->x[0], op->y);
}

static void avg_pool2d_backward(const operation *op)
{
    pooling p = pool_geometry(op);
    if (op->grad_x[0])
        avg_pool_backward(&p, op->grad_y, op->grad_x[0], op->accumulate[0]);
}

const operator_row op_avg_pool2d = {
    .name = "avg_pool2d",
    .summary = "the mean of each window, padding counted as zeros",
    .attributes = pool_attributes,
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = pool_shape,
    .cost = cost_of_moving,
    .couple = couple_first,
    .forward = avg_pool2d_forward,
    .backward = avg_pool2d_backward,
    .forward_s8 = avg_pool2d_forward_s8,
    .reach = REACH_WINDOW,
};

static status global_avg_pool2d_shape(const node *n, const shape *in, shape *out,
                                      error *e)
{
    TRY(rule_rank(n, in, 0, 4, e));
    *out = shape_of(4, in[0].dim[0], INT64_C(1), INT64_C(1), in[0].dim[3]);
    return E_OK;
}

static void global_avg_pool2d_forward(const operation *op)
{
    const int64_t *in = op->in[0].dim;
    global_pool_forward(in[0], in[1] * in[2], in[3], op->x[0], op->y);
}

static void global_avg_pool2d_backward(const operation *op)
{
    const int64_t *in = op->in[0].dim;
    if (op->grad_x[0])
        global_pool_backward(in[0], in[1] * in[2], in[3], op->grad_y, op->grad_x[0],
                             op->accumulate[0]);
}

const operator_row op_global_avg_pool2d = {
    .name = "global_avg_pool2d",
    .summary = "the mean of each channel over the image, as one pixel",
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = global_avg_pool2d_shape,
    .cost = cost_of_moving,
    .couple = couple_first,
    .forward = global_avg_pool2d_forward,
    .backward = global_avg_pool2d_backward,
    .forward_s8 = global_avg_pool2d_forward_s8,
    .reach = REACH_ALL,
};
