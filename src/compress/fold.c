/* SPDX-License-Identifier: GPL-3.0-or-later
   fold.c -- batch norms folded into the layer before them.  Exact but for rounding; no
   other node is touched. */
#include "compress/fold.h"
#include "compress/quantize_parts.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "graph/operator.h"

static const float *data_of(const graph *g, const node *n, parameter_role role)
{
    const parameter *p = graph_parameter(g, n, role);
    return p ? tensor_f32(p->data) : NULL;
}

/* factor = gamma / sqrt(var + epsilon), offset = beta - mean * factor.
   Source: Ioffe, Szegedy 2015, arXiv:1502.03167, algorithm 1. */
status affine_of(const graph *g, const node *norm, affine *a, error *e)
{
    const float *mean = data_of(g, norm, ROLE_RUNNING_MEAN);
    const float *variance = data_of(g, norm, ROLE_RUNNING_VARIANCE);
    const float *gamma = data_of(g, norm, ROLE_SCALE);
    const float *beta = data_of(g, norm, ROLE_SHIFT);
    a->channels = tensor_count(graph_parameter(g, norm, ROLE_RUNNING_MEAN)->data);
    a->factor = memory_new(2 * a->channels, sizeof *a->factor, e);
    if (!a->factor)
        return E_MEMORY;
    a->offset = a->factor + a->channels;
    for (int64_t c = 0; c < a->channels; c++) {
        double root = sqrt((double)variance[c] + norm->attr.epsilon);
        a->factor[c] = (gamma ? (double)gamma[c] : 1.0) / root;
        a->offset[c] = (beta ? (double)beta[c] : 0.0) - (double)mean[c] * a->factor[c];
        if (!isfinite(a->factor[c]) || !isfinite(a->offset[c])) {
            affine_clear(a);
            return fail(e, E_NUMERIC, "fold: channel %lld of %s has no finite scale",
                        (long long)c, norm->name);
        }
    }
    return E_OK;
}

void affine_clear(affine *a)
{
    memory_free(a->factor);
    *a = (affine){0};
}

status fold_add_bias(graph *g, int layer, int64_t channels, error *e)
{
    TRY(memory_grow((void **)&g->parameters, &g->parameter_capacity,
                    g->parameter_count + 1, sizeof *g->parameters, e));
    node *n = &g->nodes[layer];
    parameter bias = {.role = ROLE_BIAS};
    bias.name = memory_format(e, "%s.bias", n->name);
    bias.data = bias.name ? tensor_new(DTYPE_F32, shape_of(1, channels), e) : NULL;
    if (!bias.data) {
        memory_free(bias.name);
        return E_MEMORY;
    }
    g->parameters[g->parameter_count] = bias;
    n->parameters[ROLE_BIAS] = g->parameter_count++;
    n->attr.bias = true;
    return E_OK;
}

uint8_t *fold_mask(parameter *p, error *e)
{
    if (p->mask)
        return tensor_write(p->mask, e);
    p->mask = tensor_new(DTYPE_U8, tensor_shape(p->data), e);
    uint8_t *mask = p->mask ? tensor_write(p->mask, e) : NULL;
    if (mask)
        memset(mask, 1, (size_t)tensor_count(p->data));
    return mask;
}

/* Where the norm's scale is masked, the channel's weights are zero and stay so. */
static status mask_channels(parameter *weight, const parameter *gamma, error *e)
{
    if (!gamma || !gamma->mask)
        return E_OK;
    const uint8_t *kept = tensor_data(gamma->mask);
    int64_t channels = tensor_count(gamma->mask);
    int64_t taps = tensor_count(weight->data) / channels;
    uint8_t *mask = fold_mask(weight, e);
    if (!mask)
        return E_MEMORY;
    for (int64_t c = 0; c < channels; c++)
        if (!kept[c])
            memset(mask + c * taps, 0, (size_t)taps);
    return E_OK;
}

static status fold_into(graph *g, int layer, int norm, error *e)
{
    affine a;
    TRY(affine_of(g, &g->nodes[norm], &a, e));
    status s = E_OK;
    if (!graph_parameter(g, &g->nodes[layer], ROLE_BIAS))
        s = fold_add_bias(g, layer, a.channels, e);
    parameter *weight = graph_parameter(g, &g->nodes[layer], ROLE_WEIGHT);
    parameter *bias = graph_parameter(g, &g->nodes[layer], ROLE_BIAS);
    if (!s)
        s = mask_channels(weight, graph_parameter(g, &g->nodes[norm], ROLE_SCALE), e);
    float *w = s ? NULL : tensor_write_f32(weight->data, e);
    float *b = w ? tensor_write_f32(bias->data, e) : NULL;
    int64_t taps = tensor_count(weight->data) / a.channels;
    const uint8_t *mask = weight->mask ? tensor_data(weight->mask) : NULL;
    for (int64_t c = 0; b && c < a.channels; c++) {
        for (int64_t i = c * taps; i < (c + 1) * taps; i++)
            w[i] = mask && !mask[i] ? 0.0f : (float)((double)w[i] * a.factor[c]);
        b[c] = (float)((double)b[c] * a.factor[c] + a.offset[c]);
    }
    affine_clear(&a);
    return b ? graph_bypass(g, norm, e) : E_MEMORY;
}

bool fold_is_layer(const graph *g, const node *n)
{
    const parameter *weight = graph_parameter(g, n, ROLE_WEIGHT);
    const parameter *bias = graph_parameter(g, n, ROLE_BIAS);
    int owners = 0;
    if (!weight || tensor_shape(weight->data).rank < 2 || weight->quantizer ||
        (bias && bias->quantizer))
        return false;
    for (int i = 0; i < g->node_count; i++)
        owners += g->nodes[i].parameters[ROLE_WEIGHT] == n->parameters[ROLE_WEIGHT];
    return owners == 1;
}

/* The layer that node NORM can be folded into, or -1: a convolution or linear layer in f32 whose
   output nobody else reads. */
static int layer_before(const graph *g, int norm)
{
    int between = g->nodes[norm].inputs[0], layer = g->values[between].producer;
    if (g->nodes[norm].op != &op_batch_norm || layer < 0 || between == g->output ||
        graph_reader_count(g, between) != 1)
        return -1;
    return fold_is_layer(g, &g->nodes[layer]) ? layer : -1;
}

status fold_factors(const graph *g, int weight, double *factor, error *e)
{
    int64_t channels = tensor_shape(g->parameters[weight].data).dim[0];
    for (int64_t c = 0; c < channels; c++)
        factor[c] = 1.0;
    for (int i = 0; i < g->node_count; i++) {
        int layer = layer_before(g, i);
        if (layer < 0 || g->nodes[layer].parameters[ROLE_WEIGHT] != weight)
            continue;
        affine a;
        TRY(affine_of(g, &g->nodes[i], &a, e));
        memcpy(factor, a.factor, (size_t)channels * sizeof *factor);
        affine_clear(&a);
    }
    return E_OK;
}

status fold_batch_norm(graph *g, int *folded, error *e)
{
    *folded = 0;
    for (int i = 0; i < g->node_count;) {
        int layer = layer_before(g, i);
        if (layer < 0) {
            i++;
            continue;
        }
        TRY(fold_into(g, layer, i, e));
        (*folded)++;
    }
    return E_OK;
}

/* ---- norms that cannot be folded ---- */

#define LAYER_SUFFIX ".layer"

bool norm_is_layer(const graph *g, const node *n)
{
    size_t length = strlen(n->name), suffix = strlen(LAYER_SUFFIX);
    const parameter *weight = graph_parameter(g, n, ROLE_WEIGHT);
    return weight && n->op == &op_conv2d && length > suffix &&
           strcmp(n->name + length - suffix, LAYER_SUFFIX) == 0 &&
           tensor_count(weight->data) == tensor_shape(weight->data).dim[0];
}

/* Weights and biases of LAYER are the norm's; a masked scale masks its weight. */
static status fill_layer(graph *g, const node *layer, const node *norm, const affine *a,
                         error *e)
{
    parameter *weight = graph_parameter(g, layer, ROLE_WEIGHT);
    float *w = tensor_write_f32(weight->data, e);
    float *b = tensor_write_f32(graph_parameter(g, layer, ROLE_BIAS)->data, e);
    if (!w || !b)
        return E_MEMORY;
    for (int64_t c = 0; c < a->channels; c++) {
        w[c] = (float)a->factor[c];
        b[c] = (float)a->offset[c];
    }
    return mask_channels(weight, graph_parameter(g, norm, ROLE_SCALE), e);
}

static status norm_to_layer(graph *g, int norm, error *e)
{
    affine a;
    TRY(affine_of(g, &g->nodes[norm], &a, e));
    attributes depthwise = {.kernel = {1, 1, 1},
                            .stride = {1, 1, 1},
                            .dilation = {1, 1, 1},
                            .groups = a.channels,
                            .channels = a.channels,
                            .bias = true};
    int x = g->nodes[norm].inputs[0];
    char *name = memory_format(e, "%s" LAYER_SUFFIX, g->nodes[norm].name);
    int y = name ? graph_insert(g, norm, "conv2d", name, &depthwise, &x, 1, e) : -1;
    status s = y >= 0 ? E_OK : e ? e->code : E_MEMORY;
    memory_free(name);
    if (!s)
        s = fill_layer(g, &g->nodes[norm], &g->nodes[norm + 1], &a, e);
    memory_free(a.factor);
    if (s)
        return s;
    g->nodes[norm + 1].inputs[0] = y;
    return graph_bypass(g, norm + 1, e);
}

status norms_to_layers(graph *g, error *e)
{
    shape *shapes = memory_new(g->value_count, sizeof *shapes, e);
    status s = shapes ? graph_shapes(g, 1, g->input_shape, shapes, e) : E_MEMORY;
    bool *image = shapes ? memory_new(g->node_count, sizeof *image, e) : NULL;
    if (!image)
        s = s ? s : E_MEMORY;
    for (int i = 0; i < g->node_count && !s; i++)
        image[i] =
            g->nodes[i].op == &op_batch_norm && shapes[g->nodes[i].inputs[0]].rank == 4;
    /* One node takes the place of one: the numbers of the others stay. */
    for (int i = 0; i < g->node_count && !s; i++)
        if (image[i])
            s = norm_to_layer(g, i, e);
    memory_free(shapes);
    memory_free(image);
    return s;
}
