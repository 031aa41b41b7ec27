/* SPDX-License-Identifier: GPL-3.0-or-later
   quantize.c -- the command `quantize`: models in integers.  It prints nothing and does no
   arithmetic of its own. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "compress/correction.h"
#include "compress/mixed.h"
#include "compress/quantize.h"
#include "graph/op_integer.h"
#include "graph/operator.h"
#include "ui/command/command.h"
#include "ui/command/fit.h"
#include "ui/command/rows.h"
#include "ui/command/single_layers.h"

/* Validation samples that mixed=auto looks at, at most. */
#define MIXED_SAMPLES 1024

static const option quantize_options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "model to quantize"},
    {"scheme", OPTION_WORD, "static|dynamic|weight|codebook", "static", NULL,
     "weights and activations, in integers, whose ranges data tell before (static) or "
     "each sample tells as it comes (dynamic); or weights alone, which run in f32: on a "
     "scale, or as numbers from a codebook of each layer"},
    {"bits", OPTION_INTEGER, "2..16", "8", NULL,
     "bits of a weight (above 8: scheme=weight alone)"},
    {"activations", OPTION_INTEGER, "2..8", NULL, NULL,
     "bits of an activation (default: as many)"},
    {"activation_form", OPTION_WORD, "affine|symmetric", "affine", NULL,
     "activations have zero points, or the same range to either side of 0"},
    {"granularity", OPTION_WORD, "model|tensor|channel|group", "channel", NULL,
     "weights that share a scale: all, those of a layer, those of an output channel, or "
     "some of these (scheme=weight alone)"},
    {"group", OPTION_INTEGER, "1..", "64", NULL, "granularity group: how many"},
    {"form", OPTION_WORD, "symmetric|affine", "symmetric", NULL,
     "affine: weights have zero points (scheme=weight alone)"},
    {"keep", OPTION_WORDS, NULL, "none", NULL,
     "layers that stay f32: firstN, lastN, or none"},
    {"layers", OPTION_WORDS, NULL, NULL, NULL,
     "single layers, NAME:BITS each: the others stay f32"},
    {"mixed", OPTION_WORD, "no|auto", "no", NULL,
     "auto: which layers stay f32, or get 4 bits, so that target_metric holds"},
    {"target_metric", OPTION_TEXT, NULL, "-1%", NULL,
     "what mixed=auto may lose of the first metric on split val: points of a share, else "
     "of the float model's own"},
    {"data", OPTION_DATASET, NULL, NULL, NULL,
     "data to calibrate on (its split train) and to measure on"},
    {"samples", OPTION_INTEGER, "1..", "64", NULL,
     "samples for calibration, at most (norms of images of one pixel want 16)"},
    {"observer", OPTION_WORD, "min-max|moving-average|percentile|histogram|mse|entropy",
     "mse", NULL,
     "ranges of activations: all that was seen, its moving average, without 0.01 % at "
     "either end, of least squared error (histogram: either end for itself), or of least "
     "divergence"},
    {"correct", OPTION_WORDS, "none|norms|equalize|round|bias", "none", NULL,
     "what to do about the error of rounded weights, one or several: norms estimated "
     "again, ranges of neighbours equalized, adaptive rounding, biases shifted"},
    {"split", OPTION_WORD, "train|val|test|all", "test", NULL, "samples to measure on"},
    {"as", OPTION_NAME, NULL, NULL, NULL,
     "name of the result (default: it replaces the model)"},
    {"seed", OPTION_INTEGER, "0..", NULL, NULL,
     "of the choice of samples (default: the session's)"},
    {0},
};

static status read_corrections(const call *c, quantize_settings *s, error *e)
{
    const option_value *words = option_get(&c->options, "correct");
    for (int64_t i = 0; i < words->count; i++) {
        const correction_row *row = correction_find(words->items[i]);
        if (row)
            s->corrections |= row->bit;
        else if (words->count > 1)
            return fail(e, E_RANGE, "quantize: correct=none stands alone");
    }
    return E_OK;
}

/* What was written and would change nothing is an error. */
static status check_unused(const call *c, error *e)
{
    static const char *const of_static[] = {"samples", "observer", NULL};
    static const char *const of_activations[] = {"activations", "activation_form", NULL};
    static const char *const of_scales[] = {"granularity", "group", "form", NULL};
    static const char *const of_groups[] = {"group", NULL};
    static const char *const of_mixed[] = {"target_metric", NULL};
    const option_set *o = &c->options;
    if (!option_is(o, "scheme", "static"))
        TRY(rows_unused(c, "quantize", of_static, "without scheme=static", e));
    if (!option_is(o, "scheme", "static") && !option_is(o, "scheme", "dynamic"))
        TRY(rows_unused(c, "quantize", of_activations,
                        "where weights alone are quantized", e));
    if (option_is(o, "scheme", "codebook"))
        TRY(rows_unused(c, "quantize", of_scales, "with scheme=codebook", e));
    if (!option_is(o, "granularity", "group"))
        TRY(rows_unused(c, "quantize", of_groups, "without granularity=group", e));
    if (!option_is(o, "mixed", "auto"))
        TRY(rows_unused(c, "quantize", of_mixed, "without mixed=auto", e));
    return E_OK;
}

static status read_settings(const call *c, quantize_settings *s, sample_set *on, error *e)
{
    *s = (quantize_settings){
        .scheme = option_is(&c->options, "scheme", "static")    ? QUANTIZE_STATIC
                  : option_is(&c->options, "scheme", "dynamic") ? QUANTIZE_DYNAMIC
                                                                : QUANTIZE_WEIGHT,
        .symmetric = option_is(&c->options, "activation_form", "symmetric"),
        .codebook = option_is(&c->options, "scheme", "codebook"),
        .affine = option_is(&c->options, "form", "affine"),
        .group = option_integer(&c->options, "group"),
        .bits = (int)option_integer(&c->options, "bits"),
        .value_bits = (int)option_integer(&c->options, "activations"),
        .grain = fit_granularity(c),
        .samples = option_integer(&c->options, "samples"),
        .observer = observer_find(option_words(&c->options, "observer")),
        .seed = rows_seed(c),
    };
    TRY(check_unused(c, e));
    TRY(read_corrections(c, s, e));
    TRY(fit_keep(c, "quantize", &s->keep_first, &s->keep_last, e));
    if (option_words(&c->options, "data"))
        return rows_sample_set(c, "quantize", on, e);
    if (s->scheme != QUANTIZE_STATIC)
        return E_OK;
    fail(e, E_USAGE, "quantize: the static scheme needs data to calibrate on");
    return fail_hint(e, "add data=NAME, or say scheme=dynamic");
}

/* "-1%", or "1%": 0.01. */
static status read_budget(const char *words, double *budget, error *e)
{
    char *end;
    double percent = fabs(strtod(words, &end));
    if (end != words && strcmp(end, "%") == 0 && percent <= 100) {
        *budget = percent / 100;
        return E_OK;
    }
    fail(e, E_RANGE, "quantize: target_metric=%.40s, wanted a share such as -1%%", words);
    return fail_hint(e, "-1%% allows one point, or one hundredth, to be lost");
}

/* The layers of CHOICE that get BITS, by name, one note. */
static void note_layers(call *c, const model *m, const mixed_choice *choice, int bits,
                        const char *what)
{
    text names = {0};
    for (int i = 0; i < choice->layers; i++)
        if (choice->bits[i] == bits)
            text_addf(&names, "%s%s", text_get(&names)[0] ? ", " : "",
                      quantize_layer_at(m->graph, i)->name);
    if (text_get(&names)[0])
        rows_note(c, "quantize: %s: %.400s", what, text_get(&names));
    text_clear(&names);
}

/* Chooses the bits of S's layers; CHOICE owns them. */
static status choose_mixed(call *c, const model *m, quantize_settings *s,
                           const sample_set *on, mixed_choice *choice, error *e)
{
    mixed_settings mixed = {.samples = MIXED_SAMPLES};
    *choice = (mixed_choice){0};
    if (!option_is(&c->options, "mixed", "auto"))
        return E_OK;
    TRY(read_budget(option_words(&c->options, "target_metric"), &mixed.budget, e));
    if (s->scheme != QUANTIZE_STATIC || s->grain == PER_MODEL || s->keep_first > 0 ||
        s->keep_last > 0) {
        fail(e, E_USAGE,
             "quantize: mixed=auto is of the static scheme, by tensor or "
             "channel, and chooses by itself what to keep");
        return fail_hint(e, "leave keep out");
    }
    mixed.quantize = *s;
    TRY(mixed_choose(m, on->data, &mixed, c->task, choice, e));
    s->layer_bits = choice->bits;
    note_layers(c, m, choice, QUANTIZE_WIDE, "f32 stay");
    note_layers(c, m, choice, MIXED_NARROW, "4 bits have");
    rows_note(c, "quantize: %s on val %g, float %g, after %d models%s",
              choice->metric->name, choice->value, choice->own, choice->tried,
              choice->met ? "" : "; the target is not met");
    return E_OK;
}

/* The number of the node as layer_bits counts, or -1. */
static int layer_number(const graph *g, const node *n)
{
    for (int i = 0; quantize_layer_at(g, i); i++)
        if (quantize_layer_at(g, i) == n)
            return i;
    return -1;
}

static status read_layer(const char *item, const graph *g, int most, int *bits, error *e)
{
    int node;
    double number;
    TRY(single_layer_read("quantize", item, g, &node, &number, e));
    const int layer = layer_number(g, &g->nodes[node]);
    if (layer < 0)
        return fail(e, E_USAGE, "quantize: %s is no conv or linear layer",
                    g->nodes[node].name);
    if (number < 2 || number > most || number != floor(number))
        return fail(e, E_RANGE, "quantize: layers=%.80s, bits are 2..%d here", item,
                    most);
    bits[layer] = (int)number;
    return E_OK;
}

/* The option layers=: S's layer_bits, in *BITS, which the caller frees. */
static status choose_layers(const call *c, const model *m, quantize_settings *s,
                            int **bits, error *e)
{
    static const char *const others[] = {"bits", "keep", "mixed", NULL};
    const option_value *items = option_get(&c->options, "layers");
    const int layers = quantize_layers(m->graph);
    const bool wide = s->scheme == QUANTIZE_WEIGHT && !s->codebook;
    *bits = NULL;
    if (!items->given)
        return E_OK;
    TRY(rows_unused(c, "quantize", others, "with layers=", e));
    if (s->grain == PER_MODEL)
        return fail(e, E_USAGE, "quantize: with layers= there is no one scale for all");
    *bits = memory_new(layers, sizeof **bits, e);
    if (!*bits)
        return E_MEMORY;
    for (int i = 0; i < layers; i++)
        (*bits)[i] = QUANTIZE_WIDE;
    for (int64_t i = 0; i < items->count; i++)
        TRY(read_layer(items->items[i], m->graph, wide ? 16 : 8, *bits, e));
    s->layer_bits = *bits;
    return E_OK;
}

static void put_mixed(table *t, const mixed_choice *choice)
{
    if (!choice->bits)
        return;
    table_integer(t, "wide", choice->wide);
    table_integer(t, "narrow", choice->narrow);
    table_flag(t, "met", choice->met);
}

/* The first metric of V beside the same of the float model, and what was lost. */
static void put_comparison(table *t, const evaluation *v, const evaluation *before)
{
    char name[80];
    if (v->count == 0)
        return;
    double is = v->value[0], was = before->value[0];
    snprintf(name, sizeof name, "float_%s", v->row[0]->name);
    table_real(t, name, was);
    if (v->row[0]->unit && strcmp(v->row[0]->unit, "1") == 0)
        table_real(t, "points", 100 * (is - was));
    else if (was != 0)
        table_real(t, "change", is / was - 1);
}

static status measure_float(const call *c, const model *m, const sample_set *on,
                            evaluation *v, error *e)
{
    artefact a;
    TRY(artefact_make(m, &a, e));
    status s =
        evaluate(a.model, on->data, on->split, on->batch, NULL, c->task, v, NULL, e);
    artefact_clear(&a);
    return s;
}

/* Layers that have no dynamic form are told, not passed over. */
static void note_floats(call *c, const graph *g)
{
    int floats = 0;
    const node *first = NULL;
    for (int i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        if (!integer_is_layer(n) || integer_can_be_dynamic(n))
            continue;
        first = floats++ ? first : n;
    }
    if (floats > 0)
        rows_note(c, "quantize: %d layer%s f32, %s has no dynamic form (%s)", floats,
                  floats == 1 ? " stays" : "s stay", first->op->name, first->name);
}

/* Quantizes a copy of WAS and answers with it. */
static status quantize_as(call *c, const model *was, const quantize_settings *settings,
                          const sample_set *on, const mixed_choice *mixed, error *e)
{
    const option_set *o = &c->options;
    evaluation before = {0}, after = {0};
    char summary[128];
    const bool judged = on->data && on->data->target;
    if (judged)
        TRY(measure_float(c, was, on, &before, e));
    model *m = model_copy(was, e);
    if (!m)
        return e->code;
    status s = quantize_model(m, settings, on->data, c->task, e);
    if (s != E_OK) {
        model_free(m);
        return s;
    }
    if (settings->scheme == QUANTIZE_DYNAMIC)
        note_floats(c, m->graph);
    table_row(c->rows);
    table_text(c->rows, "model", rows_target(c));
    table_text(c->rows, "scheme", option_words(o, "scheme"));
    table_text(c->rows, "granularity", option_words(o, "granularity"));
    table_text(c->rows, "keep", option_words(o, "keep"));
    put_mixed(c->rows, mixed);
    if (option_given(o, "layers"))
        snprintf(summary, sizeof summary, "single layers, %s",
                 option_words(o, "granularity"));
    else
        snprintf(summary, sizeof summary, "%d bits, %s", settings->bits,
                 option_words(o, "granularity"));
    TRY(rows_keep(c, rows_target(c), m, summary, judged ? on : NULL, &after, e));
    if (judged)
        put_comparison(c->rows, &after, &before);
    return E_OK;
}

static status quantize_command(call *c, error *e)
{
    const model *was =
        session_get_model(c->session, option_words(&c->options, "model"), e);
    quantize_settings settings;
    sample_set on = {0};
    mixed_choice mixed;
    if (!was)
        return e->code;
    TRY(read_settings(c, &settings, &on, e));
    int *bits = NULL;
    status s = choose_mixed(c, was, &settings, &on, &mixed, e);
    if (s == E_OK)
        s = choose_layers(c, was, &settings, &bits, e);
    if (s == E_OK)
        s = quantize_as(c, was, &settings, &on, &mixed, e);
    mixed_clear(&mixed);
    memory_free(bits);
    return s;
}

const command command_quantize = {
    .name = "quantize",
    .group = "compress",
    .summary = "store and run a model in integers",
    .options = quantize_options,
    .arguments = 1,
    .required = 1,
    .flags = COMMAND_CHANGES | COMMAND_LONG | COMMAND_RECORDED,
    .makes = OBJECT_MODEL,
    .example = "quantize m data=d as=m8",
    .details =
        "Batch norm is folded, the ranges of all activations are observed on training "
        "data, and the model runs in integers from then on: metrics are of the integer "
        "model read back from its file.  change is the relative change of the first "
        "metric against the float model, points the difference in hundredths where that "
        "metric is a share.  A scale for the model or a tensor is that of "
        "its weights before batch norm is folded into them; the norm's factor goes to "
        "each channel.  Data without targets calibrate, and nothing is compared.  "
        "With scheme=dynamic nothing is observed: each sample gives the inputs of conv2d "
        "and "
        "linear layers their ranges as it runs, and what is between layers is f32.  "
        "With mixed=auto all layers are tried in integers; where that loses more than "
        "target_metric, the layers that cost most for the bytes and the time they save "
        "stay f32, else those that cost least get 4 bits, as many as the target allows, "
        "judged on split val.  "
        "correct= acts on the error of rounded weights; 'verify' shows what it gained, "
        "layer "
        "by layer.  "
        "granularity=tensor keep=first2,last2 leaves the layers at both "
        "ends in f32, which costs little and often saves most of the loss.",
    .see = "verify, fuse, prune, eval",
    .source = "Jacob et al. 2018, arXiv:1712.05877",
    .run = quantize_command,
};
