/* SPDX-License-Identifier: GPL-3.0-or-later
   edits.c -- single layers to be pruned or quantized, as a command to be.  It runs
   nothing. */
#include "ui/screen/edits.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "ui/lexer.h"

enum { TWENTIETHS = 20 };

static const int widths[] = {2, 3, 4, 5, 6, 7, 8, 16, 32};
enum { WIDTHS = sizeof widths / sizeof *widths };

/* All but what is told. */
static void drop(edits *e)
{
    memory_free(e->model);
    memory_free(e->layers);
    e->model = NULL;
    e->layers = NULL;
    e->count = e->changed = 0;
}

void edits_clear(edits *e)
{
    drop(e);
    *e = (edits){0};
}

static double pruned_share(const layer_card *l)
{
    return l->weights > 0 ? 1 - (double)l->kept / (double)l->weights : 0;
}

static bool is_changed(const layer_edit *l)
{
    return !isnan(l->amount) || l->bits;
}

static bool are_of(const edits *e, const name_card *chosen)
{
    return e->model && chosen && chosen->model && strcmp(e->model, chosen->name) == 0 &&
           e->count == chosen->model->layer_count;
}

int64_t edits_changed(const edits *e, const name_card *chosen)
{
    return are_of(e, chosen) ? e->changed : 0;
}

bool edits_changes(const edits *e, const name_card *chosen, int64_t i)
{
    return are_of(e, chosen) && is_changed(&e->layers[i]);
}

bool edits_sets_amounts(const edits *e, const name_card *chosen)
{
    for (int64_t i = 0; are_of(e, chosen) && i < e->count; i++)
        if (!isnan(e->layers[i].amount))
            return true;
    return false;
}

bool edits_sets_bits(const edits *e, const name_card *chosen)
{
    for (int64_t i = 0; are_of(e, chosen) && i < e->count; i++)
        if (e->layers[i].bits)
            return true;
    return false;
}

static void count_changed(edits *e)
{
    e->changed = 0;
    for (int64_t i = 0; i < e->count; i++)
        e->changed += is_changed(&e->layers[i]);
}

static void name_layers(layer_edit *to, const model_card *m)
{
    for (int64_t i = 0; i < m->layer_count; i++) {
        to[i] = (layer_edit){.amount = NAN,
                             .weights = m->layers[i].weights,
                             .channels = m->layers[i].channels};
        snprintf(to[i].name, sizeof to[i].name, "%s", m->layers[i].name);
    }
}

/* What was set for a layer called so, of the same shape; NULL where there is none. */
static const layer_edit *set_before(const edits *e, const layer_edit *layer)
{
    for (int64_t i = 0; i < e->count; i++) {
        const layer_edit *l = &e->layers[i];
        if (is_changed(l) && strcmp(l->name, layer->name) == 0 &&
            l->weights == layer->weights && l->channels == layer->channels)
            return l;
    }
    return NULL;
}

/* Sets EDIT as BEFORE says, but for what the layer L has already. */
static void keep(layer_edit *edit, const layer_edit *before, const layer_card *l)
{
    if (before->amount > pruned_share(l) + 1e-6)
        edit->amount = before->amount;
    if (before->bits != l->bits)
        edit->bits = before->bits;
}

/* To the version M of the same name. */
static void renew(edits *e, const model_card *m)
{
    int64_t found = 0;
    const int64_t before = e->changed;
    layer_edit *layers = memory_new(m->layer_count, sizeof *layers, NULL);
    if (!layers)
        return;
    name_layers(layers, m);
    for (int64_t i = 0; m->bits == 32 && i < m->layer_count; i++) {
        const layer_edit *old = set_before(e, &layers[i]);
        found += old != NULL;
        if (old && m->layers[i].layer)
            keep(&layers[i], old, &m->layers[i]);
    }
    memory_free(e->layers);
    e->layers = layers;
    e->count = m->layer_count;
    e->of = m->serial;
    count_changed(e);
    if (m->bits < 32)
        snprintf(e->told, sizeof e->told,
                 "%.60s is quantized: what was set for its layers is dropped", e->model);
    else if (found < before)
        snprintf(e->told, sizeof e->told,
                 "%.60s has another shape: of %lld changes %lld are dropped", e->model,
                 (long long)before, (long long)(before - found));
}

void edits_follow(edits *e, const cards *c)
{
    const name_card *n = e->model ? cards_find(c, e->model) : NULL;
    if (!e->model || (n && n->model && n->model->serial == e->of))
        return;
    if (n && n->model && e->changed > 0) {
        renew(e, n->model);
        return;
    }
    if (e->changed > 0)
        snprintf(e->told, sizeof e->told,
                 "%.60s is gone, and what was set for its layers", e->model);
    drop(e);
}

static status begin(edits *e, const name_card *chosen, error *note)
{
    if (are_of(e, chosen))
        return E_OK;
    if (e->changed > 0)
        snprintf(e->told, sizeof e->told,
                 "what was set for layers of %.60s is dropped: this is %.60s", e->model,
                 chosen->name);
    drop(e);
    const int64_t count = chosen->model->layer_count;
    e->layers = memory_new(count, sizeof *e->layers, note);
    e->model = e->layers ? memory_text(chosen->name, note) : NULL;
    if (!e->model) {
        drop(e);
        return E_MEMORY;
    }
    e->of = chosen->model->serial;
    e->count = count;
    name_layers(e->layers, chosen->model);
    return E_OK;
}

double edits_amount(const edits *e, const name_card *chosen, int64_t i)
{
    return edits_changes(e, chosen, i) && !isnan(e->layers[i].amount)
               ? e->layers[i].amount
               : pruned_share(&chosen->model->layers[i]);
}

int edits_bits(const edits *e, const name_card *chosen, int64_t i)
{
    return edits_changes(e, chosen, i) && e->layers[i].bits
               ? e->layers[i].bits
               : chosen->model->layers[i].bits;
}

static status check_layer(const name_card *chosen, int64_t i, error *note)
{
    const layer_card *l = &chosen->model->layers[i];
    if (!l->layer)
        return fail(note, E_USAGE, "%s is no layer with weights to prune or quantize",
                    l->name);
    if (chosen->model->bits < 32)
        return fail(note, E_USAGE,
                    "%s is quantized already: u takes that back, then change layers",
                    chosen->name);
    return E_OK;
}

status edits_step_amount(edits *e, const name_card *chosen, int64_t i, int steps,
                         error *note)
{
    TRY(check_layer(chosen, i, note));
    TRY(begin(e, chosen, note));
    const double least = pruned_share(&chosen->model->layers[i]);
    const double now = edits_amount(e, chosen, i) * TWENTIETHS;
    /* To the next twentieth in that direction. */
    double next = steps > 0 ? floor(now + 1e-6) + steps : ceil(now - 1e-6) + steps;
    next = fmin(fmax(next / TWENTIETHS, 0), (TWENTIETHS - 1.0) / TWENTIETHS);
    e->layers[i].amount = next > least + 1e-6 ? next : NAN;
    count_changed(e);
    return next < least - 1e-6
               ? fail(note, E_RANGE, "what was pruned stays away: u takes that back")
               : E_OK;
}

status edits_step_bits(edits *e, const name_card *chosen, int64_t i, int steps,
                       error *note)
{
    TRY(check_layer(chosen, i, note));
    TRY(begin(e, chosen, note));
    const int now = edits_bits(e, chosen, i);
    int at = WIDTHS - 1;
    while (at > 0 && widths[at] > now)
        at--;
    at += steps;
    at = at < 0 ? 0 : at > WIDTHS - 1 ? WIDTHS - 1 : at;
    e->layers[i].bits = widths[at] == 32 ? 0 : widths[at];
    count_changed(e);
    return E_OK;
}

int64_t edits_bytes(const edits *e, const name_card *chosen)
{
    const model_card *m = chosen->model;
    int64_t bytes = m->bytes;
    if (bytes < 0)
        return -1;
    for (int64_t i = 0; i < m->layer_count; i++) {
        const layer_card *l = &m->layers[i];
        if (!edits_changes(e, chosen, i))
            continue;
        const double amount = edits_amount(e, chosen, i);
        int64_t kept = l->weights - llround((double)l->weights * amount);
        kept = isnan(e->layers[i].amount) ? l->kept : kept;
        bytes -= cards_weight_bytes(l->weights, l->kept, l->bits, l->channels);
        bytes +=
            cards_weight_bytes(l->weights, kept, edits_bits(e, chosen, i), l->channels);
    }
    return bytes;
}

static void add_layers(const edits *e, bool bits, text *out)
{
    const char *before = " layers=";
    for (int64_t i = 0; i < e->count; i++) {
        const layer_edit *edit = &e->layers[i];
        if (bits ? !edit->bits : isnan(edit->amount))
            continue;
        text_addf(out, "%s%s:", before, edit->name);
        text_addf(out, "%g", bits ? edit->bits : edit->amount);
        before = ",";
    }
}

void edits_amounts(const edits *e, text *out)
{
    add_layers(e, false, out);
}

void edits_command(const edits *e, const name_card *chosen, text *out)
{
    if (edits_sets_amounts(e, chosen)) {
        text_addf(out, "prune %s", chosen->name);
        add_layers(e, false, out);
    }
    if (edits_sets_bits(e, chosen)) {
        text_addf(out, "%squantize %s scheme=weight", out->length ? "; " : "",
                  chosen->name);
        add_layers(e, true, out);
    }
}
