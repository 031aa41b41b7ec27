/* SPDX-License-Identifier: GPL-3.0-or-later
   plan_steps.c -- from nodes to steps: which nodes run as the tail of the one before
   them.  Only where the result is the same arithmetic up to rounding; in training only
   where the backward goes through both at once. */
#include "engine/plan_parts.h"

#include <string.h>
#include "base/memory.h"
#include "graph/op_integer.h"

int plan_single_reader(const plan *p, int value)
{
    const graph *g = p->graph;
    if (plan_keeps(p, value) || graph_reader_count(g, value) != 1)
        return -1;
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i].input_count; k++)
            if (g->nodes[i].inputs[k] == value)
                return i;
    return -1;
}

/* Only of rectifiers is the gradient known from what came in or out. */
static bool rectifier_of(const plan *p, const node *n, rectifier *act, float *slope)
{
    if (n->op == &op_relu)
        *act = RECTIFY_ZERO;
    else if (n->op == &op_leaky_relu)
        *act = RECTIFY_SLOPE;
    else if (n->op == &op_hard_swish && !p->training)
        *act = RECTIFY_HARD_SWISH;
    else
        return false;
    *slope = (float)n->attr.slope;
    return true;
}

static void fuse_activation(const plan *p, step *s, int next, bool *taken)
{
    const graph *g = p->graph;
    if (next < 0 || !rectifier_of(p, &g->nodes[next], &s->op.tail.act, &s->op.tail.slope))
        return;
    s->act = next;
    s->output = g->nodes[next].output;
    taken[next] = true;
}

/* A function of codes is a map behind the rounding of a layer: the same bits. */
static void fuse_map(const plan *p, step *s, int next, bool *taken)
{
    const graph *g = p->graph;
    const node *n = &g->nodes[s->node];
    if (next < 0 || (n->op != &op_conv2d && n->op != &op_linear) ||
        !integer_is_pointwise(g->nodes[next].op) ||
        g->values[g->nodes[next].output].type != DTYPE_S8)
        return;
    s->act = next;
    s->output = g->nodes[next].output;
    taken[next] = true;
}

static void fuse_tail(plan *p, step *s, bool *taken)
{
    const graph *g = p->graph;
    const operator_row *row = g->nodes[s->node].op;
    int next = plan_single_reader(p, s->output);
    if (s->op.integer) {
        fuse_map(p, s, next, taken);
        return;
    }
    if (!row->fuses_activation && (!row->can_fuse || p->training))
        return;
    if (next >= 0 && g->nodes[next].op == &op_batch_norm && row->can_fuse) {
        s->norm = next;
        s->output = g->nodes[next].output;
        taken[next] = true;
        next = plan_single_reader(p, s->output);
    }
    fuse_activation(p, s, next, taken);
}

/* What an operation must know before memory is laid out. */
static void describe_operation(plan *p, step *s)
{
    const graph *g = p->graph;
    const node *n = &g->nodes[s->node];
    operation *op = &s->op;
    op->node = n;
    op->out = p->shapes[n->output];
    op->out_value = &g->values[n->output];
    op->training = p->training;
    for (int k = 0; k < n->input_count; k++) {
        op->in[k] = p->shapes[n->inputs[k]];
        op->in_value[k] = &g->values[n->inputs[k]];
    }
    for (int role = 0; role < ROLE_COUNT; role++)
        op->parameters[role] = graph_parameter(g, n, (parameter_role)role);
}

static status make_map(const plan *p, step *s, error *e)
{
    const node *n = &p->graph->nodes[s->act];
    const value *from = s->op.out_value, *to = &p->graph->values[n->output];
    s->map = memory_new(256, sizeof *s->map, e);
    s->op.tail.map = s->map;
    if (!s->map)
        return E_MEMORY;
    integer_pointwise_map(n, integer_format_of(from->quantizer),
                          integer_format_of(to->quantizer), s->map);
    return E_OK;
}

static status make_tail(plan *p, step *s, error *e)
{
    if (s->op.integer && s->act >= 0)
        return make_map(p, s, e);
    if (s->norm < 0)
        return E_OK;
    int64_t channels = s->op.out.dim[s->op.out.rank - 1];
    s->tail_scale = memory_new(channels, sizeof(float), e);
    s->tail_shift = memory_new(channels, sizeof(float), e);
    s->op.tail.scale = s->tail_scale;
    s->op.tail.shift = s->tail_shift;
    (void)p;
    return s->tail_scale && s->tail_shift ? E_OK : E_MEMORY;
}

static status make_step(plan *p, int node_index, bool *taken, error *e)
{
    const graph *g = p->graph;
    const node *n = &g->nodes[node_index];
    step *s = &p->steps[p->step_count++];
    *s = (step){.node = node_index,
                .norm = -1,
                .act = -1,
                .output = n->output,
                .inside = -1,
                .saved = NO_PIECE,
                .scratch = NO_PIECE};
    s->op.integer = g->values[n->output].type == DTYPE_S8 || integer_is_dynamic(n) ||
                    (n->op == &op_dequantize && g->values[n->inputs[0]].type == DTYPE_S8);
    if (p->training && (s->op.integer || !n->op->backward))
        return fail(e, E_USAGE, "%s: %s cannot be trained", n->name,
                    s->op.integer ? "a model that runs in integers" : n->op->name);
    describe_operation(p, s);
    if (!p->keep_values)
        fuse_tail(p, s, taken);
    return make_tail(p, s, e);
}

status plan_make_steps(plan *p, error *e)
{
    int count = p->graph->node_count;
    bool *taken = memory_new(count, sizeof *taken, e);
    p->steps = taken ? memory_new(count, sizeof *p->steps, e) : NULL;
    status s = p->steps ? E_OK : E_MEMORY;
    for (int i = 0; i < count && !s; i++)
        if (!taken[i])
            s = make_step(p, i, taken, e);
    memory_free(taken);
    return s;
}
