/* SPDX-License-Identifier: GPL-3.0-or-later
   plan.c -- making, asking and freeing plans.  Fusing is in plan_steps.c, memory in
   plan_memory.c, running in plan_run.c. */
#include "engine/plan.h"

#include "base/memory.h"
#include "engine/plan_parts.h"
#include "graph/check.h"

static plan *plan_new(const graph *g, graph *writable, int64_t batch, shape in, error *e)
{
    if (batch < 1) {
        fail(e, E_RANGE, "plan: a batch of %lld, wants at least 1", (long long)batch);
        return NULL;
    }
    plan *p = memory_new(1, sizeof *p, e);
    if (!p)
        return NULL;
    p->graph = g;
    p->writable = writable;
    p->training = writable != NULL;
    p->batch = batch;
    p->calibration = calibration_of_plans();
    p->wanted = -1;
    p->shapes = memory_new(g->value_count, sizeof *p->shapes, e);
    if (!p->shapes || graph_shapes(g, batch, in, p->shapes, e) ||
        graph_check_parameters(g, p->shapes, e) || graph_check_types(g, e)) {
        plan_free(p);
        return NULL;
    }
    return p;
}

plan *plan_new_inference(const graph *g, int64_t batch, shape in, error *e)
{
    return plan_new(g, NULL, batch, in, e);
}

plan *plan_new_training(graph *g, int64_t batch, shape in, error *e)
{
    return plan_new(g, g, batch, in, e);
}

/* Back to what plan_new left, so that a start that failed can be tried again. */
static void release(plan *p)
{
    for (int i = 0; i < p->step_count; i++) {
        memory_free(p->steps[i].tail_scale);
        memory_free(p->steps[i].tail_shift);
        memory_free(p->steps[i].map);
        memory_free(p->steps[i].prepared);
    }
    for (int i = 0; p->gradients && !p->passing && i < p->graph->parameter_count; i++)
        memory_free(p->gradients[i]);
    memory_free(p->gradients);
    memory_free(p->parameter_piece);
    memory_free(p->steps);
    memory_free(p->pieces);
    memory_free(p->host);
    memory_free(p->host_channel);
    memory_free(p->kept);
    memory_free(p->value_piece);
    memory_free(p->gradient_piece);
    memory_free(p->arena);
    p->gradients = NULL;
    p->parameter_piece = NULL;
    p->steps = NULL;
    p->pieces = NULL;
    p->host = p->value_piece = p->gradient_piece = NULL;
    p->host_channel = NULL;
    p->kept = NULL;
    p->arena = NULL;
    p->step_count = p->piece_count = 0;
    p->piece_capacity = 0;
    p->arena_bytes = 0;
    p->changes = 0;
}

void plan_free(plan *p)
{
    if (!p)
        return;
    release(p);
    memory_free(p->shapes);
    memory_free(p);
}

static status make_gradients(plan *p, error *e)
{
    const graph *g = p->graph;
    p->gradients = memory_new(g->parameter_count, sizeof *p->gradients, e);
    if (!p->gradients)
        return E_MEMORY;
    for (int i = 0; !p->passing && i < g->parameter_count; i++) {
        if (!parameter_is_trained(&g->parameters[i]))
            continue;
        p->gradients[i] =
            memory_new(tensor_count(g->parameters[i].data), sizeof(float), e);
        if (!p->gradients[i])
            return E_MEMORY;
    }
    return E_OK;
}

static status make(plan *p, error *e)
{
    TRY(plan_make_steps(p, e));
    TRY(plan_join_values(p, e));
    TRY(plan_choose_methods(p, e));
    plan_join_firsts(p);
    TRY(plan_narrow_values(p, e));
    if (p->training)
        TRY(make_gradients(p, e));
    TRY(plan_make_memory(p, e));
    return plan_bind(p, e);
}

status plan_start(plan *p, error *e)
{
    if (p->ready)
        return E_OK;
    status s = make(p, e);
    if (s)
        release(p);
    p->ready = !s;
    return s;
}

status plan_want_input_gradient(plan *p, error *e)
{
    if (p->ready || !p->training)
        return fail(e, E_USAGE,
                    "plan: input gradients are asked for before the first run "
                    "of a training plan");
    p->want_input_gradient = true;
    return E_OK;
}

status plan_want_value(plan *p, int value, error *e)
{
    if (p->ready)
        return fail(e, E_USAGE, "plan: a value is asked for before the first run");
    if (value < 0 || value >= p->graph->value_count || value == p->graph->input ||
        value == p->graph->output)
        return fail(e, E_RANGE, "plan: value %d, wanted one inside of %d", value,
                    p->graph->value_count);
    p->wanted = value;
    return E_OK;
}

bool plan_keeps(const plan *p, int value)
{
    return value == p->graph->output || value == p->wanted;
}

status plan_pass_gradients(plan *p, error *e)
{
    if (p->ready || !p->training)
        return fail(e, E_USAGE,
                    "plan: handing gradients over is asked for before the first run of a "
                    "training plan");
    p->passing = true;
    return E_OK;
}

status plan_keep_values(plan *p, error *e)
{
    if (p->ready)
        return fail(e, E_USAGE, "plan: keeping values is asked for before the first run");
    p->keep_values = true;
    return E_OK;
}

status plan_keep_apart(plan *p, error *e)
{
    if (p->ready)
        return fail(e, E_USAGE,
                    "plan: keeping steps apart is asked for before the first run");
    p->apart = true;
    return E_OK;
}

status plan_simulate(plan *p, plan_giver give, plan_shaper shape, void *context, error *e)
{
    if (p->ready || !p->training)
        return fail(e, E_USAGE,
                    "plan: a simulation is asked for before the first run of a training "
                    "plan");
    p->keep_values = true;
    p->give = give;
    p->shape_gradient = shape;
    p->simulation = context;
    return E_OK;
}

status plan_set_precision(plan *p, precision wanted, error *e)
{
    if (p->ready)
        return fail(e, E_USAGE, "plan: its precision is chosen before the first run");
    p->precision = wanted;
    return E_OK;
}

status plan_set_calibration(plan *p, const calibration *c, error *e)
{
    if (p->ready)
        return fail(e, E_USAGE, "plan: its calibration is chosen before the first run");
    p->calibration = c;
    return E_OK;
}

shape plan_output_shape(const plan *p)
{
    return p->shapes[p->graph->output];
}

float *plan_input(plan *p)
{
    if (plan_start(p, NULL))
        return NULL;
    return plan_place(p, p->graph->input);
}

status plan_read_input(plan *p, const float *x, error *e)
{
    TRY(plan_start(p, e));
    for (int i = 0; i < p->step_count; i++) {
        operation *op = &p->steps[i].op;
        for (int k = 0; k < op->node->input_count; k++)
            if (op->node->inputs[k] == p->graph->input)
                op->x[k] = x ? x : plan_place(p, p->graph->input);
    }
    return E_OK;
}

const float *plan_output(const plan *p)
{
    return plan_place(p, p->graph->output);
}

float *plan_output_gradient(plan *p)
{
    return p->training ? plan_piece(p, p->gradient_piece[p->graph->output]) : NULL;
}

float *plan_value_gradient(plan *p)
{
    return p->training && p->ready && p->wanted >= 0
               ? plan_piece(p, p->gradient_piece[p->wanted])
               : NULL;
}

float *plan_input_gradient(plan *p)
{
    if (!p->want_input_gradient || !p->ready)
        return NULL;
    return plan_piece(p, p->gradient_piece[p->graph->input]);
}

const float *plan_gradient(const plan *p, int parameter)
{
    return p->gradients ? p->gradients[parameter] : NULL;
}

float *const *plan_gradients(const plan *p)
{
    return p->gradients;
}

float *plan_gradient_write(plan *p, int parameter)
{
    return p->gradients ? p->gradients[parameter] : NULL;
}

const void *plan_value(const plan *p, int value)
{
    return p->ready ? plan_place(p, value) : NULL;
}

shape plan_value_shape(const plan *p, int value)
{
    return p->shapes[value];
}

size_t plan_arena_bytes(const plan *p)
{
    return p->arena_bytes;
}

size_t plan_largest_live(const plan *p)
{
    return p->largest_live;
}

void plan_time_steps(plan *p, bool on)
{
    p->timing = on;
}
