/* SPDX-License-Identifier: GPL-3.0-or-later
   sensitivity.c -- one layer compressed at a time, and paired differences of a metric until
   their mean is known well enough. */
#include "compress/sensitivity.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/random.h"
#include "compress/prune.h"
#include "compress/sensitivity_cache.h"
#include "measure/evaluate.h"

#define FIRST  32 /* samples before the first look at the interval */
#define BATCH  16
#define WITHIN 1.96 /* standard errors on either side of a 95 % interval */

typedef struct measuring {
    const model *m;
    const dataset *d;
    const int64_t *index;
    int64_t n;
    const sensitivity_settings *s;
    const task *watch;
    const metric_row *metric;
    double *own, *other; /* [n] of the model and of the compressed one */
    int64_t known;       /* samples of OWN that are measured */
    int layers, done, total;
} measuring;

static const char *const kind_names[SENSITIVITY_KINDS] = {"bits", "prune", "weight"};

const char *sensitivity_kind_name(sensitivity_kind kind)
{
    return kind_names[kind];
}

sensitivity_kind sensitivity_kind_find(const char *name)
{
    int kind = SENSITIVITY_KINDS - 1;
    while (kind > 0 && strcmp(kind_names[kind], name) != 0)
        kind--;
    return (sensitivity_kind)kind;
}

static status prune_layer(graph *g, const node *n, double amount, error *e)
{
    /* A graph of its own with that weight alone. */
    prune_result result;
    parameter *weight = graph_parameter(g, n, ROLE_WEIGHT);
    graph alone = {.parameters = weight, .parameter_count = 1};
    return prune_weights(&alone, criterion_find("magnitude"), SCOPE_LAYER, TARGET_WEIGHTS,
                         amount, 0, &result, e);
}

/* M with layer NUMBER alone compressed; NULL on failure. */
static model *compress_one(const measuring *j, int number, double level, error *e)
{
    model *m = model_copy(j->m, e);
    status s = m ? E_OK : E_MEMORY;
    if (!s && j->s->kind == SENSITIVITY_PRUNE) {
        s = prune_layer(m->graph, quantize_layer_at(m->graph, number), level, e);
    } else if (!s) {
        quantize_settings q = j->s->quantize;
        int *bits = memory_new(j->layers, sizeof *bits, e);
        for (int i = 0; bits && i < j->layers; i++)
            bits[i] = i == number ? (int)level : QUANTIZE_WIDE;
        q.scheme = j->s->kind == SENSITIVITY_WEIGHT ? QUANTIZE_WEIGHT : QUANTIZE_STATIC;
        q.bits = q.value_bits = 8;
        q.layer_bits = bits;
        s = bits ? quantize_model(m, &q, j->d, NULL, e) : E_MEMORY;
        memory_free(bits);
    }
    if (!s)
        return m;
    model_free(m);
    return NULL;
}

static status measure_own(measuring *j, int64_t n, error *e)
{
    if (n <= j->known)
        return E_OK;
    TRY(evaluate_samples(j->m, j->d, j->index + j->known, n - j->known, BATCH, j->watch,
                         &j->metric, j->own + j->known, e));
    j->known = n;
    return E_OK;
}

/* Mean difference of the first N samples, half its interval, and the mean itself. */
static void sum_up(const measuring *j, int64_t n, sensitivity_row *row, double *half,
                   double *scale)
{
    double sum = 0, squares = 0, own = 0, other = 0, count = 0;
    for (int64_t i = 0; i < n; i++) {
        double gap = j->other[i] - j->own[i];
        if (!isfinite(gap))
            continue;
        sum += gap;
        squares += gap * gap;
        own += j->own[i];
        other += j->other[i];
        count++;
    }
    double mean = sum / count, variance = (squares - sum * mean) / (count - 1);
    *half = WITHIN * sqrt(fmax(variance, 0) / count);
    *scale = j->metric->unit && strcmp(j->metric->unit, "1") == 0 ? 1 : fabs(own / count);
    row->value = other / count;
    row->change = mean;
    row->low = mean - *half;
    row->high = mean + *half;
    row->samples = n;
}

static status measure_model(measuring *j, const model *m, sensitivity_row *row, error *e)
{
    int64_t most = j->n < j->s->most ? j->n : j->s->most, n = 0;
    for (;;) {
        int64_t next = n == 0 ? FIRST : 2 * n;
        double half, scale;
        next = next < most ? next : most;
        TRY(measure_own(j, next, e));
        TRY(evaluate_samples(m, j->d, j->index + n, next - n, BATCH, j->watch, &j->metric,
                             j->other + n, e));
        n = next;
        sum_up(j, n, row, &half, &scale);
        if (!isfinite(row->value))
            return fail(e, E_NUMERIC, "sensitivity: %s: there is no %s", row->name,
                        j->metric->name);
        /* The samples decide, or they are all there are: none differing among the first
           few is no proof. */
        if (n >= most || (n >= 2 * FIRST && half <= j->s->tolerance * scale))
            return E_OK;
    }
}

static void tell(const measuring *j)
{
    progress report = {.stage = "sensitivity", .unit = "layer", .done = j->done};
    report.total = j->total;
    report.loss = report.metric = (double)NAN;
    task_report(j->watch, &report);
}

/* Quantizing wants sums that fit and bits that are; what cannot be so has no row. */
static status measure_level(measuring *j, int number, double level,
                            sensitivity_cache *cache, sensitivity_row *row,
                            bool *measured, error *e)
{
    const node *n = quantize_layer_at(j->m->graph, number);
    const sensitivity_row *before = sensitivity_cache_find(cache, number, level);
    error refused = {0};
    *measured = true;
    *row = before ? *before : (sensitivity_row){.layer = number, .level = level};
    snprintf(row->name, sizeof row->name, "%s", n->name);
    row->elements = tensor_count(graph_parameter(j->m->graph, n, ROLE_WEIGHT)->data);
    if (before) {
        TRY(measure_own(j, 1, e)); /* says which metric it is */
        row->metric = j->metric;
        return E_OK;
    }
    model *m = compress_one(j, number, level, &refused);
    if (!m) {
        *measured = false;
        if (refused.code == E_RANGE)
            return E_OK;
        *e = refused;
        return refused.code;
    }
    status s = measure_model(j, m, row, e);
    row->metric = j->metric;
    model_free(m);
    if (!s)
        sensitivity_cache_add(cache, row);
    return s;
}

/* Of all that a number depends on. */
static uint64_t key_of(const measuring *j)
{
    const sensitivity_settings *s = j->s;
    const quantize_settings *q = &s->quantize;
    int64_t numbers[] = {(int64_t)graph_hash(j->m->graph),
                         s->kind,
                         s->most,
                         q->grain,
                         q->samples,
                         (int64_t)q->seed,
                         (int64_t)tensor_hash(j->d->input, HASH_START),
                         j->d->target ? (int64_t)tensor_hash(j->d->target, HASH_START)
                                      : 0};
    uint64_t key = random_hash(numbers, sizeof numbers, HASH_START);
    const char *observer = q->observer ? q->observer->name : "";
    const char *metric = s->metric ? s->metric->name : "";
    key = random_hash(observer, (int64_t)strlen(observer) + 1, key);
    key = random_hash(metric, (int64_t)strlen(metric) + 1, key);
    key = random_hash(&s->tolerance, sizeof s->tolerance, key);
    key = random_hash(&j->m->input_transform, sizeof j->m->input_transform, key);
    return random_hash(j->index, j->n * (int64_t)sizeof *j->index, key);
}

static status measure_all(measuring *j, sensitivity_cache *cache, sensitivity_taker take,
                          void *context, error *e)
{
    for (int number = 0; number < j->layers; number++)
        for (int k = 0; k < j->s->level_count; k++) {
            sensitivity_row row;
            bool measured;
            if (task_cancelled(j->watch))
                return fail(e, E_STOPPED, "sensitivity: stopped after %d of %d rows",
                            j->done, j->total);
            TRY(measure_level(j, number, j->s->levels[k], cache, &row, &measured, e));
            if (measured)
                take(context, &row);
            j->done++;
            tell(j);
        }
    return E_OK;
}

status sensitivity_measure(const model *m, const dataset *d, const int64_t *index,
                           int64_t n, const sensitivity_settings *s, const task *watch,
                           sensitivity_taker take, void *context,
                           const metric_row **metric, error *e)
{
    measuring j = {.m = m, .d = d, .index = index, .n = n, .s = s, .watch = watch};
    sensitivity_cache cache;
    j.layers = quantize_layers(m->graph);
    j.total = j.layers * s->level_count;
    j.metric = s->metric;
    if (n < 2)
        return fail(e, E_RANGE, "sensitivity: %lld samples, wanted two or more",
                    (long long)n);
    if (quantize_is_done(m->graph)) {
        fail(e, E_USAGE, "sensitivity: the model is quantized already");
        return fail_hint(e, "ask of the float model it came from");
    }
    j.own = memory_new(2 * n, sizeof *j.own, e);
    if (!j.own)
        return E_MEMORY;
    j.other = j.own + n;
    const uint64_t key = key_of(&j);
    sensitivity_cache_open(&cache, key);
    status code = measure_all(&j, &cache, take, context, e);
    if (cache.count > 0 && j.metric)
        sensitivity_cache_note(graph_hash(m->graph), s->kind, key, j.metric->name);
    sensitivity_cache_close(&cache);
    memory_free(j.own);
    *metric = j.metric;
    return code;
}
