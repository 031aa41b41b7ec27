/* SPDX-License-Identifier: GPL-3.0-or-later
   channel.c -- which channels stand and fall together: sets of channels, joined by what
   each operator's rule says.  It knows no operator by name and cuts nothing. */
#include "graph/channel.h"

#include <string.h>
#include "base/memory.h"
#include "graph/operator.h"

struct coupling {
    const graph *graph;
    const node *node;
    const int64_t *first; /* of channel_units */
    int64_t *parent;      /* of each channel, in a forest whose trees are the units */
};

/* The root of a tree; paths are halved on the way.
   Source: Tarjan, van Leeuwen 1984, Journal of the ACM 31, section 4. */
static int64_t root_of(int64_t *parent, int64_t i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

/* The earlier root stays one, so that results do not depend on the order of joins. */
static void join(int64_t *parent, int64_t a, int64_t b)
{
    int64_t x = root_of(parent, a), y = root_of(parent, b);
    if (x < y)
        parent[y] = x;
    else
        parent[x] = y;
}

static int64_t place_of(const coupling *c, int end, int64_t channel)
{
    int value = end == COUPLE_OUTPUT ? c->node->output : c->node->inputs[end];
    return c->first[value] + channel;
}

void couple(coupling *c, int end_a, int64_t channel_a, int end_b, int64_t channel_b)
{
    join(c->parent, place_of(c, end_a, channel_a), place_of(c, end_b, channel_b));
}

static int64_t channels_of(shape s)
{
    return s.dim[s.rank - 1];
}

void couple_first(const node *n, const shape *in, shape out, coupling *c)
{
    (void)n;
    (void)in;
    for (int64_t i = 0; i < channels_of(out); i++)
        couple(c, 0, i, COUPLE_OUTPUT, i);
}

void couple_all(const node *n, const shape *in, shape out, coupling *c)
{
    (void)in;
    for (int k = 0; k < n->input_count; k++)
        for (int64_t i = 0; i < channels_of(out); i++)
            couple(c, k, i, COUPLE_OUTPUT, i);
}

int64_t channel_cut_count(const channel_cut *c, int64_t first, int64_t count)
{
    int64_t kept = 0;
    for (int64_t i = first; i < first + count; i++)
        kept += c->kept[i];
    return kept;
}

/* The place behind all channels is the tree of those that stay. */
static void keep_value(coupling *c, int value, int64_t stays)
{
    for (int64_t i = c->first[value]; i < c->first[value + 1]; i++)
        join(c->parent, i, stays);
}

static void couple_node(coupling *c, const node *n, const shape *shapes, int64_t stays)
{
    shape in[NODE_INPUTS_MAX];
    for (int i = 0; i < n->input_count; i++)
        in[i] = shapes[n->inputs[i]];
    c->node = n;
    if (n->op->couple) {
        n->op->couple(n, in, shapes[n->output], c);
        return;
    }
    for (int i = 0; i < n->input_count; i++)
        keep_value(c, n->inputs[i], stays);
    keep_value(c, n->output, stays);
}

/* Numbers the trees in U->unit, which PARENT may not be. */
static status number_units(channel_units *u, int64_t *parent, error *e)
{
    int64_t total = u->first[u->value_count], fixed = root_of(parent, total);
    int64_t *number = memory_new(total + 1, sizeof *number, e);
    if (!number)
        return E_MEMORY;
    number[fixed] = -1;
    for (int64_t i = 0; i < total; i++) {
        int64_t root = root_of(parent, i);
        if (root != fixed && root == i)
            number[i] = u->count++;
        u->unit[i] = number[root];
    }
    memory_free(number);
    return E_OK;
}

static status find_units(const graph *g, const shape *shapes, channel_units *u, error *e)
{
    u->value_count = g->value_count;
    u->first = memory_new((int64_t)g->value_count + 1, sizeof *u->first, e);
    if (!u->first)
        return E_MEMORY;
    for (int v = 0; v < g->value_count; v++)
        u->first[v + 1] = u->first[v] + (shapes[v].rank > 0 ? channels_of(shapes[v]) : 0);
    int64_t total = u->first[g->value_count];
    u->unit = memory_new(total, sizeof *u->unit, e);
    int64_t *parent = u->unit ? memory_new(total + 1, sizeof *parent, e) : NULL;
    if (!parent)
        return E_MEMORY;
    for (int64_t i = 0; i <= total; i++)
        parent[i] = i;
    coupling c = {.graph = g, .first = u->first, .parent = parent};
    keep_value(&c, g->input, total);
    keep_value(&c, g->output, total);
    for (int i = 0; i < g->node_count; i++)
        couple_node(&c, &g->nodes[i], shapes, total);
    status s = number_units(u, parent, e);
    memory_free(parent);
    return s;
}

status channel_units_find(const graph *g, channel_units *u, error *e)
{
    *u = (channel_units){0};
    shape *shapes = memory_new(g->value_count, sizeof *shapes, e);
    status s = shapes ? graph_shapes(g, 1, g->input_shape, shapes, e) : E_MEMORY;
    if (s == E_OK)
        s = find_units(g, shapes, u, e);
    memory_free(shapes);
    if (s != E_OK)
        channel_units_clear(u);
    return s;
}

void channel_units_clear(channel_units *u)
{
    memory_free(u->first);
    memory_free(u->unit);
    *u = (channel_units){0};
}
