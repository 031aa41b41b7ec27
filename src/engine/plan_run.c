/* SPDX-License-Identifier: GPL-3.0-or-later
   plan_run.c -- forward and backward over the steps of a plan, and their times. */
#include "engine/plan_parts.h"

#include "base/task.h"

static status prepare_training(plan *p, step *s, uint64_t seed, uint64_t step_number,
                               int index, error *e)
{
    operation *op = &s->op;
    op->random = random_new(seed, "dropout", step_number * 4096 + (uint64_t)index);
    for (int role = ROLE_RUNNING_MEAN; role <= ROLE_RUNNING_VARIANCE; role++) {
        parameter *q = graph_parameter(p->writable, op->node, (parameter_role)role);
        op->running[role] = q ? tensor_write_f32(q->data, e) : NULL;
        if (q && !op->running[role])
            return E_MEMORY;
    }
    return E_OK;
}

void plan_run_step(plan *p, step *s)
{
    const operator_row *row = s->op.node->op;
    double begin = p->timing ? task_clock() : 0.0;
    if (s->op.integer && row->forward_s8)
        row->forward_s8(&s->op);
    else
        row->forward(&s->op);
    if (p->timing)
        s->seconds[s->time_count++ % STEP_TIMES] = task_clock() - begin;
}

status plan_forward(plan *p, uint64_t seed, uint64_t step_number, error *e)
{
    TRY(plan_start(p, e));
    if (!p->training)
        TRY(plan_prepare(p, e));
    for (int i = 0; i < p->step_count; i++) {
        step *s = &p->steps[i];
        if (p->training)
            TRY(prepare_training(p, s, seed, step_number, i, e));
        if (s->inside < 0)
            plan_run_step(p, s);
    }
    return E_OK;
}

status plan_forward_given(plan *p, uint64_t seed, uint64_t step_number, error *e)
{
    if (!p->give)
        return fail(e, E_USAGE, "plan: nobody gives it values");
    TRY(plan_start(p, e));
    TRY(p->give(p->simulation, p->graph->input, plan_place(p, p->graph->input), e));
    for (int i = 0; i < p->step_count; i++) {
        step *s = &p->steps[i];
        TRY(prepare_training(p, s, seed, step_number, i, e));
        if (s->saved != NO_PIECE)
            plan_run_step(p, s);
        TRY(p->give(p->simulation, s->output, plan_place(p, s->output), e));
    }
    return E_OK;
}

/* Whether the gradient of the weight of S is taken in pieces by OUT. */
static bool is_taken(const plan *p, const step *s, const plan_taker *taker,
                     weight_taker *out)
{
    const node *n = s->op.node;
    const operator_methods *methods = n->op->methods;
    int q = n->parameters[ROLE_WEIGHT];
    return taker && taker->offer && methods && methods->hands_over && q >= 0 &&
           p->gradients[q] && methods->hands_over(&s->op) &&
           taker->offer(taker->context, q, out);
}

/* All gradients of S that stand. */
static status hand_over(const plan *p, const step *s, const plan_taker *taker, error *e)
{
    for (int role = 0; role < ROLE_COUNT; role++) {
        int q = s->op.node->parameters[role];
        bool stands = role != ROLE_WEIGHT || !s->op.weight_taker;
        if (q >= 0 && p->gradients[q] && stands)
            TRY(taker->take(taker->context, q, p->gradients[q], e));
    }
    return E_OK;
}

static status backward_step(plan *p, step *s, const plan_taker *taker, error *e)
{
    operation *op = &s->op;
    weight_taker pieces;
    op->weight_taker = is_taken(p, s, taker, &pieces) ? &pieces : NULL;
    op->node->op->backward(op);
    status code = taker ? hand_over(p, s, taker, e) : E_OK;
    op->weight_taker = NULL;
    return code;
}

static status run_backward(plan *p, const plan_taker *taker, error *e)
{
    if (!p->training || !p->ready)
        return fail(e, E_USAGE, "plan: backward wants a training plan that ran forward");
    if (p->passing != (taker != NULL))
        return fail(e, E_USAGE, "plan: its gradients are %s",
                    p->passing ? "handed over: somebody must take them" : "kept");
    for (int i = p->step_count - 1; i >= 0; i--) {
        step *s = &p->steps[i];
        if (!s->op.grad_y)
            continue;
        if (p->shape_gradient)
            p->shape_gradient(p->simulation, s->output,
                              plan_gradient_place(p, s->output));
        TRY(backward_step(p, s, taker, e));
    }
    return E_OK;
}

status plan_backward(plan *p, error *e)
{
    return run_backward(p, NULL, e);
}

status plan_backward_passing(plan *p, const plan_taker *taker, error *e)
{
    return run_backward(p, taker, e);
}
