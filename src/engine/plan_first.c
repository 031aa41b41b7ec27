/* SPDX-License-Identifier: GPL-3.0-or-later
   plan_first.c -- steps that run inside of those that read them, a few rows at a time, so
   that what they write never leaves the cache.  The bits stay the same. */
#include "engine/plan_parts.h"

static step *step_of_node(const plan *p, int node)
{
    for (int i = 0; i < p->step_count; i++)
        if (p->steps[i].node == node)
            return &p->steps[i];
    return NULL;
}

/* The step that can run S inside of itself, or NULL. */
static step *outer_step(const plan *p, const step *s)
{
    int reader = plan_single_reader(p, s->output);
    step *outer = reader < 0 ? NULL : step_of_node(p, reader);
    if (!outer || p->host[s->output] >= 0 || !outer->op.node->op->takes_first ||
        !outer->op.node->op->takes_first(&outer->op, &s->op))
        return NULL;
    return outer;
}

void plan_join_firsts(plan *p)
{
    for (int i = 0; !p->training && !p->keep_values && !p->apart && i < p->step_count;
         i++) {
        step *s = &p->steps[i], *outer = s->op.first ? NULL : outer_step(p, s);
        if (!outer)
            continue;
        s->inside = (int)(outer - p->steps);
        outer->op.first = &s->op;
    }
}
