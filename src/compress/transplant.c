/* SPDX-License-Identifier: GPL-3.0-or-later
   transplant.c -- parameters of one node from one model into a copy of another.  It
   measures nothing. */
#include "compress/transplant.h"

#include <string.h>

static bool both_or_none(const void *a, const void *b)
{
    return (a != NULL) == (b != NULL);
}

static bool fits(const parameter *a, const parameter *b)
{
    return shape_equal(tensor_shape(a->data), tensor_shape(b->data)) &&
           both_or_none(a->codes, b->codes) && both_or_none(a->quantizer, b->quantizer) &&
           (!a->codes || tensor_dtype(a->codes) == tensor_dtype(b->codes));
}

static bool same_tensor(const tensor *a, const tensor *b)
{
    return both_or_none(a, b) && (!a || tensor_equal(a, b));
}

static bool same(const parameter *a, const parameter *b)
{
    return tensor_equal(a->data, b->data) && same_tensor(a->codes, b->codes) &&
           same_tensor(a->mask, b->mask);
}

/* The node of FROM that is NODE of INTO, or NULL. */
static const node *other(const model *into, const model *from, int node)
{
    const struct node *mine = &into->graph->nodes[node];
    const int at = graph_find_node(from->graph, mine->name);
    return at >= 0 && from->graph->nodes[at].op == mine->op ? &from->graph->nodes[at]
                                                            : NULL;
}

transplant_kind transplant_look(const model *into, const model *from, int node)
{
    const struct node *mine = &into->graph->nodes[node], *yours = other(into, from, node);
    transplant_kind kind = TRANSPLANT_SAME;
    for (int role = 0; role < ROLE_COUNT; role++) {
        const parameter *a = graph_parameter(into->graph, mine, role);
        const parameter *b = yours ? graph_parameter(from->graph, yours, role) : NULL;
        if (!a && !b)
            continue;
        if (!a || !b || !fits(a, b))
            return TRANSPLANT_ALIEN;
        if (!same(a, b))
            kind = TRANSPLANT_FITS;
    }
    return kind;
}

/* *TO becomes what FROM is; either may be NULL. */
static status take_tensor(tensor **to, const tensor *from, error *e)
{
    tensor *shared = from ? tensor_share(from, e) : NULL;
    if (from && !shared)
        return E_MEMORY;
    tensor_free(*to);
    *to = shared;
    return E_OK;
}

static status take_parameter(parameter *to, const parameter *from, error *e)
{
    quantizer *q = from->quantizer ? quantizer_copy(from->quantizer, e) : NULL;
    if (from->quantizer && !q)
        return E_MEMORY;
    quantizer_free(to->quantizer);
    to->quantizer = q;
    TRY(take_tensor(&to->data, from->data, e));
    TRY(take_tensor(&to->mask, from->mask, e));
    return take_tensor(&to->codes, from->codes, e);
}

model *transplant(const model *into, const model *from, int node, error *e)
{
    const struct node *yours = other(into, from, node);
    model *m = model_copy(into, e);
    if (!m || !yours)
        return m;
    for (int role = 0; role < ROLE_COUNT; role++) {
        parameter *a = graph_parameter(m->graph, &m->graph->nodes[node], role);
        const parameter *b = graph_parameter(from->graph, yours, role);
        if (a && b && take_parameter(a, b, e) != E_OK) {
            model_free(m);
            return NULL;
        }
    }
    return m;
}
