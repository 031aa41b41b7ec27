/* SPDX-License-Identifier: GPL-3.0-or-later
   doctor_values.c -- what flows between layers, gathered over samples, and the checks that
   look at it.  No sample is kept. */
#include "compress/doctor_parts.h"

#include <math.h>

#include "base/memory.h"
#include "engine/plan.h"
#include "graph/operator.h"

enum { BATCH = 4, CHANNELS_MAX = 1 << 20 };

/* Of all codes, so many at the ends are too many; of the range, so little is too little. */
#define ENDS_MOST   0.01
#define RANGE_LEAST 0.25

/* ---- gathering ---- */

void doctor_seen_free(doctor_seen *seen, int values)
{
    for (int i = 0; seen && i < values; i++) {
        memory_free(seen[i].low);
        memory_free(seen[i].high);
    }
    memory_free(seen);
}

static status make_room(doctor_seen *v, shape s, error *e)
{
    const int64_t channels = s.rank > 1 ? s.dim[s.rank - 1] : 0;
    if (channels < 1 || channels > CHANNELS_MAX)
        return E_OK;
    v->low = memory_new(channels, sizeof *v->low, e);
    v->high = memory_new(channels, sizeof *v->high, e);
    if (!v->low || !v->high)
        return E_MEMORY;
    v->channels = channels;
    for (int64_t k = 0; k < channels; k++) {
        v->low[k] = INFINITY;
        v->high[k] = -INFINITY;
    }
    return E_OK;
}

static void see_number(doctor_seen *v, int64_t channel, float x)
{
    v->not_finite += !isfinite(x);
    v->low[channel] = x < v->low[channel] ? x : v->low[channel];
    v->high[channel] = x > v->high[channel] ? x : v->high[channel];
}

/* The first N samples of VALUE in the batch that P ran. */
static void see_value(const plan *p, const graph *g, int value, int64_t n, doctor_seen *v)
{
    const void *data = plan_value(p, value);
    const quantizer *q = g->values[value].quantizer;
    if (!data || v->channels == 0)
        return;
    const int64_t count = shape_count(plan_value_shape(p, value)) / BATCH * n;
    const int low = q ? -(1 << (q->bits - 1)) : 0, high = -low - 1;
    v->pixels += count / v->channels;
    for (int64_t i = 0; i < count; i++) {
        if (g->values[value].type != DTYPE_S8) {
            see_number(v, i % v->channels, ((const float *)data)[i]);
            continue;
        }
        const int code = ((const int8_t *)data)[i];
        see_number(v, i % v->channels,
                   q ? q->scale[0] * (float)(code - q->zero_point[0]) : (float)code);
        v->at_ends += q && (code == high || (code == low && q->zero_point[0] != low));
    }
}

static status run_batch(plan *p, const model *m, const dataset *d, const int64_t *index,
                        int64_t n, doctor_seen *seen, error *e)
{
    int64_t now[BATCH];
    for (int64_t i = 0; i < BATCH; i++)
        now[i] = index[i < n ? i : n - 1];
    TRY(dataset_batch(d, &m->input_transform, now, BATCH, plan_input(p), NULL, NULL, e));
    TRY(plan_forward(p, 0, 0, e));
    for (int i = 0; i < m->graph->value_count; i++)
        see_value(p, m->graph, i, n, &seen[i]);
    return E_OK;
}

static status run_all(plan *p, const model *m, const dataset *d, const int64_t *index,
                      int64_t n, const task *watch, doctor_seen *seen, error *e)
{
    TRY(plan_keep_values(p, e));
    TRY(plan_start(p, e));
    for (int i = 0; i < m->graph->value_count; i++)
        TRY(make_room(&seen[i], plan_value_shape(p, i), e));
    for (int64_t done = 0; done < n; done += BATCH) {
        if (task_cancelled(watch))
            return fail(e, E_STOPPED, "doctor: stopped after %lld of %lld samples",
                        (long long)done, (long long)n);
        const int64_t left = n - done < BATCH ? n - done : BATCH;
        TRY(run_batch(p, m, d, index + done, left, seen, e));
        task_report(watch, &(progress){.stage = "doctor",
                                       .unit = "sample",
                                       .done = done + left,
                                       .total = n,
                                       .loss = (double)NAN,
                                       .metric = (double)NAN});
    }
    return E_OK;
}

status doctor_watch(const model *m, const dataset *d, const int64_t *index, int64_t n,
                    const task *watch, doctor_seen **seen, error *e)
{
    *seen = memory_new(m->graph->value_count, sizeof **seen, e);
    if (!*seen)
        return E_MEMORY;
    plan *p =
        plan_new_inference(m->graph, BATCH, batch_input_shape(d, &m->input_transform), e);
    status s = p ? run_all(p, m, d, index, n, watch, *seen, e) : e ? e->code : E_MEMORY;
    plan_free(p);
    return s;
}

/* ---- checks ---- */

typedef void judge(const doctor_check *c, const doctor_subject *s, int value,
                   const doctor_seen *v, const char *layer, table *out);

/* Every value that a node makes and that was seen. */
static void for_values(const doctor_check *c, const doctor_subject *s, judge *look,
                       table *out)
{
    const graph *g = s->m->graph;
    for (int i = 0; i < g->node_count; i++) {
        const int value = g->nodes[i].output;
        if (s->seen[value].pixels > 0)
            look(c, s, value, &s->seen[value], g->nodes[i].name, out);
    }
}

static void judge_finite(const doctor_check *c, const doctor_subject *s, int value,
                         const doctor_seen *v, const char *layer, table *out)
{
    (void)s;
    (void)value;
    if (v->not_finite > 0)
        doctor_find(out, c, layer, (double)v->not_finite, "%lld of %lld numbers",
                    (long long)v->not_finite, (long long)(v->pixels * v->channels));
}

static bool is_dead(const doctor_seen *v, int64_t k)
{
    return v->low[k] == 0 && v->high[k] == 0;
}

static bool is_constant(const doctor_seen *v, int64_t k)
{
    return v->low[k] == v->high[k] && v->low[k] != 0;
}

/* Channels of which HAS holds, unless as many came in and the node has no weight of its
   own: then an earlier layer is named. */
static void judge_channels(const doctor_check *c, const doctor_subject *s, int value,
                           bool (*has)(const doctor_seen *v, int64_t k),
                           const char *layer, const char *what, table *out)
{
    const graph *g = s->m->graph;
    const node *n = &g->nodes[g->values[value].producer];
    const doctor_seen *v = &s->seen[value];
    int64_t count = 0, before = 0;
    for (int64_t k = 0; k < v->channels; k++)
        count += has(v, k);
    for (int i = 0; i < n->input_count; i++) {
        const doctor_seen *in = &s->seen[n->inputs[i]];
        for (int64_t k = 0; k < in->channels && in->pixels > 0; k++)
            before += has(in, k);
    }
    if (v->pixels < 2 || count == 0 ||
        (n->parameters[ROLE_WEIGHT] < 0 && before >= count))
        return;
    doctor_find(out, c, layer, (double)count, "%lld of %lld channels %s",
                (long long)count, (long long)v->channels, what);
}

static void judge_dead(const doctor_check *c, const doctor_subject *s, int value,
                       const doctor_seen *v, const char *layer, table *out)
{
    (void)v;
    judge_channels(c, s, value, is_dead, layer, "are always zero", out);
}

static void judge_constant(const doctor_check *c, const doctor_subject *s, int value,
                           const doctor_seen *v, const char *layer, table *out)
{
    (void)v;
    judge_channels(c, s, value, is_constant, layer, "always have one value", out);
}

/* Of numbers that become codes here: were all of them within the range, by half a step?
   Then those at its ends are where they should be. */
static bool is_within(const doctor_subject *s, int value)
{
    const graph *g = s->m->graph;
    const node *n = &g->nodes[g->values[value].producer];
    const doctor_seen *in = &s->seen[n->inputs[0]];
    const quantizer *q = g->values[value].quantizer;
    if (n->op != &op_quantize || in->pixels == 0 || !q)
        return false;
    const int first = -(1 << (q->bits - 1)), last = -first - 1;
    bool within = true;
    for (int64_t k = 0; k < in->channels; k++)
        within = within &&
                 in->low[k] >= q->scale[0] * ((float)(first - q->zero_point[0]) - 0.5f) &&
                 in->high[k] <= q->scale[0] * ((float)(last - q->zero_point[0]) + 0.5f);
    return within;
}

static void judge_ends(const doctor_check *c, const doctor_subject *s, int value,
                       const doctor_seen *v, const char *layer, table *out)
{
    const double share = (double)v->at_ends / (double)(v->pixels * v->channels);
    if (s->m->graph->values[value].type == DTYPE_S8 && share > ENDS_MOST &&
        !is_within(s, value))
        doctor_find(out, c, layer, share,
                    "%.3g of its values stand at an end of the range", share);
}

static void judge_range(const doctor_check *c, const doctor_subject *s, int value,
                        const doctor_seen *v, const char *layer, table *out)
{
    const struct value *of = &s->m->graph->values[value];
    float low = INFINITY, high = -INFINITY;
    if (of->type != DTYPE_S8 || !of->quantizer)
        return;
    for (int64_t k = 0; k < v->channels; k++) {
        low = fminf(low, v->low[k]);
        high = fmaxf(high, v->high[k]);
    }
    const double codes = (double)(1 << of->quantizer->bits) - 1;
    const double share = ((double)high - (double)low) / (of->quantizer->scale[0] * codes);
    if (share < RANGE_LEAST)
        doctor_find(out, c, layer, share, "%.3g of its range was seen, from %.3g to %.3g",
                    share, (double)low, (double)high);
}

void doctor_look_values(const doctor_check *c, const doctor_subject *s, table *out)
{
    for_values(c, s, judge_finite, out);
}

void doctor_look_dead(const doctor_check *c, const doctor_subject *s, table *out)
{
    for_values(c, s, judge_dead, out);
}

void doctor_look_constant(const doctor_check *c, const doctor_subject *s, table *out)
{
    for_values(c, s, judge_constant, out);
}

void doctor_look_saturated(const doctor_check *c, const doctor_subject *s, table *out)
{
    for_values(c, s, judge_ends, out);
}

void doctor_look_unused(const doctor_check *c, const doctor_subject *s, table *out)
{
    for_values(c, s, judge_range, out);
}
