/* SPDX-License-Identifier: GPL-3.0-or-later
   graph_json.c -- graphs to JSON and back, with every index and name checked.
   It reads and writes no tensor. */
#include "format/graph_json.h"

#include <float.h>
#include <string.h>
#include "base/memory.h"
#include "format/field.h"
#include "graph/check.h"
#include "graph/operator.h"
#include "kernel/integer.h"

#define NODES_MAX     65536
#define ATTRIBUTE_MAX (1 << 20)          /* pixels, channels, kernels */
#define ELEMENTS_MAX  (INT64_C(1) << 40) /* of one value, one sample */

/* ---- writing ---- */

static status put_value(json_t *values, const value *v, error *e)
{
    const quantizer *q = v->quantizer;
    json_t *object = field_append_object(values, e);
    if (!object)
        return E_MEMORY;
    TRY(field_put(object, "type", json_string(dtype_name(v->type)), e));
    if (!q)
        return E_OK;
    TRY(field_put(object, "bits", json_integer(q->bits), e));
    TRY(field_put(object, "scale", field_from_real((double)q->scale[0]), e));
    return field_put(object, "zero_point", json_integer(q->zero_point[0]), e);
}

static status put_node(json_t *nodes, const node *n, error *e)
{
    json_t *object = field_append_object(nodes, e);
    if (!object)
        return E_MEMORY;
    TRY(field_put(object, "name", field_from_text(n->name), e));
    TRY(field_put(object, "op", json_string(n->op->name), e));
    if (n->method)
        TRY(field_put(object, "method", field_from_text(n->method), e));
    if (n->attr.input_bits > 0) {
        TRY(field_put(object, "input_bits", json_integer(n->attr.input_bits), e));
        TRY(field_put(object, "input_symmetric", json_boolean(n->attr.input_symmetric),
                      e));
    }
    json_t *inputs = field_put_array(object, "inputs", e);
    for (int k = 0; k < n->input_count; k++)
        TRY(inputs ? field_append(inputs, json_integer(n->inputs[k]), e) : E_MEMORY);
    TRY(field_put(object, "output", json_integer(n->output), e));
    json_t *attributes = field_put_object(object, "attributes", e);
    json_t *parameters = attributes ? field_put_object(object, "parameters", e) : NULL;
    if (!parameters)
        return E_MEMORY;
    for (int role = 0; role < ROLE_COUNT; role++)
        if (n->parameters[role] >= 0)
            TRY(field_put(parameters, parameter_role_names[role],
                          json_integer(n->parameters[role]), e));
    return fields_put(attributes, n->op->attributes, &n->attr, e);
}

static status put_parameter(json_t *parameters, const parameter *p, error *e)
{
    json_t *object = field_append_object(parameters, e);
    if (!object)
        return E_MEMORY;
    TRY(field_put(object, "name", field_from_text(p->name), e));
    return field_put(object, "role", json_string(parameter_role_names[p->role]), e);
}

status graph_to_json(const graph *g, json_t *object, error *e)
{
    TRY(field_put(object, "input_shape", field_from_shape(g->input_shape), e));
    TRY(field_put(object, "input", json_integer(g->input), e));
    TRY(field_put(object, "output", json_integer(g->output), e));
    json_t *values = field_put_array(object, "values", e);
    json_t *nodes = values ? field_put_array(object, "nodes", e) : NULL;
    json_t *parameters = nodes ? field_put_array(object, "parameters", e) : NULL;
    if (!parameters)
        return E_MEMORY;
    for (int i = 0; i < g->value_count; i++)
        TRY(put_value(values, &g->values[i], e));
    for (int i = 0; i < g->node_count; i++)
        TRY(put_node(nodes, &g->nodes[i], e));
    for (int i = 0; i < g->parameter_count; i++)
        TRY(put_parameter(parameters, &g->parameters[i], e));
    return E_OK;
}

/* ---- reading ---- */

/* A non-empty name that was not SEEN before; SEEN gathers them. */
static status get_name(const json_t *object, json_t *seen, char **name, error *e)
{
    const char *words;
    TRY(field_text(object, "name", &words, e));
    if (!words[0] || strlen(words) > 255)
        return fail(e, E_FORMAT, "a name of %zu bytes, wanted 1 to 255", strlen(words));
    if (json_object_get(seen, words))
        return fail(e, E_FORMAT, "two things have the name '%.80s'", words);
    TRY(field_put(seen, words, json_true(), e));
    *name = memory_text(words, e);
    return *name ? E_OK : E_MEMORY;
}

static status get_value(const json_t *object, value *v, error *e)
{
    static const char *const types[] = {"f32", "s8"};
    int which;
    int64_t bits, zero;
    double scale;
    TRY(field_word(object, "type", types, 2, &which, e));
    *v = (value){.type = which ? DTYPE_S8 : DTYPE_F32, .producer = -1};
    /* An f32 value has a format where training learns it. */
    if (!which && !json_object_get(object, "bits"))
        return E_OK;
    TRY(field_integer(object, "bits", 2, 8, &bits, e));
    TRY(field_integer(object, "zero_point", integer_low((int)bits),
                      integer_high((int)bits), &zero, e));
    TRY(field_real(object, "scale", &scale, e));
    if (!(scale >= (double)FLT_MIN && scale <= (double)FLT_MAX))
        return fail(e, E_FORMAT, "the field 'scale' is %g, wanted a positive float",
                    scale);
    v->quantizer = quantizer_new((int)bits, PER_TENSOR, 1, e);
    if (!v->quantizer)
        return E_MEMORY;
    v->quantizer->scale[0] = (float)scale;
    v->quantizer->zero_point[0] = (int32_t)zero;
    return E_OK;
}

static status get_inputs(const graph *g, const json_t *object, node *n, error *e)
{
    json_t *list;
    TRY(field_array(object, "inputs", &list, e));
    size_t count = json_array_size(list);
    if (count < (size_t)n->op->inputs_min || count > (size_t)n->op->inputs_max ||
        count > NODE_INPUTS_MAX)
        return fail(e, E_FORMAT, "%s has %zu inputs, wanted %d to %d", n->op->name, count,
                    n->op->inputs_min, n->op->inputs_max);
    for (size_t k = 0; k < count; k++) {
        const json_t *number = json_array_get(list, k);
        int64_t v = json_is_integer(number) ? json_integer_value(number) : -1;
        if (v < 0 || v >= g->value_count || (v != g->input && g->values[v].producer < 0))
            return fail(e, E_FORMAT, "input %zu is no value that was made before", k);
        n->inputs[k] = (int)v;
    }
    n->input_count = (int)count;
    return E_OK;
}

static status get_roles(const graph *g, const json_t *object, node *n, error *e)
{
    json_t *roles;
    TRY(field_object(object, "parameters", &roles, e));
    for (int role = 0; role < ROLE_COUNT; role++) {
        int64_t index;
        n->parameters[role] = -1;
        if (!json_object_get(roles, parameter_role_names[role]))
            continue;
        TRY(field_integer(roles, parameter_role_names[role], 0, g->parameter_count - 1,
                          &index, e));
        if (g->parameters[index].role != (parameter_role)role)
            return fail(e, E_FORMAT, "'%.80s' is not of the role %s",
                        g->parameters[index].name, parameter_role_names[role]);
        n->parameters[role] = (int)index;
    }
    return E_OK;
}

/* Optional, and any name: what this program does not know, a plan passes over. */
static status get_method(const json_t *object, node *n, error *e)
{
    const char *words;
    if (!json_object_get(object, "method"))
        return E_OK;
    TRY(field_text(object, "method", &words, e));
    if (!words[0] || strlen(words) > 63)
        return fail(e, E_FORMAT, "a method of %zu letters, wanted 1 to 63",
                    strlen(words));
    return node_set_method(n, words, e);
}

/* Optional: of a layer that makes codes of its input at every run. */
static status get_input_codes(const json_t *object, node *n, error *e)
{
    int64_t bits;
    if (!json_object_get(object, "input_bits"))
        return E_OK;
    TRY(field_integer(object, "input_bits", 2, 8, &bits, e));
    n->attr.input_bits = (int)bits;
    return field_flag(object, "input_symmetric", &n->attr.input_symmetric, e);
}

static status get_node(graph *g, const json_t *object, json_t *seen, error *e)
{
    const char *op;
    int64_t output;
    json_t *attributes;
    node *n = &g->nodes[g->node_count++];
    TRY(get_name(object, seen, &n->name, e));
    TRY(field_text(object, "op", &op, e));
    n->op = operator_find(op);
    if (!n->op)
        return fail(e, E_FORMAT, "the operator '%.40s' is unknown", op);
    TRY(get_method(object, n, e));
    TRY(get_inputs(g, object, n, e));
    TRY(field_object(object, "attributes", &attributes, e));
    TRY(fields_get(attributes, n->op->attributes, ATTRIBUTE_MAX, &n->attr, e));
    TRY(get_input_codes(object, n, e));
    TRY(get_roles(g, object, n, e));
    TRY(field_integer(object, "output", 0, g->value_count - 1, &output, e));
    if (output == g->input || g->values[output].producer >= 0)
        return fail(e, E_FORMAT, "its output is made elsewhere");
    n->output = (int)output;
    g->values[output].producer = g->node_count - 1;
    return E_OK;
}

static status get_list(const json_t *object, const char *key, size_t least, json_t **list,
                       error *e)
{
    TRY(field_array(object, key, list, e));
    size_t size = json_array_size(*list);
    if (size < least || size > NODES_MAX)
        return fail(e, E_FORMAT, "the list '%s' has %zu entries, wanted %zu to %d", key,
                    size, least, NODES_MAX);
    return E_OK;
}

static status get_values(graph *g, const json_t *object, error *e)
{
    json_t *list;
    int64_t input, output;
    TRY(get_list(object, "values", 1, &list, e));
    int count = (int)json_array_size(list);
    TRY(memory_grow((void **)&g->values, &g->value_capacity, count, sizeof *g->values,
                    e));
    for (g->value_count = 0; g->value_count < count;) {
        value *v = &g->values[g->value_count];
        if (get_value(json_array_get(list, (size_t)g->value_count++), v, e))
            return fail_prefix(e, "value %d", g->value_count - 1);
    }
    TRY(field_integer(object, "input", 0, count - 1, &input, e));
    TRY(field_integer(object, "output", 0, count - 1, &output, e));
    g->input = (int)input;
    g->output = (int)output;
    return E_OK;
}

static status get_parameters(graph *g, const json_t *object, json_t *seen, error *e)
{
    json_t *list;
    TRY(get_list(object, "parameters", 0, &list, e));
    int count = (int)json_array_size(list);
    TRY(memory_grow((void **)&g->parameters, &g->parameter_capacity, count,
                    sizeof *g->parameters, e));
    while (g->parameter_count < count) {
        int role;
        const json_t *item = json_array_get(list, (size_t)g->parameter_count);
        parameter *p = &g->parameters[g->parameter_count++];
        TRY(get_name(item, seen, &p->name, e));
        TRY(field_word(item, "role", parameter_role_names, ROLE_COUNT, &role, e));
        p->role = (parameter_role)role;
    }
    return E_OK;
}

static status get_nodes(graph *g, const json_t *object, json_t *seen, error *e)
{
    json_t *list;
    TRY(get_list(object, "nodes", 1, &list, e));
    int count = (int)json_array_size(list);
    TRY(memory_grow((void **)&g->nodes, &g->node_capacity, count, sizeof *g->nodes, e));
    while (g->node_count < count)
        if (get_node(g, json_array_get(list, (size_t)g->node_count), seen, e))
            return fail_prefix(e, "node %d", g->node_count - 1);
    for (int i = 0; i < g->value_count; i++)
        if (i != g->input && g->values[i].producer < 0)
            return fail(e, E_FORMAT, "value %d is made by no node", i);
    return E_OK;
}

graph *graph_from_json(const json_t *object, error *e)
{
    shape in;
    if (field_shape(object, "input_shape", &in, e))
        return NULL;
    graph *g = graph_new(in, e);
    json_t *parameters = json_object(), *nodes = json_object();
    status s = g && parameters && nodes ? E_OK : fail(e, E_MEMORY, "json: no room");
    if (!s)
        s = get_values(g, object, e);
    if (!s)
        s = get_parameters(g, object, parameters, e);
    if (!s)
        s = get_nodes(g, object, nodes, e);
    json_decref(parameters);
    json_decref(nodes);
    if (s) {
        graph_free(g);
        return NULL;
    }
    return g;
}

/* ---- checking ---- */

/* No parameter belongs to two nodes. */
static status check_owner(const graph *g, const node *n, uint8_t *used, error *e)
{
    for (int role = 0; role < ROLE_COUNT; role++) {
        int index = n->parameters[role];
        if (index >= 0 && used[index]++)
            return fail(e, E_FORMAT, "%s: '%.80s' belongs to another node too", n->name,
                        g->parameters[index].name);
    }
    return E_OK;
}

static status check_shapes(const graph *g, shape *shapes, uint8_t *used, error *e)
{
    TRY(graph_shapes(g, 1, g->input_shape, shapes, e));
    for (int i = 0; i < g->value_count; i++)
        if (shape_count(shapes[i]) > ELEMENTS_MAX)
            return fail(e, E_FORMAT, "value %d would have %lld elements", i,
                        (long long)shape_count(shapes[i]));
    for (int i = 0; i < g->node_count; i++)
        TRY(check_owner(g, &g->nodes[i], used, e));
    for (int i = 0; i < g->parameter_count; i++)
        if (!used[i])
            return fail(e, E_FORMAT, "'%.80s' belongs to no node", g->parameters[i].name);
    TRY(graph_check_parameters(g, shapes, e));
    return graph_check_types(g, e);
}

status graph_json_check(const graph *g, error *e)
{
    shape *shapes = memory_new(g->value_count, sizeof *shapes, e);
    uint8_t *used = shapes ? memory_new(g->parameter_count, sizeof *used, e) : NULL;
    status s = used ? check_shapes(g, shapes, used, e) : E_MEMORY;
    memory_free(shapes);
    memory_free(used);
    return s;
}
