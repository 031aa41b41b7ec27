/* SPDX-License-Identifier: GPL-3.0-or-later
   plan_join.c -- concat without copies: a value that a concat reads is written straight to
   its channels there, if whoever writes it and all who read it can step over the channels
   beside them.  It moves no data. */
#include "engine/plan_parts.h"

#include "base/memory.h"

static step *step_of_output(const plan *p, int value)
{
    for (int i = 0; i < p->step_count; i++)
        if (p->steps[i].output == value)
            return &p->steps[i];
    return NULL;
}

static bool step_takes(const plan *p, const step *s, bool input)
{
    const operator_row *row = s->op.node->op;
    return !s->op.integer && (!p->training || row->pitches_in_training) &&
           (input ? row->takes_x_pitch : row->takes_y_pitch);
}

/* May the pixels of input K of step I be further apart than their channels?  In training
   the concat must be the last reader: going back, it is the first, and its gradient is
   there before others add to it. */
static bool input_takes(const plan *p, int i, int k, int join)
{
    const step *s = &p->steps[i];
    if (p->training && s->node > join)
        return false;
    return k == 0 ? step_takes(p, s, true) : k == 1 && s->op.node->op->second_is_shape;
}

static bool readers_take(const plan *p, int value, int join)
{
    for (int i = 0; i < p->step_count; i++) {
        const step *s = &p->steps[i];
        const node *n = s->op.node;
        for (int k = 0; s->node != join && k < n->input_count; k++)
            if (n->inputs[k] == value && !input_takes(p, i, k, join))
                return false;
    }
    return true;
}

static bool can_move_in(const plan *p, int join, int k)
{
    const graph *g = p->graph;
    const node *n = &g->nodes[join];
    int value = n->inputs[k];
    const step *writer = step_of_output(p, value);
    for (int i = 0; i < n->input_count; i++)
        if (i != k && n->inputs[i] == value)
            return false;
    return writer && !plan_keeps(p, value) && p->host[value] < 0 &&
           step_takes(p, writer, false) && readers_take(p, value, join);
}

static void move_in(plan *p, int value, int host, int64_t channel)
{
    shape whole = p->shapes[host];
    int64_t pitch = whole.dim[whole.rank - 1];
    p->host[value] = host;
    p->host_channel[value] = channel;
    for (int i = 0; i < p->step_count; i++) {
        step *s = &p->steps[i];
        if (s->output == value)
            s->op.out_pitch = pitch;
        for (int k = 0; k < s->op.node->input_count; k++)
            if (s->op.node->inputs[k] == value)
                s->op.in_pitch[k] = pitch;
    }
}

status plan_join_values(plan *p, error *e)
{
    const graph *g = p->graph;
    p->host = memory_new(g->value_count, sizeof *p->host, e);
    p->host_channel = memory_new(g->value_count, sizeof *p->host_channel, e);
    if (!p->host || !p->host_channel)
        return E_MEMORY;
    for (int v = 0; v < g->value_count; v++)
        p->host[v] = -1;
    for (int i = 0; !p->keep_values && i < p->step_count; i++) {
        const node *n = p->steps[i].op.node;
        int64_t channel = 0;
        for (int k = 0; n->op == &op_concat && k < n->input_count; k++) {
            shape in = p->shapes[n->inputs[k]];
            if (can_move_in(p, p->steps[i].node, k))
                move_in(p, n->inputs[k], n->output, channel);
            channel += in.dim[in.rank - 1];
        }
    }
    return E_OK;
}
