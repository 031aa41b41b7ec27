/* SPDX-License-Identifier: GPL-3.0-or-later
   plan_narrow.c -- which values a training in bf16 keeps as bf16, with their gradients:
   those that only products read or write, and what stands between them, where one step
   writes and one reads.  Half the bytes then go through memory, and what products would
   round anyway is rounded once.  It converts nothing.
   Source: Micikevicius et al. 2018, arXiv:1710.03740 (values in half precision, sums and
   master weights in single). */
#include "engine/plan_parts.h"

#include "base/memory.h"

/* The step that reads VALUE as its first input and nobody else does, or NULL. */
static step *only_reader(const plan *p, int value)
{
    step *only = NULL;
    for (int i = 0; i < p->step_count; i++) {
        const node *n = p->steps[i].op.node;
        for (int k = 0; k < n->input_count; k++) {
            if (n->inputs[k] != value)
                continue;
            if (only || k > 0)
                return NULL;
            only = &p->steps[i];
        }
    }
    return only;
}

static bool takes(const step *s, bool input)
{
    return s->op.node->op->takes_bf16 && s->op.node->op->takes_bf16(&s->op, input);
}

status plan_narrow_values(plan *p, error *e)
{
    p->kept = memory_new(p->graph->value_count, sizeof *p->kept, e);
    if (!p->kept)
        return E_MEMORY;
    if (!p->training || p->precision != PRECISION_BF16 || p->keep_values)
        return E_OK;
    for (int i = 0; i < p->step_count; i++) {
        step *writer = &p->steps[i];
        int value = writer->output;
        step *reader = only_reader(p, value);
        if (!reader || plan_keeps(p, value) || p->host[value] >= 0 ||
            !takes(writer, false) || !takes(reader, true))
            continue;
        p->kept[value] = PRECISION_BF16;
        writer->op.out_kept = reader->op.in_kept[0] = PRECISION_BF16;
    }
    return E_OK;
}
