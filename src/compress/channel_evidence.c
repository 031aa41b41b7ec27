/* SPDX-License-Identifier: GPL-3.0-or-later
   channel_evidence.c -- what criteria want to see of a network at work: means of its
   activations, or what its channels do to the loss.  It ranks nothing. */
#include "compress/channel_parts.h"

#include <math.h>
#include "base/memory.h"
#include "base/parallel.h"
#include "compress/look.h"

static status new_seen(channel_evidence *v, int at, int64_t channels, error *e)
{
    if (!v->seen[at])
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

static status see_activations(void *context, const graph *g, const plan *p, double share,
                              error *e)
{
    channel_evidence *v = context;
    for (int at = 0; at < g->value_count; at++) {
        const float *x = plan_value(p, at);
        shape s = plan_value_shape(p, at);
        if (!x || at == g->input)
            continue;
        int64_t channels = s.dim[s.rank - 1];
        TRY(new_seen(v, at, channels, e));
        summing each = {x, shape_count(s) / channels, channels, v->seen[at], share};
        parallel_for(channels, sum_channel, &each);
    }
    return E_OK;
}

/* Adds gradient times weight of the parameter INDEX to EFFECT of each output channel. */
static void add_effect(const graph *g, const plan *p, int index, double *effect,
                       int64_t channels)
{
    if (index < 0)
        return;
    const float *gradient = plan_gradient(p, index);
    const float *w = tensor_f32(g->parameters[index].data);
    int64_t length = tensor_count(g->parameters[index].data) / channels;
    for (int64_t c = 0; gradient && c < channels; c++)
        for (int64_t i = c * length; i < (c + 1) * length; i++)
            effect[c] += (double)gradient[i] * (double)w[i];
}

/* To first order the loss changes by the sum of gradient times weight when a channel goes:
   of scale and shift behind it where there is a batch norm, before which a filter's own sum
   is zero; else of filter and bias.  Its square is what counts.
   Source: Molchanov et al. 2019, arXiv:1906.10771, section 3. */
static status see_effects(void *context, const graph *g, const plan *p, double share,
                          error *e)
{
    channel_evidence *v = context;
    for (int i = 0; i < g->node_count; i++) {
        const parameter *weight = channel_weight(g, i);
        if (!weight)
            continue;
        int64_t channels = tensor_shape(weight->data).dim[0];
        int out = g->nodes[i].output, norm = channel_norm_behind(g, i);
        TRY(new_seen(v, out, channels, e));
        double *effect = memory_new(channels, sizeof *effect, e);
        if (!effect)
            return E_MEMORY;
        const int *of = g->nodes[norm < 0 ? i : norm].parameters;
        add_effect(g, p, of[norm < 0 ? ROLE_WEIGHT : ROLE_SCALE], effect, channels);
        add_effect(g, p, of[norm < 0 ? ROLE_BIAS : ROLE_SHIFT], effect, channels);
        for (int64_t c = 0; c < channels; c++)
            v->seen[out][c] += share * effect[c] * effect[c];
        memory_free(effect);
    }
    return E_OK;
}

status channel_evidence_gather(const model *m, const channel_settings *s,
                               const task *watch, channel_evidence *v, error *e)
{
    const channel_evidence_kind kind = s->criterion->evidence;
    const look_settings at = {.data = s->data,
                              .samples = s->samples,
                              .batch = s->batch,
                              .seed = s->seed,
                              .gradients = kind == EVIDENCE_GRADIENTS,
                              .loss = s->loss,
                              .terms = s->terms};
    *v = (channel_evidence){.graph = m->graph, .seed = s->seed};
    v->seen = memory_new(m->graph->value_count, sizeof *v->seen, e);
    if (!v->seen)
        return E_MEMORY;
    if (kind == EVIDENCE_NONE)
        return E_OK;
    if (s->data)
        return look("prune", m, &at, watch, at.gradients ? see_effects : see_activations,
                    v, e);
    fail(e, E_USAGE, "prune: criterion=%s looks at data", s->criterion->name);
    return fail_hint(e, "add data=NAME");
}

void channel_evidence_clear(channel_evidence *v)
{
    for (int i = 0; v->seen && i < v->graph->value_count; i++)
        memory_free(v->seen[i]);
    memory_free(v->seen);
    *v = (channel_evidence){0};
}
