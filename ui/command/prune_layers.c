/* SPDX-License-Identifier: GPL-3.0-or-later
   prune_layers.c -- the command `prune` of single layers: layers=a:0.5,b:0.7.  It prints
   nothing. */
#include <math.h>

#include "base/memory.h"
#include "ui/command/prune_parts.h"
#include "ui/command/single_layers.h"

/* The share of all that may go which is then gone: what the answer calls the amount. */
static double whole_amount(const prune_job *j, const graph *g)
{
    double gone = 0, all = 0;
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        if (!prune_is_target(p, j->targets))
            continue;
        const double count = (double)tensor_count(p->data);
        const uint8_t *mask = p->mask ? tensor_data(p->mask) : NULL;
        double masked = 0;
        for (int64_t k = 0; mask && k < tensor_count(p->data); k++)
            masked += mask[k] == 0;
        gone += isnan(j->layers[i]) ? masked : round(count * j->layers[i]);
        all += count;
    }
    return all > 0 ? gone / all : 0;
}

status prune_layers_read(const call *c, prune_job *j, error *e)
{
    static const char *const others[] = {"amount",  "steps",  "scope",  "kind", "targets",
                                         "gradual", "regrow", "rewind", NULL};
    const option_value *items = option_get(&c->options, "layers");
    const graph *g = j->begun->graph;
    TRY(rows_unused(c, "prune", others, "with layers=", e));
    double *amounts = memory_new(g->parameter_count, sizeof *amounts, e);
    if (!amounts)
        return E_MEMORY;
    j->layers = amounts;
    TRY(single_layers_amounts("prune", items, g, amounts, e));
    j->count = 1;
    j->amounts[0] = whole_amount(j, g);
    return E_OK;
}
