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

static status hand_over(const plan *p, const node *n, plan_taker take, void *context,
                        error *e)
{
    for (int role = 0; role < ROLE_COUNT; role++) {
        int q = n->parameters[role];
        if (q >= 0 && p->gradients[q])
            TRY(take(context, q, p->gradients[q], e));
    }
    return E_OK;
}

static status run_backward(plan *p, plan_taker take, void *context, error *e)
{
    if (!p->training || !p->ready)
        return fail(e, E_USAGE, "plan: backward wants a training plan that ran forward");
    if (p->passing != (take != NULL))
        return fail(e, E_USAGE, "plan: its gradients are %s",
                    p->passing ? "handed over: somebody must take them" : "kept");
    for (int i = p->step_count - 1; i >= 0; i--) {
        const operation *op = &p->steps[i].op;
        if (op->grad_y && p->shape_gradient)
            p->shape_gradient(p->simulation, p->steps[i].output,
                              plan_gradient_place(p, p->steps[i].output));
        if (op->grad_y)
            op->node->op->backward(op);
        if (op->grad_y && take)
            TRY(hand_over(p, op->node, take, context, e));
    }
    return E_OK;
}

status plan_backward(plan *p, error *e)
{
    return run_backward(p, NULL, NULL, e);
}

status plan_backward_passing(plan *p, plan_taker take, void *context, error *e)
{
    return run_backward(p, take, context, e);
}
