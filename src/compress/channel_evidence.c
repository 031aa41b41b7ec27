/* SPDX-License-Identifier: GPL-3.0-or-later
   channel_evidence.c -- the network at work on training samples, as far as criteria want
   to see it: its activations, or its gradients.  It trains nothing. */
#include "compress/channel_parts.h"

#include <math.h>
#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "engine/plan.h"
#include "train/runner.h"

/* A pass over samples in whole batches. */
typedef struct pass {
    const model *m;
    graph *g; /* a copy: training writes running statistics */
    const channel_settings *s;
    const task *watch;
    int64_t *index, count;
    batch_buffer buffer;
    plan *p;
    channel_evidence *v;
} pass;

static status draw_samples(pass *a, error *e)
{
    const channel_settings *s = a->s;
    if (!s->data) {
        fail(e, E_USAGE, "prune: criterion=%s looks at data", s->criterion->name);
        return fail_hint(e, "add data=NAME");
    }
    TRY(dataset_split_index(s->data, SPLIT_TRAIN, &a->index, &a->count, e));
    random_stream r = random_new(s->seed, "channel-samples", 0);
    random_shuffle(&r, a->index, a->count);
    a->count = a->count < s->samples ? a->count : s->samples;
    if (a->count > 0)
        return E_OK;
    fail(e, E_RANGE, "prune: the dataset has no samples in split train");
    return fail_hint(e, "divide it with 'split'");
}

static status new_seen(channel_evidence *v, int at, int64_t channels, error *e)
{
    v->seen[at] = memory_new(channels, sizeof *v->seen[at], e);
    return v->seen[at] ? E_OK : E_MEMORY;
}

typedef struct summing {
    const float *x;
    int64_t rows, channels;
    double *sum, share;
} summing;

static void sum_channel(void *context, int64_t channel, int thread)
{
    const summing *a = context;
    double sum = 0;
    (void)thread;
    for (int64_t row = 0; row < a->rows; row++)
        sum += fabs((double)a->x[row * a->channels + channel]);
    a->sum[channel] += a->share * sum / (double)a->rows;
}

static status see_activations(pass *a, double share, error *e)
{
    const graph *g = a->g;
    TRY(plan_forward(a->p, 0, 0, e));
    for (int at = 0; at < g->value_count; at++) {
        const float *x = plan_value(a->p, at);
        shape s = plan_value_shape(a->p, at);
        if (!x || at == g->input)
            continue;
        int64_t channels = s.dim[s.rank - 1];
        if (!a->v->seen[at])
            TRY(new_seen(a->v, at, channels, e));
        summing each = {x, shape_count(s) / channels, channels, a->v->seen[at], share};
        parallel_for(channels, sum_channel, &each);
    }
    return E_OK;
}

/* Adds gradient times weight of the parameter INDEX to EFFECT of each output channel. */
static void add_effect(const pass *a, int index, double *effect, int64_t channels)
{
    if (index < 0)
        return;
    const float *gradient = plan_gradient(a->p, index);
    const float *w = tensor_f32(a->g->parameters[index].data);
    int64_t length = tensor_count(a->g->parameters[index].data) / channels;
    for (int64_t c = 0; gradient && c < channels; c++)
        for (int64_t i = c * length; i < (c + 1) * length; i++)
            effect[c] += (double)gradient[i] * (double)w[i];
}

/* To first order the loss changes by the sum of gradient times weight when a channel goes:
   of scale and shift behind it where there is a batch norm, before which a filter's own sum
   is zero; else of filter and bias.  Its square is what counts.
   Source: Molchanov et al. 2019, arXiv:1906.10771, equation 8 and section 3.2. */
static status see_effects(pass *a, double share, error *e)
{
    const graph *g = a->g;
    for (int i = 0; i < g->node_count; i++) {
        const parameter *weight = channel_weight(g, i);
        if (!weight)
            continue;
        int64_t channels = tensor_shape(weight->data).dim[0];
        int out = g->nodes[i].output, norm = channel_norm_behind(g, i);
        double *effect = memory_new(channels, sizeof *effect, e);
        if (!effect || (!a->v->seen[out] && new_seen(a->v, out, channels, e))) {
            memory_free(effect);
            return E_MEMORY;
        }
        const int *of = g->nodes[norm < 0 ? i : norm].parameters;
        add_effect(a, of[norm < 0 ? ROLE_WEIGHT : ROLE_SCALE], effect, channels);
        add_effect(a, of[norm < 0 ? ROLE_BIAS : ROLE_SHIFT], effect, channels);
        for (int64_t c = 0; c < channels; c++)
            a->v->seen[out][c] += share * effect[c] * effect[c];
        memory_free(effect);
    }
    return E_OK;
}

static status see_gradients(pass *a, uint64_t run, double share, error *e)
{
    const channel_settings *s = a->s;
    TRY(plan_forward(a->p, s->seed, run, e));
    shape out = plan_output_shape(a->p);
    double loss = s->loss->value(&s->terms, plan_output(a->p), a->buffer.target,
                                 s->data->mask ? a->buffer.valid : NULL, shape_count(out),
                                 out.dim[out.rank - 1], plan_output_gradient(a->p));
    if (!isfinite(loss))
        return fail(e, E_NUMERIC, "prune: the loss is %g, wanted a finite number", loss);
    TRY(plan_backward(a->p, e));
    return see_effects(a, share, e);
}

static status make_plan(pass *a, int64_t batch, error *e)
{
    const channel_settings *s = a->s;
    const transform *t = &a->m->input_transform;
    shape in = batch_input_shape(s->data, t);
    if (s->criterion->evidence == EVIDENCE_GRADIENTS) {
        a->p = plan_new_training(a->g, batch, in, e);
        if (!a->p)
            return batch_explain(a->m, s->data, e);
        return batch_check_target(s->data, t, plan_output_shape(a->p), s->loss->labels,
                                  e);
    }
    a->p = plan_new_inference(a->g, batch, in, e);
    return a->p ? plan_keep_values(a->p, e) : batch_explain(a->m, s->data, e);
}

static status look(pass *a, error *e)
{
    const bool gradients = a->s->criterion->evidence == EVIDENCE_GRADIENTS;
    int64_t batch = a->s->batch < a->count ? a->s->batch : a->count;
    int64_t batches = a->count / batch;
    TRY(make_plan(a, batch, e));
    TRY(plan_start(a->p, e));
    for (int64_t i = 0; i < batches; i++) {
        if (task_cancelled(a->watch))
            return fail(e, E_STOPPED, "prune: stopped after %lld of %lld batches",
                        (long long)i, (long long)batches);
        TRY(batch_load(gradients ? &a->buffer : NULL, a->s->data, &a->m->input_transform,
                       a->index + i * batch, batch, plan_input(a->p), e));
        double share = 1.0 / (double)batches;
        TRY(gradients ? see_gradients(a, (uint64_t)i, share, e)
                      : see_activations(a, share, e));
        progress report = {.stage = "look", .unit = "batch", .total = batches};
        report.done = i + 1;
        report.loss = report.metric = (double)NAN;
        task_report(a->watch, &report);
    }
    return E_OK;
}

status channel_evidence_gather(const model *m, const channel_settings *s,
                               const task *watch, channel_evidence *v, error *e)
{
    *v = (channel_evidence){.graph = m->graph, .seed = s->seed};
    v->seen = memory_new(m->graph->value_count, sizeof *v->seen, e);
    if (!v->seen)
        return E_MEMORY;
    if (s->criterion->evidence == EVIDENCE_NONE)
        return E_OK;
    pass a = {.m = m, .s = s, .watch = watch, .v = v, .g = graph_copy(m->graph, e)};
    status done = a.g ? draw_samples(&a, e) : E_MEMORY;
    if (done == E_OK)
        done = look(&a, e);
    plan_free(a.p);
    batch_buffer_clear(&a.buffer);
    memory_free(a.index);
    graph_free(a.g);
    return done;
}

void channel_evidence_clear(channel_evidence *v)
{
    for (int i = 0; v->seen && i < v->graph->value_count; i++)
        memory_free(v->seen[i]);
    memory_free(v->seen);
    *v = (channel_evidence){0};
}
