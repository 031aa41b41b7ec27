/* SPDX-License-Identifier: GPL-3.0-or-later
   fuse_constant.c -- values that are the same at every pixel whatever the input, as behind
   a layer whose weights are all pruned, added or multiplied into the layer on the other
   side.  What led to them is then read by nobody. */
#include "compress/fuse.h"

#include <string.h>
#include "base/memory.h"
#include "compress/fold.h"
#include "engine/plan.h"
#include "graph/operator.h"

/* What is known of values: one number a channel, or NULL. */
typedef struct constants {
    float **of; /* [count] */
    int count;
} constants;

static void constants_clear(constants *k)
{
    for (int i = 0; k->of && i < k->count; i++)
        memory_free(k->of[i]);
    memory_free(k->of);
}

static bool all_are(const float *x, int64_t n, float value)
{
    for (int64_t i = 0; i < n; i++)
        if (x[i] != value)
            return false;
    return true;
}

static bool is_pointwise(const operator_row *op)
{
    return op == &op_relu || op == &op_leaky_relu || op == &op_relu6 ||
           op == &op_sigmoid || op == &op_tanh || op == &op_gelu ||
           op == &op_hard_swish || op == &op_hard_sigmoid;
}

/* A value that is the same everywhere stays so; the channels are the same. */
static bool moves_alike(const node *n)
{
    return n->op == &op_max_pool2d || n->op == &op_global_avg_pool2d ||
           n->op == &op_resize_bilinear || n->op == &op_resize_nearest ||
           n->op == &op_dropout ||
           (n->op == &op_avg_pool2d && n->attr.padding[1] == 0 &&
            n->attr.padding[2] == 0);
}

/* Y = N of X, one pixel of CHANNELS. */
static status apply(const node *n, const float *x, int64_t channels, float *y, error *e)
{
    graph *g = graph_new(shape_of(1, channels), e);
    plan *p = NULL;
    if (g && graph_add(g, n->op->name, n->name, &n->attr, &g->input, 1, e) >= 0)
        p = plan_new_inference(g, 1, g->input_shape, e);
    float *input = p ? plan_input(p) : NULL;
    status s = input ? E_OK : E_MEMORY;
    if (input)
        memcpy(input, x, (size_t)channels * sizeof *x);
    if (s == E_OK)
        s = plan_forward(p, 0, 0, e);
    if (s == E_OK)
        memcpy(y, plan_output(p), (size_t)channels * sizeof *y);
    plan_free(p);
    graph_free(g);
    return s;
}

/* Does layer N put out its bias alone? */
static bool is_dead(const graph *g, const node *n, const float *input, int64_t inputs)
{
    if (!fold_is_layer(g, n))
        return false;
    const tensor *w = graph_parameter(g, n, ROLE_WEIGHT)->data;
    return (input && all_are(input, inputs, 0)) ||
           all_are(tensor_f32(w), tensor_count(w), 0);
}

static status find_one(const graph *g, const node *n, const shape *shapes, constants *k,
                       error *e)
{
    const shape in = shapes[n->inputs[0]], out = shapes[n->output];
    const float *x = k->of[n->inputs[0]];
    const int64_t inputs = in.dim[in.rank - 1], channels = out.dim[out.rank - 1];
    const bool dead = is_dead(g, n, x, inputs);
    if (g->values[n->output].type != DTYPE_F32 ||
        !(dead || (x && (is_pointwise(n->op) || moves_alike(n)))))
        return E_OK;
    float *y = memory_new(channels, sizeof *y, e);
    k->of[n->output] = y;
    if (!y)
        return E_MEMORY;
    if (!dead && is_pointwise(n->op))
        return apply(n, x, channels, y, e);
    const parameter *bias = dead ? graph_parameter(g, n, ROLE_BIAS) : NULL;
    const float *from = dead ? (bias ? tensor_f32(bias->data) : NULL) : x;
    if (from)
        memcpy(y, from, (size_t)channels * sizeof *y);
    return E_OK;
}

/* The layer whose output is VALUE and nobody's but one reader's, or -1. */
static int layer_of(const graph *g, int value)
{
    const int layer = g->values[value].producer;
    bool alone = layer >= 0 && value != g->output && graph_reader_count(g, value) == 1;
    return alone && fold_is_layer(g, &g->nodes[layer]) ? layer : -1;
}

/* b + c; or W c and b c, channel by channel. */
static status take_over(graph *g, int layer, const float *c, int64_t channels, bool times,
                        error *e)
{
    if (!times && !graph_parameter(g, &g->nodes[layer], ROLE_BIAS))
        TRY(fold_add_bias(g, layer, channels, e));
    parameter *weight = graph_parameter(g, &g->nodes[layer], ROLE_WEIGHT);
    parameter *bias = graph_parameter(g, &g->nodes[layer], ROLE_BIAS);
    const int64_t taps = tensor_count(weight->data) / channels;
    float *w = times ? tensor_write_f32(weight->data, e) : NULL;
    float *b = bias ? tensor_write_f32(bias->data, e) : NULL;
    if ((times && !w) || (bias && !b))
        return E_MEMORY;
    for (int64_t o = 0; o < channels; o++) {
        for (int64_t i = 0; times && i < taps; i++)
            w[o * taps + i] *= c[o];
        if (b)
            b[o] = times ? b[o] * c[o] : b[o] + c[o];
    }
    return E_OK;
}

/* Takes node AT out, if it adds or multiplies by a constant that can go elsewhere. */
static status fold_one(graph *g, int at, const shape *shapes, const constants *k,
                       bool *taken, error *e)
{
    node *n = &g->nodes[at];
    const bool times = n->op == &op_multiply;
    *taken = false;
    if (n->input_count != 2 || (!times && n->op != &op_add) ||
        g->values[n->output].type != DTYPE_F32)
        return E_OK;
    for (int i = 0; i < 2 && !*taken; i++) {
        const int other = n->inputs[1 - i];
        const float *c = k->of[n->inputs[i]];
        if (!c || other == n->inputs[i] || other == g->input ||
            !shape_equal(shapes[other], shapes[n->output]))
            continue;
        const int64_t channels = shapes[other].dim[shapes[other].rank - 1];
        const bool idle = all_are(c, channels, times ? 1 : 0);
        const int layer = idle ? -1 : layer_of(g, other);
        if (!idle && layer < 0)
            continue;
        if (!idle)
            TRY(take_over(g, layer, c, channels, times, e));
        *taken = true;
        n = &g->nodes[at];
        n->inputs[0] = other;
        n->input_count = 1;
        TRY(graph_bypass(g, at, e));
    }
    return E_OK;
}

static status fold_first(graph *g, bool *taken, error *e)
{
    constants k = {.count = g->value_count};
    shape *shapes = memory_new(g->value_count, sizeof *shapes, e);
    k.of = shapes ? memory_new(k.count, sizeof *k.of, e) : NULL;
    status s = k.of ? graph_shapes(g, 1, g->input_shape, shapes, e) : E_MEMORY;
    *taken = false;
    for (int i = 0; s == E_OK && i < g->node_count; i++)
        s = find_one(g, &g->nodes[i], shapes, &k, e);
    for (int i = 0; s == E_OK && !*taken && i < g->node_count; i++)
        s = fold_one(g, i, shapes, &k, taken, e);
    constants_clear(&k);
    memory_free(shapes);
    return s;
}

status fuse_fold_constants(graph *g, int *folded, error *e)
{
    bool taken = true;
    *folded = 0;
    while (taken) {
        TRY(fold_first(g, &taken, e));
        *folded += taken;
    }
    return E_OK;
}
