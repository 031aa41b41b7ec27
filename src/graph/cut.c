/* SPDX-License-Identifier: GPL-3.0-or-later
   cut.c -- a graph in two at one of its values.  It changes no graph and copies no
   number. */
#include "graph/cut.h"

#include "base/memory.h"
#include "graph/operator.h"

static status share(tensor **to, const tensor *from, error *e)
{
    tensor_free(*to);
    *to = from ? tensor_share(from, e) : NULL;
    return from && !*to ? E_MEMORY : E_OK;
}

/* The last node of TO has the parameters of N. */
static status share_parameters(graph *to, const graph *from, const node *n, error *e)
{
    for (int role = 0; role < ROLE_COUNT; role++) {
        const parameter *old = graph_parameter(from, n, (parameter_role)role);
        parameter *p =
            graph_parameter(to, &to->nodes[to->node_count - 1], (parameter_role)role);
        if (!p || !old)
            continue;
        TRY(share(&p->data, old->data, e));
        TRY(share(&p->mask, old->mask, e));
        TRY(share(&p->codes, old->codes, e));
        if (old->quantizer) {
            p->quantizer = quantizer_copy(old->quantizer, e);
            if (!p->quantizer)
                return E_MEMORY;
        }
    }
    return E_OK;
}

/* Appends N of FROM to TO; MAP [values of FROM] is the value of TO, or -1. */
static status take_node(graph *to, const graph *from, const node *n, int *map, error *e)
{
    int inputs[NODE_INPUTS_MAX];
    for (int k = 0; k < n->input_count; k++) {
        inputs[k] = map[n->inputs[k]];
        if (inputs[k] < 0)
            return fail(e, E_USAGE, "cut: %s reads what stands before the cut", n->name);
    }
    map[n->output] =
        graph_add(to, n->op->name, n->name, &n->attr, inputs, n->input_count, e);
    if (map[n->output] < 0)
        return e ? e->code : E_MEMORY;
    return share_parameters(to, from, n, e);
}

/* Nodes FIRST .. LAST - 1 as a graph that takes in VALUE of SHAPE. */
static graph *take_nodes(const graph *g, int value, shape in, int first, int last,
                         error *e)
{
    graph *part = graph_new(in, e);
    int *map = part ? memory_new_raw(g->value_count, sizeof *map, e) : NULL;
    status code = map ? E_OK : E_MEMORY;
    for (int i = 0; map && i < g->value_count; i++)
        map[i] = i == value ? part->input : -1;
    for (int i = first; i < last && code == E_OK; i++)
        code = take_node(part, g, &g->nodes[i], map, e);
    memory_free(map);
    if (code == E_OK)
        return part;
    graph_free(part);
    return NULL;
}

static shape one_sample(shape s)
{
    shape sample = {.rank = s.rank - 1};
    for (int i = 0; i < sample.rank; i++)
        sample.dim[i] = s.dim[i + 1];
    return sample;
}

static status check_floats(const graph *g, error *e)
{
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i].type != DTYPE_F32)
            return fail(e, E_USAGE, "cut: the graph runs in integers, wanted f32");
    return E_OK;
}

status graph_cut(const graph *g, int value, graph **before, graph **after, error *e)
{
    *before = *after = NULL;
    if (value < 0 || value >= g->value_count || g->values[value].producer < 0 ||
        value == g->output)
        return fail(e, E_RANGE, "cut: value %d is none inside of the graph", value);
    TRY(check_floats(g, e));
    shape *shapes = memory_new(g->value_count, sizeof *shapes, e);
    if (!shapes)
        return E_MEMORY;
    int at = g->values[value].producer + 1;
    status code = graph_shapes(g, 1, g->input_shape, shapes, e);
    if (code == E_OK) {
        *before = take_nodes(g, g->input, g->input_shape, 0, at, e);
        *after = *before ? take_nodes(g, value, one_sample(shapes[value]), at,
                                      g->node_count, e)
                         : NULL;
        code = *after ? E_OK : e ? e->code : E_MEMORY;
    }
    memory_free(shapes);
    if (code != E_OK) {
        graph_free(*before);
        *before = NULL;
    }
    return code;
}
