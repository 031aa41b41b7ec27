/* SPDX-License-Identifier: GPL-3.0-or-later
   plan_prepare.c -- how each step runs, and what it keeps of the parameters: packed
   weights, and batch norms as numbers.  Made when a plan first runs, and again only where
   a parameter was written since. */
#include "engine/plan_parts.h"

#include <math.h>
#include "base/memory.h"
#include "base/text.h"

/* The method that the node was tuned to, or 0 where it has none that suits. */
static int tuned_method(const operation *op)
{
    const operator_methods *m = op->node->op->methods;
    if (!op->node->method || op->training)
        return 0;
    for (int i = 1; m->name(op, i); i++)
        if (text_equal(m->name(op, i), op->node->method) && m->suits(op, i))
            return i;
    return 0;
}

/* The bytes of weights that OP reads: all of them or, if that is less, a list of those that
   are not zero.  Which it will be is not known yet. */
static int64_t weight_bytes(const operation *op)
{
    enum { ENTRY = 8 }; /* bytes of a list */
    const parameter *w = op->parameters[ROLE_WEIGHT];
    if (!op->node->op->methods || !w)
        return 0;
    int64_t dense = tensor_count(w->data) * (op->integer ? 1 : (int64_t)sizeof(float));
    int64_t listed = op->training ? dense : ENTRY * parameter_nonzero(w);
    return listed < dense ? listed : dense;
}

/* Do the weights drive each other from the caches between two runs? */
static bool weights_are_far(const plan *p)
{
    const int64_t near_bytes = 16 << 20;
    int64_t bytes = 0;
    for (int i = 0; i < p->step_count; i++)
        bytes += weight_bytes(&p->steps[i].op);
    return bytes > near_bytes;
}

/* As it was tuned, else as measurements or a rule expect it to be fastest. */
static int forward_method(const plan *p, const operation *op, bool far)
{
    int tuned = tuned_method(op);
    return tuned ? tuned
                 : calibration_choose(p->calibration, op,
                                      p->training ? ALGORITHM_FORWARD_ONCE
                                                  : ALGORITHM_FORWARD,
                                      far, op->node->op->methods->guess(op));
}

static void choose_gradients(const plan *p, operation *op, bool far)
{
    const operator_methods *m = op->node->op->methods;
    for (int i = 0; m->guess_gradient && p->training && i < 2; i++) {
        algorithm_task task = i == 0 ? ALGORITHM_GRAD_INPUT : ALGORITHM_GRAD_WEIGHT;
        op->gradient_methods[i] = calibration_choose(p->calibration, op, task, far,
                                                     m->guess_gradient(op, task));
    }
}

status plan_choose_methods(plan *p, error *e)
{
    const bool far = weights_are_far(p);
    bool any = p->precision == PRECISION_F32;
    for (int i = 0; i < p->step_count; i++) {
        operation *op = &p->steps[i].op;
        const operator_methods *m = op->node->op->methods;
        if (!m)
            continue;
        op->precision = p->precision;
        op->method = forward_method(p, op, far);
        choose_gradients(p, op, far);
        op->precision = m->precision(op);
        any |= op->precision == p->precision;
        op->is_prepared = op->method > 0 && !p->training;
    }
    if (!any)
        return fail(e, E_USAGE, "plan: no layer of the model has products in %s",
                    precision_name(p->precision));
    return E_OK;
}

static uint64_t mix_versions(const plan *p, int node, uint64_t hash)
{
    for (int role = 0; node >= 0 && role < ROLE_COUNT; role++) {
        const parameter *q =
            graph_parameter(p->graph, &p->graph->nodes[node], (parameter_role)role);
        uint64_t parts[2] = {q ? tensor_version(q->data) : 0,
                             q && q->codes ? tensor_version(q->codes) : 0};
        hash = random_hash(parts, sizeof parts, hash);
    }
    return hash;
}

/* A batch norm in evaluation is y = x * scale + shift with scale = gamma / sqrt(var +
   epsilon) and shift = beta - mean * scale. */
static void fill_tail(const plan *p, step *s)
{
    if (s->norm < 0)
        return;
    const node *n = &p->graph->nodes[s->norm];
    const parameter *mean = graph_parameter(p->graph, n, ROLE_RUNNING_MEAN);
    const parameter *variance = graph_parameter(p->graph, n, ROLE_RUNNING_VARIANCE);
    const parameter *gamma = graph_parameter(p->graph, n, ROLE_SCALE);
    const parameter *beta = graph_parameter(p->graph, n, ROLE_SHIFT);
    for (int64_t c = 0; c < tensor_count(mean->data); c++) {
        double scale =
            1.0 / sqrt((double)tensor_f32(variance->data)[c] + n->attr.epsilon);
        if (gamma)
            scale *= (double)tensor_f32(gamma->data)[c];
        double shift = beta ? (double)tensor_f32(beta->data)[c] : 0.0;
        s->tail_scale[c] = (float)scale;
        s->tail_shift[c] = (float)(shift - (double)tensor_f32(mean->data)[c] * scale);
    }
}

static status fill_prepared(step *s, error *e)
{
    operation *op = &s->op;
    if (!op->is_prepared)
        return E_OK;
    size_t bytes = op->node->op->methods->prepared_bytes(op);
    if (bytes != s->prepared_bytes || !s->prepared) {
        memory_free(s->prepared);
        s->prepared_bytes = bytes;
        s->prepared = memory_new_raw((int64_t)bytes + 1, 1, e);
        op->prepared = s->prepared;
        if (!s->prepared)
            return E_MEMORY;
    }
    op->node->op->methods->prepare(op, s->prepared);
    return E_OK;
}

status plan_prepare(plan *p, error *e)
{
    const uint64_t changes = tensor_changes();
    if (p->changes == changes)
        return E_OK; /* to ask all parameters takes longer than many a layer */
    for (int i = 0; i < p->step_count; i++) {
        step *s = &p->steps[i];
        uint64_t now = mix_versions(p, s->norm, mix_versions(p, s->node, 0));
        if (now == s->version)
            continue;
        fill_tail(p, s);
        TRY(fill_prepared(s, e));
        s->version = now;
    }
    p->changes = changes;
    return E_OK;
}
