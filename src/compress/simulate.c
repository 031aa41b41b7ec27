/* SPDX-License-Identifier: GPL-3.0-or-later
   simulate.c -- the deployed model beside the trained one: its codes follow the trained
   weights, its values are given to the training plan.  It updates no weight. */
#include "compress/simulate.h"

#include <string.h>
#include "base/memory.h"
#include "base/parallel.h"
#include "compress/learned.h"
#include "compress/pairing.h"
#include "engine/plan.h"
#include "graph/op_integer.h"
#include "graph/operator.h"
#include "kernel/integer.h"

#define PLANS 2 /* whole batches, and the odd one at an epoch's end */
#define GRAIN 65536

struct simulation {
    train_simulation hooks;
    quantize_settings settings;
    model *deployed;
    graph *decoded;     /* the trained graph, its weights what the codes mean */
    int *source;        /* [values of decoded] the value of the deployed graph, or -1 */
    plan *plans[PLANS]; /* of the deployed graph */
    int64_t sizes[PLANS];
    learned_ranges learned; /* where ranges are trained */
    learned_scales scales;  /* where those of weights are */
    bool trains_scales;
    double rate;   /* of their steps */
    int oldest;    /* of the plans */
    plan *current; /* that ran last */
};

static void forget(simulation *s)
{
    for (int i = 0; i < PLANS; i++)
        plan_free(s->plans[i]);
    memset(s->plans, 0, sizeof s->plans);
    s->current = NULL;
    model_free(s->deployed);
    graph_free(s->decoded);
    memory_free(s->source);
    learned_clear(&s->learned);
    learned_scales_clear(&s->scales);
    s->deployed = NULL;
    s->decoded = NULL;
    s->source = NULL;
}

void simulation_free(simulation *s)
{
    if (!s)
        return;
    forget(s);
    memory_free(s);
}

const train_simulation *simulation_of(const simulation *s)
{
    return &s->hooks;
}

static status enter(void *self, model *m, error *e)
{
    (void)self;
    TRY(quantize_prepare(m->graph, e));
    for (int i = 0; i < m->graph->node_count; i++)
        if (m->graph->nodes[i].op == &op_batch_norm) {
            fail(e, E_USAGE, "qat: %s cannot be folded into a layer",
                 m->graph->nodes[i].name);
            return fail_hint(e, "quantize the trained model instead");
        }
    return E_OK;
}

static status find_sources(simulation *s, error *e)
{
    const graph *g = s->decoded;
    s->source = memory_new(g->value_count, sizeof *s->source, e);
    if (!s->source)
        return E_MEMORY;
    TRY(pair_values(g, s->deployed->graph, s->source, e));
    for (int v = 0; v < g->value_count; v++)
        if (s->source[v] < 0)
            return fail(e, E_NAME, "qat: the deployed model lacks a value of %s",
                        g->nodes[g->values[v].producer].name);
    return E_OK;
}

/* Ranges that are trained are observed once: values have them from then on. */
static status begin_ranges(simulation *s, model *m, const dataset *d, const task *watch,
                           error *e)
{
    if (!s->settings.given)
        return E_OK;
    TRY(learned_new(&s->learned, m->graph->value_count, e));
    return m->graph->values[m->graph->input].quantizer
               ? E_OK
               : quantize_observe(m, &s->settings, d, watch, e);
}

static status begin(void *self, model *m, const dataset *d, const task *watch, error *e)
{
    simulation *s = self;
    forget(s);
    TRY(begin_ranges(s, m, d, watch, e));
    s->deployed = model_copy(m, e);
    s->decoded = graph_copy(m->graph, e);
    if (!s->deployed || !s->decoded)
        return E_MEMORY;
    TRY(quantize_model(s->deployed, &s->settings, d, watch, e));
    if (s->trains_scales)
        TRY(learned_scales_new(&s->scales, m->graph, s->deployed->graph, e));
    return find_sources(s, e);
}

/* ---- a batch ---- */

static graph *trained(void *self)
{
    return ((simulation *)self)->decoded;
}

static status give(void *self, int value, float *y, error *e)
{
    simulation *s = self;
    int from = s->source[value];
    const struct value *v = &s->deployed->graph->values[from];
    int64_t n = shape_count(plan_value_shape(s->current, from));
    const void *x = plan_value(s->current, from);
    if (!x)
        return fail(e, E_USAGE, "qat: a value of the deployed model was not kept");
    if (v->type == DTYPE_S8)
        integer_dequantize(x, n, integer_format_of(v->quantizer), y);
    else
        memcpy(y, x, (size_t)n * sizeof *y);
    return E_OK;
}

typedef struct cutting {
    const int8_t *codes;
    int8_t low, high;
    float *gradient;
} cutting;

static void cut_range(void *context, int64_t begin_at, int64_t end, int thread)
{
    const cutting *c = context;
    (void)thread;
    for (int64_t i = begin_at; i < end; i++)
        if (c->codes[i] <= c->low || c->codes[i] >= c->high)
            c->gradient[i] = 0.0f;
}

/* A value at an end of its range would not follow. */
static void cut_saturated(void *self, int value, float *gradient)
{
    simulation *s = self;
    int from = s->source[value];
    const struct value *v = &s->deployed->graph->values[from];
    if (v->type != DTYPE_S8)
        return;
    integer_format f = integer_format_of(v->quantizer);
    int64_t n = shape_count(plan_value_shape(s->current, from));
    if (s->settings.given)
        learned_add(&s->learned, value, plan_value(s->current, from), n, v->quantizer,
                    gradient);
    cutting c = {plan_value(s->current, from), (int8_t)f.low, (int8_t)f.high, gradient};
    parallel_range(n, GRAIN, cut_range, &c);
}

static status attach(void *self, plan *p, error *e)
{
    return plan_simulate(p, give, cut_saturated, self, e);
}

static status plan_of(simulation *s, int64_t batch, shape in, error *e)
{
    for (int i = 0; i < PLANS; i++)
        if (s->plans[i] && s->sizes[i] == batch) {
            s->current = s->plans[i];
            s->oldest = 1 - i;
            return E_OK;
        }
    int at = s->oldest;
    plan_free(s->plans[at]);
    s->plans[at] = plan_new_inference(s->deployed->graph, batch, in, e);
    if (!s->plans[at])
        return e ? e->code : E_MEMORY;
    TRY(plan_keep_values(s->plans[at], e));
    s->sizes[at] = batch;
    s->current = s->plans[at];
    s->oldest = 1 - at;
    return plan_start(s->current, e);
}

/* The codes of the weights of G, and what they mean. */
static status follow(simulation *s, graph *g, error *e)
{
    if (s->settings.given)
        learned_step(&s->learned, g, s->deployed->graph, s->source, s->rate);
    if (s->trains_scales)
        learned_scales_step(&s->scales, g, s->rate);
    TRY(quantize_weights_again(s->deployed->graph, g, &s->settings, e));
    for (int i = 0; i < s->decoded->parameter_count; i++) {
        parameter *p = &s->decoded->parameters[i];
        int at = graph_find_parameter(s->deployed->graph, p->name);
        if (at < 0)
            return fail(e, E_NAME, "qat: the deployed model has no %s", p->name);
        tensor *data = tensor_share(s->deployed->graph->parameters[at].data, e);
        if (!data)
            return E_MEMORY;
        tensor_free(p->data);
        p->data = data;
    }
    return E_OK;
}

static status forward(void *self, graph *g, plan *p, uint64_t seed, uint64_t run,
                      error *e)
{
    simulation *s = self;
    shape in = plan_value_shape(p, s->decoded->input), one = {.rank = in.rank - 1};
    for (int i = 0; i < one.rank; i++)
        one.dim[i] = in.dim[i + 1];
    TRY(follow(s, g, e));
    TRY(plan_of(s, in.dim[0], one, e));
    memcpy(plan_input(s->current), plan_value(p, s->decoded->input),
           (size_t)shape_count(in) * sizeof(float));
    TRY(plan_forward(s->current, 0, 0, e));
    return plan_forward_given(p, seed, run, e);
}

static void pass_gradient(void *self, const graph *g, int number, double share,
                          float *gradient)
{
    simulation *s = self;
    if (s->trains_scales)
        learned_scales_add(&s->scales, g, s->deployed->graph, number, share, gradient);
}

static status deployed(void *self, graph *g, const model **m, error *e)
{
    simulation *s = self;
    TRY(follow(s, g, e));
    *m = s->deployed;
    return E_OK;
}

simulation *simulation_new(const train_settings *t, error *e)
{
    const train_quantization *q = &t->quantization;
    const observer_row *observer = q->observer[0] ? observer_find(q->observer) : NULL;
    if (q->observer[0] && !observer) {
        fail(e, E_NAME, "qat: there is no observer '%.40s'", q->observer);
        return NULL;
    }
    simulation *s = memory_new(1, sizeof *s, e);
    if (!s)
        return NULL;
    s->settings = (quantize_settings){.scheme = QUANTIZE_STATIC,
                                      .bits = (int)q->bits,
                                      .grain = q->grain,
                                      .keep_first = q->keep_first,
                                      .keep_last = q->keep_last,
                                      .samples = q->samples,
                                      .observer = observer,
                                      .given = (q->learned & 1) != 0,
                                      .seed = t->seed};
    s->trains_scales = (q->learned & 2) != 0;
    s->rate = t->rates.learning_rate;
    s->hooks = (train_simulation){.from = q->from,
                                  .self = s,
                                  .enter = enter,
                                  .begin = begin,
                                  .trained = trained,
                                  .attach = attach,
                                  .forward = forward,
                                  .gradient = pass_gradient,
                                  .deployed = deployed};
    return s;
}
