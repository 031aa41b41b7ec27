/* SPDX-License-Identifier: GPL-3.0-or-later
   forecast.c -- adds up what was measured of single layers.  It draws nothing. */
#include "ui/screen/forecast.h"

#include <math.h>
#include <string.h>

static double share_of(const layer_card *l)
{
    return l->weights > 0 ? 1 - (double)l->kept / (double)l->weights : 0;
}

static void add_times(forecast *f, const edits *e, const name_card *n, const evidence *v)
{
    const int64_t of = n->model->serial;
    f->ms = f->ms_now = evidence_total_ms(v, of);
    for (int64_t i = 0; i < n->model->layer_count; i++) {
        const layer_card *l = &n->model->layers[i];
        const double amount = edits_amount(e, n, i);
        if (edits_changes(e, n, i) && amount > share_of(l))
            f->ms += evidence_ms_at(v, of, l->name, amount) - evidence_ms(v, of, l->name);
    }
}

/* Adds the change of layer L from NOW to THEN; what is not known makes all unknown. */
static void add_change(forecast *f, const sampled *s, const layer_card *l, double now,
                       double then)
{
    double change = NAN;
    if (!s || s->metric != f->metric || l->number < 0 ||
        !sampled_change(s, l->number, now, then, &change))
        f->value = NAN;
    else
        f->value += change;
}

static void add_errors(forecast *f, const edits *e, const name_card *n, const evidence *v)
{
    const uint64_t weights = n->model->weights;
    const sampled *prune = sampled_find(&v->sampled, weights, SENSITIVITY_PRUNE),
                  *bits = sampled_find(&v->sampled, weights, SENSITIVITY_WEIGHT);
    const sampled *any = prune && prune->count > 0 ? prune : bits;
    f->metric = any && any->count > 0 ? any->metric : NULL;
    f->value = f->value_now = f->metric ? any->own : NAN;
    for (int64_t i = 0; f->metric && i < n->model->layer_count; i++) {
        const layer_card *l = &n->model->layers[i];
        if (!edits_changes(e, n, i))
            continue;
        if (edits_amount(e, n, i) > share_of(l))
            add_change(f, prune, l, share_of(l), edits_amount(e, n, i));
        if (edits_bits(e, n, i) != l->bits)
            add_change(f, bits, l, l->bits, edits_bits(e, n, i));
    }
}

void forecast_make(forecast *f, const edits *e, const name_card *chosen,
                   const evidence *v)
{
    *f = (forecast){.bytes_now = chosen->model->bytes, .bytes = edits_bytes(e, chosen)};
    add_times(f, e, chosen, v);
    add_errors(f, e, chosen, v);
}

void applied_follow(applied *a, const cards *c, bool idle, int64_t done)
{
    const name_card *n = *a->model ? cards_find(c, a->model) : NULL;
    const int64_t now = n && n->model ? n->model->serial : 0;
    if (!*a->model)
        return;
    if (a->to == 0 && idle && done > a->block)
        a->to = now != a->from ? now : 0;
    if ((a->to == 0 && idle && done > a->block) || (a->to != 0 && now != a->to))
        a->model[0] = '\0';
}
