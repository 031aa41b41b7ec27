/* SPDX-License-Identifier: GPL-3.0-or-later
   eval.c -- the command `eval`: how good models are on a split, over all, by sample, by
   class, and what they take for what.  It changes no name and prints nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "measure/codec.h"
#include "ui/command/command.h"
#include "ui/command/data_check.h"
#include "ui/command/rows.h"
#include "zoo/architecture.h"

/* Samples that are compressed at a time where that is timed. */
#define CODEC_BATCH 256

static const option eval_options[] = {
    {"models", OPTION_WORDS, NULL, NULL, NULL, "models to evaluate"},
    {"data", OPTION_DATASET, NULL, NULL, NULL, "data to evaluate on"},
    {"split", OPTION_WORD, "train|val|test|all", "test", NULL, "which samples"},
    {"batch", OPTION_INTEGER, "1..65536", NULL, "samples",
     "of one run (default: by the size of the network's values)"},
    {"per_sample", OPTION_FLAG, NULL, "no", NULL, "one row a sample, with its facts"},
    {"per_class", OPTION_FLAG, NULL, "no", NULL,
     "one row a class: accuracy, precision and f1"},
    {"confusion", OPTION_FLAG, NULL, "no", NULL,
     "one row a class: how often it was taken for each (columns as_CLASS)"},
    {"confidence", OPTION_REAL, "0..1", "0.95", NULL,
     "of the intervals NAME_low to NAME_high, 0 for none"},
    {"seed", OPTION_INTEGER, "0..", NULL, NULL,
     "of the intervals' draws (default: the session's)"},
    {0},
};

/* Adds the rows of one model's samples, the model's name before them. */
static status put_samples(call *c, const char *name, const artefact *a,
                          const sample_set *on, error *e)
{
    evaluation v;
    table *samples = table_new(e);
    if (!samples)
        return e->code;
    status s =
        evaluate(a->model, on->data, on->split, on->batch, NULL, c->task, &v, samples, e);
    for (int64_t i = 0; s == E_OK && i < samples->row_count; i++) {
        table_row(c->rows);
        table_text(c->rows, "model", name);
        table_text(c->rows, "data", on->name);
        table_text(c->rows, "split", split_name(on->split));
        for (int64_t j = 0; j < samples->column_count; j++)
            table_cell(c->rows, samples->columns[j], table_get(samples, i, j));
    }
    if (s == E_OK)
        s = table_ok(samples, e);
    table_free(samples);
    return s;
}

/* Of an autoencoder whose latent value is known: what it saves, and how fast.  One that
   runs in integers cannot be cut, and has no such numbers. */
static status put_codec(call *c, const model *m, const dataset *d, error *e)
{
    const int latent = architecture_latent(m);
    codec measured;
    if (latent < 0 || !dataset_is_reproduced(d))
        return E_OK;
    status s = codec_measure(m, latent, CODEC_BATCH, rows_seed(c), c->task, &measured, e);
    if (s == E_USAGE) {
        rows_note(c, "%s: no speed of compression: %s", m->architecture, e->text);
        *e = (error){0};
        return E_OK;
    }
    TRY(s);
    table_integer(c->rows, "latent", measured.latent);
    table_integer(c->rows, "side", measured.side);
    table_real(c->rows, "ratio", measured.ratio);
    table_real(c->rows, "compress_bytes_per_second", measured.compress);
    table_real(c->rows, "decompress_bytes_per_second", measured.decompress);
    return E_OK;
}

static status put_model(call *c, const char *name, const artefact *a,
                        const sample_set *on, error *e)
{
    evaluation v;
    const certainty how = {option_get(&c->options, "confidence")->real, rows_seed(c)};
    table_row(c->rows);
    table_text(c->rows, "model", name);
    TRY(rows_put_metrics(c, a, on, how.confidence > 0 ? &how : NULL, &v, e));
    TRY(put_codec(c, a->model, on->data, e));
    TRY(rows_put_model(c->rows, a, e));
    table_real(c->rows, "seconds", v.seconds);
    return E_OK;
}

/* "clock", or "3" where classes have no names. */
static const char *class_words(const dataset *d, int64_t label, char buffer[24])
{
    const char *name = dataset_class_name(d, label);
    if (name)
        return name;
    snprintf(buffer, 24, "%lld", (long long)label);
    return buffer;
}

static double ratio(int64_t part, int64_t of)
{
    return of > 0 ? (double)part / (double)of : NAN;
}

static void put_rates(table *t, const int64_t *counts, int64_t classes, int64_t label)
{
    int64_t own = 0, taken = 0, hit = counts[label * classes + label];
    for (int64_t k = 0; k < classes; k++) {
        own += counts[label * classes + k];
        taken += counts[k * classes + label];
    }
    table_integer(t, "samples", own);
    rows_put_real(t, "accuracy", ratio(hit, own));
    rows_put_real(t, "precision", ratio(hit, taken));
    rows_put_real(t, "f1", ratio(2 * hit, own + taken));
}

static void put_confusion(table *t, const dataset *d, const int64_t *counts,
                          int64_t classes, int64_t label)
{
    for (int64_t k = 0; k < classes; k++) {
        char buffer[24], column[96];
        snprintf(column, sizeof column, "as_%.80s", class_words(d, k, buffer));
        table_integer(t, column, counts[label * classes + k]);
    }
}

/* One row a class of one model: rates, counts or both. */
static status put_classes(call *c, const char *name, const artefact *a,
                          const sample_set *on, error *e)
{
    int64_t *counts, classes;
    TRY(evaluate_confusion(a->model, on->data, on->split, on->batch, c->task, &counts,
                           &classes, e));
    for (int64_t k = 0; k < on->data->class_count; k++) {
        char buffer[24];
        table_row(c->rows);
        table_text(c->rows, "model", name);
        table_text(c->rows, "data", on->name);
        table_text(c->rows, "split", split_name(on->split));
        table_text(c->rows, "class", class_words(on->data, k, buffer));
        if (option_flag(&c->options, "per_class"))
            put_rates(c->rows, counts, classes, k);
        if (option_flag(&c->options, "confusion"))
            put_confusion(c->rows, on->data, counts, classes, k);
    }
    memory_free(counts);
    return E_OK;
}

static status put_rows(call *c, const char *name, const artefact *a, const sample_set *on,
                       error *e)
{
    if (option_flag(&c->options, "per_sample"))
        return put_samples(c, name, a, on, e);
    if (option_flag(&c->options, "per_class") || option_flag(&c->options, "confusion"))
        return put_classes(c, name, a, on, e);
    return put_model(c, name, a, on, e);
}

static status eval_command(call *c, error *e)
{
    const option_value *names = option_get(&c->options, "models");
    sample_set on;
    TRY(rows_sample_set(c, "eval", &on, e));
    if (option_given(&c->options, "batch"))
        on.batch = option_integer(&c->options, "batch");
    for (int64_t i = 0; i < names->count; i++)
        if (!session_get_model(c->session, names->items[i], e))
            return e->code;
    for (int64_t i = 0; i < names->count; i++) {
        const char *name = names->items[i];
        artefact a;
        TRY(artefact_make(session_get_model(c->session, name, e), &a, e));
        status s = put_rows(c, name, &a, &on, e);
        if (s == E_OK)
            data_check_note(c, "eval", name, a.model, on.name);
        artefact_clear(&a);
        TRY(s);
    }
    return E_OK;
}

const command command_eval = {
    .name = "eval",
    .group = "measure",
    .summary = "measure models on a split of the data",
    .options = eval_options,
    .arguments = 2,
    .required = 2,
    .flags = COMMAND_LONG | COMMAND_RECORDED,
    .example = "eval m d split=val",
    .details =
        "Each model is written to a file and read back first: the numbers are those "
        "of the file.  masked_mse is the mean over all pixels and channels of the "
        "squared error times (1 - mask); valid_mse is the mean over valid ones "
        "alone.  The split test is for the last word: choose on val.  Every metric comes "
        "with its interval, by drawing the samples (or whole groups) anew a thousand "
        "times.  psnr is the mean over samples, with the range 1 for pictures of values "
        "from 0 to 1 and else that of each sample; ssim has an 11 x 11 Gaussian window.  "
        "A network that reproduces its input has every error twice: as the network has "
        "it, and physical, with the transform of its input undone; ratio is that of all "
        "the "
        "numbers to keep, side ones (the least of a block) with them, and speeds are "
        "bytes "
        "of float32 input or output.",
    .see = "train, run, plot",
    .run = eval_command,
};
