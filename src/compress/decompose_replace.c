/* SPDX-License-Identifier: GPL-3.0-or-later
   decompose_replace.c -- a node of a graph replaced by two with the factors of its
   weights.  It computes no factor. */
#include "compress/decompose_parts.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "graph/operator.h"

static const char *const suffixes[][2] = {
    [DECOMPOSE_CHANNEL] = {"narrow", "wide"},
    [DECOMPOSE_SPATIAL] = {"vertical", "horizontal"},
    [DECOMPOSE_SEPARABLE] = {"depthwise", "pointwise"},
};

/* A layer without a bias, whose window is one pixel. */
static attributes pointwise(int64_t channels)
{
    return (attributes){.channels = channels,
                        .kernel = {1, 1, 1},
                        .stride = {1, 1, 1},
                        .dilation = {1, 1, 1},
                        .groups = 1};
}

/* Attributes of both layers; the second has the bias of the whole. */
static void split_attributes(const node *n, const factors *f, int64_t rank,
                             attributes *first, attributes *second)
{
    *first = *second = n->attr;
    if (f->kind == DECOMPOSE_SPATIAL) {
        first->kernel[2] = first->stride[2] = first->dilation[2] = 1;
        first->padding[2] = 0;
        second->kernel[1] = second->stride[1] = second->dilation[1] = 1;
        second->padding[1] = 0;
    } else if (f->transposed || n->op == &op_linear) {
        *first = pointwise(rank);
    } else {
        *second = pointwise(n->attr.channels);
    }
    first->channels = f->kind == DECOMPOSE_SEPARABLE ? rank * f->inputs : rank;
    if (f->kind == DECOMPOSE_SEPARABLE)
        first->groups = f->inputs;
    first->bias = false;
    second->bias = n->attr.bias;
}

/* Which operator leads to, or from, the narrow value. */
static const char *first_operator(const node *n)
{
    return n->op == &op_conv_transpose2d   ? "conv2d"
           : n->op == &op_conv_transpose3d ? "conv3d"
                                           : n->op->name;
}

/* First weight [r][...]: rows of V (spatial: columns of U), times the root of s; that of
   the second the other way round.  Separable: [part, r][tap] and [o][part, r]. */
static void fill_weights(const factors *f, int64_t rank, float *first, float *second,
                         int64_t width)
{
    for (int64_t p = 0; p < f->parts; p++)
        for (int64_t k = 0; k < rank; k++) {
            const double root = sqrt(f->s[p * f->full + k]);
            const double *v = f->v + (p * f->full + k) * f->columns;
            const double *u = f->u + p * f->rows * f->full + k;
            const int64_t unit = p * rank + k, units = f->parts * rank;
            const bool spatial = f->kind == DECOMPOSE_SPATIAL;
            for (int64_t c = 0; c < f->columns; c++) {
                float x = (float)(root * v[c]);
                if (spatial) /* column (x, o) */
                    second[(c % f->outputs * width + c / f->outputs) * rank + k] = x;
                else
                    first[unit * f->columns + c] = x;
            }
            for (int64_t r = 0; r < f->rows; r++) {
                float x = (float)(root * u[r * f->full]);
                if (spatial)
                    first[k * f->rows + r] = x;
                else
                    second[r * units + unit] = x;
            }
        }
}

/* Adds both nodes before AT, without numbers; *OUT is the value of the second. */
static status insert_both(graph *g, int at, const factors *f, int64_t rank, int *out,
                          error *e)
{
    const node n = g->nodes[at]; /* its name and attributes outlive the insertions */
    attributes a, b;
    split_attributes(&n, f, rank, &a, &b);
    char *first = memory_format(e, "%s.%s", n.name, suffixes[f->kind][0]);
    char *second = first ? memory_format(e, "%s.%s", n.name, suffixes[f->kind][1]) : NULL;
    const bool last_is_whole = f->transposed || f->kind == DECOMPOSE_SPATIAL;
    int value = -1;
    if (second)
        value = graph_insert(g, at, first_operator(&n), first, &a, n.inputs, 1, e);
    if (value >= 0)
        value = graph_insert(g, at + 1,
                             last_is_whole || n.op == &op_linear ? n.op->name
                             : n.op == &op_conv3d                ? "conv3d"
                                                                 : "conv2d",
                             second, &b, &value, 1, e);
    memory_free(first);
    memory_free(second);
    *out = value;
    return value < 0 ? (e ? e->code : E_MEMORY) : E_OK;
}

static status move_bias(graph *g, const node *from, const node *to, error *e)
{
    const parameter *old = graph_parameter(g, from, ROLE_BIAS);
    parameter *bias = graph_parameter(g, to, ROLE_BIAS);
    if (!old || !bias)
        return E_OK;
    tensor *shared = tensor_share(old->data, e);
    if (!shared)
        return E_MEMORY;
    tensor_free(bias->data);
    bias->data = shared;
    return E_OK;
}

status factors_replace(graph *g, const char *name, const factors *f, int64_t rank,
                       error *e)
{
    const int at = graph_find_node(g, name);
    const int64_t width = g->nodes[at].attr.kernel[2];
    int out;
    TRY(insert_both(g, at, f, rank, &out, e));
    node *whole = &g->nodes[at + 2];
    float *first =
        tensor_write_f32(graph_parameter(g, &g->nodes[at], ROLE_WEIGHT)->data, e);
    float *second =
        first ? tensor_write_f32(graph_parameter(g, &g->nodes[at + 1], ROLE_WEIGHT)->data,
                                 e)
              : NULL;
    if (!second)
        return E_MEMORY;
    fill_weights(f, rank, first, second, width);
    TRY(move_bias(g, whole, &g->nodes[at + 1], e));
    whole->inputs[0] = out;
    return graph_bypass(g, at + 2, e);
}
