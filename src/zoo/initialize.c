/* SPDX-License-Identifier: GPL-3.0-or-later
   initialize.c -- first values of a graph's parameters, drawn from the seed and each
   parameter's number alone, so that neither order nor threads matter. */
#include <math.h>

#include "base/random.h"
#include "zoo/architecture.h"

/* Elements of the node's weight that one output sees; 0 where it has no weight. */
static int64_t fan_in(const graph *g, const node *n)
{
    const parameter *weight = graph_parameter(g, n, ROLE_WEIGHT);
    if (!weight)
        return 0;
    int64_t outputs = tensor_shape(weight->data).dim[0];
    return outputs > 0 ? tensor_count(weight->data) / outputs : 0;
}

static void fill(float *x, int64_t n, float v)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = v;
}

/* Uniform in +-1/sqrt(fan_in): He et al. 2015, arXiv:1502.01852, with a = sqrt(5), which
   is PyTorch's default for convolutions and linear layers. */
static status initialize_parameter(graph *g, const node *n, int number, uint64_t seed,
                                   error *e)
{
    parameter *p = &g->parameters[number];
    int64_t count = tensor_count(p->data), fan = fan_in(g, n);
    float *x = tensor_write_f32(p->data, e);
    if (!x)
        return E_MEMORY;
    if (p->role == ROLE_SCALE || p->role == ROLE_RUNNING_VARIANCE) {
        fill(x, count, 1);
    } else if ((p->role == ROLE_WEIGHT || p->role == ROLE_BIAS) && fan > 0) {
        double bound = 1 / sqrt((double)fan);
        random_stream r = random_new(seed, "initialize", (uint64_t)number);
        random_fill_uniform(&r, x, count, -bound, bound);
    } else {
        fill(x, count, 0);
    }
    return E_OK;
}

status graph_initialize(graph *g, uint64_t seed, error *e)
{
    for (int i = 0; i < g->node_count; i++)
        for (int role = 0; role < ROLE_COUNT; role++)
            if (g->nodes[i].parameters[role] >= 0)
                TRY(initialize_parameter(g, &g->nodes[i], g->nodes[i].parameters[role],
                                         seed, e));
    return graph_apply_masks(g, e);
}
