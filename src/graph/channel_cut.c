/* SPDX-License-Identifier: GPL-3.0-or-later
   channel_cut.c -- graphs without some of their channels, and with those channels unread.
   Which go is told by the caller; what belongs together is found in channel.c. */
#include "graph/channel.h"

#include <string.h>
#include "base/memory.h"
#include "graph/check.h"
#include "graph/operator.h"

/* A graph on its way to fewer channels. */
typedef struct cutting {
    const graph *from;
    const channel_units *units;
    uint8_t *kept; /* of each channel of each value, as in units */
    shape *shapes; /* of the values before */
    graph *to;
} cutting;

static const uint8_t *kept_of(const cutting *c, int value)
{
    return c->kept + c->units->first[value];
}

static int64_t width_of(const cutting *c, int value)
{
    return c->units->first[value + 1] - c->units->first[value];
}

static int64_t kept_count(const cutting *c, int value)
{
    channel_cut all = {.kept = kept_of(c, value)};
    return channel_cut_count(&all, 0, width_of(c, value));
}

static status check_widths(const cutting *c, error *e)
{
    for (int v = 0; v < c->from->value_count; v++) {
        int producer = c->from->values[v].producer;
        if (width_of(c, v) > 0 && kept_count(c, v) == 0)
            return fail(e, E_RANGE, "channels: nothing would be left behind %s",
                        producer < 0 ? "the input" : c->from->nodes[producer].name);
    }
    for (int i = 0; i < c->from->parameter_count; i++)
        if (c->from->parameters[i].quantizer)
            return fail(e, E_USAGE, "channels: %s is quantized, wanted f32 weights",
                        c->from->parameters[i].name);
    return E_OK;
}

/* Which inputs a row of the weight of N reads: with groups, those of the first group stand
   for all others. */
static const uint8_t *kept_inputs(const cutting *c, const node *n, int64_t per_row)
{
    static const uint8_t one = 1;
    bool alone = per_row == 1 && n->attr.groups > 1;
    return alone ? &one : kept_of(c, n->inputs[0]);
}

/* Elements of a parameter: rows (outputs) by taps by inputs. */
typedef struct extent {
    int64_t rows, taps, inputs;
} extent;

static extent extent_of(shape s)
{
    extent x = {.rows = s.dim[0], .taps = 1, .inputs = 1};
    if (s.rank > 1)
        x.inputs = s.dim[s.rank - 1];
    x.taps = shape_count(s) / (x.rows * x.inputs);
    return x;
}

/* The part of T that stays; T may be NULL and then *OUT is. */
static status cut_tensor(const tensor *t, const uint8_t *rows, const uint8_t *inputs,
                         tensor **out, error *e)
{
    if (!t)
        return E_OK;
    shape s = tensor_shape(t);
    extent x = extent_of(s);
    channel_cut r = {.kept = rows}, i = {.kept = inputs};
    s.dim[0] = channel_cut_count(&r, 0, x.rows);
    if (s.rank > 1)
        s.dim[s.rank - 1] = channel_cut_count(&i, 0, x.inputs);
    *out = tensor_new(tensor_dtype(t), s, e);
    char *to = *out ? tensor_write(*out, e) : NULL;
    const char *from = tensor_data(t);
    const size_t size = dtype_size(tensor_dtype(t));
    if (!to)
        return E_MEMORY;
    for (int64_t row = 0; row < x.rows; row++)
        for (int64_t tap = 0; rows[row] && tap < x.taps; tap++)
            for (int64_t k = 0; k < x.inputs; k++) {
                if (!inputs[k])
                    continue;
                memcpy(to, from + (size_t)((row * x.taps + tap) * x.inputs + k) * size,
                       size);
                to += size;
            }
    return E_OK;
}

static status cut_parameter(cutting *c, const node *n, int index, error *e)
{
    const parameter *was = &c->from->parameters[index];
    parameter *now = &c->to->parameters[index];
    const uint8_t *rows = kept_of(c, n->output);
    const uint8_t *inputs = kept_inputs(c, n, extent_of(tensor_shape(was->data)).inputs);
    static const uint8_t one = 1;
    tensor *data = NULL, *mask = NULL;
    if (tensor_shape(was->data).rank == 1)
        inputs = &one;
    status s = cut_tensor(was->data, rows, inputs, &data, e);
    if (s == E_OK)
        s = cut_tensor(was->mask, rows, inputs, &mask, e);
    if (s != E_OK) {
        tensor_free(data);
        tensor_free(mask);
        return s;
    }
    tensor_free(now->data);
    tensor_free(now->mask);
    now->data = data;
    now->mask = mask;
    return E_OK;
}

static status cut_node(cutting *c, int i, error *e)
{
    const node *was = &c->from->nodes[i];
    node *n = &c->to->nodes[i];
    int input = was->inputs[0];
    bool narrower = kept_count(c, was->output) < width_of(c, was->output) ||
                    kept_count(c, input) < width_of(c, input);
    if (!narrower)
        return E_OK;
    for (int role = 0; role < ROLE_COUNT; role++)
        if (was->parameters[role] >= 0)
            TRY(cut_parameter(c, was, was->parameters[role], e));
    channel_cut cut = {.inputs = width_of(c, input),
                       .kept = kept_of(c, input),
                       .outputs = kept_count(c, was->output)};
    if (n->op->narrow)
        n->op->narrow(n, &cut);
    return E_OK;
}

/* Do all shapes come out as they should? */
static status check_result(const cutting *c, error *e)
{
    const graph *g = c->to;
    shape *now = memory_new(g->value_count, sizeof *now, e);
    status s = now ? graph_shapes(g, 1, g->input_shape, now, e) : E_MEMORY;
    for (int v = 0; s == E_OK && v < g->value_count; v++) {
        shape wanted = c->shapes[v];
        if (wanted.rank == 0)
            continue;
        wanted.dim[wanted.rank - 1] = kept_count(c, v);
        if (!shape_equal(now[v], wanted))
            s = fail(e, E_SHAPE, "channels: %s cannot do without those that go",
                     g->nodes[g->values[v].producer].name);
    }
    if (s == E_OK)
        s = graph_check_parameters(g, now, e);
    memory_free(now);
    return s;
}

static void cutting_clear(cutting *c)
{
    memory_free(c->kept);
    memory_free(c->shapes);
}

static status cutting_begin(cutting *c, const graph *g, const channel_units *u,
                            const uint8_t *goes, error *e)
{
    *c = (cutting){.from = g, .units = u};
    int64_t total = u->first[u->value_count];
    c->kept = memory_new(total, 1, e);
    c->shapes = c->kept ? memory_new(g->value_count, sizeof *c->shapes, e) : NULL;
    if (!c->shapes)
        return E_MEMORY;
    for (int64_t i = 0; i < total; i++)
        c->kept[i] = u->unit[i] < 0 || !goes[u->unit[i]];
    TRY(graph_shapes(g, 1, g->input_shape, c->shapes, e));
    TRY(check_widths(c, e));
    c->to = graph_copy(g, e);
    return c->to ? E_OK : E_MEMORY;
}

graph *graph_without_channels(const graph *g, const channel_units *u, const uint8_t *goes,
                              error *e)
{
    cutting c;
    status s = cutting_begin(&c, g, u, goes, e);
    for (int i = 0; s == E_OK && i < g->node_count; i++)
        s = cut_node(&c, i, e);
    if (s == E_OK)
        s = check_result(&c, e);
    if (s == E_OK) {
        graph_forget_methods(c.to);
    } else {
        graph_free(c.to);
        c.to = NULL;
    }
    cutting_clear(&c);
    return c.to;
}

/* Weights of N by inputs that go are zero. */
static status unread(cutting *c, const node *n, error *e)
{
    int index = n->parameters[ROLE_WEIGHT];
    if (index < 0 || tensor_shape(c->from->parameters[index].data).rank < 2)
        return E_OK;
    extent x = extent_of(tensor_shape(c->from->parameters[index].data));
    const uint8_t *inputs = kept_of(c, n->inputs[0]);
    const int64_t groups = n->attr.groups > 1 ? n->attr.groups : 1;
    float *w = tensor_write_f32(c->to->parameters[index].data, e);
    if (!w)
        return E_MEMORY;
    for (int64_t row = 0; row < x.rows; row++) {
        const uint8_t *kept = inputs + row / (x.rows / groups) * x.inputs;
        for (int64_t tap = 0; tap < x.taps; tap++)
            for (int64_t k = 0; k < x.inputs; k++)
                if (!kept[k])
                    w[(row * x.taps + tap) * x.inputs + k] = 0.0f;
    }
    return E_OK;
}

graph *graph_with_channels_unread(const graph *g, const channel_units *u,
                                  const uint8_t *goes, error *e)
{
    cutting c;
    status s = cutting_begin(&c, g, u, goes, e);
    for (int i = 0; s == E_OK && i < g->node_count; i++)
        s = unread(&c, &g->nodes[i], e);
    cutting_clear(&c);
    if (s == E_OK)
        return c.to;
    graph_free(c.to);
    return NULL;
}
