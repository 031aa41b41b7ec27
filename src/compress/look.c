/* SPDX-License-Identifier: GPL-3.0-or-later
   look.c -- a network at work on training samples, batch by batch, in a copy of its own.
   What is made of it is the caller's business. */
#include "compress/look.h"

#include <math.h>
#include "base/memory.h"
#include "base/random.h"
#include "train/runner.h"

typedef struct pass {
    const char *who;
    const model *m;
    graph *g; /* a copy: training writes running statistics */
    const look_settings *s;
    const task *watch;
    int64_t *index, count;
    batch_buffer buffer;
    plan *p;
    look_taker *take;
    void *context;
} pass;

static status draw_samples(pass *a, error *e)
{
    const look_settings *s = a->s;
    TRY(dataset_split_index(s->data, SPLIT_TRAIN, &a->index, &a->count, e));
    random_stream r = random_new(s->seed, "look", 0);
    random_shuffle(&r, a->index, a->count);
    a->count = a->count < s->samples ? a->count : s->samples;
    if (a->count > 0)
        return E_OK;
    fail(e, E_RANGE, "%s: the dataset has no samples in split train", a->who);
    return fail_hint(e, "divide it with 'split'");
}

static status make_plan(pass *a, int64_t batch, error *e)
{
    const look_settings *s = a->s;
    const transform *t = &a->m->input_transform;
    shape in = batch_input_shape(s->data, t);
    if (!s->gradients) {
        a->p = plan_new_inference(a->g, batch, in, e);
        return a->p ? plan_keep_values(a->p, e) : batch_explain(a->m, s->data, e);
    }
    a->p = plan_new_training(a->g, batch, in, e);
    if (!a->p)
        return batch_explain(a->m, s->data, e);
    return batch_check_target(s->data, t, plan_output_shape(a->p), s->loss->labels, e);
}

static status go_back(pass *a, error *e)
{
    const look_settings *s = a->s;
    shape out = plan_output_shape(a->p);
    double loss = s->loss->value(&s->terms, plan_output(a->p), a->buffer.target,
                                 s->data->mask ? a->buffer.valid : NULL, shape_count(out),
                                 out.dim[out.rank - 1], plan_output_gradient(a->p));
    if (!isfinite(loss))
        return fail(e, E_NUMERIC, "%s: the loss is %g, wanted a finite number", a->who,
                    loss);
    return plan_backward(a->p, e);
}

static status run_batches(pass *a, error *e)
{
    const look_settings *s = a->s;
    int64_t batch = s->batch < a->count ? s->batch : a->count;
    int64_t batches = a->count / batch;
    TRY(make_plan(a, batch, e));
    TRY(plan_start(a->p, e));
    for (int64_t i = 0; i < batches; i++) {
        if (task_cancelled(a->watch))
            return fail(e, E_STOPPED, "%s: stopped after %lld of %lld batches", a->who,
                        (long long)i, (long long)batches);
        TRY(batch_load(s->gradients ? &a->buffer : NULL, s->data, &a->m->input_transform,
                       a->index + i * batch, batch, plan_input(a->p), e));
        TRY(plan_forward(a->p, s->seed, (uint64_t)i, e));
        if (s->gradients)
            TRY(go_back(a, e));
        TRY(a->take(a->context, a->g, a->p, 1.0 / (double)batches, e));
        progress report = {.stage = "look", .unit = "batch", .total = batches};
        report.done = i + 1;
        report.loss = report.metric = (double)NAN;
        task_report(a->watch, &report);
    }
    return E_OK;
}

status look(const char *who, const model *m, const look_settings *s, const task *watch,
            look_taker *take, void *context, error *e)
{
    pass a = {.who = who,
              .m = m,
              .s = s,
              .watch = watch,
              .take = take,
              .context = context,
              .g = graph_copy(m->graph, e)};
    status done = a.g ? draw_samples(&a, e) : E_MEMORY;
    if (done == E_OK)
        done = run_batches(&a, e);
    plan_free(a.p);
    batch_buffer_clear(&a.buffer);
    memory_free(a.index);
    graph_free(a.g);
    return done;
}
