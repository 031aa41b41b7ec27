/* SPDX-License-Identifier: GPL-3.0-or-later
   plan_describe.c -- a plan as a table: which kernel runs each node, and its time. */
#include "engine/plan_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/cpu.h"
#include "base/text.h"

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_ms(const step *s)
{
    double times[STEP_TIMES];
    size_t n = (size_t)(s->time_count < STEP_TIMES ? s->time_count : STEP_TIMES);
    memcpy(times, s->seconds, n * sizeof *times);
    qsort(times, n, sizeof *times, ascending);
    return 1e3 * (n % 2 ? times[n / 2] : (times[n / 2 - 1] + times[n / 2]) / 2);
}

static const char *type_word(const operation *op)
{
    return op->integer ? "s8" : precision_name(op->precision);
}

/* The step that runs inside of S, or NULL. */
static const step *first_of(const plan *p, const step *s)
{
    for (int i = 0; s->op.first && i < p->step_count; i++)
        if (&p->steps[i].op == s->op.first)
            return &p->steps[i];
    return NULL;
}

static void add_words(const plan *p, const step *s, text *out)
{
    const operation *op = &s->op;
    const operator_methods *m = op->method ? op->node->op->methods : NULL;
    const char *detail = m && m->detail ? m->detail(op) : NULL;
    text_addf(out, "%s %s", op->node->op->name, type_word(op));
    if (m)
        text_addf(out, " %s", m->name(op, op->method));
    if (detail)
        text_addf(out, " %s", detail);
    if (s->norm >= 0)
        text_addf(out, " + %s", p->graph->nodes[s->norm].op->name);
    if (s->act >= 0)
        text_addf(out, " + %s", p->graph->nodes[s->act].op->name);
}

static void kernel_words(const plan *p, const step *s, text *out)
{
    const step *first = first_of(p, s);
    if (first) {
        add_words(p, first, out);
        text_add(out, " + ");
    }
    add_words(p, s, out);
}

/* ---- how near the step comes to what the machine can do ---- */

/* Read and written by the step, at least: inputs, output, parameters; not what lies in the
   output already. */
static double bytes_moved(const plan *p, const step *s)
{
    const node *n = s->op.node;
    const step *first = first_of(p, s);
    double bytes = (double)plan_value_bytes(p, s->output);
    if (first)
        bytes += bytes_moved(p, first) - 2 * (double)plan_value_bytes(p, first->output);
    for (int k = 0; k < n->input_count; k++)
        if (p->host[n->inputs[k]] == n->output)
            bytes -= (double)plan_value_bytes(p, n->inputs[k]);
        else if (k != 1 || !n->op->second_is_shape)
            bytes += (double)plan_value_bytes(p, n->inputs[k]);
    for (int role = 0; role < ROLE_COUNT; role++) {
        const parameter *q = s->op.parameters[role];
        if (q)
            bytes += (double)tensor_bytes(s->op.integer && q->codes ? q->codes : q->data);
    }
    return bytes;
}

static double multiply_limit(const calibration_limits *l, const operation *op)
{
    return op->integer ? l->s8 : op->precision == PRECISION_BF16 ? l->bf16 : l->f32;
}

/* The larger of the shares of the multiply rate and of the bandwidth; NaN where nothing
   was measured. */
static double share_of_limit(const plan *p, const step *s, double multiply_adds)
{
    const calibration *c = calibration_get(cpu_threads());
    if (!c || !s->time_count)
        return NAN;
    double seconds = 1e-3 * median_ms(s), bytes = bytes_moved(p, s);
    double products = multiply_limit(&c->limits, &s->op),
           band = bytes <= c->limits.cache_bytes ? c->limits.cache : c->limits.memory;
    double share = products > 0 ? multiply_adds / seconds / products : 0;
    return fmax(share, band > 0 ? bytes / seconds / band : 0);
}

static void put_work(table *t, const plan *p, const step *s, double multiply_adds)
{
    if (multiply_adds > 0) {
        table_real(t, "gflop", 2e-9 * multiply_adds);
        table_none(t, "megabytes");
    } else {
        table_none(t, "gflop");
        table_real(t, "megabytes", 1e-6 * bytes_moved(p, s));
    }
    if (s->time_count)
        table_real(t, "median_ms", median_ms(s));
    double limit = share_of_limit(p, s, multiply_adds);
    if (isnan(limit))
        table_none(t, "limit");
    else
        table_real(t, "limit", limit);
}

/* Of one sample, with those of what runs inside. */
static int64_t products_of(const plan *p, const step *s)
{
    const step *first = first_of(p, s);
    operation_cost c = {0};
    if (s->op.node->op->cost)
        s->op.node->op->cost(s->op.node, s->op.in, s->op.out, &c);
    return c.multiply_adds + (first ? products_of(p, first) : 0);
}

table *plan_describe(const plan *p, error *e)
{
    table *t = table_new(e);
    if (!t)
        return NULL;
    for (int i = 0; i < p->step_count; i++) {
        const step *s = &p->steps[i];
        if (s->inside >= 0)
            continue;
        char words[128];
        text kernel = {0};
        kernel_words(p, s, &kernel);
        int64_t multiply_adds = p->batch * products_of(p, s);
        table_row(t);
        table_text(t, "node", s->op.node->name);
        table_text(t, "kernel", text_get(&kernel));
        table_text(t, "shape", shape_text(words, s->op.out));
        table_integer(t, "multiply_adds", multiply_adds);
        table_integer(t, "bytes", (int64_t)plan_value_bytes(p, s->output));
        put_work(t, p, s, (double)multiply_adds);
        text_clear(&kernel);
    }
    if (table_ok(t, e)) {
        table_free(t);
        return NULL;
    }
    return t;
}
