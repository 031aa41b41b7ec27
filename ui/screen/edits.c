/* SPDX-License-Identifier: GPL-3.0-or-later
   edits.c -- single layers to be pruned or quantized, as a command to be.  It runs
   nothing. */
#include "ui/screen/edits.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "ui/lexer.h"

enum { TWENTIETHS = 20 };

static const int widths[] = {2, 3, 4, 5, 6, 7, 8, 16, 32};
enum { WIDTHS = sizeof widths / sizeof *widths };

void edits_clear(edits *e)
{
    memory_free(e->model);
    memory_free(e->layers);
    *e = (edits){0};
}

static double pruned_share(const layer_card *l)
{
    return l->weights > 0 ? 1 - (double)l->kept / (double)l->weights : 0;
}

bool edits_changes(const edits *e, int64_t i)
{
    return e->model && i < e->count && (!isnan(e->layers[i].amount) || e->layers[i].bits);
}

/* What the new version has already is no change any more. */
static void drop_reached(edits *e, const name_card *chosen)
{
    e->changed = 0;
    for (int64_t i = 0; i < e->count; i++) {
        const layer_card *l = &chosen->model->layers[i];
        layer_edit *edit = &e->layers[i];
        if (!l->layer || edit->amount <= pruned_share(l) + 1e-6)
            edit->amount = NAN;
        if (!l->layer || edit->bits == l->bits)
            edit->bits = 0;
        e->changed += edits_changes(e, i);
    }
    e->of = chosen->model->serial;
}

void edits_follow(edits *e, const name_card *chosen)
{
    const bool same = e->model && chosen && chosen->model &&
                      strcmp(chosen->name, e->model) == 0 &&
                      chosen->model->layer_count == e->count;
    if (e->model && !same)
        edits_clear(e);
    else if (same && chosen->model->serial != e->of)
        drop_reached(e, chosen);
}

static status begin(edits *e, const name_card *chosen, error *note)
{
    if (e->model)
        return E_OK;
    const int64_t count = chosen->model->layer_count;
    e->layers = memory_new(count, sizeof *e->layers, note);
    e->model = e->layers ? memory_text(chosen->name, note) : NULL;
    if (!e->model) {
        edits_clear(e);
        return E_MEMORY;
    }
    e->of = chosen->model->serial;
    e->count = count;
    for (int64_t i = 0; i < count; i++)
        e->layers[i].amount = NAN;
    return E_OK;
}

double edits_amount(const edits *e, const name_card *chosen, int64_t i)
{
    return edits_changes(e, i) && !isnan(e->layers[i].amount)
               ? e->layers[i].amount
               : pruned_share(&chosen->model->layers[i]);
}

int edits_bits(const edits *e, const name_card *chosen, int64_t i)
{
    return edits_changes(e, i) && e->layers[i].bits ? e->layers[i].bits
                                                    : chosen->model->layers[i].bits;
}

static void count_changed(edits *e)
{
    e->changed = 0;
    for (int64_t i = 0; i < e->count; i++)
        e->changed += edits_changes(e, i);
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
        if (!edits_changes(e, i))
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

static void add_layers(const edits *e, const name_card *chosen, bool bits, text *out)
{
    int64_t count = 0;
    for (int64_t i = 0; i < e->count; i++) {
        const layer_edit *edit = &e->layers[i];
        if (bits ? !edit->bits : isnan(edit->amount))
            continue;
        if (count++ == 0)
            text_addf(out, "%s%s %s%s layers=", out->length ? "; " : "",
                      bits ? "quantize" : "prune", chosen->name,
                      bits ? " scheme=weight" : "");
        text_addf(out, "%s%s:", count > 1 ? "," : "", chosen->model->layers[i].name);
        if (bits)
            text_addf(out, "%d", edit->bits);
        else
            text_addf(out, "%g", edit->amount);
    }
}

void edits_command(const edits *e, const name_card *chosen, text *out)
{
    add_layers(e, chosen, false, out);
    add_layers(e, chosen, true, out);
}
