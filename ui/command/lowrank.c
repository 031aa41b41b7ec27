/* SPDX-License-Identifier: GPL-3.0-or-later
   lowrank.c -- the commands `lowrank` and `separate`: layers replaced by two smaller ones.
   It prints nothing and computes no factor. */
#include <stdio.h>

#include "base/memory.h"
#include "compress/decompose.h"
#include "measure/answers.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"

/* Behind the options of their own. */
#define DECOMPOSE_OPTIONS                                                                \
    {"energy", OPTION_REAL,                                                              \
     "0..1",   NULL,                                                                     \
     NULL,     "share of the sum of squares of a layer's weights that is kept"},         \
        {"target", OPTION_REAL, "0..1",                                                  \
         NULL,     NULL,        "share of the model's parameters that is left"},         \
        {"layers",                                                                       \
         OPTION_WORDS,                                                                   \
         NULL,                                                                           \
         NULL,                                                                           \
         NULL,                                                                           \
         "patterns of the names of layers to replace, as features.3.*; default: all"},   \
        {"skip", OPTION_WORDS,                                                           \
         NULL,   NULL,                                                                   \
         NULL,   "layers that stay as they are: firstN, lastN, or patterns of names"},   \
        {"always", OPTION_FLAG, NULL,                                                    \
         "no",     NULL,        "also where a layer does not become smaller"},           \
        {"dry", OPTION_FLAG, NULL, "no", NULL, "show what each layer would become"},     \
        {"data", OPTION_DATASET, NULL, NULL, NULL, "data to measure on"},                \
        {"split", OPTION_WORD, "train|val|test|all",                                     \
         "test",  NULL,        "samples to measure on"},                                 \
        {"as", OPTION_NAME, NULL,                                                        \
         NULL, NULL,        "name of the result (default: it replaces the model)"},      \
    {                                                                                    \
        "seed", OPTION_INTEGER, "0..", NULL, NULL,                                       \
            "of the input that both are compared on (default: the session's)"            \
    }

static const option lowrank_options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "model whose layers are replaced"},
    {"kind", OPTION_WORD, "channel|spatial", "channel", NULL,
     "channel: to few channels, then to all by 1x1; spatial: a column, then a row"},
    {"rank", OPTION_INTEGER, "1..", NULL, NULL, "channels between the two layers"},
    DECOMPOSE_OPTIONS,
    {0},
};

static const option separate_options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "model whose convolutions are replaced"},
    {"rank", OPTION_INTEGER, "1..", NULL, NULL,
     "depthwise kernels of each input channel (default: 1)"},
    DECOMPOSE_OPTIONS,
    {0},
};

static double real_of(const call *c, const char *name)
{
    const option_value *v = option_get(&c->options, name);
    return v->present ? v->real : 0;
}

/* Exactly one of rank, energy and target; USUAL is the rank where there is none. */
static status read_amount(const call *c, decompose_settings *s, int64_t usual, error *e)
{
    const option_value *rank = option_get(&c->options, "rank");
    const bool energy = option_given(&c->options, "energy"),
               target = option_given(&c->options, "target");
    s->rank = rank->present ? rank->integer : 0;
    s->energy = real_of(c, "energy");
    s->target = real_of(c, "target");
    if (rank->present + energy + target > 1)
        return fail(e, E_USAGE, "rank, energy and target exclude each other");
    if ((energy && s->energy == 0) || (target && s->target == 0))
        return fail(e, E_RANGE, "%s=0, wanted more than 0", energy ? "energy" : "target");
    if (rank->present + energy + target == 1)
        return E_OK;
    s->rank = usual;
    if (usual > 0)
        return E_OK;
    fail(e, E_USAGE, "how much is to stay is missing");
    return fail_hint(e, "say rank=8, energy=0.9 or target=0.5");
}

static status read_settings(const call *c, decompose_settings *s, sample_set *on,
                            error *e)
{
    const option_value *layers = option_get(&c->options, "layers"),
                       *skip = option_get(&c->options, "skip");
    s->layers = (const char *const *)layers->items;
    s->layer_count = layers->count;
    s->skip = (const char *const *)skip->items;
    s->skip_count = skip->count;
    s->always = option_flag(&c->options, "always");
    if (!option_words(&c->options, "data"))
        return E_OK;
    return rows_sample_set(c, "data", on, e);
}

static void note_rest(call *c, const decompose_result *r)
{
    if (r->replaced < r->layers)
        rows_note(c, "%d of %d layers stay: two would be no smaller",
                  r->layers - r->replaced, r->layers);
    if (r->masked > 0)
        rows_note(c, "%d pruned layer%s: masks would be lost", r->masked,
                  r->masked == 1 ? " stays" : "s stay");
}

static status keep(call *c, const model *was, model *m, const decompose_result *r,
                   const char *kind, const sample_set *on, error *e)
{
    double difference = 0, largest = 0;
    char summary[96];
    status s =
        answers_differ(was->graph, m->graph, rows_seed(c), &difference, &largest, e);
    if (s != E_OK) {
        model_free(m);
        return s;
    }
    snprintf(summary, sizeof summary, "%d of %d layers, %s", r->replaced, r->layers,
             kind);
    table_row(c->rows);
    table_text(c->rows, "model", rows_target(c));
    table_text(c->rows, "kind", kind);
    table_integer(c->rows, "layers", r->layers);
    table_integer(c->rows, "replaced", r->replaced);
    table_real(c->rows, "largest_error", r->largest_error);
    table_real(c->rows, "difference", largest > 0 ? difference / largest : difference);
    return rows_keep(c, rows_target(c), m, summary, on->data ? on : NULL, NULL, e);
}

static status decompose(call *c, decompose_settings *s, const char *kind, error *e)
{
    sample_set on = {0};
    decompose_result r;
    const bool dry = option_flag(&c->options, "dry");
    TRY(read_settings(c, s, &on, e));
    const model *was =
        session_get_model(c->session, option_words(&c->options, "model"), e);
    model *m = was ? model_copy(was, e) : NULL;
    if (!m)
        return e->code;
    status code = decompose_graph(m->graph, s, dry, c->task, dry ? c->rows : NULL, &r, e);
    if (code != E_OK || dry) {
        model_free(m);
        return code;
    }
    note_rest(c, &r);
    return keep(c, was, m, &r, kind, &on, e);
}

static status lowrank(call *c, error *e)
{
    decompose_settings s = {.kind = option_is(&c->options, "kind", "spatial")
                                        ? DECOMPOSE_SPATIAL
                                        : DECOMPOSE_CHANNEL};
    TRY(read_amount(c, &s, 0, e));
    return decompose(c, &s, option_words(&c->options, "kind"), e);
}

static status separate(call *c, error *e)
{
    decompose_settings s = {.kind = DECOMPOSE_SEPARABLE};
    TRY(read_amount(c, &s, 1, e));
    return decompose(c, &s, "separable", e);
}

const command command_lowrank = {
    .name = "lowrank",
    .group = "compress",
    .summary = "replace layers by two of low rank, nearest by singular values",
    .options = lowrank_options,
    .arguments = 1,
    .required = 1,
    .flags = COMMAND_CHANGES | COMMAND_LONG | COMMAND_RECORDED,
    .makes = OBJECT_MODEL,
    .example = "lowrank m target=0.6 as=low",
    .details =
        "A linear layer becomes two, a convolution one to rank channels and a 1x1 one "
        "behind (kind=channel), or a column and a row of the kernel (kind=spatial); a "
        "transposed one gets a 1x1 one before it.  At full rank both are the layer, but "
        "for "
        "rounding.  rank= is the same for all layers, with energy= each has the least "
        "that keeps so much of its weights' squares, and target= finds the energy that "
        "leaves so much of the model.  A layer that would not become smaller stays "
        "(unless always=yes), and so does one with masks.  largest_error is |W - W'| / "
        "|W| "
        "of a layer, "
        "difference that of the answers to random inputs of several ranges, as a share "
        "of the largest.  "
        "Train afterwards to win back what was lost.",
    .see = "separate, train, distill, prune, fuse",
    .source =
        "Zhang et al. 2015, arXiv:1505.06798; Jaderberg et al. 2014, arXiv:1405.3866",
    .run = lowrank,
};

const command command_separate = {
    .name = "separate",
    .group = "compress",
    .summary = "replace convolutions by the nearest depthwise-separable ones",
    .options = separate_options,
    .arguments = 1,
    .required = 1,
    .flags = COMMAND_CHANGES | COMMAND_LONG | COMMAND_RECORDED,
    .makes = OBJECT_MODEL,
    .example = "separate m skip=first as=light",
    .details =
        "A kxk convolution becomes a depthwise one and a 1x1 one behind it.  For each "
        "input channel its weights to all outputs are a matrix, whose best approximation "
        "of rank 1 says the depthwise kernel and the column of the 1x1 layer; with "
        "rank=R "
        "each channel has R kernels, exact at the size of the kernel.  energy=, target=, "
        "layers=, skip= and the columns are as in lowrank.",
    .see = "lowrank, train, distill",
    .source = "Guo et al. 2018, arXiv:1808.05517",
    .run = separate,
};
