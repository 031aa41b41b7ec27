/* SPDX-License-Identifier: GPL-3.0-or-later
   fuse_identity.c -- nodes that change nothing at any image size, or whose output nobody
   reads, taken out of a graph.  It touches no weight. */
#include "compress/fuse.h"

#include <stddef.h>
#include "base/memory.h"
#include "graph/operator.h"

/* What an operator does to a value that is nowhere below 0. */
typedef enum sign_rule { SIGN_UNKNOWN, SIGN_MAKES, SIGN_KEEPS } sign_rule;

static const struct {
    const operator_row *op;
    sign_rule rule;
} sign_rows[] = {
    {&op_relu, SIGN_MAKES},
    {&op_relu6, SIGN_MAKES},
    {&op_sigmoid, SIGN_MAKES},
    {&op_hard_sigmoid, SIGN_MAKES},
    {&op_softmax, SIGN_MAKES},
    {&op_leaky_relu, SIGN_KEEPS},
    {&op_max_pool2d, SIGN_KEEPS},
    {&op_avg_pool2d, SIGN_KEEPS},
    {&op_global_avg_pool2d, SIGN_KEEPS},
    {&op_resize_bilinear, SIGN_KEEPS},
    {&op_resize_nearest, SIGN_KEEPS},
    {&op_concat, SIGN_KEEPS},
    {&op_add, SIGN_KEEPS},
    {&op_multiply, SIGN_KEEPS},
    {&op_flatten, SIGN_KEEPS},
    {&op_unflatten, SIGN_KEEPS},
    {&op_slice, SIGN_KEEPS},
    {&op_pixel_shuffle, SIGN_KEEPS},
    {&op_dropout, SIGN_KEEPS},
};

static sign_rule rule_of(const operator_row *op)
{
    for (size_t i = 0; i < sizeof sign_rows / sizeof *sign_rows; i++)
        if (sign_rows[i].op == op)
            return sign_rows[i].rule;
    return SIGN_UNKNOWN;
}

/* PLAIN [value_count]: no element of the value can be below 0. */
static void find_positive(const graph *g, bool *plain)
{
    for (int i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        sign_rule rule = rule_of(n->op);
        bool all = true;
        for (int k = 0; k < n->input_count; k++)
            all = all && plain[n->inputs[k]];
        plain[n->output] = rule == SIGN_MAKES || (rule == SIGN_KEEPS && all);
    }
}

static bool is_one(const int64_t size[3], int64_t one)
{
    return size[1] == one && size[2] == one;
}

static bool changes_nothing(const node *n, const shape *shapes, const bool *positive)
{
    const attributes *a = &n->attr;
    const shape in = shapes[n->inputs[0]];
    if (n->op == &op_dropout || (n->op == &op_concat && n->input_count == 1))
        return true;
    if (n->op == &op_relu)
        return positive[n->inputs[0]];
    if (n->op == &op_leaky_relu)
        return a->slope == 1 || positive[n->inputs[0]];
    if (n->op == &op_max_pool2d || n->op == &op_avg_pool2d)
        return is_one(a->kernel, 1) && is_one(a->stride, 1) && is_one(a->padding, 0);
    if (n->op == &op_resize_bilinear || n->op == &op_resize_nearest ||
        n->op == &op_pixel_shuffle)
        return a->factor == 1;
    if (n->op == &op_slice)
        return a->first == 0 && a->channels == in.dim[in.rank - 1];
    return n->op == &op_flatten && in.rank == 2;
}

/* A graph is not left without nodes, and codes keep what was made for them. */
static bool may_go(const graph *g, const node *n)
{
    return g->values[n->output].type == DTYPE_F32 &&
           !(n->inputs[0] == g->input && n->output == g->output);
}

static status drop_one(graph *g, bool *found, error *e)
{
    shape *shapes = memory_new(g->value_count, sizeof *shapes, e);
    bool *positive = shapes ? memory_new(g->value_count, sizeof *positive, e) : NULL;
    status s = positive ? graph_shapes(g, 1, g->input_shape, shapes, e) : E_MEMORY;
    int at = -1;
    if (s == E_OK)
        find_positive(g, positive);
    for (int i = 0; s == E_OK && at < 0 && i < g->node_count; i++)
        if (may_go(g, &g->nodes[i]) && changes_nothing(&g->nodes[i], shapes, positive))
            at = i;
    memory_free(shapes);
    memory_free(positive);
    *found = at >= 0;
    return s == E_OK && at >= 0 ? graph_bypass(g, at, e) : s;
}

status fuse_drop_identities(graph *g, int *dropped, error *e)
{
    bool found = true;
    *dropped = 0;
    while (found) {
        TRY(drop_one(g, &found, e));
        *dropped += found;
    }
    return E_OK;
}

status fuse_drop_dead(graph *g, int *dropped, error *e)
{
    *dropped = 0;
    for (int i = g->node_count - 1; i >= 0; i--) {
        int output = g->nodes[i].output;
        if (output == g->output || graph_reader_count(g, output) > 0)
            continue;
        TRY(graph_bypass(g, i, e));
        (*dropped)++;
    }
    return E_OK;
}
