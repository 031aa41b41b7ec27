/* SPDX-License-Identifier: GPL-3.0-or-later
   pairing.c -- values of a float graph and of its deployed form, paired by the names of the
   nodes that make them. */
#include "compress/pairing.h"

#include "base/memory.h"
#include "graph/operator.h"

/* The output of node NAME SUFFIX of G, or -1. */
static status output_named(const graph *g, const char *name, const char *suffix,
                           int *output, error *e)
{
    char *words = memory_format(e, "%s%s", name, suffix);
    if (!words)
        return E_MEMORY;
    int at = graph_find_node(g, words);
    memory_free(words);
    *output = at < 0 ? -1 : g->nodes[at].output;
    return E_OK;
}

static status source_of(const graph *g, const graph *deployed, int value, int *source,
                        error *e)
{
    int producer = g->values[value].producer, *found = &source[value];
    const node *n = producer < 0 ? NULL : &g->nodes[producer];
    TRY(output_named(deployed, n ? n->name : "input", ".quantize", found, e));
    if (*found >= 0)
        return E_OK;
    if (!n) {
        *found = deployed->input;
        return E_OK;
    }
    TRY(output_named(deployed, n->name, "", found, e));
    if (*found < 0 && n->op == &op_relu)
        *found = source[n->inputs[0]];
    return E_OK;
}

status pair_values(const graph *g, const graph *deployed, int *source, error *e)
{
    TRY(source_of(g, deployed, g->input, source, e));
    for (int i = 0; i < g->node_count; i++)
        TRY(source_of(g, deployed, g->nodes[i].output, source, e));
    return E_OK;
}
