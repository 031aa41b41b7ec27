/* SPDX-License-Identifier: GPL-3.0-or-later
   single_layers.c -- reads "NAME:NUMBER" of a layer.  It changes no model. */
#include "ui/command/single_layers.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "base/text.h"
#include "compress/prune.h"

static status no_such_layer(const char *who, const char *name, const graph *g, error *e)
{
    const char **names = memory_new(g->node_count, sizeof *names, NULL);
    int64_t count = 0;
    for (int i = 0; names && i < g->node_count; i++)
        if (graph_parameter(g, &g->nodes[i], ROLE_WEIGHT))
            names[count++] = g->nodes[i].name;
    const char *near = names ? text_nearest(name, names, count) : NULL;
    fail(e, E_NAME, "%s: no layer with weights is called '%.80s'", who, name);
    if (near)
        fail_hint(e, "did you mean '%s'?", near);
    else
        fail_hint(e, "'show MODEL layers=yes' lists them");
    memory_free(names);
    return E_NAME;
}

status single_layer_read(const char *who, const char *item, const graph *g, int *node,
                         double *number, error *e)
{
    const char *colon = strrchr(item, ':');
    if (!colon || colon == item || !text_to_real(colon + 1, number)) {
        fail(e, E_USAGE, "%s: layers=%.80s, want NAME:NUMBER", who, item);
        return fail_hint(e, "several are parted by commas: layers=a:0.5,b:0.7");
    }
    char *name = memory_format(e, "%.*s", (int)(colon - item), item);
    if (!name)
        return E_MEMORY;
    *node = graph_find_node(g, name);
    status s = E_OK;
    if (*node < 0 || !graph_parameter(g, &g->nodes[*node], ROLE_WEIGHT))
        s = no_such_layer(who, name, g, e);
    memory_free(name);
    return s;
}

static status read_amount(const char *who, const char *item, const graph *g,
                          double *amounts, error *e)
{
    int node;
    double amount;
    TRY(single_layer_read(who, item, g, &node, &amount, e));
    const parameter *weight = graph_parameter(g, &g->nodes[node], ROLE_WEIGHT);
    if (amount < 0 || amount > 1)
        return fail(e, E_RANGE, "%s: layers=%.80s, an amount is 0..1", who, item);
    if (!prune_is_target(weight, TARGET_WEIGHTS))
        return fail(e, E_USAGE, "%s: the weights of %s are not pruned", who,
                    g->nodes[node].name);
    amounts[weight - g->parameters] = amount;
    return E_OK;
}

status single_layers_amounts(const char *who, const option_value *items, const graph *g,
                             double *amounts, error *e)
{
    for (int i = 0; i < g->parameter_count; i++)
        amounts[i] = NAN;
    for (int64_t i = 0; i < items->count; i++)
        TRY(read_amount(who, items->items[i], g, amounts, e));
    return E_OK;
}
