/* SPDX-License-Identifier: GPL-3.0-or-later
   initialize.c -- first values of a graph's parameters, drawn from the seed and each
   parameter's number alone, so that neither order nor threads matter. */
#include <math.h>

#include "base/random.h"
#include "graph/operator.h"
#include "zoo/architecture.h"

static bool is_transposed(const node *n)
{
    return n->op == &op_conv_transpose2d || n->op == &op_conv_transpose3d;
}

/* Weights are (O, k..., I/groups): what one output sees, or of a transposed one what one
   input sees, and what all outputs see of one input. */
static double fan_in(const graph *g, const node *n)
{
    const parameter *weight = graph_parameter(g, n, ROLE_WEIGHT);
    const shape s = tensor_shape(weight->data);
    const double taps = (double)shape_count(s);
    return is_transposed(n) ? taps / (double)(s.dim[s.rank - 1] * n->attr.groups)
                            : taps / (double)s.dim[0];
}

static double fan_out(const graph *g, const node *n)
{
    const shape s = tensor_shape(graph_parameter(g, n, ROLE_WEIGHT)->data);
    return (double)shape_count(s) / (double)s.dim[s.rank - 1];
}

static void fill(float *x, int64_t n, float v)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = v;
}

static void fill_normal(random_stream *r, float *x, int64_t n, double deviation)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(deviation * random_normal(r));
}

/* Weights and biases, as the RULE says (architecture.h). */
static void draw(const graph *g, const node *n, parameter_role role, initialization rule,
                 random_stream *r, float *x, int64_t count)
{
    const bool linear = n->op == &op_linear;
    if (rule == INITIALIZE_UNIFORM || (linear && rule == INITIALIZE_FAN_OUT)) {
        double bound = 1 / sqrt(fan_in(g, n));
        random_fill_uniform(r, x, count, -bound, bound);
    } else if (role == ROLE_BIAS) {
        fill(x, count, 0);
    } else {
        fill_normal(r, x, count, linear ? 0.01 : sqrt(2 / fan_out(g, n)));
    }
}

static status initialize_parameter(graph *g, const node *n, int number,
                                   initialization rule, uint64_t seed, error *e)
{
    parameter *p = &g->parameters[number];
    int64_t count = tensor_count(p->data);
    float *x = tensor_write_f32(p->data, e);
    if (!x)
        return E_MEMORY;
    if (p->role == ROLE_SCALE || p->role == ROLE_RUNNING_VARIANCE) {
        fill(x, count, 1);
    } else if (p->role == ROLE_WEIGHT || p->role == ROLE_BIAS) {
        random_stream r = random_new(seed, "initialize", (uint64_t)number);
        draw(g, n, p->role, rule, &r, x, count);
    } else {
        fill(x, count, 0);
    }
    return E_OK;
}

status graph_initialize(graph *g, initialization rule, uint64_t seed, error *e)
{
    for (int i = 0; i < g->node_count; i++)
        for (int role = 0; role < ROLE_COUNT; role++)
            if (g->nodes[i].parameters[role] >= 0)
                TRY(initialize_parameter(g, &g->nodes[i], g->nodes[i].parameters[role],
                                         rule, seed, e));
    return graph_apply_masks(g, e);
}
