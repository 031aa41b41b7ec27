/* SPDX-License-Identifier: GPL-3.0-or-later
   show_layers.c -- `show m layers=yes`: what each node of a model is and costs.
   It changes nothing and prints nothing. */
#include <stdio.h>

#include "base/memory.h"
#include "graph/operator.h"
#include "graph/receptive.h"
#include "ui/command/rows.h"
#include "ui/command/show.h"

/* Bits of a node's weights, and the words for how their scales were chosen. */
static void put_quantizer(table *t, const parameter *weight)
{
    static const char *const grain[] = {"model", "tensor", "channel", "group"};
    const quantizer *q = weight ? weight->quantizer : NULL;
    if (!weight)
        return;
    table_integer(t, "bits", q ? q->bits : 32);
    if (q)
        table_text(t, "granularity", q->codebook ? "codebook" : grain[q->grain]);
}

static operation_cost cost_of(const node *n, const shape *shapes)
{
    shape in[NODE_INPUTS_MAX];
    operation_cost cost = {0};
    for (int i = 0; i < n->input_count; i++)
        in[i] = shapes[n->inputs[i]];
    n->op->cost(n, in, shapes[n->output], &cost);
    return cost;
}

/* "45x45", or an empty cell where the input is a row. */
static void put_field(table *t, const receptive_field *f)
{
    text words = {0};
    for (int i = 0; i < f->axes; i++)
        text_addf(&words, "%s%lld", i > 0 ? "x" : "", (long long)f->pixels[i]);
    t->failed = t->failed || words.failed;
    table_text(t, "receptive_field", f->axes > 0 ? text_get(&words) : NULL);
    text_clear(&words);
}

static void put_layer(table *t, const char *name, const graph *g, const node *n,
                      const shape *shapes, int64_t products)
{
    char words[128];
    shape out = shapes[n->output];
    const int64_t multiply_adds = cost_of(n, shapes).multiply_adds;
    int64_t parameters = 0, nonzero = 0;
    for (int r = 0; r < ROLE_COUNT; r++) {
        const parameter *p = graph_parameter(g, n, (parameter_role)r);
        if (!p || !parameter_is_trained(p))
            continue;
        parameters += tensor_count(p->data);
        nonzero += parameter_nonzero(p);
    }
    for (int i = 1; i < out.rank; i++)
        out.dim[i - 1] = out.dim[i];
    out.rank--;
    table_row(t);
    table_text(t, "model", name);
    table_text(t, "layer", n->name);
    table_text(t, "operator", n->op->name);
    table_text(t, "output", rows_shape(words, out));
    table_integer(t, "parameters", parameters);
    table_integer(t, "nonzero", nonzero);
    table_real(t, "sparsity",
               parameters > 0 ? 1 - (double)nonzero / (double)parameters : 0.0);
    put_quantizer(t, graph_parameter(g, n, ROLE_WEIGHT));
    table_integer(t, "multiply_adds", multiply_adds);
    table_real(t, "share", products > 0 ? (double)multiply_adds / (double)products : 0.0);
}

static status put_layers(table *t, const char *name, const graph *g, shape *shapes,
                         receptive_field *fields, error *e)
{
    int64_t products = 0;
    TRY(graph_shapes(g, 1, g->input_shape, shapes, e));
    TRY(graph_receptive_fields(g, shapes, fields, e));
    for (int i = 0; i < g->node_count; i++)
        products += cost_of(&g->nodes[i], shapes).multiply_adds;
    for (int i = 0; i < g->node_count; i++) {
        put_layer(t, name, g, &g->nodes[i], shapes, products);
        put_field(t, &fields[g->nodes[i].output]);
    }
    return E_OK;
}

status show_layers(call *c, const char *name, const model *m, error *e)
{
    const graph *g = m->graph;
    shape *shapes = memory_new(g->value_count, sizeof *shapes, e);
    receptive_field *fields = memory_new(g->value_count, sizeof *fields, e);
    status s =
        shapes && fields ? put_layers(c->rows, name, g, shapes, fields, e) : E_MEMORY;
    memory_free(shapes);
    memory_free(fields);
    return s;
}
