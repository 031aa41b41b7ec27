/* SPDX-License-Identifier: GPL-3.0-or-later
   sensitivity.c -- the command `sensitivity`: what a metric loses when one layer alone is
   compressed.  It changes nothing and computes nothing. */
#include "compress/sensitivity.h"
#include "base/memory.h"
#include "base/random.h"
#include "ui/command/command.h"
#include "ui/command/fit.h"
#include "ui/command/rows.h"
#include "ui/interpreter.h"

static const option options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "float model"},
    {"data", OPTION_DATASET, NULL, NULL, NULL, "data to measure on"},
    {"kind", OPTION_WORD, "bits|prune|weight", "bits", NULL,
     "the layer in integers, its smallest weights zero, or its weights alone in bits"},
    {"levels", OPTION_REALS, "0..", NULL, NULL,
     "bits of its weights (default: 8,4,2), or shares that are zero (0.5,0.7,0.9)"},
    {"metric", OPTION_WORD, NULL, NULL, NULL,
     "what is measured (default: the first that eval shows)"},
    {"split", OPTION_WORD, "train|val|test|all", "val", NULL, "samples to measure on"},
    {"samples", OPTION_INTEGER, "2..", "512", NULL, "of these, at most"},
    {"tolerance", OPTION_REAL, "0..", "0.005", NULL,
     "half the 95 % interval that is narrow enough; of the model's own value, unless the "
     "metric is a share"},
    {"granularity", OPTION_WORD, "tensor|channel", "channel", NULL,
     "bits: weights that share a scale"},
    {"calibrate", OPTION_INTEGER, "1..", "16", NULL,
     "bits: samples for the ranges of activations"},
    {"seed", OPTION_INTEGER, "0..", NULL, NULL,
     "of the choice of samples (default: the session's)"},
    {0},
};

static const char *metric_name(int i)
{
    return metric_at(i) ? metric_at(i)->name : NULL;
}

/* One run of the command. */
typedef struct job {
    const call *c;
    const char *kind;
    double levels[OPTION_LIST_MAX];
    sensitivity_settings settings;
} job;

static status read_levels(job *j, error *e)
{
    static const double bits[] = {8, 4, 2}, shares[] = {0.5, 0.7, 0.9};
    const option_value *given = option_get(&j->c->options, "levels");
    bool prunes = j->settings.kind == SENSITIVITY_PRUNE;
    j->settings.levels = j->levels;
    j->settings.level_count = given->present ? (int)given->count : 3;
    for (int i = 0; i < j->settings.level_count; i++) {
        double level = given->present ? given->reals[i] : prunes ? shares[i] : bits[i];
        j->levels[i] = level;
        if (prunes ? level < 0 || level > 1
                   : level < 2 || level > 8 || level != (double)(int)level) {
            fail(e, E_RANGE, "sensitivity: levels=%g, wanted %s", level,
                 prunes ? "shares from 0 to 1" : "whole bits from 2 to 8");
            return fail_hint(e, "kind=prune takes shares, the other kinds take bits");
        }
    }
    return E_OK;
}

static status read_settings(job *j, error *e)
{
    const option_set *o = &j->c->options;
    const char *metric = option_words(o, "metric");
    j->kind = option_words(o, "kind");
    j->settings = (sensitivity_settings){
        .kind = sensitivity_kind_find(j->kind),
        .metric = metric ? metric_find(metric) : NULL,
        .tolerance = option_real(o, "tolerance"),
        .most = option_integer(o, "samples"),
        .quantize = {.grain = fit_granularity(j->c),
                     .samples = option_integer(o, "calibrate"),
                     .observer = observer_find("mse"),
                     .seed = rows_seed(j->c)},
    };
    if (metric && !j->settings.metric)
        return rows_unknown("metric", metric, metric_name, e);
    return read_levels(j, e);
}

static void take(void *context, const sensitivity_row *row)
{
    const job *j = context;
    table *t = j->c->rows;
    table_row(t);
    table_text(t, "model", option_words(&j->c->options, "model"));
    table_text(t, "layer", row->name);
    table_integer(t, "number", row->layer);
    table_integer(t, "weights", row->elements);
    table_text(t, "kind", j->kind);
    if (j->settings.kind == SENSITIVITY_PRUNE)
        table_real(t, "amount", row->level);
    else
        table_integer(t, "bits", (int64_t)row->level);
    table_text(t, "metric", row->metric->name);
    rows_put_real(t, "value", row->value);
    rows_put_real(t, "change", row->change);
    rows_put_real(t, "change_low", row->low);
    rows_put_real(t, "change_high", row->high);
    table_integer(t, "samples", row->samples);
    table_flag(t, "cached", row->cached);
    interpreter_tell_row(j->c->interpreter, j->c);
}

static status sensitivity_command(call *c, error *e)
{
    job j = {.c = c};
    sample_set on;
    const model *m = session_get_model(c->session, option_words(&c->options, "model"), e);
    const metric_row *metric = NULL;
    int64_t *index = NULL, n = 0;
    if (!m)
        return e->code;
    TRY(read_settings(&j, e));
    TRY(rows_sample_set(c, "sensitivity", &on, e));
    TRY(dataset_split_index(on.data, on.split, &index, &n, e));
    random_stream r = random_new(rows_seed(c), "sensitivity", 0);
    random_shuffle(&r, index, n);
    n = n < j.settings.most ? n : j.settings.most;
    status s = sensitivity_measure(m, on.data, index, n, &j.settings, c->task, take, &j,
                                   &metric, e);
    memory_free(index);
    if (metric && c->rows->row_count > 0)
        rows_note(c, "sensitivity: value and change are of %s, on split %s", metric->name,
                  split_name(on.split));
    return s;
}

const command command_sensitivity = {
    .name = "sensitivity",
    .group = "measure",
    .summary = "what is lost when one layer alone is compressed",
    .options = options,
    .arguments = 2,
    .required = 2,
    .flags = COMMAND_LONG | COMMAND_RECORDED,
    .example = "sensitivity m d levels=4 samples=8 calibrate=4",
    .details =
        "Each conv and linear layer by itself, at each level.  change is the mean over "
        "samples of the metric with the layer compressed less that of the model as it "
        "is, sample by sample; samples are drawn until half its 95 % interval is within "
        "tolerance=, or all are used.  With kind=bits the layer runs in integers, its "
        "activations in 8 bits; with kind=weight its weights alone have bits, as after "
        "'quantize scheme=weight'.  What was measured is kept in the cache folder under "
        "the "
        "hash of weights, samples and settings: the same question costs nothing, and "
        "after Ctrl-C it goes on, and 'plot sensitivity m' draws what was measured last.",
    .see = "verify, quantize, prune, plot",
    .source = "Li et al. 2017, arXiv:1608.08710, section 3.2",
    .run = sensitivity_command,
};
