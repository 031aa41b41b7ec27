/* SPDX-License-Identifier: GPL-3.0-or-later
   doctor.c -- the command `doctor`: what is wrong with a model without being an error.  It
   changes and repairs nothing. */
#include "base/memory.h"
#include "base/random.h"
#include "compress/doctor.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"

static const option doctor_options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "model to look at"},
    {"data", OPTION_DATASET, NULL, NULL, NULL,
     "run it on these and look at what flows between layers, too"},
    {"split", OPTION_WORD, "train|val|test|all", "val", NULL, "samples to run"},
    {"samples", OPTION_INTEGER, "1..", "64", NULL,
     "of these, at most, drawn by the seed"},
    {"seed", OPTION_INTEGER, "0..", NULL, NULL,
     "of the choice of samples (default: the session's)"},
    {0},
};

static status choose_samples(const call *c, sample_set *on, int64_t **index, int64_t *n,
                             error *e)
{
    const int64_t most = option_integer(&c->options, "samples");
    TRY(rows_sample_set(c, "doctor", on, e));
    TRY(dataset_split_index(on->data, on->split, index, n, e));
    random_stream r = random_new(rows_seed(c), "doctor", 0);
    random_shuffle(&r, *index, *n);
    *n = *n < most ? *n : most;
    return E_OK;
}

static status doctor_command(call *c, error *e)
{
    const model *m = session_get_model(c->session, option_words(&c->options, "model"), e);
    sample_set on = {0};
    int64_t *index = NULL, n = 0;
    status s = m ? E_OK : e->code;
    if (s == E_OK && option_given(&c->options, "data"))
        s = choose_samples(c, &on, &index, &n, e);
    if (s == E_OK)
        s = doctor_examine(m, on.data, index, n, c->task, c->rows, e);
    int made = 0;
    for (int i = 0; doctor_check_at(i); i++)
        made += on.data || !doctor_check_at(i)->wants_data;
    if (s == E_OK)
        rows_note(c, "doctor: %d checks, %lld finding%s%s", made,
                  (long long)c->rows->row_count, c->rows->row_count == 1 ? "" : "s",
                  on.data ? "" : "; data= looks at what flows between layers, too");
    memory_free(index);
    return s;
}

const command command_doctor = {
    .name = "doctor",
    .group = "measure",
    .summary = "look for what is wrong with a model",
    .options = doctor_options,
    .arguments = 1,
    .required = 1,
    .flags = COMMAND_LONG | COMMAND_RECORDED,
    .example = "doctor m data=d",
    .details =
        "One row a finding, with the layer, a number and what to do.  Weights: "
        "not_finite, "
        "subnormal, revived (not zero where the mask says so), collapsed (under 0.5 % "
        "are "
        "left), dead_weights (output channels without any), wild_variance (of batch "
        "norms), unobserved (integer values without a range), target_missed (less pruned "
        "than asked).  With data=: values_not_finite, dead_channels and "
        "constant_channels "
        "on all samples, named where they begin, saturated (over 1 % at the ends of the "
        "range) and unused_range (under a quarter was seen).",
    .see = "verify, sensitivity, bisect",
    .run = doctor_command,
};
