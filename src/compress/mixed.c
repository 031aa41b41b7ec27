/* SPDX-License-Identifier: GPL-3.0-or-later
   mixed.c -- bits for each layer, by measured loss against measured time and bytes.  What
   a layer costs by itself is sensitivity.c's. */
#include "compress/mixed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "compress/sensitivity.h"
#include "measure/evaluate.h"
#include "measure/latency.h"

#define BATCH     16
#define TIMES     7 /* runs whose median counts */
#define TOLERANCE 0.005
#define LEAST     1e-6 /* loss below which layers are told apart by what they save */

typedef struct layer_facts {
    int number;
    double usual, narrow; /* loss with this layer alone at the usual bits, at fewer */
    double bytes, ms;     /* shares of the model: weights; time that integers save */
    double rank;
} layer_facts;

typedef struct choosing {
    const model *m;
    const dataset *d;
    const mixed_settings *s;
    const task *watch;
    int64_t *index, n;
    layer_facts *facts; /* in the order in which they are taken */
    mixed_choice *c;
} choosing;

void mixed_clear(mixed_choice *c)
{
    memory_free(c->bits);
    *c = (mixed_choice){0};
}

double mixed_loss(const metric_row *metric, double own, double value)
{
    double gap = metric->higher_is_better ? own - value : value - own;
    bool share = metric->unit && strcmp(metric->unit, "1") == 0;
    return share ? gap : gap / fabs(own);
}

static double mean(const double *x, int64_t n)
{
    double sum = 0;
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if (isfinite(x[i])) {
            sum += x[i];
            count++;
        }
    return sum / (double)count;
}

static status measure(choosing *j, const model *m, double *value, error *e)
{
    double *each = memory_new(j->n, sizeof *each, e);
    status s = each ? evaluate_samples(m, j->d, j->index, j->n, BATCH, j->watch,
                                       &j->c->metric, each, e)
                    : E_MEMORY;
    if (!s)
        *value = mean(each, j->n);
    memory_free(each);
    return s;
}

/* ---- facts ---- */

static void take(void *context, const sensitivity_row *row)
{
    choosing *j = context;
    layer_facts *f = &j->facts[row->layer];
    double loss = mixed_loss(j->c->metric, row->value - row->change, row->value);
    if (row->level == MIXED_NARROW)
        f->narrow = loss;
    else
        f->usual = loss;
}

static status find_losses(choosing *j, error *e)
{
    const double levels[] = {j->s->quantize.bits, MIXED_NARROW};
    sensitivity_settings s = {.kind = SENSITIVITY_BITS,
                              .levels = levels,
                              .level_count = 2,
                              .metric = j->c->metric,
                              .tolerance = TOLERANCE,
                              .most = j->n,
                              .quantize = j->s->quantize};
    const metric_row *metric;
    for (int i = 0; i < j->c->layers; i++)
        j->facts[i].usual = j->facts[i].narrow = (double)INFINITY;
    s.quantize.corrections = 0;
    return sensitivity_measure(j->m, j->d, j->index, j->n, &s, j->watch, take, j, &metric,
                               e);
}

/* Milliseconds of node NAME in STEPS, or 0 where it is none of its own. */
static double time_of(const table *steps, const char *name)
{
    int64_t column = table_column(steps, "node");
    double ms = 0;
    for (int64_t row = 0; column >= 0 && row < steps->row_count; row++)
        if (text_equal(table_get(steps, row, column)->words, name) &&
            table_number(steps, row, "median_ms", &ms))
            return ms;
    return 0;
}

static status quantized(const choosing *j, const int *bits, model **made, error *e)
{
    quantize_settings q = j->s->quantize;
    q.layer_bits = bits;
    *made = model_copy(j->m, e);
    if (!*made)
        return E_MEMORY;
    status s = quantize_model(*made, &q, j->d, j->watch, e);
    if (!s)
        return E_OK;
    model_free(*made);
    *made = NULL;
    return s;
}

static status time_layers(choosing *j, const model *integers, error *e)
{
    latency_settings s = {.batch = 1, .rounds = TIMES, .seed = 1};
    size_t arena, live;
    double total = 0;
    table *was = latency_steps(j->m, &s, j->watch, &arena, &live, e);
    table *is = was ? latency_steps(integers, &s, j->watch, &arena, &live, e) : NULL;
    for (int64_t row = 0; is && row < was->row_count; row++) {
        double ms;
        total += table_number(was, row, "median_ms", &ms) ? ms : 0;
    }
    for (int i = 0; is && i < j->c->layers; i++) {
        const char *name = quantize_layer_at(j->m->graph, i)->name;
        double saved = time_of(was, name) - time_of(is, name);
        j->facts[i].ms = total > 0 && saved > 0 ? saved / total : 0;
    }
    status code = is ? E_OK : e ? e->code : E_MEMORY;
    table_free(was);
    table_free(is);
    return code;
}

static void weigh_layers(choosing *j)
{
    double total = 0;
    for (int i = 0; i < j->c->layers; i++) {
        const node *n = quantize_layer_at(j->m->graph, i);
        j->facts[i].number = i;
        j->facts[i].bytes =
            (double)tensor_count(graph_parameter(j->m->graph, n, ROLE_WEIGHT)->data);
        total += j->facts[i].bytes;
    }
    for (int i = 0; i < j->c->layers; i++)
        j->facts[i].bytes /= total;
}

/* ---- order ---- */

static int highest_first(const void *a, const void *b)
{
    const layer_facts *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? 1 : -1;
    return x->number - y->number;
}

static void order(choosing *j, bool widen)
{
    for (int i = 0; i < j->c->layers; i++) {
        layer_facts *f = &j->facts[i];
        f->rank = widen ? fmax(f->usual, LEAST) / (f->bytes + f->ms + LEAST)
                        : -fmax(f->narrow, LEAST) / (f->bytes + LEAST);
    }
    qsort(j->facts, (size_t)j->c->layers, sizeof *j->facts, highest_first);
}

/* The first COUNT in the order get BITS. */
static void set_bits(const choosing *j, int count, int bits)
{
    for (int i = 0; i < j->c->layers; i++)
        j->c->bits[j->facts[i].number] = i < count ? bits : 0;
}

/* ---- the search ---- */

static status try_bits(choosing *j, int count, int bits, double *value, error *e)
{
    model *made;
    set_bits(j, count, bits);
    TRY(quantized(j, j->c->bits, &made, e));
    status s = measure(j, made, value, e);
    model_free(made);
    j->c->tried++;
    return s;
}

static bool is_within(const choosing *j, double value)
{
    return mixed_loss(j->c->metric, j->c->own, value) <= j->s->budget;
}

/* The fewest wide layers (WIDEN), or the most narrow ones, within the budget: INSIDE is a
   number that is, OUTSIDE one that is not. */
static status halve(choosing *j, bool widen, int inside, int outside, error *e)
{
    const int bits = widen ? QUANTIZE_WIDE : MIXED_NARROW;
    while (abs(inside - outside) > 1) {
        int middle = (inside + outside) / 2;
        double value;
        TRY(try_bits(j, middle, bits, &value, e));
        if (is_within(j, value)) {
            inside = middle;
            j->c->value = value;
        } else {
            outside = middle;
        }
    }
    set_bits(j, inside, bits);
    j->c->wide = widen ? inside : 0;
    j->c->narrow = widen ? 0 : inside;
    return E_OK;
}

static status search(choosing *j, error *e)
{
    const int layers = j->c->layers;
    double value;
    order(j, true);
    TRY(try_bits(j, 0, QUANTIZE_WIDE, &j->c->value, e));
    j->c->met = is_within(j, j->c->value);
    if (j->c->met) {
        order(j, false);
        TRY(try_bits(j, layers, MIXED_NARROW, &value, e));
        if (!is_within(j, value))
            return halve(j, false, 0, layers, e);
        j->c->value = value;
        j->c->narrow = layers;
        return E_OK;
    }
    /* One layer in integers is the least that can be. */
    TRY(try_bits(j, layers - 1, QUANTIZE_WIDE, &value, e));
    j->c->met = is_within(j, value);
    if (!j->c->met && !metric_better(j->c->metric, value, j->c->value)) {
        set_bits(j, 0, QUANTIZE_WIDE);
        return E_OK;
    }
    j->c->value = value;
    j->c->wide = layers - 1;
    return j->c->met ? halve(j, true, layers - 1, 0, e) : E_OK;
}

static status choose(choosing *j, error *e)
{
    model *integers;
    TRY(measure(j, j->m, &j->c->own, e));
    TRY(find_losses(j, e));
    weigh_layers(j);
    TRY(quantized(j, NULL, &integers, e));
    status s = time_layers(j, integers, e);
    model_free(integers);
    return s ? s : search(j, e);
}

status mixed_choose(const model *m, const dataset *d, const mixed_settings *s,
                    const task *watch, mixed_choice *c, error *e)
{
    choosing j = {.m = m, .d = d, .s = s, .watch = watch, .c = c};
    *c = (mixed_choice){.layers = quantize_layers(m->graph), .metric = s->metric};
    if (quantize_is_done(m->graph))
        return fail(e, E_USAGE, "quantize: the model is quantized already");
    TRY(dataset_split_index(d, SPLIT_VAL, &j.index, &j.n, e));
    random_stream r = random_new(s->quantize.seed, "mixed", 0);
    random_shuffle(&r, j.index, j.n);
    j.n = j.n < s->samples ? j.n : s->samples;
    c->bits = memory_new(c->layers, sizeof *c->bits, e);
    j.facts = c->bits ? memory_new(c->layers, sizeof *j.facts, e) : NULL;
    status code;
    if (j.n < 2) {
        code = fail(e, E_RANGE,
                    "quantize: mixed=auto judges on split val, which has %lld "
                    "samples, wanted two or more",
                    (long long)j.n);
        fail_hint(e, "split it first: split DATA train=.6 val=.2 test=.2");
    } else {
        code = j.facts ? choose(&j, e) : E_MEMORY;
    }
    memory_free(j.facts);
    memory_free(j.index);
    return code;
}
