/* SPDX-License-Identifier: GPL-3.0-or-later
   fold_before.c -- batch norms folded into the layers behind them, and into one another.
   Exact but for rounding; where it would not be, nothing is touched. */
#include "compress/fold.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "graph/operator.h"

/* The layers that read what a norm puts out, each with how many of its inputs one channel
   of the norm became (flatten: the pixels). */
typedef struct takers {
    const affine *affine;
    int *layers;
    int64_t *repeats;
    int count;
} takers;

/* Where a norm may change places with what reads it: averages of all that is there, the
   largest of values in the same order, elements that only move. */
static bool passes(const node *n, const affine *a)
{
    if (n->op == &op_max_pool2d) {
        for (int64_t c = 0; c < a->channels; c++)
            if (a->factor[c] < 0)
                return false;
        return true;
    }
    if (n->op == &op_avg_pool2d)
        return n->attr.padding[1] == 0 && n->attr.padding[2] == 0;
    return n->op == &op_global_avg_pool2d || n->op == &op_flatten || n->op == &op_dropout;
}

static bool has_offset(const affine *a)
{
    for (int64_t c = 0; c < a->channels; c++)
        if (a->offset[c] != 0)
            return true;
    return false;
}

/* Does every output of layer N see the same taps of inputs that are all there? */
static bool sees_alike(const node *n, const affine *a)
{
    if (n->op == &op_linear)
        return true;
    if (n->op != &op_conv2d && n->op != &op_conv3d)
        return !has_offset(a);
    return (n->attr.padding[0] == 0 && n->attr.padding[1] == 0 &&
            n->attr.padding[2] == 0) ||
           !has_offset(a);
}

/* Finds all who read VALUE, or through what passes; false where one cannot take it. */
static bool find_takers(const graph *g, int value, int64_t repeat, takers *t)
{
    if (value == g->output)
        return false;
    for (int i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        bool reads = false;
        for (int k = 0; k < n->input_count; k++)
            reads = reads || n->inputs[k] == value;
        if (!reads)
            continue;
        if (fold_is_layer(g, n) && sees_alike(n, t->affine)) {
            t->layers[t->count] = i;
            t->repeats[t->count++] = repeat;
        } else if (!passes(n, t->affine) ||
                   !find_takers(g, n->output, n->op == &op_flatten ? 0 : repeat, t)) {
            return false;
        }
    }
    return true;
}

/* A flattened channel is as many features as the layer's weight says. */
static int64_t repeat_of(const graph *g, int layer, int64_t repeat, int64_t channels)
{
    const node *n = &g->nodes[layer];
    const shape s = tensor_shape(graph_parameter(g, n, ROLE_WEIGHT)->data);
    return repeat ? repeat : s.dim[s.rank - 1] / channels;
}

/* W [o][tap][i] f[i], b + sum W o; inputs of group k are those from k I on. */
static status scale_inputs(graph *g, int layer, int64_t repeat, const affine *a,
                           const uint8_t *kept, error *e)
{
    parameter *weight = graph_parameter(g, &g->nodes[layer], ROLE_WEIGHT);
    parameter *bias = graph_parameter(g, &g->nodes[layer], ROLE_BIAS);
    const shape s = tensor_shape(weight->data);
    const int64_t inputs = s.dim[s.rank - 1], outputs = s.dim[0],
                  taps = shape_count(s) / inputs / outputs,
                  groups =
                      g->nodes[layer].attr.groups > 1 ? g->nodes[layer].attr.groups : 1;
    float *w = tensor_write_f32(weight->data, e);
    float *b = w && bias ? tensor_write_f32(bias->data, e) : NULL;
    uint8_t *mask = w && kept ? fold_mask(weight, e) : NULL;
    if (!w || (bias && !b) || (kept && !mask))
        return E_MEMORY;
    for (int64_t o = 0; o < outputs; o++) {
        const int64_t first = o / (outputs / groups) * inputs;
        double sum = b ? (double)b[o] : 0;
        for (int64_t t = 0; t < taps * inputs; t++) {
            const int64_t at = o * taps * inputs + t, c = (first + t % inputs) / repeat;
            sum += (double)w[at] * a->offset[c];
            w[at] = (float)((double)w[at] * a->factor[c]);
            if (kept && !kept[c])
                mask[at] = 0;
        }
        if (b)
            b[o] = (float)sum;
    }
    return E_OK;
}

static status give_to(graph *g, const takers *t, const uint8_t *kept, error *e)
{
    for (int i = 0; i < t->count; i++) {
        const int layer = t->layers[i];
        const int64_t repeat = repeat_of(g, layer, t->repeats[i], t->affine->channels);
        const shape s =
            tensor_shape(graph_parameter(g, &g->nodes[layer], ROLE_WEIGHT)->data);
        if (!graph_parameter(g, &g->nodes[layer], ROLE_BIAS) && has_offset(t->affine))
            TRY(fold_add_bias(g, layer, s.dim[0], e));
        TRY(scale_inputs(g, layer, repeat, t->affine, kept, e));
    }
    return E_OK;
}

/* *TAKEN: node NORM is gone. */
static status fold_one(graph *g, int norm, bool *taken, error *e)
{
    affine a;
    takers t = {.affine = &a};
    *taken = false;
    TRY(affine_of(g, &g->nodes[norm], &a, e));
    t.layers = memory_new(g->node_count, sizeof *t.layers, e);
    t.repeats = t.layers ? memory_new(g->node_count, sizeof *t.repeats, e) : NULL;
    status s = t.repeats ? E_OK : E_MEMORY;
    if (s == E_OK && find_takers(g, g->nodes[norm].output, 1, &t) && t.count > 0) {
        const parameter *gamma = graph_parameter(g, &g->nodes[norm], ROLE_SCALE);
        *taken = true;
        s = give_to(g, &t, gamma && gamma->mask ? tensor_data(gamma->mask) : NULL, e);
        if (s == E_OK)
            s = graph_bypass(g, norm, e);
    }
    memory_free(t.layers);
    memory_free(t.repeats);
    affine_clear(&a);
    return s;
}

status fold_norms_before(graph *g, int *folded, error *e)
{
    *folded = 0;
    for (int i = 0; i < g->node_count;) {
        bool taken = false;
        if (g->nodes[i].op == &op_batch_norm)
            TRY(fold_one(g, i, &taken, e));
        *folded += taken;
        i += !taken;
    }
    return E_OK;
}

/* The second of two norms takes the first over: its own numbers are chosen so that its
   factor and offset are those of both.  A masked scale of the first is one of both. */
static status join_norms(graph *g, int first, int second, error *e)
{
    affine a, b = {0};
    TRY(affine_of(g, &g->nodes[first], &a, e));
    status s = affine_of(g, &g->nodes[second], &b, e);
    const node *n = &g->nodes[second];
    parameter *gamma = graph_parameter(g, n, ROLE_SCALE);
    const parameter *before = graph_parameter(g, &g->nodes[first], ROLE_SCALE);
    const float *mean = tensor_f32(graph_parameter(g, n, ROLE_RUNNING_MEAN)->data);
    const float *variance =
        tensor_f32(graph_parameter(g, n, ROLE_RUNNING_VARIANCE)->data);
    const uint8_t *kept = before->mask ? tensor_data(before->mask) : NULL;
    uint8_t *mask = s == E_OK && kept ? fold_mask(gamma, e) : NULL;
    float *scale = s == E_OK ? tensor_write_f32(gamma->data, e) : NULL;
    float *shift =
        scale ? tensor_write_f32(graph_parameter(g, n, ROLE_SHIFT)->data, e) : NULL;
    if (s == E_OK && (!shift || (kept && !mask)))
        s = E_MEMORY;
    for (int64_t c = 0; s == E_OK && c < a.channels; c++) {
        double factor = a.factor[c] * b.factor[c];
        double offset = a.offset[c] * b.factor[c] + b.offset[c];
        scale[c] = (float)(factor * sqrt((double)variance[c] + n->attr.epsilon));
        shift[c] = (float)(offset + (double)mean[c] * factor);
        if (kept && !kept[c])
            mask[c] = 0;
    }
    affine_clear(&a);
    affine_clear(&b);
    return s;
}

static bool is_whole_norm(const graph *g, const node *n)
{
    return n->op == &op_batch_norm && graph_parameter(g, n, ROLE_SCALE) &&
           graph_parameter(g, n, ROLE_SHIFT);
}

status fold_norm_pairs(graph *g, int *folded, error *e)
{
    *folded = 0;
    for (int i = 0; i < g->node_count;) {
        const int between = g->nodes[i].inputs[0], first = g->values[between].producer;
        if (!is_whole_norm(g, &g->nodes[i]) || first < 0 || between == g->output ||
            !is_whole_norm(g, &g->nodes[first]) || graph_reader_count(g, between) != 1) {
            i++;
            continue;
        }
        TRY(join_norms(g, first, i, e));
        TRY(graph_bypass(g, first, e));
        (*folded)++;
    }
    return E_OK;
}
