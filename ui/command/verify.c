/* SPDX-License-Identifier: GPL-3.0-or-later
   verify.c -- the command `verify`: a compressed model beside its parent, layer by layer.
   It changes nothing and computes nothing. */
#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "compress/verify.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"

static const option options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "compressed model"},
    {"reference", OPTION_MODEL, NULL, NULL, NULL, "model it was made of"},
    {"data", OPTION_DATASET, NULL, NULL, NULL, "data to run both on"},
    {"split", OPTION_WORD, "train|val|test|all", "test", NULL, "samples to run"},
    {"samples", OPTION_INTEGER, "1..", "64", NULL,
     "of these, at most, drawn by the seed"},
    {"floor", OPTION_REAL, NULL, "20", "dB",
     "a layer whose signal-to-noise ratio is less diverges"},
    {"seed", OPTION_INTEGER, "0..", NULL, NULL,
     "of the choice of samples (default: the session's)"},
    {0},
};

static void put_decibels(table *t, const char *column, double signal, double noise)
{
    rows_put_real(t, column, verify_decibels(signal, noise));
}

/* Rows of V; the first layer below FLOOR, or NULL. */
static const verify_row *put_rows(call *c, const verification *v, double floor)
{
    const verify_row *first = NULL;
    for (int i = 0; i < v->count; i++) {
        const verify_row *r = &v->rows[i];
        bool below = verify_decibels(r->signal, r->noise) < floor;
        table_row(c->rows);
        table_text(c->rows, "model", option_words(&c->options, "model"));
        table_text(c->rows, "layer", r->name);
        table_text(c->rows, "operator", r->op);
        table_text(c->rows, "type", dtype_name(r->type));
        put_decibels(c->rows, "snr_db", r->signal, r->noise);
        table_flag(c->rows, "diverges", below);
        table_integer(c->rows, "elements", r->elements);
        if (r->type == DTYPE_S8) {
            table_integer(c->rows, "saturated", r->saturated);
            table_real(c->rows, "saturated_share",
                       r->elements > 0 ? (double)r->saturated / (double)r->elements : 0);
        }
        if (r->weight_bits > 0) {
            table_integer(c->rows, "bits", r->weight_bits);
            put_decibels(c->rows, "weight_snr_db", r->weight_signal, r->weight_noise);
        }
        if (below && !first)
            first = r;
    }
    return first;
}

static status choose_samples(const call *c, const sample_set *on, int64_t **index,
                             int64_t *n, error *e)
{
    int64_t most = option_integer(&c->options, "samples");
    TRY(dataset_split_index(on->data, on->split, index, n, e));
    random_stream r = random_new(rows_seed(c), "verify", 0);
    random_shuffle(&r, *index, *n);
    *n = *n < most ? *n : most;
    return E_OK;
}

static status verify_command(call *c, error *e)
{
    const option_set *o = &c->options;
    const model *m = session_get_model(c->session, option_words(o, "model"), e);
    const model *was =
        m ? session_get_model(c->session, option_words(o, "reference"), e) : NULL;
    double floor = option_real(o, "floor");
    sample_set on;
    int64_t *index = NULL, n = 0;
    verification v;
    if (!was)
        return e->code;
    TRY(rows_sample_set(c, "verify", &on, e));
    TRY(choose_samples(c, &on, &index, &n, e));
    status s = verify_models(was, m, on.data, index, n, c->task, &v, e);
    if (s == E_OK || (s == E_STOPPED && v.samples > 0)) {
        const verify_row *first = put_rows(c, &v, floor);
        if (first)
            rows_note(c, "verify: %s is the first layer below %g dB, on %lld sample%s",
                      first->name, floor, (long long)v.samples,
                      v.samples == 1 ? "" : "s");
        else
            rows_note(c, "verify: no layer is below %g dB, on %lld sample%s", floor,
                      (long long)v.samples, v.samples == 1 ? "" : "s");
    }
    verify_clear(&v);
    memory_free(index);
    return s;
}

const command command_verify = {
    .name = "verify",
    .group = "measure",
    .summary = "a compressed model beside its parent, layer by layer",
    .options = options,
    .arguments = 3,
    .required = 3,
    .flags = COMMAND_LONG | COMMAND_RECORDED,
    .example = "verify m8 m d",
    .details =
        "Both run on the same samples.  snr_db is 10 log10 of the sum of squares of what "
        "the reference has over that of the difference, at the layer's output, so that "
        "what layers before it did counts too; weight_snr_db is that of the weights "
        "alone, batch norm folded.  saturated counts outputs at an end of their range "
        "that is not a ReLU's zero.  The first layer below floor= is named; Ctrl-C "
        "answers with the samples done.",
    .see = "quantize, sensitivity, plan",
    .source = NULL,
    .run = verify_command,
};
