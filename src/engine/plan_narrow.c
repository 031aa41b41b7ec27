/* SPDX-License-Identifier: GPL-3.0-or-later
   plan_narrow.c -- which values a training in bf16 keeps as bf16, with their gradients:
   those that all who write and read them can take so.  Half the bytes then go through
   memory, and what products would round anyway is rounded once.  It converts nothing.
   Source: Micikevicius et al. 2018, arXiv:1710.03740 (values in half precision, sums and
   master weights in single). */
#include "engine/plan_parts.h"

#include "base/memory.h"

static bool takes(const step *s, bool input)
{
    const operator_row *row = s->op.node->op;
    return row->takes_bf16 && row->takes_bf16(&s->op, input);
}

/* The concat whose output VALUE is written into does not read it. */
static bool readers_take(const plan *p, int value)
{
    for (int i = 0; i < p->step_count; i++) {
        const node *n = p->steps[i].op.node;
        for (int k = 0; k < n->input_count; k++)
            if (n->inputs[k] == value && n->output != p->host[value] &&
                (k > 0 || !takes(&p->steps[i], true)))
                return false;
    }
    return true;
}

/* May VALUE, which step S leaves, be kept as bf16, if the concat that it is part of may? */
static bool can_narrow(const plan *p, const step *s, int value)
{
    return !plan_keeps(p, value) && takes(s, false) && readers_take(p, value);
}

/* A concat's output: all its parts are written into it. */
static bool can_narrow_host(const plan *p, const step *s)
{
    const node *n = s->op.node;
    if (plan_keeps(p, s->output) || p->host[s->output] >= 0 ||
        !readers_take(p, s->output))
        return false;
    for (int k = 0; k < n->input_count; k++) {
        const step *writer = NULL;
        for (int i = 0; i < p->step_count; i++)
            if (p->steps[i].output == n->inputs[k])
                writer = &p->steps[i];
        if (!writer || p->host[n->inputs[k]] != s->output ||
            !can_narrow(p, writer, n->inputs[k]))
            return false;
    }
    return true;
}

static void narrow(plan *p, int value)
{
    p->kept[value] = PRECISION_BF16;
    for (int i = 0; i < p->step_count; i++) {
        step *s = &p->steps[i];
        if (s->output == value)
            s->op.out_kept = PRECISION_BF16;
        for (int k = 0; k < s->op.node->input_count; k++)
            if (s->op.node->inputs[k] == value)
                s->op.in_kept[k] = PRECISION_BF16;
    }
}

status plan_narrow_values(plan *p, error *e)
{
    p->kept = memory_new(p->graph->value_count, sizeof *p->kept, e);
    if (!p->kept)
        return E_MEMORY;
    if (!p->training || p->precision != PRECISION_BF16 || p->keep_values)
        return E_OK;
    for (int i = 0; i < p->step_count; i++) {
        const step *s = &p->steps[i];
        const node *n = s->op.node;
        if (n->op == &op_concat && can_narrow_host(p, s)) {
            narrow(p, s->output);
            for (int k = 0; k < n->input_count; k++)
                narrow(p, n->inputs[k]);
        } else if (p->host[s->output] < 0 && can_narrow(p, s, s->output)) {
            narrow(p, s->output);
        }
    }
    return E_OK;
}
