/* SPDX-License-Identifier: GPL-3.0-or-later
   check.c -- soundness of graphs: parameters against shapes, types against each other.
   It changes nothing. */
#include "graph/check.h"

#include "graph/op_integer.h"
#include "graph/operator.h"
#include "kernel/integer.h"

const char *const parameter_role_names[ROLE_COUNT] = {
    [ROLE_WEIGHT] = "weight",
    [ROLE_BIAS] = "bias",
    [ROLE_SCALE] = "scale",
    [ROLE_SHIFT] = "shift",
    [ROLE_RUNNING_MEAN] = "running_mean",
    [ROLE_RUNNING_VARIANCE] = "running_variance",
};

static status check_parameter(const graph *g, const node *n, parameter_role role,
                              shape wanted, error *e)
{
    char found[128], words[128];
    const parameter *p = graph_parameter(g, n, role);
    if ((p != NULL) != (wanted.rank > 0))
        return fail(e, E_SHAPE, "%s: its %s is %s", n->name, parameter_role_names[role],
                    p ? "there, and its operator has none" : "missing");
    if (!p || shape_equal(tensor_shape(p->data), wanted))
        return E_OK;
    return fail(e, E_SHAPE, "%s: '%.80s' is %s, wanted %s", n->name, p->name,
                shape_text(found, tensor_shape(p->data)), shape_text(words, wanted));
}

status graph_check_parameters(const graph *g, const shape *shapes, error *e)
{
    for (int i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        shape in[NODE_INPUTS_MAX];
        for (int k = 0; k < n->input_count; k++)
            in[k] = shapes[n->inputs[k]];
        for (int role = 0; role < ROLE_COUNT; role++) {
            shape wanted = {0};
            if (n->op->parameter_shape)
                n->op->parameter_shape(n, in, (parameter_role)role, &wanted);
            TRY(check_parameter(g, n, (parameter_role)role, wanted, e));
        }
    }
    return E_OK;
}

/* Can no sum of a layer with these codes leave 32 bits? */
static bool layer_fits(const parameter *weight, const parameter *bias)
{
    const int8_t *codes = tensor_data(weight->codes);
    const quantizer *q = weight->quantizer;
    const int32_t *bias_codes = bias ? tensor_data(bias->codes) : NULL;
    int64_t channels = tensor_shape(weight->codes).dim[0];
    int64_t taps = channels > 0 ? tensor_count(weight->codes) / channels : 0;
    for (int64_t c = 0; c < channels; c++)
        if (!integer_row_fits(codes + c * taps, taps,
                              q->zero_point[q->channels == 1 ? 0 : c],
                              bias_codes ? bias_codes[c] : 0))
            return false;
    return true;
}

static status check_weight(const parameter *weight, const parameter *bias, const node *n,
                           error *e)
{
    if (!weight->codes || tensor_dtype(weight->codes) != DTYPE_S8 || !weight->quantizer)
        return fail(e, E_SHAPE, "%s: it runs in integers, but its weight has no s8 codes",
                    n->name);
    if (weight->quantizer->codebook || weight->quantizer->group > 0)
        return fail(e, E_SHAPE, "%s: it runs in integers, but its weight has %s", n->name,
                    weight->quantizer->codebook ? "a codebook" : "scales for groups");
    if (!layer_fits(weight, bias))
        return fail(e, E_RANGE, "%s: its sums could leave 32 bits", n->name);
    return E_OK;
}

static status check_layer(const graph *g, const node *n, error *e)
{
    const parameter *bias = graph_parameter(g, n, ROLE_BIAS);
    if (bias && (!bias->codes || tensor_dtype(bias->codes) != DTYPE_S32))
        return fail(e, E_SHAPE, "%s: it runs in integers, but its bias has no s32 codes",
                    n->name);
    return check_weight(graph_parameter(g, n, ROLE_WEIGHT), bias, n, e);
}

/* A layer that makes codes of its input itself: f32 all around, its bias too. */
static status check_dynamic(const graph *g, const node *n, error *e)
{
    const parameter *bias = graph_parameter(g, n, ROLE_BIAS);
    if (n->attr.input_bits < 2 || n->attr.input_bits > 8)
        return fail(e, E_RANGE, "%s: codes of %d bits, wanted 2 to 8", n->name,
                    n->attr.input_bits);
    if (!integer_can_be_dynamic(n))
        return fail(e, E_SHAPE, "%s: %s cannot make codes of its input", n->name,
                    n->op->name);
    if (g->values[n->output].type != DTYPE_F32 ||
        g->values[n->inputs[0]].type != DTYPE_F32)
        return fail(e, E_SHAPE,
                    "%s: it makes codes of its input and gives f32, but an end "
                    "of it is s8",
                    n->name);
    if (bias && bias->codes)
        return fail(e, E_SHAPE, "%s: it adds its bias in f32, which has codes", n->name);
    return check_weight(graph_parameter(g, n, ROLE_WEIGHT), NULL, n, e);
}

static status check_node(const graph *g, const node *n, error *e)
{
    if (integer_is_dynamic(n))
        return check_dynamic(g, n, e);
    const value *out = &g->values[n->output], *in = &g->values[n->inputs[0]];
    bool reads =
        n->op == &op_dequantize || (out->type == DTYPE_S8 && n->op != &op_quantize);
    for (int k = 0; k < n->input_count; k++)
        if ((g->values[n->inputs[k]].type == DTYPE_S8) != reads)
            return fail(e, E_SHAPE, "%s: input %d is %s, the node reads %s", n->name, k,
                        reads ? "f32" : "s8", reads ? "s8" : "f32");
    if ((n->op == &op_quantize && out->type != DTYPE_S8) ||
        (n->op == &op_dequantize && out->type == DTYPE_S8))
        return fail(e, E_SHAPE, "%s: a %s node with an output of type %s", n->name,
                    n->op->name, dtype_name(out->type));
    if (out->type != DTYPE_S8)
        return E_OK;
    if (!n->op->forward_s8)
        return fail(e, E_SHAPE, "%s: %s has no integer kernel", n->name, n->op->name);
    if (integer_keeps_format(n->op) &&
        !integer_same_format(integer_format_of(in->quantizer),
                             integer_format_of(out->quantizer)))
        return fail(e, E_SHAPE, "%s: %s cannot change the scale of its codes", n->name,
                    n->op->name);
    return integer_is_layer(n) ? check_layer(g, n, e) : E_OK;
}

status graph_check_types(const graph *g, error *e)
{
    for (int i = 0; i < g->value_count; i++) {
        const value *v = &g->values[i];
        if (v->type != DTYPE_F32 && v->type != DTYPE_S8)
            return fail(e, E_SHAPE, "graph: value %d is %s, wanted f32 or s8", i,
                        dtype_name(v->type));
        if (v->type == DTYPE_S8 &&
            (!v->quantizer || v->quantizer->channels != 1 || v->quantizer->bits > 8))
            return fail(e, E_SHAPE, "graph: s8 value %d has no quantizer of one scale",
                        i);
    }
    if (g->values[g->input].type != DTYPE_F32 || g->values[g->output].type != DTYPE_F32)
        return fail(e, E_SHAPE, "graph: its %s is s8, wanted f32",
                    g->values[g->input].type != DTYPE_F32 ? "input" : "output");
    for (int i = 0; i < g->node_count; i++)
        TRY(check_node(g, &g->nodes[i], e));
    return E_OK;
}
