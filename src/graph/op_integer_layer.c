/* SPDX-License-Identifier: GPL-3.0-or-later
   op_integer_layer.c -- conv2d and linear on codes: the methods of kernel/integer_method
   as those of their rows.  Nothing here allocates or computes. */
#include "graph/op_integer.h"
#include "graph/unroll.h"

#include "base/text.h"
#include "graph/convolve.h"
#include "kernel/integer_method.h"
#include "kernel/scratch.h"

bool integer_is_layer(const node *n)
{
    return n->parameters[ROLE_WEIGHT] >= 0;
}

/* A ReLU behind the layer needs no code:
   the range of the output was observed behind it, so that its zero point is the lowest
   code and the clamp of every output is the ReLU (compress/quantize.c sees to it). */
integer_conv integer_layer_of(const operation *op)
{
    const parameter *weight = op->parameters[ROLE_WEIGHT];
    const parameter *bias = op->parameters[ROLE_BIAS];
    integer_conv c = {.x = op->x[0],
                      .y = op->y,
                      .x_pitch = op->in_pitch[0],
                      .y_pitch = op->out_pitch,
                      .map = op->tail.map};
    c.weight = tensor_data(weight->codes);
    c.weight_scale = weight->quantizer->scale;
    c.weight_zero = weight->quantizer->zero_point;
    c.weight_channels = weight->quantizer->channels;
    if (integer_is_dynamic(op->node)) {
        c.to_sums = true;
        c.in = c.out = (integer_format){.scale = 1.0f,
                                        .low = integer_low(op->node->attr.input_bits),
                                        .high = integer_high(op->node->attr.input_bits)};
        return c;
    }
    c.bias = bias ? tensor_data(bias->codes) : NULL;
    c.in = integer_format_of(op->in_value[0]->quantizer);
    c.out = integer_format_of(op->out_value->quantizer);
    return c;
}

static integer_conv image_layer(const operation *op)
{
    const attributes *a = &op->node->attr;
    integer_conv c = integer_layer_of(op);
    c.batch = op->in[0].dim[0];
    c.height = op->in[0].dim[1];
    c.width = op->in[0].dim[2];
    c.channels = op->in[0].dim[3];
    c.out_height = op->out.dim[1];
    c.out_width = op->out.dim[2];
    c.out_channels = op->out.dim[3];
    /* Shapes say what the attribute may leave open: weight (O, kH, kW, I / groups). */
    c.groups = c.channels / tensor_shape(op->parameters[ROLE_WEIGHT]->codes).dim[3];
    for (int axis = 0; axis < 2; axis++) {
        c.kernel[axis] = a->kernel[axis + 1];
        c.stride[axis] = a->stride[axis + 1];
        c.padding[axis] = a->padding[axis + 1];
        c.dilation[axis] = a->dilation[axis + 1];
    }
    return c;
}

static integer_conv linear_layer(const operation *op)
{
    integer_conv c = integer_layer_of(op);
    int last = op->out.rank - 1;
    c.channels = op->in[0].dim[op->in[0].rank - 1];
    c.out_channels = op->out.dim[last];
    c.batch = c.height = c.out_height = c.groups = 1;
    c.width = c.out_width = shape_count(op->out) / c.out_channels;
    for (int axis = 0; axis < 2; axis++)
        c.kernel[axis] = c.stride[axis] = c.dilation[axis] = 1;
    return c;
}

static integer_conv geometry(const operation *op)
{
    if (unroll_is(op->node->op))
        return integer_unroll_geometry(op);
    return op->node->op == &op_linear ? linear_layer(op) : image_layer(op);
}

/* ---- methods ---- */

static const integer_method *method_of(const operation *op, const integer_conv *c)
{
    return op->method ? integer_method_at(op->method - 1) : integer_method_choose(c);
}

static const char *method_name(const operation *op, int method)
{
    const integer_method *m = integer_method_at(method - 1);
    (void)op;
    return m ? m->name : NULL;
}

static int method_plain(const operation *op)
{
    int method = 1;
    (void)op;
    while (!text_equal(integer_method_at(method - 1)->name, "scalar"))
        method++;
    return method;
}

/* Sums that overlap have one way alone, which is no method's. */
static bool is_summed(const operation *op)
{
    return unroll_is(op->node->op) && integer_unroll_overlaps(op);
}

static bool method_suits(const operation *op, int method)
{
    if (is_summed(op))
        return method == method_plain(op);
    integer_conv c = geometry(op);
    return integer_method_at(method - 1)->suits(&c);
}

static int method_guess(const operation *op)
{
    if (is_summed(op))
        return method_plain(op);
    integer_conv c = geometry(op);
    const integer_method *best = integer_method_choose(&c);
    int method = 1;
    while (integer_method_at(method - 1) != best)
        method++;
    return method;
}

static size_t method_prepared_bytes(const operation *op)
{
    integer_conv c = geometry(op);
    return method_of(op, &c)->prepared_bytes(&c);
}

static void method_prepare(const operation *op, void *prepared)
{
    integer_conv c = geometry(op);
    method_of(op, &c)->prepare(&c, prepared);
}

const operator_methods integer_layer_methods = {
    .name = method_name,
    .knows = convolve_method_knows,
    .suits = method_suits,
    .guess = method_guess,
    .prepared_bytes = method_prepared_bytes,
    .prepare = method_prepare,
    .geometry = convolve_geometry,
    .plain = method_plain,
};

/* ---- running ---- */

/* Where nothing was prepared, it is in front of the scratch memory of the run. */
static void *take_prepared(const integer_method *m, const integer_conv *c, scratch *s)
{
    return scratch_take(s, (int64_t)m->prepared_bytes(c), 1);
}

size_t integer_layer_scratch(const operation *op)
{
    integer_conv c = geometry(op);
    const integer_method *m = method_of(op, &c);
    scratch s = {0};
    if (!op->is_prepared)
        take_prepared(m, &c, &s);
    if (c.to_sums)
        return s.used + integer_dynamic_scratch(op, &c, m);
    return s.used + m->scratch_bytes(&c);
}

void integer_layer_forward(const operation *op)
{
    integer_conv c = geometry(op);
    const integer_method *m = method_of(op, &c);
    scratch s = {.base = op->scratch};
    const void *prepared = op->prepared;
    if (!op->is_prepared) {
        void *made = take_prepared(m, &c, &s);
        m->prepare(&c, made);
        prepared = made;
    }
    if (c.to_sums)
        integer_dynamic_run(op, &c, m, prepared, s.base + s.used);
    else
        m->run(&c, prepared, s.base + s.used);
}
