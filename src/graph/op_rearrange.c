/* SPDX-License-Identifier: GPL-3.0-or-later
   op_rearrange.c -- the rows of pixel_shuffle, slice and unflatten, which give elements
   other places; codes move like numbers.  The moving is in kernel/shuffle and
   kernel/arrange. */
#include "graph/operator.h"

#include <string.h>
#include "base/parallel.h"
#include "graph/rule.h"
#include "kernel/arrange.h"
#include "kernel/shuffle.h"

/* ---- pixel_shuffle ---- */

static const attribute shuffle_attributes[] = {ATTRIBUTE(factor, ATTR_INTEGER),
                                               ATTRIBUTE_END};

static status shuffle_shape(const node *n, const shape *in, shape *out, error *e)
{
    int64_t r = n->attr.factor;
    TRY(rule_rank(n, in, 0, 4, e));
    if (r < 1 || r > 64 || in[0].dim[3] % (r * r) != 0)
        return fail(e, E_SHAPE,
                    "%s %s: %lld channels by a factor of %lld, wanted a multiple of the "
                    "factor's square",
                    n->op->name, n->name, (long long)in[0].dim[3], (long long)r);
    *out = shape_of(4, in[0].dim[0], in[0].dim[1] * r, in[0].dim[2] * r,
                    in[0].dim[3] / (r * r));
    return E_OK;
}

static void shuffle_couple(const node *n, const shape *in, shape out, coupling *c)
{
    const int64_t each = n->attr.factor * n->attr.factor;
    (void)out;
    for (int64_t i = 0; i < in[0].dim[3]; i++)
        couple(c, 0, i, COUPLE_OUTPUT, i / each);
}

static shuffle shuffle_geometry(const operation *op)
{
    const int64_t *in = op->in[0].dim;
    return (shuffle){.n = in[0],
                     .h = in[1],
                     .w = in[2],
                     .c = op->out.dim[3],
                     .factor = op->node->attr.factor};
}

static void pixel_shuffle_forward(const operation *op)
{
    shuffle s = shuffle_geometry(op);
    shuffle_forward(&s, op->x[0], op->y);
}

static void pixel_shuffle_backward(const operation *op)
{
    shuffle s = shuffle_geometry(op);
    if (op->grad_x[0])
        shuffle_backward(&s, op->grad_y, op->grad_x[0], op->accumulate[0]);
}

static void pixel_shuffle_forward_s8(const operation *op)
{
    shuffle s = shuffle_geometry(op);
    shuffle_codes(&s, op->x[0], op->y);
}

const operator_row op_pixel_shuffle = {
    .name = "pixel_shuffle",
    .summary = "channels spread to factor x factor pixels",
    .attributes = shuffle_attributes,
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = shuffle_shape,
    .cost = cost_of_moving,
    .couple = shuffle_couple,
    .forward = pixel_shuffle_forward,
    .backward = pixel_shuffle_backward,
    .forward_s8 = pixel_shuffle_forward_s8,
    .reach = REACH_SCALED,
};

/* ---- slice ---- */

static const attribute slice_attributes[] = {
    ATTRIBUTE(first, ATTR_INTEGER), ATTRIBUTE(channels, ATTR_INTEGER), ATTRIBUTE_END};

static status slice_shape(const node *n, const shape *in, shape *out, error *e)
{
    char text[128];
    int64_t first = n->attr.first, count = n->attr.channels;
    if (in[0].rank < 2)
        return fail(e, E_SHAPE, "%s %s: input is %s, wanted a batch of channels",
                    n->op->name, n->name, shape_text(text, in[0]));
    TRY(rule_same(n, in, out, e));
    int64_t *last = &out->dim[out->rank - 1];
    if (first < 0 || count < 1 || first >= *last || count > *last - first)
        return fail(e, E_RANGE, "%s %s: %lld channels from %lld on, of %lld", n->op->name,
                    n->name, (long long)count, (long long)first, (long long)*last);
    *last = count;
    return E_OK;
}

static int64_t channels_of(shape s)
{
    return s.dim[s.rank - 1];
}

static void slice_couple(const node *n, const shape *in, shape out, coupling *c)
{
    (void)in;
    for (int64_t i = 0; i < channels_of(out); i++)
        couple(c, 0, n->attr.first + i, COUPLE_OUTPUT, i);
}

static void slice_narrow(node *n, const channel_cut *cut)
{
    n->attr.first = channel_cut_count(cut, 0, n->attr.first);
    n->attr.channels = cut->outputs;
}

static void slice_forward(const operation *op)
{
    int64_t total = channels_of(op->in[0]);
    concat_get(shape_count(op->in[0]) / total, total, op->node->attr.first,
               channels_of(op->out), op->x[0], op->y, false);
}

static void slice_backward(const operation *op)
{
    int64_t total = channels_of(op->in[0]), count = shape_count(op->in[0]);
    if (!op->grad_x[0])
        return;
    if (!op->accumulate[0])
        memset(op->grad_x[0], 0, (size_t)count * sizeof(float));
    concat_add(count / total, total, op->node->attr.first, channels_of(op->out),
               op->grad_y, op->grad_x[0]);
}

static void slice_rows_s8(void *context, int64_t begin, int64_t end, int thread)
{
    const operation *op = context;
    int64_t total = channels_of(op->in[0]), count = channels_of(op->out);
    const int8_t *x = (const int8_t *)op->x[0] + op->node->attr.first;
    int8_t *y = op->y;
    (void)thread;
    for (int64_t row = begin; row < end; row++)
        memcpy(y + row * count, x + row * total, (size_t)count);
}

static void slice_forward_s8(const operation *op)
{
    operation copy = *op;
    parallel_evenly(shape_count(op->out) / channels_of(op->out), 1024, slice_rows_s8,
                    &copy);
}

const operator_row op_slice = {
    .name = "slice",
    .summary = "some channels that follow each other",
    .attributes = slice_attributes,
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = slice_shape,
    .cost = cost_of_moving,
    .couple = slice_couple,
    .narrow = slice_narrow,
    .forward = slice_forward,
    .backward = slice_backward,
    .forward_s8 = slice_forward_s8,
};

/* ---- unflatten ---- */

static const attribute unflatten_attributes[] = {
    ATTRIBUTE(size, ATTR_INTEGERS), ATTRIBUTE(channels, ATTR_INTEGER), ATTRIBUTE_END};

static status unflatten_shape(const node *n, const shape *in, shape *out, error *e)
{
    const attributes *a = &n->attr;
    int64_t left;
    TRY(rule_rank(n, in, 0, 2, e));
    *out = shape_of(4, in[0].dim[0], a->size[1], a->size[2], a->channels);
    if (a->size[0] != 0)
        *out = shape_of(5, in[0].dim[0], a->size[0], a->size[1], a->size[2], a->channels);
    left = in[0].dim[1];
    for (int i = 1; i < out->rank; i++)
        left = out->dim[i] > 0 && left % out->dim[i] == 0 ? left / out->dim[i] : 0;
    if (left != 1)
        return fail(e, E_SHAPE,
                    "%s %s: %lld features do not fill %lld channels of %lldx%lldx%lld",
                    n->op->name, n->name, (long long)in[0].dim[1], (long long)a->channels,
                    (long long)a->size[0], (long long)a->size[1], (long long)a->size[2]);
    return E_OK;
}

static void unflatten_couple(const node *n, const shape *in, shape out, coupling *c)
{
    const int64_t pixels = in[0].dim[1] / channels_of(out);
    (void)n;
    for (int64_t i = 0; i < in[0].dim[1]; i++)
        couple(c, 0, i, COUPLE_OUTPUT, i / pixels);
}

static void unflatten_narrow(node *n, const channel_cut *cut)
{
    n->attr.channels = cut->outputs;
}

static void unflatten_forward(const operation *op)
{
    int64_t n = op->out.dim[0], c = channels_of(op->out);
    flatten_backward(n, shape_count(op->out) / (n * c), c, op->x[0], op->y, false);
}

static void unflatten_backward(const operation *op)
{
    int64_t n = op->out.dim[0], c = channels_of(op->out);
    if (op->grad_x[0])
        flatten_add(n, shape_count(op->out) / (n * c), c, op->grad_y, op->grad_x[0],
                    op->accumulate[0]);
}

static void unflatten_image_s8(void *context, int64_t image, int thread)
{
    const operation *op = context;
    int64_t count = shape_count(op->out) / op->out.dim[0];
    int64_t channels = channels_of(op->out), pixels = count / channels;
    const int8_t *x = (const int8_t *)op->x[0] + image * count;
    int8_t *y = (int8_t *)op->y + image * count;
    (void)thread;
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < channels; c++)
            y[p * channels + c] = x[c * pixels + p];
}

static void unflatten_forward_s8(const operation *op)
{
    operation copy = *op;
    parallel_for(op->out.dim[0], unflatten_image_s8, &copy);
}

const operator_row op_unflatten = {
    .name = "unflatten",
    .summary = "a row of features as an image or a block, channel by channel",
    .attributes = unflatten_attributes,
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = unflatten_shape,
    .cost = cost_of_moving,
    .couple = unflatten_couple,
    .narrow = unflatten_narrow,
    .forward = unflatten_forward,
    .backward = unflatten_backward,
    .forward_s8 = unflatten_forward_s8,
    .reach = REACH_ALL,
};
