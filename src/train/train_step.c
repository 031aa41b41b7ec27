/* SPDX-License-Identifier: GPL-3.0-or-later
   train_step.c -- one optimizer step, with the plans and buffers that are kept from step
   to step; epochs, validation and the choice of the best are not its business. */
#include <math.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "train/trainer_parts.h"

#define PLANS     2 /* whole batches, and the odd one at an epoch's end */
#define SLOTS_MAX 4
#define GRAIN     65536

struct train_cache {
    const graph *graph; /* what the plans are of; the rest is void for another one */
    shape input;
    plan *plans[PLANS];
    int64_t sizes[PLANS];
    precision precisions[PLANS];
    bool passing[PLANS]; /* gradients are handed over: see plan.h */
    int64_t used[PLANS]; /* step of last use */
    runner *validator;
    batch_buffer buffer;
};

int64_t train_batch_count(int64_t n, int64_t batch)
{
    int64_t whole = n / batch, left = n % batch;
    return whole + (left > 1 || (left == 1 && whole == 0) ? 1 : 0);
}

void train_batch_bounds(int64_t n, int64_t batch, int64_t i, int64_t *begin, int64_t *end)
{
    *begin = i * batch;
    *end = i + 1 == train_batch_count(n, batch) ? n : *begin + batch;
}

double train_rate(const train_settings *t, int64_t samples, int64_t step)
{
    schedule_settings plan = t->plan;
    plan.steps_per_epoch = train_batch_count(samples, t->batch);
    plan.steps = plan.steps_per_epoch * t->epochs;
    if (plan.learning_rate == 0)
        plan.learning_rate = t->rates.learning_rate;
    return schedule_rate(t->schedule, &plan, step);
}

static void cache_clear(train_cache *c)
{
    for (int i = 0; i < PLANS; i++)
        plan_free(c->plans[i]);
    runner_free(c->validator);
    batch_buffer_clear(&c->buffer);
    *c = (train_cache){0};
}

void train_cache_free(train_cache *c)
{
    if (!c)
        return;
    cache_clear(c);
    memory_free(c);
}

/* The cache of S, empty where it was none or of another graph or image size. */
static status cache_of(train_state *s, const dataset *d, train_cache **out, error *e)
{
    shape in = dataset_input_shape(d);
    if (!s->cache) {
        s->cache = memory_new(1, sizeof *s->cache, e);
        if (!s->cache)
            return E_MEMORY;
    }
    train_cache *c = s->cache;
    if (c->graph != s->last->graph || !shape_equal(c->input, in)) {
        cache_clear(c);
        c->graph = s->last->graph;
        c->input = in;
    }
    *out = c;
    return E_OK;
}

/* Clipping needs all gradients at once; else each is used up as soon as it stands. */
static bool passes(const train_settings *t)
{
    return t->clip <= 0;
}

static status cache_plan(train_cache *c, train_state *s, const train_settings *t,
                         const dataset *d, int64_t n, plan **out, error *e)
{
    precision wanted = t->precision;
    bool passing = passes(t);
    int at = 0;
    for (int i = 0; i < PLANS; i++) {
        if (c->plans[i] && c->sizes[i] == n && c->precisions[i] == wanted &&
            c->passing[i] == passing) {
            c->used[i] = s->step;
            *out = c->plans[i];
            return E_OK;
        }
        if (!c->plans[i] || (c->plans[at] && c->used[i] < c->used[at]))
            at = i;
    }
    plan_free(c->plans[at]);
    c->plans[at] = plan_new_training(s->last->graph, n, c->input, e);
    if (!c->plans[at])
        return batch_explain(s->last->graph, d, e);
    TRY(plan_set_precision(c->plans[at], wanted, e));
    if (passing)
        TRY(plan_pass_gradients(c->plans[at], e));
    c->sizes[at] = n;
    c->passing[at] = passing;
    c->precisions[at] = wanted;
    c->used[at] = s->step;
    *out = c->plans[at];
    return E_OK;
}

status train_validator(train_state *s, int64_t batch, const dataset *d, runner **r,
                       error *e)
{
    train_cache *c;
    TRY(cache_of(s, d, &c, e));
    if (c->validator && runner_batch(c->validator) != batch) {
        runner_free(c->validator);
        c->validator = NULL;
    }
    if (!c->validator)
        c->validator = runner_new(s->last, batch, c->input, e);
    *r = c->validator;
    return *r ? E_OK : batch_explain(s->last->graph, d, e);
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
static status clip_gradients(const graph *g, plan *p, double limit, error *e)
{
    double squares = 0;
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *q = &g->parameters[i];
        int64_t n = tensor_count(q->data);
        gradient_job j = {.g = plan_gradient_write(p, i)};
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
        j.g = plan_gradient_write(p, i);
        if (j.g)
            parallel_range(tensor_count(g->parameters[i].data), GRAIN, scale_gradient,
                           &j);
    }
    return E_OK;
}

/* One optimizer step: what the update of each parameter needs. */
typedef struct update_job {
    train_state *state;
    const train_settings *settings;
    optimizer_settings rates;
} update_job;

static status update_parameter(void *context, int number, float *gradient, error *e)
{
    const update_job *j = context;
    train_state *s = j->state;
    parameter *p = &s->last->graph->parameters[number];
    float *slot[SLOTS_MAX] = {NULL};
    float *w = tensor_write_f32(p->data, e);
    if (!w)
        return E_MEMORY;
    for (int k = 0; k < s->slot_count; k++) {
        slot[k] = tensor_write_f32(s->slots[number][k], e);
        if (!slot[k])
            return E_MEMORY;
    }
    j->settings->optimizer->step(&j->rates, s->step + 1, tensor_count(p->data), w,
                                 gradient, slot, p->mask ? tensor_data(p->mask) : NULL);
    return E_OK;
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

static status backward_and_update(train_state *s, const train_settings *t, double rate,
                                  plan *p, error *e)
{
    update_job job = {.state = s, .settings = t, .rates = t->rates};
    job.rates.learning_rate = rate;
    TRY(prepare_update(s, e));
    if (passes(t))
        return plan_backward_passing(p, update_parameter, &job, e);
    TRY(plan_backward(p, e));
    TRY(clip_gradients(s->last->graph, p, t->clip, e));
    for (int i = 0; i < s->last->graph->parameter_count; i++)
        if (plan_gradient(p, i))
            TRY(update_parameter(&job, i, plan_gradient_write(p, i), e));
    return E_OK;
}

static double batch_loss(const train_settings *t, const batch_buffer *b, const dataset *d,
                         plan *p)
{
    shape out = plan_output_shape(p);
    return t->loss->value(&t->terms, plan_output(p), b->target, d->mask ? b->valid : NULL,
                          shape_count(out), out.dim[out.rank - 1],
                          plan_output_gradient(p));
}

status train_step_of(train_state *s, const train_settings *t, const dataset *d,
                     int64_t samples, const int64_t *index, int64_t n, double *loss,
                     error *e)
{
    train_cache *c;
    plan *p = NULL;
    TRY(cache_of(s, d, &c, e));
    TRY(cache_plan(c, s, t, d, n, &p, e));
    TRY(batch_check_target(d, plan_output_shape(p), t->loss->labels, e));
    status started = plan_start(p, e);
    if (started == E_MEMORY) {
        fail(e, E_MEMORY, "train: no room for a batch of %lld samples", (long long)n);
        return fail_hint(e, "a smaller batch= takes less memory");
    }
    TRY(started);
    TRY(batch_load(&c->buffer, d, &s->last->input_transform, index, n, plan_input(p), e));
    TRY(plan_forward(p, t->seed, (uint64_t)s->step, e));
    *loss = batch_loss(t, &c->buffer, d, p);
    if (!isfinite(*loss)) {
        fail(e, E_NUMERIC, "%s: the loss is %g, wanted a finite number", t->loss->name,
             *loss);
        return fail_hint(e, "try a smaller rate or gradient clipping, and look for NaN "
                            "in the data");
    }
    TRY(backward_and_update(s, t, train_rate(t, samples, s->step), p, e));
    s->step++;
    return E_OK;
}

status train_step(train_state *s, const train_settings *t, const dataset *d,
                  const int64_t *index, int64_t n, double *loss, error *e)
{
    return train_step_of(s, t, d, dataset_split_count(d, SPLIT_TRAIN), index, n, loss, e);
}
