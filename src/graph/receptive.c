/* SPDX-License-Identifier: GPL-3.0-or-later
   receptive.c -- receptive fields, node by node.  What an operator sees is in its row. */
#include "graph/receptive.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "graph/operator.h"

/* A grid of IN places becomes one of OUT: what SEEN neighbours there lie between. */
static int64_t steps_between(int64_t seen, int64_t in, int64_t out)
{
    return (int64_t)ceil((double)(seen - 1) * (double)in / (double)out);
}

/* What SEEN neighbours along an axis (of depth, height, width) see before node N. */
static int64_t seen_before(const node *n, int axis, int64_t seen, int64_t in, int64_t out)
{
    const attributes *a = &n->attr;
    const int64_t dilation = a->dilation[axis] > 0 ? a->dilation[axis] : 1;
    const int64_t span = (a->kernel[axis] - 1) * dilation;
    switch (n->op->reach) {
    case REACH_WINDOW:
        return (seen - 1) * a->stride[axis] + span + 1;
    case REACH_TRANSPOSED: /* multiples of the stride among as many places */
        return (seen + span - 1) / a->stride[axis] + 1;
    case REACH_SCALED:
        return steps_between(seen, in, out) + 1;
    case REACH_BLENDED:
        return in == out ? seen : steps_between(seen, in, out) + 2;
    case REACH_ALL:
        return in;
    case REACH_POINT:
        break;
    }
    return seen;
}

/* Raises what is seen of N's inputs by what is seen of its output. */
static void look_through(const node *n, const shape *shapes, int axes, int64_t (*seen)[3])
{
    const shape out = shapes[n->output];
    const int inputs = n->op->second_is_shape ? 1 : n->input_count;
    for (int k = 0; k < inputs; k++) {
        const int value = n->inputs[k];
        const shape in = shapes[value];
        for (int i = 0; i < axes && in.rank == axes + 2; i++) {
            const int64_t here = in.rank == out.rank ? out.dim[1 + i] : 1;
            int64_t count =
                seen_before(n, 3 - axes + i, seen[n->output][i], in.dim[1 + i], here);
            count = count < in.dim[1 + i] ? count : in.dim[1 + i];
            if (count > seen[value][i])
                seen[value][i] = count;
        }
        for (int i = 0; in.rank != axes + 2 && i < axes; i++)
            seen[value][i] = 1;
    }
}

/* From VALUE back to the input; SEEN is room for every value. */
static receptive_field field_of(const graph *g, int value, const shape *shapes, int axes,
                                int64_t (*seen)[3])
{
    receptive_field r = {.axes = axes};
    memset(seen, 0, (size_t)g->value_count * sizeof *seen);
    for (int i = 0; i < axes; i++)
        seen[value][i] = 1;
    for (int i = g->values[value].producer; axes > 0 && i >= 0; i--)
        if (seen[g->nodes[i].output][0] > 0)
            look_through(&g->nodes[i], shapes, axes, seen);
    memcpy(r.pixels, seen[g->input], sizeof r.pixels);
    return r;
}

status graph_receptive_fields(const graph *g, const shape *shapes, receptive_field *out,
                              error *e)
{
    const int axes = g->input_shape.rank > 2 ? g->input_shape.rank - 1 : 0;
    int64_t(*seen)[3] = memory_new(g->value_count, sizeof *seen, e);
    if (!seen)
        return E_MEMORY;
    for (int i = 0; i < g->value_count; i++)
        out[i] = field_of(g, i, shapes, axes, seen);
    memory_free(seen);
    return E_OK;
}
