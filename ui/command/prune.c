/* SPDX-License-Identifier: GPL-3.0-or-later
   prune.c -- the command `prune`: masks to a total sparsity, in one step or several, with
   training after each and, on request, a dense control.  It prints nothing. */
#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "compress/prune.h"
#include "ui/command/command.h"
#include "ui/command/fit.h"
#include "ui/command/rows.h"

static const option options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "model to prune"},
    {"amount", OPTION_REAL, "0..1", NULL, NULL,
     "share of the prunable weights that is zero afterwards, in all"},
    {"steps", OPTION_REALS, "0..1", NULL, NULL,
     "several amounts, one after the other, with training after each"},
    {"kind", OPTION_TEXT, NULL, "weight", NULL,
     "weight; blocks of outputs x inputs, 4x1 or 1x4; or N:M: of M inputs N stay"},
    {"criterion", OPTION_WORD, "magnitude|random", "magnitude", NULL,
     "what makes a weight important"},
    {"scope", OPTION_WORD, "global|layer", "global", NULL,
     "rank all weights together, or take the same share of each layer"},
    {"targets", OPTION_WORD, "all|weights", "all", NULL,
     "weights and the scales of batch norm, or weights alone"},
    {"data", OPTION_DATASET, NULL, NULL, NULL, "data to retrain and measure on"},
    {"split", OPTION_WORD, "train|val|test|all", "test", NULL, "samples to measure on"},
    {"retrain", OPTION_INTEGER, "0..", "0", "epochs", "training after each step"},
    {"lr", OPTION_REAL, "0..", "0.0005", NULL, "learning rate of that training"},
    {"optimizer", OPTION_WORD, "adam|adamw|sgd|rmsprop|adadelta", "adam", NULL,
     "rule of its steps"},
    {"batch", OPTION_INTEGER, "1..", "8", NULL, "samples of one of its steps"},
    {"control", OPTION_FLAG, NULL, "no", NULL,
     "train a dense copy for the same epochs, kept as NAME-control"},
    {"as", OPTION_NAME, NULL, NULL, NULL,
     "name of the result (default: it replaces the model)"},
    {"seed", OPTION_INTEGER, "0..", NULL, NULL,
     "of random choice and shuffling (default: the session's)"},
    {0},
};

/* One run of the command. */
typedef struct job {
    const char *name; /* of the result */
    double amounts[OPTION_LIST_MAX];
    int64_t count; /* of amounts */
    const criterion_row *criterion;
    prune_scope scope;
    prune_targets targets;
    const char *kind;
    prune_pattern pattern;
    sample_set on;
    train_settings training; /* its epochs are 0 where nothing is trained */
    model *pruned, *control; /* as far as they are; control may be NULL */
} job;

static bool is_single(const prune_pattern *p)
{
    return p->outputs == 1 && p->inputs == 1;
}

static status read_kind(const call *c, job *j, error *e)
{
    const option_value *targets = option_get(&c->options, "targets");
    j->kind = option_words(&c->options, "kind");
    TRY(prune_pattern_read(&j->pattern, j->kind, e));
    j->targets = option_is(&c->options, "targets", "weights") ? TARGET_WEIGHTS
                                                              : TARGET_WEIGHTS_AND_SCALES;
    if (is_single(&j->pattern) || !targets->given || j->targets == TARGET_WEIGHTS)
        return E_OK;
    fail(e, E_USAGE, "prune: kind=%s is for weights, scales have no such pattern",
         j->kind);
    return fail_hint(e, "leave targets out");
}

/* N of M says by itself how much goes. */
static status read_fixed_amount(const call *c, job *j, error *e)
{
    const option_value *one = option_get(&c->options, "amount");
    j->count = 1;
    j->amounts[0] = prune_pattern_amount(&j->pattern);
    if (option_get(&c->options, "steps")->present)
        fail(e, E_USAGE, "prune: kind=%s goes in one step, to %g", j->kind,
             j->amounts[0]);
    else if (one->present && fabs(one->real - j->amounts[0]) > 1e-3)
        fail(e, E_USAGE, "prune: kind=%s prunes to %g, not to amount=%g", j->kind,
             j->amounts[0], one->real);
    else
        return E_OK;
    return fail_hint(e, "leave amount and steps out");
}

static status read_amounts(const call *c, job *j, error *e)
{
    const option_value *one = option_get(&c->options, "amount");
    const option_value *steps = option_get(&c->options, "steps");
    if (j->pattern.keep > 0)
        return read_fixed_amount(c, j, e);
    if (one->present == steps->present) {
        fail(e, E_USAGE,
             one->present ? "prune: amount and steps exclude each other"
                          : "prune: how much is to go is missing");
        return fail_hint(e, "say amount=0.9, or steps=0.8,0.9,0.97");
    }
    j->count = one->present ? 1 : steps->count;
    for (int64_t i = 0; i < j->count; i++) {
        j->amounts[i] = one->present ? one->real : steps->reals[i];
        if (i > 0 && j->amounts[i] < j->amounts[i - 1])
            return fail(e, E_RANGE, "prune: steps fall from %g to %g, they must rise",
                        j->amounts[i - 1], j->amounts[i]);
    }
    return E_OK;
}

static status read_data(const call *c, job *j, error *e)
{
    int64_t epochs = option_integer(&c->options, "retrain");
    if (option_words(&c->options, "data")) {
        TRY(rows_sample_set(c, "prune", &j->on, e));
        TRY(fit_settings(c, "prune", j->on.data, &j->training, e));
        j->training.epochs = epochs;
        if (epochs == 0 || dataset_split_count(j->on.data, SPLIT_TRAIN) > 0)
            return E_OK;
        fail(e, E_RANGE, "prune: %s has no samples in split train", j->on.name);
        return fail_hint(e, "divide it with 'split %s'", j->on.name);
    }
    if (epochs == 0 && !option_flag(&c->options, "control"))
        return E_OK;
    fail(e, E_USAGE, "prune: retrain and control need data");
    return fail_hint(e, "add data=NAME");
}

/* Trains *M for the settings' epochs: its best epoch takes its place, also (with
   E_STOPPED) where the user stopped. */
static status retrain(const call *c, const job *j, model **m, error *e)
{
    train_state s = {0};
    if (j->training.epochs == 0)
        return E_OK;
    TRY(train_start(&s, *m, &j->training, e));
    error ended = {0};
    status done = fit_run(&s, &j->training, j->on.data, c->task, NULL, c->line, &ended);
    if (done == E_OK || done == E_STOPPED) {
        model *better = model_copy(train_result(&s), e);
        if (better) {
            model_free(*m);
            *m = better;
        } else {
            done = e->code;
        }
    } else {
        *e = ended;
    }
    train_clear(&s);
    return done;
}

static void warn_dead(call *c, const prune_result *r, double amount)
{
    if (r->dead_layers > 0)
        rows_note(c,
                  "prune: at %g, %lld layer%s wholly zero (%s): nothing passes there any "
                  "more",
                  amount, (long long)r->dead_layers,
                  r->dead_layers == 1 ? " is" : "s are", r->dead_name);
}

/* A row for M, which is copied into the session as NAME; R is NULL for the control, whose
   amount is that of the step it stands beside.  ON is NULL for a user who waits. */
static status answer(call *c, const char *name, double amount, const model *m,
                     const prune_result *r, const sample_set *on, error *e)
{
    char summary[128];
    model *copy = model_copy(m, e);
    if (!copy)
        return e->code;
    table_row(c->rows);
    table_text(c->rows, "model", name);
    table_text(c->rows, "kind", r ? "pruned" : "control");
    table_real(c->rows, "amount", amount);
    if (r)
        snprintf(summary, sizeof summary, "%lld of %lld prunable weights are zero",
                 (long long)r->zeros, (long long)r->prunable);
    else
        snprintf(summary, sizeof summary, "dense control");
    TRY(rows_keep(c, name, copy, summary, on, NULL, e));
    if (r)
        table_integer(c->rows, "dead_layers", r->dead_layers);
    return E_OK;
}

static status prune_to(const job *j, double amount, prune_result *r, error *e)
{
    graph *g = j->pruned->graph;
    uint64_t seed = j->training.seed;
    if (is_single(&j->pattern))
        return prune_weights(g, j->criterion, j->scope, j->targets, amount, seed, r, e);
    return prune_by_pattern(g, j->criterion, j->scope, &j->pattern, amount, seed, r, e);
}

/* Prunes to one amount, trains, answers; then the control. */
static status step(call *c, job *j, int64_t i, error *e)
{
    prune_result r;
    double amount = j->amounts[i];
    TRY(prune_to(j, amount, &r, e));
    status s = retrain(c, j, &j->pruned, e);
    if (s != E_OK && s != E_STOPPED)
        return fail_prefix(e, "prune: after pruning to %g", amount);
    const sample_set *on = j->on.data ? &j->on : NULL;
    TRY(answer(c, j->name, amount, j->pruned, &r, s == E_STOPPED ? NULL : on, e));
    warn_dead(c, &r, amount);
    if (s == E_STOPPED)
        return fail(e, E_STOPPED,
                    "prune: stopped while training at %g; %s keeps its best epoch so far",
                    amount, j->name);
    if (!j->control)
        return E_OK;
    char name[256];
    snprintf(name, sizeof name, "%s-control", j->name);
    s = retrain(c, j, &j->control, e);
    if (s == E_STOPPED)
        return fail(e, E_STOPPED, "prune: stopped in the control; %s is pruned to %g",
                    j->name, amount);
    TRY(s);
    return answer(c, name, amount, j->control, NULL, on, e);
}

static status run(call *c, error *e)
{
    job j = {.name = rows_target(c), .training.seed = rows_seed(c)};
    const option_set *o = &c->options;
    const model *m = session_get_model(c->session, option_words(o, "model"), e);
    if (!m)
        return e->code;
    j.criterion = criterion_find(option_words(o, "criterion"));
    if (!j.criterion)
        return fail(e, E_NAME, "prune: there is no criterion '%s'",
                    option_words(o, "criterion"));
    j.scope = option_is(o, "scope", "layer") ? SCOPE_LAYER : SCOPE_GLOBAL;
    TRY(read_kind(c, &j, e));
    TRY(read_amounts(c, &j, e));
    TRY(read_data(c, &j, e));
    j.pruned = model_copy(m, e);
    j.control = j.pruned && option_flag(o, "control") ? model_copy(m, e) : NULL;
    status s = E_OK;
    if (!j.pruned || (option_flag(o, "control") && !j.control))
        s = e->code;
    for (int64_t i = 0; s == E_OK && i < j.count; i++)
        s = step(c, &j, i, e);
    model_free(j.pruned);
    model_free(j.control);
    return s;
}

const command command_prune = {
    .name = "prune",
    .group = "compress",
    .summary = "set the least important weights to zero, to a total sparsity",
    .options = options,
    .arguments = 1,
    .required = 1,
    .flags = COMMAND_CHANGES | COMMAND_LONG,
    .example = "prune m amount=0.9 as=m90",
    .details =
        "An amount is the total: pruning a pruned model to 0.9 gives 0.9.  Weights that "
        "went stay away: training, momentum and decay leave them zero.  The file holds "
        "the "
        "rest packed, and the bytes of the answer are those of that file.  With "
        "control=yes "
        "the second row is of a dense copy that trained for the same epochs: that is "
        "what "
        "to compare with, not the model as it was.  Patterns concern weights alone: "
        "blocks "
        "of "
        "kind=4x1 (four outputs at one input: the fastest to run) or 1x4 go and stay as "
        "a "
        "whole; kind=2:4 keeps two of each four inputs of an output and so says itself "
        "how much goes.",
    .see = "sweep, quantize, plot weights, plot curve",
    .source = "Han et al. 2015, arXiv:1506.02626; Mishra et al. 2021, arXiv:2104.08378",
    .run = run,
};
