/* SPDX-License-Identifier: GPL-3.0-or-later
   rule.c -- shape rules and costs that several operators share.
   It knows no operator by name and computes nothing on data. */
#include "graph/rule.h"

int64_t rule_sample_count(shape s)
{
    int64_t batch = s.rank > 0 ? s.dim[0] : 1;
    return batch > 0 ? shape_count(s) / batch : 0;
}

status rule_rank(const node *n, const shape *in, int i, int rank, error *e)
{
    char text[128];
    if (in[i].rank != rank)
        return fail(e, E_SHAPE, "%s %s: input %d is %s, wanted %d dimensions",
                    n->op->name, n->name, i, shape_text(text, in[i]), rank);
    if (shape_count(in[i]) < 1)
        return fail(e, E_SHAPE, "%s %s: input %d is %s, wanted no empty dimension",
                    n->op->name, n->name, i, shape_text(text, in[i]));
    return E_OK;
}

status rule_same(const node *n, const shape *in, shape *out, error *e)
{
    if (in[0].rank < 1)
        return fail(e, E_SHAPE, "%s %s: the input has no dimensions", n->op->name,
                    n->name);
    TRY(rule_rank(n, in, 0, in[0].rank, e));
    *out = in[0];
    return E_OK;
}

status rule_window_axis(const node *n, int axis, int64_t in, int64_t dilation,
                        int64_t *out, error *e)
{
    static const char *const names[3] = {"depth", "height", "width"};
    const attributes *a = &n->attr;
    int64_t kernel = a->kernel[axis], stride = a->stride[axis], pad = a->padding[axis];
    if (kernel < 1 || stride < 1 || dilation < 1 || pad < 0 || kernel > INT32_MAX ||
        stride > INT32_MAX || dilation > INT32_MAX || pad > INT32_MAX)
        return fail(
            e, E_RANGE,
            "%s %s: %s has kernel %lld, stride %lld, dilation %lld, padding %lld, "
            "wanted 1 or more of each (padding: 0)",
            n->op->name, n->name, names[axis], (long long)kernel, (long long)stride,
            (long long)dilation, (long long)pad);
    int64_t room = in + 2 * pad - dilation * (kernel - 1) - 1;
    if (room < 0)
        return fail(e, E_SHAPE,
                    "%s %s: %s is %lld and padding %lld, the kernel spans %lld",
                    n->op->name, n->name, names[axis], (long long)in, (long long)pad,
                    (long long)(dilation * (kernel - 1) + 1));
    *out = room / stride + 1;
    return E_OK;
}

status rule_window(const node *n, const shape *in, const int64_t dilation[3],
                   int64_t *height, int64_t *width, error *e)
{
    TRY(rule_rank(n, in, 0, 4, e));
    TRY(rule_window_axis(n, 1, in[0].dim[1], dilation[1], height, e));
    return rule_window_axis(n, 2, in[0].dim[2], dilation[2], width, e);
}

void cost_of_moving(const node *n, const shape *in, shape out, operation_cost *c)
{
    int64_t elements = rule_sample_count(out);
    for (int i = 0; i < n->input_count; i++)
        elements += rule_sample_count(in[i]);
    c->multiply_adds = 0;
    c->bytes = elements * (int64_t)sizeof(float);
}

const float *operation_parameter(const operation *op, parameter_role role)
{
    const parameter *p = op->parameters[role];
    return p ? tensor_f32(p->data) : NULL;
}

finish operation_finish(const operation *op)
{
    return (finish){.scale = op->tail.scale,
                    .shift = op->tail.shift,
                    .rectify = op->tail.act,
                    .slope = op->tail.slope};
}
