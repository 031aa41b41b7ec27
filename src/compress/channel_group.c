/* SPDX-License-Identifier: GPL-3.0-or-later
   channel_group.c -- units of channels gathered into groups: those that the same layers
   make.  It ranks nothing and cuts nothing. */
#include "compress/channel_parts.h"

#include "base/memory.h"
#include "base/random.h"
#include "graph/operator.h"

const parameter *channel_weight(const graph *g, int node)
{
    const parameter *p = graph_parameter(g, &g->nodes[node], ROLE_WEIGHT);
    return p && tensor_shape(p->data).rank > 1 ? p : NULL;
}

int channel_norm_behind(const graph *g, int node)
{
    for (int i = node + 1; i < g->node_count; i++)
        if (g->nodes[i].op == &op_batch_norm &&
            g->nodes[i].inputs[0] == g->nodes[node].output)
            return i;
    return -1;
}

/* The channels of each unit, in order. */
static status list_members(channel_plan *p, error *e)
{
    const channel_units *u = &p->units;
    int64_t total = u->first[u->value_count], count = u->count;
    p->member = memory_new(count + 2, sizeof *p->member, e);
    p->place = p->member ? memory_new(total, sizeof *p->place, e) : NULL;
    p->value_of = p->place ? memory_new(total, sizeof *p->value_of, e) : NULL;
    if (!p->value_of)
        return E_MEMORY;
    for (int v = 0; v < u->value_count; v++)
        for (int64_t i = u->first[v]; i < u->first[v + 1]; i++)
            p->value_of[i] = v;
    /* Counts stand two places up; after filling each is where the next unit begins. */
    for (int64_t i = 0; i < total; i++)
        if (u->unit[i] >= 0)
            p->member[u->unit[i] + 2]++;
    for (int64_t k = 2; k <= count; k++)
        p->member[k] += p->member[k - 1];
    for (int64_t i = 0; i < total; i++)
        if (u->unit[i] >= 0)
            p->place[p->member[u->unit[i] + 1]++] = i;
    return E_OK;
}

/* LAYERS [units]: a hash of the layers that make each unit. */
static status hash_layers(const graph *g, const channel_units *u, uint64_t *layers,
                          error *e)
{
    int *last = memory_new(u->count, sizeof *last, e);
    if (!last)
        return E_MEMORY;
    for (int64_t k = 0; k < u->count; k++) {
        layers[k] = HASH_START;
        last[k] = -1;
    }
    for (int i = 0; i < g->node_count; i++) {
        int out = g->nodes[i].output;
        if (!channel_weight(g, i))
            continue;
        for (int64_t c = u->first[out]; c < u->first[out + 1]; c++) {
            int64_t unit = u->unit[c];
            if (unit < 0 || last[unit] == i)
                continue;
            layers[unit] = random_hash(&i, sizeof i, layers[unit]);
            last[unit] = i;
        }
    }
    memory_free(last);
    return E_OK;
}

/* Channels of a unit in the value that has fewest of it. */
static int64_t narrowest_of(const channel_plan *p, int64_t unit)
{
    int64_t least = INT64_MAX, run = 0;
    for (int64_t i = p->member[unit]; i < p->member[unit + 1]; i++) {
        run++;
        bool ends = i + 1 == p->member[unit + 1] ||
                    p->value_of[p->place[i]] != p->value_of[p->place[i + 1]];
        if (!ends)
            continue;
        least = run < least ? run : least;
        run = 0;
    }
    return least;
}

/* The first layer that makes UNIT, and how many of its channels. */
static void describe_group(const graph *g, const channel_plan *p, int64_t unit,
                           channel_group *group)
{
    group->first = -1;
    for (int64_t i = p->member[unit]; i < p->member[unit + 1]; i++) {
        int producer = g->values[p->value_of[p->place[i]]].producer;
        if (producer < 0 || !channel_weight(g, producer))
            continue;
        if (group->first < 0 || producer < group->first) {
            group->first = producer;
            group->width = 0;
        }
        group->width += producer == group->first;
    }
    group->narrowest = narrowest_of(p, unit);
}

static status add_to_group(const graph *g, channel_plan *p, int64_t unit, uint64_t layers,
                           int64_t *capacity, error *e)
{
    int at = 0;
    while (at < p->group_count && p->groups[at].layers != layers)
        at++;
    if (at == p->group_count) {
        TRY(memory_grow((void **)&p->groups, capacity, (int64_t)at + 1, sizeof *p->groups,
                        e));
        p->groups[at] = (channel_group){.layers = layers};
        describe_group(g, p, unit, &p->groups[at]);
        p->group_count++;
    }
    p->groups[at].units++;
    p->group_of[unit] = at;
    return E_OK;
}

status channel_groups_find(const graph *g, channel_plan *p, error *e)
{
    int64_t capacity = 0;
    TRY(channel_units_find(g, &p->units, e));
    TRY(list_members(p, e));
    const int64_t count = p->units.count;
    p->group_of = memory_new(count, sizeof *p->group_of, e);
    uint64_t *layers = p->group_of ? memory_new(count, sizeof *layers, e) : NULL;
    status s = layers ? hash_layers(g, &p->units, layers, e) : E_MEMORY;
    for (int64_t k = 0; k < count && s == E_OK; k++) {
        p->group_of[k] = -1;
        if (layers[k] != HASH_START)
            s = add_to_group(g, p, k, layers[k], &capacity, e);
    }
    memory_free(layers);
    return s;
}

static bool value_has(const channel_plan *p, int value, int group)
{
    for (int64_t i = p->units.first[value]; i < p->units.first[value + 1]; i++)
        if (p->units.unit[i] >= 0 && p->group_of[p->units.unit[i]] == group)
            return true;
    return false;
}

void channel_group_names(const graph *g, const channel_plan *p, int group,
                         text *producers, text *consumers)
{
    for (int i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        if (!channel_weight(g, i))
            continue;
        text *list = value_has(p, n->output, group)      ? producers
                     : value_has(p, n->inputs[0], group) ? consumers
                                                         : NULL;
        if (list)
            text_addf(list, "%s%s", list->length > 0 ? "," : "", n->name);
    }
}
