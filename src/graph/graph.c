/* SPDX-License-Identifier: GPL-3.0-or-later
   graph.c -- the structure of a graph: nodes, values and parameters, their making,
   copying and editing.  What can be asked of a graph is in graph_measure.c. */
#include "graph/graph.h"

#include <string.h>
#include "base/memory.h"
#include "graph/operator.h"

static const char *const role_suffix[ROLE_COUNT] = {
    [ROLE_WEIGHT] = "weight",
    [ROLE_BIAS] = "bias",
    [ROLE_SCALE] = "weight",
    [ROLE_SHIFT] = "bias",
    [ROLE_RUNNING_MEAN] = "running_mean",
    [ROLE_RUNNING_VARIANCE] = "running_var",
};

quantizer *quantizer_new(int bits, granularity grain, int64_t channels, error *e)
{
    quantizer *q = memory_new(1, sizeof *q, e);
    if (!q)
        return NULL;
    q->bits = bits;
    q->grain = grain;
    q->channels = channels;
    q->scale = memory_new(channels, sizeof *q->scale, e);
    q->zero_point = q->scale ? memory_new(channels, sizeof *q->zero_point, e) : NULL;
    if (!q->zero_point) {
        quantizer_free(q);
        return NULL;
    }
    return q;
}

quantizer *quantizer_copy(const quantizer *q, error *e)
{
    quantizer *copy = quantizer_new(q->bits, q->grain, q->channels, e);
    if (!copy)
        return NULL;
    memcpy(copy->scale, q->scale, (size_t)q->channels * sizeof *q->scale);
    memcpy(copy->zero_point, q->zero_point, (size_t)q->channels * sizeof *q->zero_point);
    copy->group = q->group;
    if (!q->codebook)
        return copy;
    if (quantizer_add_codebook(copy, e)) {
        quantizer_free(copy);
        return NULL;
    }
    memcpy(copy->codebook, q->codebook, ((size_t)1 << q->bits) * sizeof *q->codebook);
    return copy;
}

status quantizer_add_codebook(quantizer *q, error *e)
{
    q->codebook = memory_new(INT64_C(1) << q->bits, sizeof *q->codebook, e);
    return q->codebook ? E_OK : E_MEMORY;
}

void quantizer_free(quantizer *q)
{
    if (!q)
        return;
    memory_free(q->scale);
    memory_free(q->zero_point);
    memory_free(q->codebook);
    memory_free(q);
}

static void parameter_clear(parameter *p)
{
    memory_free(p->name);
    tensor_free(p->data);
    tensor_free(p->mask);
    tensor_free(p->codes);
    quantizer_free(p->quantizer);
    *p = (parameter){0};
}

static status share_optional(tensor **to, const tensor *from, error *e)
{
    *to = from ? tensor_share(from, e) : NULL;
    return from && !*to ? E_MEMORY : E_OK;
}

static status parameter_copy(parameter *to, const parameter *from, error *e)
{
    to->role = from->role;
    to->name = memory_text(from->name, e);
    if (!to->name)
        return E_MEMORY;
    TRY(share_optional(&to->data, from->data, e));
    TRY(share_optional(&to->mask, from->mask, e));
    TRY(share_optional(&to->codes, from->codes, e));
    if (from->quantizer) {
        to->quantizer = quantizer_copy(from->quantizer, e);
        if (!to->quantizer)
            return E_MEMORY;
    }
    return E_OK;
}

static int add_value(graph *g, dtype type, error *e)
{
    if (memory_grow((void **)&g->values, &g->value_capacity, g->value_count + 1,
                    sizeof *g->values, e))
        return -1;
    g->values[g->value_count] = (value){.type = type, .producer = -1};
    return g->value_count++;
}

graph *graph_new(shape input_shape, error *e)
{
    graph *g = memory_new(1, sizeof *g, e);
    if (!g)
        return NULL;
    g->input_shape = input_shape;
    if (add_value(g, DTYPE_F32, e) < 0) {
        graph_free(g);
        return NULL;
    }
    return g;
}

static void node_clear(node *n)
{
    memory_free(n->name);
    memory_free(n->method);
}

status node_set_method(node *n, const char *name, error *e)
{
    char *copy = name ? memory_text(name, e) : NULL;
    if (name && !copy)
        return E_MEMORY;
    memory_free(n->method);
    n->method = copy;
    return E_OK;
}

void graph_forget_methods(graph *g)
{
    for (int i = 0; i < g->node_count; i++)
        node_set_method(&g->nodes[i], NULL, NULL);
}

void graph_free(graph *g)
{
    if (!g)
        return;
    for (int i = 0; i < g->node_count; i++)
        node_clear(&g->nodes[i]);
    for (int i = 0; i < g->value_count; i++)
        quantizer_free(g->values[i].quantizer);
    for (int i = 0; i < g->parameter_count; i++)
        parameter_clear(&g->parameters[i]);
    memory_free(g->nodes);
    memory_free(g->values);
    memory_free(g->parameters);
    memory_free(g);
}

static status copy_nodes(graph *to, const graph *from, error *e)
{
    TRY(memory_grow((void **)&to->nodes, &to->node_capacity, from->node_count,
                    sizeof *to->nodes, e));
    for (int i = 0; i < from->node_count; i++) {
        node *n = &to->nodes[i];
        *n = from->nodes[i];
        n->name = memory_text(from->nodes[i].name, e);
        n->method = NULL;
        to->node_count = i + 1;
        TRY(n->name ? node_set_method(n, from->nodes[i].method, e) : E_MEMORY);
    }
    return E_OK;
}

static status copy_values(graph *to, const graph *from, error *e)
{
    TRY(memory_grow((void **)&to->values, &to->value_capacity, from->value_count,
                    sizeof *to->values, e));
    for (int i = 0; i < from->value_count; i++) {
        to->values[i] = from->values[i];
        to->values[i].quantizer = NULL;
        to->value_count = i + 1;
        if (!from->values[i].quantizer)
            continue;
        to->values[i].quantizer = quantizer_copy(from->values[i].quantizer, e);
        if (!to->values[i].quantizer)
            return E_MEMORY;
    }
    return E_OK;
}

static status copy_parameters(graph *to, const graph *from, error *e)
{
    TRY(memory_grow((void **)&to->parameters, &to->parameter_capacity,
                    from->parameter_count, sizeof *to->parameters, e));
    for (int i = 0; i < from->parameter_count; i++) {
        to->parameter_count = i + 1;
        TRY(parameter_copy(&to->parameters[i], &from->parameters[i], e));
    }
    return E_OK;
}

graph *graph_copy(const graph *g, error *e)
{
    graph *copy = memory_new(1, sizeof *copy, e);
    if (!copy)
        return NULL;
    copy->input = g->input;
    copy->output = g->output;
    copy->input_shape = g->input_shape;
    if (copy_nodes(copy, g, e) || copy_values(copy, g, e) ||
        copy_parameters(copy, g, e)) {
        graph_free(copy);
        return NULL;
    }
    return copy;
}

/* Producers follow from the nodes' order; set anew after every edit. */
static void link_producers(graph *g)
{
    for (int i = 0; i < g->value_count; i++)
        g->values[i].producer = -1;
    for (int i = 0; i < g->node_count; i++)
        g->values[g->nodes[i].output].producer = i;
}

static status add_parameter(graph *g, node *n, parameter_role role, shape s, error *e)
{
    TRY(memory_grow((void **)&g->parameters, &g->parameter_capacity,
                    g->parameter_count + 1, sizeof *g->parameters, e));
    parameter *p = &g->parameters[g->parameter_count];
    *p = (parameter){.role = role};
    p->name = memory_format(e, "%s.%s", n->name, role_suffix[role]);
    p->data = p->name ? tensor_new(DTYPE_F32, s, e) : NULL;
    if (!p->data) {
        parameter_clear(p);
        return E_MEMORY;
    }
    n->parameters[role] = g->parameter_count++;
    return E_OK;
}

static void drop_parameters_from(graph *g, int first)
{
    while (g->parameter_count > first)
        parameter_clear(&g->parameters[--g->parameter_count]);
}

/* Output shape and parameters of a new node, by its operator's row. */
static status complete_node(graph *g, node *n, const shape *shapes, error *e)
{
    shape in[NODE_INPUTS_MAX], out;
    for (int i = 0; i < n->input_count; i++)
        in[i] = shapes[n->inputs[i]];
    TRY(n->op->shape_rule(n, in, &out, e));
    if (!n->op->parameter_shape)
        return E_OK;
    for (int role = 0; role < ROLE_COUNT; role++) {
        shape s = {0};
        n->op->parameter_shape(n, in, (parameter_role)role, &s);
        if (s.rank > 0)
            TRY(add_parameter(g, n, (parameter_role)role, s, e));
    }
    return E_OK;
}

static status check_inputs(const graph *g, const operator_row *row, const char *name,
                           const int *inputs, int count, error *e)
{
    if (count < row->inputs_min || count > row->inputs_max || count > NODE_INPUTS_MAX)
        return fail(e, E_SHAPE, "%s (%s): %d inputs, wants %d to %d", name, row->name,
                    count, row->inputs_min, row->inputs_max);
    for (int i = 0; i < count; i++)
        if (inputs[i] < 0 || inputs[i] >= g->value_count)
            return fail(e, E_SHAPE, "%s (%s): input %d names no value", name, row->name,
                        i);
    return E_OK;
}

static status make_node(graph *g, const operator_row *row, const char *name,
                        const attributes *attr, const int *inputs, int count, node *n,
                        error *e)
{
    *n = (node){.op = row, .input_count = count};
    if (attr)
        n->attr = *attr;
    memcpy(n->inputs, inputs, (size_t)count * sizeof *inputs);
    for (int role = 0; role < ROLE_COUNT; role++)
        n->parameters[role] = -1;
    n->name = memory_text(name, e);
    shape *shapes = n->name ? memory_new(g->value_count, sizeof *shapes, e) : NULL;
    int first = g->parameter_count;
    status s = shapes ? graph_shapes(g, 1, g->input_shape, shapes, e) : E_MEMORY;
    if (!s)
        s = complete_node(g, n, shapes, e);
    memory_free(shapes);
    if (s) {
        drop_parameters_from(g, first);
        memory_free(n->name);
    }
    return s;
}

int graph_insert(graph *g, int at, const char *op, const char *name,
                 const attributes *attr, const int *inputs, int input_count, error *e)
{
    const operator_row *row = operator_find(op);
    if (!row) {
        fail(e, E_NAME, "%s: there is no operator '%s'", name, op);
        return -1;
    }
    node n;
    if (check_inputs(g, row, name, inputs, input_count, e) ||
        memory_grow((void **)&g->nodes, &g->node_capacity, g->node_count + 1,
                    sizeof *g->nodes, e) ||
        make_node(g, row, name, attr, inputs, input_count, &n, e))
        return -1;
    n.output = add_value(g, DTYPE_F32, e);
    if (n.output < 0) {
        memory_free(n.name);
        return -1;
    }
    memmove(&g->nodes[at + 1], &g->nodes[at],
            (size_t)(g->node_count - at) * sizeof *g->nodes);
    g->nodes[at] = n;
    g->node_count++;
    link_producers(g);
    return n.output;
}

int graph_add(graph *g, const char *op, const char *name, const attributes *attr,
              const int *inputs, int input_count, error *e)
{
    int output = graph_insert(g, g->node_count, op, name, attr, inputs, input_count, e);
    if (output >= 0)
        g->output = output;
    return output;
}

static void remove_parameter(graph *g, int index)
{
    parameter_clear(&g->parameters[index]);
    memmove(&g->parameters[index], &g->parameters[index + 1],
            (size_t)(g->parameter_count - index - 1) * sizeof *g->parameters);
    g->parameter_count--;
    for (int i = 0; i < g->node_count; i++)
        for (int role = 0; role < ROLE_COUNT; role++) {
            int *slot = &g->nodes[i].parameters[role];
            if (*slot == index)
                *slot = -1;
            else if (*slot > index)
                (*slot)--;
        }
}

static void remove_value(graph *g, int index)
{
    quantizer_free(g->values[index].quantizer);
    memmove(&g->values[index], &g->values[index + 1],
            (size_t)(g->value_count - index - 1) * sizeof *g->values);
    g->value_count--;
    for (int i = 0; i < g->node_count; i++) {
        node *n = &g->nodes[i];
        for (int k = 0; k < n->input_count; k++)
            n->inputs[k] -= n->inputs[k] > index;
        n->output -= n->output > index;
    }
    g->input -= g->input > index;
    g->output -= g->output > index;
}

status graph_bypass(graph *g, int at, error *e)
{
    if (at < 0 || at >= g->node_count || g->nodes[at].input_count < 1)
        return fail(e, E_RANGE, "graph: there is no node %d to take out", at);
    int from = g->nodes[at].output, to = g->nodes[at].inputs[0];
    for (int role = 0; role < ROLE_COUNT; role++)
        if (g->nodes[at].parameters[role] >= 0)
            remove_parameter(g, g->nodes[at].parameters[role]);
    node_clear(&g->nodes[at]);
    memmove(&g->nodes[at], &g->nodes[at + 1],
            (size_t)(g->node_count - at - 1) * sizeof *g->nodes);
    g->node_count--;
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i].input_count; k++)
            if (g->nodes[i].inputs[k] == from)
                g->nodes[i].inputs[k] = to;
    if (g->output == from)
        g->output = to;
    remove_value(g, from);
    link_producers(g);
    return E_OK;
}
