/* SPDX-License-Identifier: GPL-3.0-or-later
   op_resize.c -- the rows of resize_bilinear and resize_nearest.
   The arithmetic is in kernel/resize. */
#include "graph/operator.h"
#include "graph/op_integer.h"
#include "graph/rule.h"
#include "kernel/resize.h"

static const attribute bilinear_attributes[] = {
    ATTRIBUTE(size, ATTR_INTEGERS), ATTRIBUTE(factor, ATTR_INTEGER),
    ATTRIBUTE(align_corners, ATTR_FLAG), ATTRIBUTE_END};
static const attribute nearest_attributes[] = {
    ATTRIBUTE(size, ATTR_INTEGERS), ATTRIBUTE(factor, ATTR_INTEGER), ATTRIBUTE_END};

static status resize_shape(const node *n, const shape *in, shape *out, error *e)
{
    const attributes *a = &n->attr;
    TRY(rule_rank(n, in, 0, 4, e));
    int64_t size[2];
    for (int i = 0; i < 2; i++) {
        size[i] = a->factor ? in[0].dim[i + 1] * a->factor : a->size[i + 1];
        if (a->factor < 0 || size[i] < 1 || size[i] > INT32_MAX)
            return fail(e, E_RANGE,
                        "%s %s: factor is %lld and size %lldx%lld, wanted a factor of 1 "
                        "or more, or factor 0 and a size",
                        n->op->name, n->name, (long long)a->factor, (long long)a->size[1],
                        (long long)a->size[2]);
    }
    *out = shape_of(4, in[0].dim[0], size[0], size[1], in[0].dim[3]);
    return E_OK;
}

static resizing resize_geometry(const operation *op, bool nearest)
{
    const int64_t *in = op->in[0].dim;
    return (resizing){.n = in[0],
                      .h = in[1],
                      .w = in[2],
                      .c = in[3],
                      .out_h = op->out.dim[1],
                      .out_w = op->out.dim[2],
                      .nearest = nearest,
                      .align_corners = op->node->attr.align_corners,
                      .y_pitch = op->out_pitch,
                      .x_kept = op->in_kept[0],
                      .y_kept = op->out_kept};
}

static bool resize_takes_bf16(const operation *op, bool input)
{
    (void)op;
    (void)input;
    return true;
}

static size_t resize_bilinear_scratch(const operation *op)
{
    if (op->integer)
        return resize_scratch_s8(op);
    resizing r = resize_geometry(op, false);
    return resize_scratch(&r);
}

static void resize_bilinear_forward(const operation *op)
{
    resizing r = resize_geometry(op, false);
    resize_forward(&r, op->x[0], op->y, op->scratch);
}

static void resize_bilinear_backward(const operation *op)
{
    resizing r = resize_geometry(op, false);
    if (op->grad_x[0])
        resize_backward(&r, op->grad_y, op->grad_x[0], op->accumulate[0], op->scratch);
}

const operator_row op_resize_bilinear = {
    .name = "resize_bilinear",
    .summary = "bilinear resampling to a factor or a size",
    .attributes = bilinear_attributes,
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = resize_shape,
    .cost = cost_of_moving,
    .couple = couple_first,
    .scratch_bytes = resize_bilinear_scratch,
    .forward = resize_bilinear_forward,
    .backward = resize_bilinear_backward,
    .forward_s8 = resize_forward_s8,
    .reach = REACH_BLENDED,
    .takes_y_pitch = true,
    .pitches_in_training = true,
    .takes_bf16 = resize_takes_bf16,
};

static size_t resize_nearest_scratch(const operation *op)
{
    if (op->integer)
        return resize_scratch_s8(op);
    resizing r = resize_geometry(op, true);
    return resize_scratch(&r);
}

static void resize_nearest_forward(const operation *op)
{
    resizing r = resize_geometry(op, true);
    resize_forward(&r, op->x[0], op->y, op->scratch);
}

static void resize_nearest_backward(const operation *op)
{
    resizing r = resize_geometry(op, true);
    if (op->grad_x[0])
        resize_backward(&r, op->grad_y, op->grad_x[0], op->accumulate[0], op->scratch);
}

const operator_row op_resize_nearest = {
    .name = "resize_nearest",
    .summary = "resampling to a factor or a size by the nearest pixel",
    .attributes = nearest_attributes,
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = resize_shape,
    .cost = cost_of_moving,
    .couple = couple_first,
    .scratch_bytes = resize_nearest_scratch,
    .forward = resize_nearest_forward,
    .backward = resize_nearest_backward,
    .forward_s8 = resize_forward_s8,
    .reach = REACH_SCALED,
    .takes_y_pitch = true,
    .pitches_in_training = true,
    .takes_bf16 = resize_takes_bf16,
};
