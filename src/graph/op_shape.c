/* SPDX-License-Identifier: GPL-3.0-or-later
   op_shape.c -- the rows of pad_or_crop, concat and flatten, which move pixels.
   The moving is in kernel/arrange. */
#include "graph/operator.h"
#include <string.h>
#include "graph/op_integer.h"
#include "graph/rule.h"
#include "kernel/arrange.h"

static const attribute pad_attributes[] = {ATTRIBUTE(size, ATTR_INTEGERS), ATTRIBUTE_END};

static status pad_or_crop_shape(const node *n, const shape *in, shape *out, error *e)
{
    TRY(rule_rank(n, in, 0, 4, e));
    int64_t size[2] = {n->attr.size[1], n->attr.size[2]};
    if (n->input_count == 2) {
        TRY(rule_rank(n, in, 1, 4, e));
        size[0] = in[1].dim[1];
        size[1] = in[1].dim[2];
    }
    if (size[0] < 1 || size[1] < 1 || size[0] > INT32_MAX || size[1] > INT32_MAX)
        return fail(e, E_RANGE, "%s %s: the size is %lldx%lld, wanted 1 or more each way",
                    n->op->name, n->name, (long long)size[0], (long long)size[1]);
    *out = shape_of(4, in[0].dim[0], size[0], size[1], in[0].dim[3]);
    return E_OK;
}

static padding pad_geometry(const operation *op)
{
    const int64_t *in = op->in[0].dim;
    return (padding){.n = in[0],
                     .h = in[1],
                     .w = in[2],
                     .c = in[3],
                     .out_h = op->out.dim[1],
                     .out_w = op->out.dim[2],
                     .y_pitch = op->out_pitch};
}

static void pad_or_crop_forward(const operation *op)
{
    padding p = pad_geometry(op);
    pad_forward(&p, op->x[0], op->y);
}

static void pad_or_crop_backward(const operation *op)
{
    padding p = pad_geometry(op);
    if (op->grad_x[0])
        pad_backward(&p, op->grad_y, op->grad_x[0], op->accumulate[0]);
    /* The second input gives its size alone. */
    if (op->grad_x[1] && !op->accumulate[1])
        memset(op->grad_x[1], 0, (size_t)shape_count(op->in[1]) * sizeof(float));
}

const operator_row op_pad_or_crop = {
    .name = "pad_or_crop",
    .summary = "zeros around, or borders cut, to a size or to the second input's size",
    .attributes = pad_attributes,
    .inputs_min = 1,
    .inputs_max = 2,
    .shape_rule = pad_or_crop_shape,
    .cost = cost_of_moving,
    .couple = couple_first,
    .forward = pad_or_crop_forward,
    .backward = pad_or_crop_backward,
    .forward_s8 = pad_or_crop_forward_s8,
    .takes_y_pitch = true,
    .pitches_in_training = true,
    .second_is_shape = true,
};

static status concat_shape(const node *n, const shape *in, shape *out, error *e)
{
    char first[128], other[128];
    if (in[0].rank < 2)
        return fail(e, E_SHAPE, "%s %s: input 0 is %s, wanted a batch of channels",
                    n->op->name, n->name, shape_text(first, in[0]));
    TRY(rule_same(n, in, out, e));
    int last = in[0].rank - 1;
    for (int i = 1; i < n->input_count; i++) {
        TRY(rule_rank(n, in, i, in[0].rank, e));
        for (int d = 0; d < last; d++)
            if (in[i].dim[d] != in[0].dim[d])
                return fail(e, E_SHAPE,
                            "%s %s: input %d is %s and input 0 %s, wanted the same but "
                            "for the channels",
                            n->op->name, n->name, i, shape_text(other, in[i]),
                            shape_text(first, in[0]));
        out->dim[last] += in[i].dim[last];
    }
    return E_OK;
}

static void concat_couple(const node *n, const shape *in, shape out, coupling *c)
{
    int64_t first = 0;
    for (int k = 0; k < n->input_count; k++) {
        const int64_t channels = in[k].dim[out.rank - 1];
        for (int64_t i = 0; i < channels; i++)
            couple(c, k, i, COUPLE_OUTPUT, first + i);
        first += channels;
    }
}

static void concat_forward(const operation *op)
{
    int last = op->out.rank - 1;
    int64_t total = op->out.dim[last], rows = shape_count(op->out) / total, first = 0;
    for (int i = 0; i < op->node->input_count; i++) {
        /* What was written to its place already has the pitch of the output. */
        if (!op->in_pitch[i])
            concat_put(rows, total, first, op->in[i].dim[last], op->x[i], op->y);
        first += op->in[i].dim[last];
    }
}

static void concat_backward(const operation *op)
{
    int last = op->out.rank - 1;
    int64_t total = op->out.dim[last], rows = shape_count(op->out) / total, first = 0;
    for (int i = 0; i < op->node->input_count; i++) {
        /* Nor is there anything to move of the gradient of what has its place there. */
        if (op->grad_x[i] && !op->in_pitch[i])
            concat_get(rows, total, first, op->in[i].dim[last], op->grad_y, op->grad_x[i],
                       op->accumulate[i]);
        first += op->in[i].dim[last];
    }
}

const operator_row op_concat = {
    .name = "concat",
    .summary = "the channels of all inputs, one behind the other",
    .inputs_min = 1,
    .inputs_max = NODE_INPUTS_MAX,
    .shape_rule = concat_shape,
    .cost = cost_of_moving,
    .couple = concat_couple,
    .forward = concat_forward,
    .backward = concat_backward,
    .forward_s8 = concat_forward_s8,
};

static status flatten_shape(const node *n, const shape *in, shape *out, error *e)
{
    char text[128];
    if (in[0].rank < 2)
        return fail(e, E_SHAPE, "%s %s: input is %s, wanted a batch of samples",
                    n->op->name, n->name, shape_text(text, in[0]));
    TRY(rule_same(n, in, out, e));
    *out = shape_of(2, in[0].dim[0], rule_sample_count(in[0]));
    return E_OK;
}

static void flatten_couple(const node *n, const shape *in, shape out, coupling *c)
{
    const int64_t pixels = out.dim[1] / in[0].dim[in[0].rank - 1];
    (void)n;
    for (int64_t i = 0; i < out.dim[1]; i++)
        couple(c, 0, i / pixels, COUPLE_OUTPUT, i);
}

static void flatten_run(const operation *op)
{
    int64_t n = op->in[0].dim[0], c = op->in[0].dim[op->in[0].rank - 1];
    flatten_forward(n, shape_count(op->in[0]) / (n * c), c, op->x[0], op->y);
}

static void flatten_back(const operation *op)
{
    int64_t n = op->in[0].dim[0], c = op->in[0].dim[op->in[0].rank - 1];
    if (op->grad_x[0])
        flatten_backward(n, shape_count(op->in[0]) / (n * c), c, op->grad_y,
                         op->grad_x[0], op->accumulate[0]);
}

const operator_row op_flatten = {
    .name = "flatten",
    .summary = "all of a sample in one row, channel by channel",
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = flatten_shape,
    .cost = cost_of_moving,
    .couple = flatten_couple,
    .forward = flatten_run,
    .backward = flatten_back,
    .forward_s8 = flatten_forward_s8,
    .reach = REACH_ALL,
};
