/* SPDX-License-Identifier: GPL-3.0-or-later
   equalize.c -- weights of neighbouring layers brought to like ranges; answers stay as
   they are.  Nothing is quantized here. */
#include "compress/correction.h"

#include <math.h>
#include "base/memory.h"
#include "graph/operator.h"

#define ROUNDS  20
#define SETTLED 1e-3 /* of a channel's factor */

static bool takes_part(const node *n)
{
    return n->op == &op_conv2d || n->op == &op_linear;
}

/* f(s x) = s f(x) for s > 0, channel by channel. */
static bool is_homogeneous(const node *n)
{
    return n->op == &op_relu || n->op == &op_leaky_relu || n->op == &op_max_pool2d ||
           n->op == &op_avg_pool2d || n->op == &op_global_avg_pool2d;
}

static int only_reader(const graph *g, int value)
{
    if (value == g->output || graph_reader_count(g, value) != 1)
        return -1;
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i].input_count; k++)
            if (g->nodes[i].inputs[k] == value)
                return i;
    return -1;
}

/* The layer that alone reads what layer FIRST makes, or -1. */
static int layer_behind(const graph *g, int first)
{
    int at = only_reader(g, g->nodes[first].output);
    while (at >= 0 && is_homogeneous(&g->nodes[at]))
        at = only_reader(g, g->nodes[at].output);
    return at >= 0 && takes_part(&g->nodes[at]) ? at : -1;
}

/* A pair of layers: the first has CHANNELS outputs, which are the second's inputs in
   groups of OWN; taps of the second run over kernel, then OWN. */
typedef struct neighbours {
    float *first, *bias, *second; /* BIAS may be NULL */
    int64_t channels, first_taps, outputs, second_taps, own;
} neighbours;

static status open_pair(graph *g, int first, int second, neighbours *p, error *e)
{
    parameter *a = graph_parameter(g, &g->nodes[first], ROLE_WEIGHT);
    parameter *bias = graph_parameter(g, &g->nodes[first], ROLE_BIAS);
    parameter *b = graph_parameter(g, &g->nodes[second], ROLE_WEIGHT);
    shape s = tensor_shape(b->data);
    *p = (neighbours){.channels = tensor_shape(a->data).dim[0], .outputs = s.dim[0]};
    p->first = tensor_write_f32(a->data, e);
    p->bias = bias ? tensor_write_f32(bias->data, e) : NULL;
    p->second = tensor_write_f32(b->data, e);
    if (!p->first || (bias && !p->bias) || !p->second)
        return E_MEMORY;
    p->first_taps = tensor_count(a->data) / p->channels;
    p->second_taps = tensor_count(b->data) / p->outputs;
    p->own = s.dim[s.rank - 1];
    return E_OK;
}

/* Rows of the second layer that read channel C: its group's. */
static void rows_of(const neighbours *p, int64_t c, int64_t *begin, int64_t *end)
{
    int64_t each = p->outputs / (p->channels / p->own);
    *begin = c / p->own * each;
    *end = *begin + each;
}

static double second_range(const neighbours *p, int64_t c)
{
    int64_t begin, end;
    double most = 0;
    rows_of(p, c, &begin, &end);
    for (int64_t o = begin; o < end; o++)
        for (int64_t t = c % p->own; t < p->second_taps; t += p->own)
            most = fmax(most, fabs((double)p->second[o * p->second_taps + t]));
    return most;
}

/* Divides channel C of the first by S and multiplies it in the second. */
static void scale_channel(const neighbours *p, int64_t c, double s)
{
    int64_t begin, end;
    rows_of(p, c, &begin, &end);
    for (int64_t t = c * p->first_taps; t < (c + 1) * p->first_taps; t++)
        p->first[t] = (float)((double)p->first[t] / s);
    if (p->bias)
        p->bias[c] = (float)((double)p->bias[c] / s);
    for (int64_t o = begin; o < end; o++)
        for (int64_t t = c % p->own; t < p->second_taps; t += p->own) {
            float *w = &p->second[o * p->second_taps + t];
            *w = (float)((double)*w * s);
        }
}

/* The largest step that a channel took, as |s - 1|. */
static double equalize_pair(const neighbours *p)
{
    double moved = 0;
    for (int64_t c = 0; c < p->channels; c++) {
        double first = 0, second = second_range(p, c);
        for (int64_t t = c * p->first_taps; t < (c + 1) * p->first_taps; t++)
            first = fmax(first, fabs((double)p->first[t]));
        double s = sqrt(first / second);
        if (!(first > 0) || !(second > 0) || !isnormal(s))
            continue;
        scale_channel(p, c, s);
        moved = fmax(moved, fabs(s - 1));
    }
    return moved;
}

status correct_equalize(graph *g, int *pairs, error *e)
{
    double moved = 1;
    *pairs = 0;
    for (int round = 0; round < ROUNDS && moved > SETTLED; round++) {
        moved = 0;
        for (int i = 0; i < g->node_count; i++) {
            int behind = takes_part(&g->nodes[i]) ? layer_behind(g, i) : -1;
            neighbours p;
            if (behind < 0)
                continue;
            TRY(open_pair(g, i, behind, &p, e));
            /* A flatten in between, or a norm that became a layer, has other channels. */
            if (p.own * (p.channels / p.own) != p.channels)
                continue;
            moved = fmax(moved, equalize_pair(&p));
            *pairs += round == 0;
        }
    }
    return E_OK;
}
