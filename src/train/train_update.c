/* SPDX-License-Identifier: GPL-3.0-or-later
   train_update.c -- from gradients to new weights: handed over one by one, clipped all
   together, or summed over several batches.  It runs no layer forward. */
#include "train/train_update.h"

#include <math.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "base/task.h"
#include "train/trainer_parts.h"

#define GRAIN 65536

/* Clipping needs all gradients at once, and so do several batches, which have sums of
   their own; else each is used up as soon as it stands. */
bool update_passes(const train_settings *t)
{
    return t->clip <= 0 || train_accumulated(t) > 1;
}

void gradient_sums_clear(gradient_sums *g)
{
    for (int i = 0; g->of && i < g->count; i++)
        memory_free(g->of[i]);
    memory_free(g->of);
    *g = (gradient_sums){0};
}

/* Room for the sums of all that is trained, empty. */
static status sums_begin(gradient_sums *sums, const graph *g, error *e)
{
    sums->used = false;
    if (sums->of)
        return E_OK;
    sums->of = memory_new(g->parameter_count, sizeof *sums->of, e);
    if (!sums->of)
        return E_MEMORY;
    sums->count = g->parameter_count;
    for (int i = 0; i < sums->count; i++) {
        if (!parameter_is_trained(&g->parameters[i]))
            continue;
        sums->of[i] = memory_new(tensor_count(g->parameters[i].data), sizeof(float), e);
        if (!sums->of[i]) {
            gradient_sums_clear(sums);
            return E_MEMORY;
        }
    }
    return E_OK;
}

typedef struct addition {
    float *sum;
    const float *more;
    float share;
    bool first;
} addition;

static void add_share(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    const addition *a = context;
    for (int64_t i = begin; i < end; i++)
        a->sum[i] = (a->first ? 0 : a->sum[i]) + a->share * a->more[i];
}

/* What stands between the codes of a simulation and their parameter. */
static void pass_codes(const update_job *j, int number, float *gradient)
{
    const train_simulation *to = j->settings->simulation;
    if (train_simulates(j->state, j->settings))
        to->gradient(to->self, j->state->last->graph, number, j->share, gradient);
}

/* Takes a gradient that was handed over. */
static status add_gradient(void *context, int number, float *gradient, error *e)
{
    (void)e;
    const update_job *j = context;
    pass_codes(j, number, gradient);
    addition a = {j->sums->of[number], gradient, (float)j->share, !j->sums->used};
    parallel_range(tensor_count(j->state->last->graph->parameters[number].data), GRAIN,
                   add_share, &a);
    return E_OK;
}

typedef struct gradient_job {
    float *g;
    const uint8_t *mask;
    float factor;
} gradient_job;

static void mask_gradient(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    const gradient_job *j = context;
    for (int64_t i = begin; i < end; i++)
        j->g[i] = j->mask[i] ? j->g[i] : 0.0f;
}

static void scale_gradient(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    const gradient_job *j = context;
    for (int64_t i = begin; i < end; i++)
        j->g[i] *= j->factor;
}

/* Scales all gradients so that their common norm is at most LIMIT; what is masked does
   not count.  Source: Pascanu et al. 2013, arXiv:1211.5063, algorithm 1. */
static status clip_gradients(const graph *g, float *const *gradients, double limit,
                             error *e)
{
    double squares = 0;
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *q = &g->parameters[i];
        int64_t n = tensor_count(q->data);
        gradient_job j = {.g = gradients[i]};
        if (!j.g)
            continue;
        if (q->mask) {
            j.mask = tensor_data(q->mask);
            parallel_range(n, GRAIN, mask_gradient, &j);
        }
        squares += parallel_sum_squares(j.g, n);
    }
    double norm = sqrt(squares);
    if (!isfinite(norm)) {
        fail(e, E_NUMERIC, "clip: the gradient's norm is %g, wanted a finite one", norm);
        return fail_hint(e, "try a smaller rate");
    }
    /* The small number keeps the factor finite, as in PyTorch's clip_grad_norm_. */
    gradient_job j = {.factor = (float)(limit / (norm + 1e-6))};
    for (int i = 0; j.factor < 1 && i < g->parameter_count; i++) {
        j.g = gradients[i];
        if (j.g)
            parallel_range(tensor_count(g->parameters[i].data), GRAIN, scale_gradient,
                           &j);
    }
    return E_OK;
}

/* This step on parameter NUMBER. */
static status begin_pass(update_job *j, int number, optimizer_pass *out, error *e)
{
    train_state *s = j->state;
    parameter *p = &s->last->graph->parameters[number];
    float *slot[OPTIMIZER_SLOTS_MAX] = {NULL};
    float *w = tensor_write_f32(p->data, e);
    if (!w)
        return E_MEMORY;
    for (int k = 0; k < s->slot_count; k++) {
        slot[k] = tensor_write_f32(s->slots[number][k], e);
        if (!slot[k])
            return E_MEMORY;
    }
    *out = optimizer_begin(j->settings->optimizer, &j->rates, s->step + 1 - s->slot_step,
                           w, slot, p->mask ? tensor_data(p->mask) : NULL);
    return E_OK;
}

static status update_parameter(void *context, int number, float *gradient, error *e)
{
    update_job *j = context;
    double began = task_clock();
    parameter *p = &j->state->last->graph->parameters[number];
    optimizer_pass pass;
    TRY(begin_pass(j, number, &pass, e));
    if (codebook_is_trained(p))
        codebook_share_gradient(p, gradient);
    optimizer_take_all(&pass, tensor_count(p->data), gradient);
    if (codebook_is_trained(p))
        codebook_follow(p);
    j->spent += task_clock() - began;
    return E_OK;
}

static void take_piece(void *context, int64_t first, int64_t count, const float *gradient)
{
    const update_job *j = context;
    optimizer_take(&j->pass, first, count, gradient);
}

/* Takes a gradient in pieces, unless it is wanted as a whole. */
static bool offer_pieces(void *context, int number, weight_taker *out)
{
    update_job *j = context;
    const parameter *p = &j->state->last->graph->parameters[number];
    if (train_simulates(j->state, j->settings) || codebook_is_trained(p) ||
        begin_pass(j, number, &j->pass, NULL) != E_OK)
        return false;
    *out = (weight_taker){take_piece, j};
    return true;
}

static status pass_and_update(void *context, int number, float *gradient, error *e)
{
    pass_codes(context, number, gradient);
    return update_parameter(context, number, gradient, e);
}

/* Makes sure of all that an update writes, so that none fails when others are done. */
static status prepare_update(train_state *s, error *e)
{
    for (int i = 0; i < s->last->graph->parameter_count; i++) {
        parameter *p = &s->last->graph->parameters[i];
        if (!parameter_is_trained(p))
            continue;
        if (!tensor_write_f32(p->data, e))
            return E_MEMORY;
        for (int k = 0; k < s->slot_count; k++)
            if (!tensor_write_f32(s->slots[i][k], e))
                return E_MEMORY;
    }
    return E_OK;
}

status update_begin(update_job *j, gradient_sums *sums, train_state *s,
                    const train_settings *t, double rate, error *e)
{
    *j = (update_job){.state = s, .settings = t, .rates = t->rates, .share = 1};
    j->rates.learning_rate = rate;
    j->sums = sums;
    if (train_accumulated(t) > 1)
        TRY(sums_begin(sums, s->last->graph, e));
    return prepare_update(s, e);
}

void update_weigh(update_job *j, double share)
{
    j->share = share;
}

/* Clips and uses gradients that all stand. */
static status use_all(update_job *j, float *const *gradients, error *e)
{
    const graph *g = j->state->last->graph;
    double began = task_clock();
    if (j->settings->clip > 0)
        TRY(clip_gradients(g, gradients, j->settings->clip, e));
    double clipped = task_clock() - began;
    for (int i = 0; i < g->parameter_count; i++)
        if (gradients[i])
            TRY(update_parameter(j, i, gradients[i], e));
    j->spent += clipped;
    return E_OK;
}

status update_backward(update_job *j, plan *p, error *e)
{
    const double began = task_clock(), spent = j->spent;
    status code = E_OK;
    if (train_accumulated(j->settings) > 1) {
        code = plan_backward_passing(p, &(plan_taker){.take = add_gradient, .context = j},
                                     e);
        j->sums->used = true;
    } else if (update_passes(j->settings)) {
        code =
            plan_backward_passing(p, &(plan_taker){pass_and_update, offer_pieces, j}, e);
    } else {
        code = plan_backward(p, e);
        float *const *gradients = plan_gradients(p);
        for (int i = 0; code == E_OK && i < j->state->last->graph->parameter_count; i++)
            if (gradients[i])
                pass_codes(j, i, gradients[i]);
        if (code == E_OK)
            code = use_all(j, plan_gradients(p), e);
    }
    j->state->times.backward += task_clock() - began - (j->spent - spent);
    return code;
}

status update_end(update_job *j, error *e)
{
    if (train_accumulated(j->settings) > 1)
        TRY(use_all(j, j->sums->of, e));
    j->state->times.update += j->spent;
    return E_OK;
}
