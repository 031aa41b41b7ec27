/* SPDX-License-Identifier: GPL-3.0-or-later
   evidence.c -- takes what commands answer, and keeps what pictures and predictions are
   made of.  It measures and draws nothing. */
#include "ui/screen/evidence.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/text.h"
#include "compress/sensitivity_cache.h"

/* Amounts of one share that were written with few digits. */
#define SAME_AMOUNT 1e-6

void evidence_clear(evidence *v)
{
    sampled_clear(&v->sampled);
    table_free(v->times);
    memory_free(v->tries);
    card_free(v->moving);
    specimen_free(v->specimen);
    table_free(v->front.rows);
    *v = (evidence){0};
}

/* ---- sensitivity ---- */

static void recall_kind(evidence *v, uint64_t weights, sensitivity_kind kind)
{
    sensitivity_cache cache;
    char name[64];
    sampled *s = sampled_of(&v->sampled, weights, kind); /* not looked for again */
    if (sensitivity_cache_latest(&cache, weights, kind, name, NULL) != E_OK ||
        !metric_find(name))
        s = NULL;
    for (int64_t i = 0; s && i < cache.count; i++) {
        const sensitivity_row *r = &cache.rows[i];
        sampled_put(s, metric_find(name), r->value - r->change,
                    (sampled_point){r->layer, r->level, r->change});
    }
    sensitivity_cache_close(&cache);
}

void evidence_recall(evidence *v, uint64_t weights)
{
    for (int kind = 0; kind < SENSITIVITY_KINDS; kind++)
        if (!sampled_find(&v->sampled, weights, (sensitivity_kind)kind))
            recall_kind(v, weights, (sensitivity_kind)kind);
}

static uint64_t hash_of(evidence *v, const call *c, const char *name)
{
    const int64_t serial = session_serial(c->session, name);
    const model *m = session_get_model(c->session, name, NULL);
    if (m && serial != v->hashed) {
        v->hash = graph_hash(m->graph);
        v->hashed = serial;
    }
    return m ? v->hash : 0;
}

/* The last row that `sensitivity` has measured. */
static picture take_point(evidence *v, const call *c)
{
    const table *t = c->rows;
    const int64_t row = t->row_count - 1;
    const option_value *levels = option_get(&c->options, "levels");
    const sensitivity_kind kind =
        sensitivity_kind_find(option_words(&c->options, "kind"));
    double layer, value, change, level;
    const int64_t metric = table_column(t, "metric");
    if (metric < 0 || !table_number(t, row, "number", &layer) ||
        !table_number(t, row, kind == SENSITIVITY_PRUNE ? "amount" : "bits", &level) ||
        !table_number(t, row, "value", &value) ||
        !table_number(t, row, "change", &change))
        return PICTURE_AUTO;
    sampled *s =
        sampled_of(&v->sampled, hash_of(v, c, option_words(&c->options, "model")), kind);
    if (!s)
        return PICTURE_AUTO;
    for (int64_t i = 0; levels->present && i < levels->count; i++)
        sampled_expect(s, levels->reals[i]);
    sampled_put(s, metric_find(table_get(t, row, metric)->words), value - change,
                (sampled_point){(int)layer, level, change});
    return PICTURE_HEAT;
}

picture evidence_row(evidence *v, const char *name, const call *c)
{
    return strcmp(name, "sensitivity") == 0 && c->rows->row_count > 0 ? take_point(v, c)
                                                                      : PICTURE_AUTO;
}

/* ---- times ---- */

double evidence_ms(const evidence *v, int64_t of, const char *name)
{
    double ms;
    const int64_t column =
        v->times && v->timed == of ? table_column(v->times, "node") : -1;
    for (int64_t i = 0; column >= 0 && i < v->times->row_count; i++)
        if (text_equal(table_get(v->times, i, column)->words, name) &&
            table_number(v->times, i, "median_ms", &ms))
            return ms;
    return NAN;
}

double evidence_ms_at(const evidence *v, int64_t of, const char *name, double amount)
{
    for (int64_t i = v->try_count - 1; v->timed == of && i >= 0; i--)
        if (strcmp(v->tries[i].layer, name) == 0 &&
            fabs(v->tries[i].amount - amount) < SAME_AMOUNT)
            return v->tries[i].ms;
    return NAN;
}

double evidence_total_ms(const evidence *v, int64_t of)
{
    double ms, total = 0;
    if (!v->times || v->timed != of)
        return NAN;
    for (int64_t i = 0; i < v->times->row_count; i++)
        total += table_number(v->times, i, "median_ms", &ms) ? ms : 0;
    return total;
}

/* Times of layers that were pruned for the measurement alone. */
static void take_tries(evidence *v, const call *c, const option_value *layers)
{
    for (int64_t i = 0; i < layers->count; i++) {
        trial_time t = {.ms = NAN};
        const char *colon = strrchr(layers->items[i], ':');
        const int64_t column = table_column(c->rows, "node");
        if (!colon || !text_to_real(colon + 1, &t.amount))
            continue;
        snprintf(t.layer, sizeof t.layer, "%.*s", (int)(colon - layers->items[i]),
                 layers->items[i]);
        for (int64_t k = 0; column >= 0 && k < c->rows->row_count; k++)
            if (text_equal(table_get(c->rows, k, column)->words, t.layer))
                table_number(c->rows, k, "median_ms", &t.ms);
        if (memory_grow((void **)&v->tries, &v->try_capacity, v->try_count + 1,
                        sizeof *v->tries, NULL) == E_OK)
            v->tries[v->try_count++] = t;
    }
}

static void take_times(evidence *v, const call *c)
{
    const int64_t of = session_serial(c->session, option_words(&c->options, "model"));
    const option_value *layers = option_get(&c->options, "layers");
    if (layers->present) {
        if (v->timed == of)
            take_tries(v, c, layers);
        return;
    }
    table *copy = table_copy(c->rows, NULL);
    if (!copy)
        return;
    table_free(v->times);
    v->times = copy;
    v->try_count = 0;
    v->timed = of;
}

/* ---- metrics, the front, weights ---- */

double evidence_metric(const evidence *v, int64_t of, const metric_row *metric)
{
    const int64_t first =
        v->metric_count > EVIDENCE_METRICS ? v->metric_count - EVIDENCE_METRICS : 0;
    for (int64_t i = v->metric_count - 1; i >= first; i--) {
        const measured_metric *m = &v->metrics[i % EVIDENCE_METRICS];
        if (m->serial == of && m->metric == metric)
            return m->value;
    }
    return NAN;
}

static void take_metrics(evidence *v, const call *c)
{
    const table *t = c->rows;
    const int64_t name = table_column(t, "model");
    for (int64_t i = 0; name >= 0 && i < t->row_count; i++)
        for (int64_t k = 0; k < t->column_count; k++) {
            measured_metric m = {.metric = metric_find(t->columns[k])};
            if (!m.metric || !table_number(t, i, t->columns[k], &m.value))
                continue;
            m.serial = session_serial(c->session, table_get(t, i, name)->words);
            v->metrics[v->metric_count++ % EVIDENCE_METRICS] = m;
        }
}

void evidence_answer(evidence *v, const char *name, const call *c)
{
    if (strcmp(name, "plan") == 0)
        take_times(v, c);
    if (strcmp(name, "eval") == 0)
        take_metrics(v, c);
}

void evidence_weights(evidence *v, const char *name, model_card *m)
{
    card_free(v->moving);
    v->moving = m;
    snprintf(v->moving_name, sizeof v->moving_name, "%s", name ? name : "");
}

void evidence_specimen(evidence *v, specimen *p)
{
    specimen_free(v->specimen);
    v->specimen = p;
}

void evidence_front(evidence *v, const front_answer *a)
{
    table_free(v->front.rows);
    v->front = *a;
}
