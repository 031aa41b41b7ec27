/* SPDX-License-Identifier: GPL-3.0-or-later
   fuse_join.c -- two layers with nothing between them as one, where that has fewer
   weights.  Sums are in double; no other node is touched. */
#include "compress/fuse.h"

#include "base/memory.h"
#include "compress/fold.h"
#include "graph/operator.h"

static bool is_pointwise(const node *n)
{
    const attributes *a = &n->attr;
    if (n->op == &op_linear)
        return true;
    return n->op == &op_conv2d && a->groups <= 1 && a->kernel[1] == 1 &&
           a->kernel[2] == 1 && a->stride[1] == 1 && a->stride[2] == 1 &&
           a->padding[1] == 0 && a->padding[2] == 0;
}

static bool is_free_layer(const graph *g, const node *n)
{
    const parameter *bias = graph_parameter(g, n, ROLE_BIAS);
    return fold_is_layer(g, n) && n->attr.groups <= 1 && !(bias && bias->mask) &&
           !graph_parameter(g, n, ROLE_WEIGHT)->mask;
}

static int64_t weights_of(const graph *g, int layer)
{
    return tensor_count(graph_parameter(g, &g->nodes[layer], ROLE_WEIGHT)->data);
}

/* The layer right before SECOND that it can take over, or -1. */
static int layer_to_join(const graph *g, int second)
{
    const node *n = &g->nodes[second];
    const int between = n->inputs[0], first = g->values[between].producer;
    if (!is_pointwise(n) || !is_free_layer(g, n) || first < 0 || between == g->output ||
        graph_reader_count(g, between) != 1)
        return -1;
    const node *before = &g->nodes[first];
    const bool same_kind =
        n->op == &op_linear ? before->op == &op_linear : before->op == &op_conv2d;
    if (!same_kind || !is_free_layer(g, before))
        return -1;
    int64_t joined = weights_of(g, first) / before->attr.channels * n->attr.channels;
    return joined < weights_of(g, first) + weights_of(g, second) ? first : -1;
}

/* W [o][tap] = sum over m of W2 [o][m] W1 [m][tap]; b = W2 b1 + b2. */
static void multiply_layers(const float *w2, const float *w1, const float *b1,
                            const float *b2, int64_t outputs, int64_t middle,
                            int64_t taps, float *w, float *b)
{
    for (int64_t o = 0; o < outputs; o++) {
        double shift = b2 ? (double)b2[o] : 0;
        for (int64_t m = 0; b1 && m < middle; m++)
            shift += (double)w2[o * middle + m] * (double)b1[m];
        b[o] = (float)shift;
        for (int64_t t = 0; t < taps; t++) {
            double sum = 0;
            for (int64_t m = 0; m < middle; m++)
                sum += (double)w2[o * middle + m] * (double)w1[m * taps + t];
            w[o * taps + t] = (float)sum;
        }
    }
}

static const float *numbers(const graph *g, int layer, parameter_role role)
{
    const parameter *p = graph_parameter(g, &g->nodes[layer], role);
    return p ? tensor_f32(p->data) : NULL;
}

/* The first layer becomes the product, and the second goes. */
static status join(graph *g, int first, int second, error *e)
{
    const int64_t middle = g->nodes[first].attr.channels,
                  outputs = g->nodes[second].attr.channels,
                  taps = weights_of(g, first) / middle;
    if (!graph_parameter(g, &g->nodes[first], ROLE_BIAS))
        TRY(fold_add_bias(g, first, middle, e));
    shape s = tensor_shape(graph_parameter(g, &g->nodes[first], ROLE_WEIGHT)->data);
    s.dim[0] = outputs;
    tensor *weight = tensor_new(DTYPE_F32, s, e);
    tensor *bias = weight ? tensor_new(DTYPE_F32, shape_of(1, outputs), e) : NULL;
    float *w = bias ? tensor_write_f32(weight, e) : NULL;
    float *b = w ? tensor_write_f32(bias, e) : NULL;
    if (!b) {
        tensor_free(weight);
        tensor_free(bias);
        return E_MEMORY;
    }
    multiply_layers(numbers(g, second, ROLE_WEIGHT), numbers(g, first, ROLE_WEIGHT),
                    numbers(g, first, ROLE_BIAS), numbers(g, second, ROLE_BIAS), outputs,
                    middle, taps, w, b);
    parameter *to = graph_parameter(g, &g->nodes[first], ROLE_WEIGHT);
    tensor_free(to->data);
    to->data = weight;
    to = graph_parameter(g, &g->nodes[first], ROLE_BIAS);
    tensor_free(to->data);
    to->data = bias;
    g->nodes[first].attr.channels = outputs;
    return graph_bypass(g, second, e);
}

status fuse_join_layers(graph *g, int *joined, error *e)
{
    *joined = 0;
    for (int i = 0; i < g->node_count;) {
        int first = layer_to_join(g, i);
        if (first < 0) {
            i++;
            continue;
        }
        TRY(join(g, first, i, e));
        (*joined)++;
        i = first + 1;
    }
    return E_OK;
}
