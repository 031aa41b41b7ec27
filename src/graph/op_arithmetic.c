/* SPDX-License-Identifier: GPL-3.0-or-later
   op_arithmetic.c -- the rows of add and multiply: two equal shapes, or one of them one
   pixel (N,1,1,C) that counts for the whole image.  The arithmetic is in kernel. */
#include "graph/operator.h"
#include "graph/op_integer.h"
#include "graph/rule.h"
#include "kernel/pointwise.h"

static bool is_vector_for(shape vector, shape image)
{
    return vector.rank == 4 && image.rank == 4 && vector.dim[0] == image.dim[0] &&
           vector.dim[1] == 1 && vector.dim[2] == 1 && vector.dim[3] == image.dim[3];
}

static status pair_shape(const node *n, const shape *in, shape *out, error *e)
{
    char first[128], second[128];
    TRY(rule_same(n, in, out, e));
    TRY(rule_rank(n, in, 1, in[1].rank, e));
    if (shape_equal(in[0], in[1]) || is_vector_for(in[1], in[0]))
        return E_OK;
    if (is_vector_for(in[0], in[1])) {
        *out = in[1];
        return E_OK;
    }
    return fail(
        e, E_SHAPE,
        "%s %s: inputs are %s and %s, wanted equal shapes, or one of them Nx1x1xC",
        n->op->name, n->name, shape_text(first, in[0]), shape_text(second, in[1]));
}

/* The input that is one pixel stands second in a pairing: whether they change places. */
static bool pair_geometry(const operation *op, pairing *p)
{
    bool swapped = !shape_equal(op->in[0], op->out);
    shape s = op->out;
    p->images = s.dim[0];
    p->channels = s.rank > 1 ? s.dim[s.rank - 1] : 1;
    p->pixels = shape_count(s) / (p->images * p->channels);
    p->b_is_vector = !shape_equal(op->in[0], op->in[1]);
    return swapped;
}

static void add_forward(const operation *op)
{
    pairing p;
    int a = pair_geometry(op, &p) ? 1 : 0;
    finish tail = operation_finish(op);
    pair_add(&p, op->x[a], op->x[1 - a], &tail, op->y);
}

static void multiply_forward(const operation *op)
{
    pairing p;
    int a = pair_geometry(op, &p) ? 1 : 0;
    pair_multiply(&p, op->x[a], op->x[1 - a], op->y);
}

static void pair_backward(const operation *op, const float *factor_of_first,
                          const float *factor_of_second)
{
    pairing p;
    int a = pair_geometry(op, &p) ? 1 : 0, b = 1 - a;
    if (op->grad_x[a])
        pair_grad_first(&p, factor_of_first, op->grad_y, op->grad_x[a],
                        op->accumulate[a]);
    if (op->grad_x[b])
        pair_grad_second(&p, factor_of_second, op->grad_y, op->grad_x[b],
                         op->accumulate[b]);
}

static void add_backward(const operation *op)
{
    pair_backward(op, NULL, NULL);
}

static void multiply_backward(const operation *op)
{
    pairing p;
    int a = pair_geometry(op, &p) ? 1 : 0;
    pair_backward(op, op->x[1 - a], op->x[a]);
}

const operator_row op_add = {
    .name = "add",
    .summary = "the sum of two inputs",
    .inputs_min = 2,
    .inputs_max = 2,
    .shape_rule = pair_shape,
    .cost = cost_of_moving,
    .couple = couple_all,
    .forward = add_forward,
    .backward = add_backward,
    .forward_s8 = add_forward_s8,
    .can_fuse = true,
};

const operator_row op_multiply = {
    .name = "multiply",
    .summary = "the product of two inputs, element by element",
    .inputs_min = 2,
    .inputs_max = 2,
    .shape_rule = pair_shape,
    .cost = cost_of_moving,
    .couple = couple_all,
    .forward = multiply_forward,
    .backward = multiply_backward,
    .forward_s8 = multiply_forward_s8,
    .needs_x = true,
};
