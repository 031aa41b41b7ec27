/* SPDX-License-Identifier: GPL-3.0-or-later
   train_step.c -- one optimizer step, with the plans and buffers that are kept from step
   to step; epochs, validation and the choice of the best are not its business. */
#include <math.h>

#include "base/memory.h"
#include "train/distill.h"
#include "train/trainer_parts.h"
#include "train/train_update.h"

#define PLANS 2 /* whole batches, and the odd one at an epoch's end */

struct train_cache {
    const graph *graph; /* what the plans are of; the rest is void for another one */
    shape input;
    plan *plans[PLANS];
    int64_t sizes[PLANS];
    precision precisions[PLANS];
    bool passing[PLANS]; /* gradients are handed over: see plan.h */
    int64_t used[PLANS]; /* step of last use */
    runner *validator;
    prefetch *ahead; /* of this step; or NULL */
    batch_buffer buffer;
    train_room room;    /* of the regularizer */
    gradient_sums sums; /* of several batches */
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

int64_t train_accumulated(const train_settings *t)
{
    return t->accumulate > 1 ? t->accumulate : 1;
}

int64_t train_batch_ends(const train_settings *t, int64_t n, int64_t *ends)
{
    const int64_t step = t->batch * train_accumulated(t);
    int64_t batches = 0, begin, end, from, to;
    for (int64_t i = 0; i < train_batch_count(n, step); i++) {
        train_batch_bounds(n, step, i, &begin, &end);
        for (int64_t k = 0; k < train_batch_count(end - begin, t->batch); k++) {
            train_batch_bounds(end - begin, t->batch, k, &from, &to);
            ends[batches++] = begin + to;
        }
    }
    return batches;
}

double train_rate(const train_settings *t, int64_t samples, int64_t step)
{
    schedule_settings plan = t->plan;
    plan.steps_per_epoch = train_batch_count(samples, t->batch * train_accumulated(t));
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
    train_room_clear(&c->room);
    gradient_sums_clear(&c->sums);
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
    shape in = batch_input_shape(d, &s->last->input_transform);
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

static status cache_plan(train_cache *c, train_state *s, const train_settings *t,
                         const dataset *d, int64_t n, plan **out, error *e)
{
    precision wanted = t->precision;
    bool passing = update_passes(t);
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
    bool simulated = train_simulates(s, t);
    plan_free(c->plans[at]);
    c->plans[at] = plan_new_training(
        simulated ? t->simulation->trained(t->simulation->self) : s->last->graph, n,
        c->input, e);
    if (!c->plans[at])
        return batch_explain(s->last, d, e);
    TRY(plan_set_precision(c->plans[at], wanted, e));
    if (passing)
        TRY(plan_pass_gradients(c->plans[at], e));
    if (simulated)
        TRY(t->simulation->attach(t->simulation->self, c->plans[at], e));
    if (t->regularizer)
        TRY(plan_want_value(c->plans[at], (int)t->latent, e));
    else if (t->teacher && distiller_value(t->teacher) >= 0)
        TRY(plan_want_value(c->plans[at], distiller_value(t->teacher), e));
    c->sizes[at] = n;
    c->passing[at] = passing;
    c->precisions[at] = wanted;
    c->used[at] = s->step;
    *out = c->plans[at];
    return E_OK;
}

status train_validator(train_state *s, const train_settings *t, int64_t batch,
                       const dataset *d, runner **r, error *e)
{
    train_cache *c;
    TRY(cache_of(s, d, &c, e));
    if (c->validator && runner_batch(c->validator) != batch) {
        runner_free(c->validator);
        c->validator = NULL;
    }
    if (!c->validator)
        c->validator = train_runner(s->last, t, batch, c->input, e);
    *r = c->validator;
    return *r ? E_OK : batch_explain(s->last, d, e);
}

/* A failure of a number that should be finite, with the cure. */
static status not_finite(const char *what, double value, error *e)
{
    fail(e, E_NUMERIC, "%s: the loss is %g, wanted a finite number", what, value);
    return fail_hint(e,
                     "try a smaller rate or gradient clipping, and look for NaN in the "
                     "data");
}

/* The loss of what P has just put out, and that of its latent values; their gradients are
   left in the plan. */
static status batch_loss(train_cache *c, const train_settings *t, uint64_t run,
                         const dataset *d, plan *p, double *loss, error *e)
{
    shape out = plan_output_shape(p);
    *loss = t->loss->value(&t->terms, plan_output(p), c->buffer.target,
                           d->mask ? c->buffer.valid : NULL, shape_count(out),
                           out.dim[out.rank - 1], plan_output_gradient(p));
    if (!isfinite(*loss))
        return not_finite(t->loss->name, *loss, e);
    if (t->teacher)
        TRY(distiller_judge(t->teacher, t, d->mask ? c->buffer.valid : NULL, p, loss, e));
    if (!t->regularizer)
        return E_OK;
    double apart;
    shape latent = plan_value_shape(p, (int)t->latent);
    TRY(train_regularize(&c->room, t, plan_value(p, (int)t->latent), latent.dim[0],
                         shape_count(latent) / latent.dim[0],
                         random_new(t->seed, "regularize", run), plan_value_gradient(p),
                         &apart, e));
    *loss += t->lambda * apart;
    return isfinite(apart) ? E_OK : not_finite(t->regularizer->name, apart, e);
}

/* Samples INDEX[0..n-1] forward and backward, in one go; RUN counts such goes. */
static status run_batch(train_cache *c, update_job *j, const dataset *d,
                        const int64_t *index, int64_t n, uint64_t run, double *loss,
                        error *e)
{
    train_state *s = j->state;
    const train_settings *t = j->settings;
    plan *p = NULL;
    double began = task_clock();
    TRY(cache_plan(c, s, t, d, n, &p, e));
    TRY(batch_check_target(d, &s->last->input_transform, plan_output_shape(p),
                           t->loss->labels, e));
    status started = plan_start(p, e);
    if (started == E_MEMORY) {
        fail(e, E_MEMORY, "train: no room for a batch of %lld samples", (long long)n);
        return fail_hint(e, "a smaller batch= takes less memory");
    }
    TRY(started);
    TRY(batch_load_varied(&c->buffer, d, s->last, t->seed, s->epoch, c->ahead, index, n,
                          plan_input(p), e));
    s->times.load += task_clock() - began;
    began = task_clock();
    if (t->teacher)
        TRY(distiller_look(t->teacher, s->last, d, t->seed, s->epoch, index, n,
                           plan_input(p), e));
    if (train_simulates(s, t))
        TRY(t->simulation->forward(t->simulation->self, s->last->graph, p, t->seed, run,
                                   e));
    else
        TRY(plan_forward(p, t->seed, run, e));
    TRY(batch_loss(c, t, run, d, p, loss, e));
    s->times.forward += task_clock() - began;
    return update_backward(j, p, e);
}

/* BATCH samples at a time, as their number allows. */
static status run_batches(train_cache *c, update_job *j, const dataset *d,
                          const int64_t *index, int64_t n, double *loss, error *e)
{
    const train_settings *t = j->settings;
    int64_t total = train_batch_count(n, t->batch), begin, end;
    double sum = 0, one = 0;
    for (int64_t i = 0; i < total; i++) {
        train_batch_bounds(n, t->batch, i, &begin, &end);
        update_weigh(j, (double)(end - begin) / (double)n);
        uint64_t run = (uint64_t)(j->state->step * train_accumulated(t) + i);
        TRY(run_batch(c, j, d, index + begin, end - begin, run, &one, e));
        sum += one * (double)(end - begin) / (double)n;
    }
    *loss = total == 1 ? one : sum;
    return E_OK;
}

status train_step_of(train_state *s, const train_settings *t, const dataset *d,
                     int64_t samples, prefetch *ahead, const int64_t *index, int64_t n,
                     double *loss, error *e)
{
    train_cache *c;
    update_job job;
    TRY(cache_of(s, d, &c, e));
    c->ahead = ahead;
    TRY(update_begin(&job, &c->sums, s, t, train_rate(t, samples, s->step), e));
    TRY(run_batches(c, &job, d, index, n, loss, e));
    TRY(update_end(&job, e));
    s->step++;
    return E_OK;
}

status train_step(train_state *s, const train_settings *t, const dataset *d,
                  const int64_t *index, int64_t n, double *loss, error *e)
{
    return train_step_of(s, t, d, dataset_split_count(d, SPLIT_TRAIN), NULL, index, n,
                         loss, e);
}
