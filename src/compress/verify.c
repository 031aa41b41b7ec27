/* SPDX-License-Identifier: GPL-3.0-or-later
   verify.c -- two plans on the same batches, and the sums of squares of what differs.
   Nothing is changed, and no sample is kept. */
#include "compress/verify.h"

#include <math.h>
#include "base/memory.h"
#include "base/parallel.h"
#include "compress/pairing.h"
#include "compress/quantize.h"
#include "engine/plan.h"
#include "graph/op_integer.h"
#include "graph/operator.h"
#include "kernel/integer.h"

#define BATCH 4
#define GRAIN 65536
#define PARTS 1024 /* of one value's sums: cut by its size alone */

typedef struct comparison {
    const model *m, *reference; /* the latter prepared; owned */
    int *source;                /* [values of reference] */
    int *row;                   /* [values of reference] its row, or -1 */
    plan *deployed, *original;
    const task *watch;
} comparison;

double verify_decibels(double signal, double noise)
{
    if (signal == 0 && noise == 0)
        return (double)NAN;
    return noise == 0 ? (double)INFINITY : 10 * log10(signal / noise);
}

void verify_clear(verification *v)
{
    for (int i = 0; i < v->count; i++)
        memory_free(v->rows[i].name);
    memory_free(v->rows);
    *v = (verification){0};
}

static bool runs_in_integers(const graph *g)
{
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i].type == DTYPE_S8)
            return true;
    return false;
}

/* ---- rows ---- */

/* Is VALUE in front of a ReLU that the deployed layer has as its clamp? */
static bool is_clamped(const comparison *c, int value)
{
    const graph *g = c->reference->graph;
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i].op == &op_relu && g->nodes[i].inputs[0] == value &&
            c->source[g->nodes[i].output] == c->source[value])
            return true;
    return false;
}

/* The node whose weight makes VALUE: its producer, or the layer before a clamp. */
static const node *layer_of(const comparison *c, int value)
{
    const graph *g = c->reference->graph;
    const node *n = &g->nodes[g->values[value].producer];
    if (n->op == &op_relu && is_clamped(c, n->inputs[0]) &&
        g->values[n->inputs[0]].producer >= 0)
        n = &g->nodes[g->values[n->inputs[0]].producer];
    return n;
}

static void compare_weights(const comparison *c, const node *n, verify_row *row)
{
    const parameter *was = graph_parameter(c->reference->graph, n, ROLE_WEIGHT);
    int at = was ? graph_find_parameter(c->m->graph, was->name) : -1;
    const parameter *is = at < 0 ? NULL : &c->m->graph->parameters[at];
    if (!is || !shape_equal(tensor_shape(is->data), tensor_shape(was->data)))
        return;
    const float *x = tensor_f32(was->data), *y = tensor_f32(is->data);
    row->weight_bits = is->quantizer ? is->quantizer->bits : 32;
    for (int64_t i = 0; i < tensor_count(was->data); i++) {
        double gap = (double)x[i] - (double)y[i];
        row->weight_signal += (double)x[i] * (double)x[i];
        row->weight_noise += gap * gap;
    }
}

static status add_row(const comparison *c, int value, verification *v, error *e)
{
    const node *n = layer_of(c, value);
    verify_row *row = &v->rows[v->count];
    *row = (verify_row){.op = n->op->name};
    row->name = memory_text(n->name, e);
    if (!row->name)
        return E_MEMORY;
    row->type = c->m->graph->values[c->source[value]].type;
    compare_weights(c, n, row);
    c->row[value] = v->count++;
    return E_OK;
}

static status make_rows(const comparison *c, verification *v, error *e)
{
    const graph *g = c->reference->graph;
    v->rows = memory_new(g->node_count, sizeof *v->rows, e);
    if (!v->rows)
        return E_MEMORY;
    for (int i = 0; i < g->value_count; i++)
        c->row[i] = -1;
    for (int i = 0; i < g->node_count; i++) {
        int value = g->nodes[i].output;
        if (c->source[value] >= 0 && !is_clamped(c, value))
            TRY(add_row(c, value, v, e));
    }
    return E_OK;
}

/* ---- sums ---- */

typedef struct sums {
    const float *x;
    const void *y;
    bool coded;
    integer_format format;
    int32_t low; /* the code that counts as the lower end; less than any: none does */
    int64_t n, part;
    double signal[PARTS], noise[PARTS];
    int64_t saturated[PARTS];
} sums;

static void sum_part(void *context, int64_t i, int thread)
{
    sums *s = context;
    int64_t end = (i + 1) * s->part < s->n ? (i + 1) * s->part : s->n;
    (void)thread;
    for (int64_t k = i * s->part; k < end; k++) {
        double x = (double)s->x[k], y;
        if (s->coded) {
            int32_t q = ((const int8_t *)s->y)[k];
            y = (double)integer_decode(q, s->format);
            s->saturated[i] += q == s->low || q == s->format.high;
        } else {
            y = (double)((const float *)s->y)[k];
        }
        s->signal[i] += x * x;
        s->noise[i] += (x - y) * (x - y);
    }
}

static status compare_value(const comparison *c, int value, sums *s, verify_row *row,
                            error *e)
{
    int from = c->source[value];
    const struct value *deployed = &c->m->graph->values[from];
    shape was = plan_value_shape(c->original, value);
    shape is = plan_value_shape(c->deployed, from);
    if (!shape_equal(was, is))
        return fail(e, E_SHAPE, "verify: %s has other shapes in both models", row->name);
    *s = (sums){.x = plan_value(c->original, value), .y = plan_value(c->deployed, from)};
    s->n = shape_count(was);
    s->part = (s->n + PARTS - 1) / PARTS;
    s->part = s->part < 4096 ? 4096 : s->part;
    s->coded = deployed->type == DTYPE_S8;
    if (s->coded) {
        s->format = integer_format_of(deployed->quantizer);
        s->low = s->format.zero == s->format.low ? INT32_MIN : s->format.low;
    }
    int64_t parts = (s->n + s->part - 1) / s->part;
    parallel_for(parts, sum_part, s);
    for (int64_t i = 0; i < parts; i++) {
        row->signal += s->signal[i];
        row->noise += s->noise[i];
        row->saturated += s->saturated[i];
    }
    row->elements += s->n;
    return E_OK;
}

static status compare_batch(comparison *c, const dataset *d, const int64_t *index,
                            int64_t n, sums *s, verification *v, error *e)
{
    int64_t now[BATCH];
    for (int64_t i = 0; i < BATCH; i++)
        now[i] = index[i < n ? i : n - 1];
    TRY(dataset_batch(d, &c->reference->input_transform, now, BATCH,
                      plan_input(c->original), NULL, NULL, e));
    TRY(dataset_batch(d, &c->m->input_transform, now, BATCH, plan_input(c->deployed),
                      NULL, NULL, e));
    TRY(plan_forward(c->original, 0, 0, e));
    TRY(plan_forward(c->deployed, 0, 0, e));
    for (int value = 0; value < c->reference->graph->value_count; value++)
        if (c->row[value] >= 0)
            TRY(compare_value(c, value, s, &v->rows[c->row[value]], e));
    v->samples += n;
    return E_OK;
}

static plan *keeping_plan(const model *m, const dataset *d, error *e)
{
    plan *p =
        plan_new_inference(m->graph, BATCH, batch_input_shape(d, &m->input_transform), e);
    if (p && (plan_keep_values(p, e) || plan_start(p, e))) {
        plan_free(p);
        return NULL;
    }
    return p;
}

static status compare_all(comparison *c, const dataset *d, const int64_t *index,
                          int64_t n, verification *v, error *e)
{
    sums *s = memory_new(1, sizeof *s, e);
    status code = s ? E_OK : E_MEMORY;
    for (int64_t done = 0; done < n && !code; done += BATCH) {
        if (task_cancelled(c->watch)) {
            code = fail(e, E_STOPPED, "verify: stopped after %lld of %lld samples",
                        (long long)done, (long long)n);
            break;
        }
        int64_t left = n - done < BATCH ? n - done : BATCH;
        code = compare_batch(c, d, index + done, left, s, v, e);
        progress report = {.stage = "verify", .unit = "sample", .total = n};
        report.done = done + left;
        report.loss = report.metric = (double)NAN;
        task_report(c->watch, &report);
    }
    memory_free(s);
    return code;
}

static status prepare(comparison *c, const model *reference, error *e)
{
    model *copy = model_copy(reference, e);
    c->reference = copy;
    if (!copy)
        return E_MEMORY;
    if (runs_in_integers(c->m->graph) && !runs_in_integers(copy->graph))
        TRY(quantize_prepare(copy->graph, e));
    int values = copy->graph->value_count;
    c->source = memory_new(values, sizeof *c->source, e);
    c->row = c->source ? memory_new(values, sizeof *c->row, e) : NULL;
    return c->row ? pair_values(copy->graph, c->m->graph, c->source, e) : E_MEMORY;
}

status verify_models(const model *reference, const model *m, const dataset *d,
                     const int64_t *index, int64_t n, const task *watch, verification *v,
                     error *e)
{
    comparison c = {.m = m, .watch = watch};
    *v = (verification){0};
    if (n < 1)
        return fail(e, E_RANGE, "verify: no samples, wanted at least one");
    status s = prepare(&c, reference, e);
    if (!s)
        s = make_rows(&c, v, e);
    if (!s) {
        c.original = keeping_plan(c.reference, d, e);
        c.deployed = c.original ? keeping_plan(m, d, e) : NULL;
        s = c.deployed ? compare_all(&c, d, index, n, v, e) : e ? e->code : E_MEMORY;
    }
    plan_free(c.original);
    plan_free(c.deployed);
    model_free((model *)c.reference);
    memory_free(c.source);
    memory_free(c.row);
    return s;
}
