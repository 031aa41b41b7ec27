/* SPDX-License-Identifier: GPL-3.0-or-later
   prune.c -- the command `prune`: masks to a total sparsity, or channels cut out, in one
   step or several, with training after each and, on request, a dense control.  It prints
   nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "ui/command/prune_parts.h"

static const option options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "model to prune"},
    {"amount", OPTION_REAL, "0..1", NULL, NULL,
     "share of the prunable weights that is zero afterwards, in all; or of the channels "
     "that there are now, which goes"},
    {"steps", OPTION_REALS, "0..1", NULL, NULL,
     "several amounts, one after the other, with training after each"},
    {"layers", OPTION_WORDS, NULL, NULL, NULL,
     "single layers, NAME:AMOUNT each, in place of amount: the others stay as they are"},
    {"kind", OPTION_TEXT, "weight|channel|4x1|1x4|2:4|1:4", "weight", NULL,
     "weight; blocks of outputs x inputs, 4x1 or 1x4; N:M: of M inputs N stay; or "
     "channel: "
     "whole channels are cut out"},
    {"criterion", OPTION_WORD, "magnitude|random|l1|l2|bn-scale|taylor|activation|median",
     NULL, NULL,
     "what makes a weight important: magnitude (the default) or random; or a channel: "
     "all "
     "but magnitude (default: l1)"},
    {"scope", OPTION_WORD, "global|layer", "global", NULL,
     "rank all weights or channels together, or take the same share of each layer"},
    {"targets", OPTION_WORD, "all|weights", "all", NULL,
     "weights and the scales of batch norm, or weights alone"},
    {"group", OPTION_WORD, "sum|max|mean", "sum", NULL,
     "channel: what makes one importance of those of coupled layers"},
    {"round", OPTION_INTEGER, "1..1024", "1", NULL,
     "channel: what is left of each layer is the nearest multiple"},
    {"least", OPTION_REAL, "0..1", "0", NULL,
     "channel: share of each layer that goes at least"},
    {"most", OPTION_REAL, "0..1", "1", NULL,
     "channel: share of each layer that goes at most"},
    {"skip", OPTION_WORDS, NULL, NULL, NULL,
     "channel: layers that stay as they are: firstN, lastN, or patterns of names"},
    {"dry", OPTION_FLAG, NULL, "no", NULL,
     "channel: show what would go, and change nothing"},
    {"samples", OPTION_INTEGER, "1..", "256", NULL,
     "regrow, and channel with taylor or activation: samples of split train to look at"},
    {"data", OPTION_DATASET, NULL, NULL, NULL, "data to retrain and measure on"},
    {"split", OPTION_WORD, "train|val|test|all", "test", NULL, "samples to measure on"},
    {"retrain", OPTION_INTEGER, "0..", "0", "epochs", "training after each step"},
    {"gradual", OPTION_WORD, "linear|cubic|exponential", NULL, NULL,
     "retrain: weights go before one epoch after the other along this curve, not at "
     "once"},
    {"from", OPTION_INTEGER, "1..", "1", "epoch",
     "gradual: the epoch that begins with what there was"},
    {"until", OPTION_INTEGER, "1..", NULL, "epoch",
     "gradual: the first epoch with all gone (default: after two thirds of them)"},
    {"regrow", OPTION_REAL, "0..1", "0", NULL,
     "retrain: share of each layer's weights that gives its place to masked ones of "
     "larger "
     "gradient before each epoch, falling to 0 at three quarters of them"},
    {"rewind", OPTION_MODEL, NULL, NULL, NULL,
     "retrain: what is left begins from this model's weights, an earlier copy"},
    {"lr", OPTION_REAL, "0..", "0.0005", NULL, "learning rate of that training"},
    FIT_STEP_OPTIONS,
    {"batch", OPTION_INTEGER, "1..", "8", NULL, "samples of one of its steps"},
    {"control", OPTION_WORDS, "yes|no|dense|random|shuffled|reinitialised", "no", NULL,
     "what to compare with, trained for the same epochs and kept as NAME-control (dense, "
     "or "
     "yes), NAME-random (as much goes by chance), NAME-shuffled (the masks in another "
     "order "
     "within each layer), NAME-reinitialised (the masks with first weights)"},
    {"seeds", OPTION_INTEGER, "1..100", "1", NULL,
     "so many runs of all, each with a seed of its own: means and paired differences of "
     "the first metric"},
    {"checkpoint", OPTION_FILE, NULL, NULL, NULL,
     "retrain: file that holds weights, masks and all else after each epoch, for one "
     "amount without controls and seeds"},
    {"resume", OPTION_FLAG, NULL, "no", NULL,
     "go on from the checkpoint, where there is one; else as written"},
    {"as", OPTION_NAME, NULL, NULL, NULL,
     "name of the result (default: it replaces the model)"},
    {"seed", OPTION_INTEGER, "0..", NULL, NULL,
     "of random choice and shuffling (default: the session's)"},
    {0},
};

static bool is_single(const prune_pattern *p)
{
    return p->outputs == 1 && p->inputs == 1;
}

static status read_kind(const call *c, prune_job *j, error *e)
{
    const option_value *targets = option_get(&c->options, "targets");
    j->kind = option_words(&c->options, "kind");
    j->channels = strcmp(j->kind, "channel") == 0;
    j->pattern = (prune_pattern){1, 1, 0};
    TRY(prune_channel_options(c, j, e));
    if (j->channels)
        return E_OK;
    TRY(prune_pattern_read(&j->pattern, j->kind, e));
    j->targets = option_is(&c->options, "targets", "weights") ? TARGET_WEIGHTS
                                                              : TARGET_WEIGHTS_AND_SCALES;
    if (is_single(&j->pattern) || !targets->given || j->targets == TARGET_WEIGHTS)
        return E_OK;
    fail(e, E_USAGE, "prune: kind=%s is for weights, scales have no such pattern",
         j->kind);
    return fail_hint(e, "leave targets out");
}

static const char *criterion_name(int i)
{
    return criterion_at(i) ? criterion_at(i)->name : NULL;
}

static status read_criterion(const call *c, prune_job *j, error *e)
{
    const option_value *name = option_get(&c->options, "criterion");
    const char *words = name->present ? name->words : "magnitude";
    j->criterion = criterion_find(words);
    return j->criterion || j->channels
               ? E_OK
               : rows_unknown("criterion of weights", words, criterion_name, e);
}

/* N of M says by itself how much goes. */
static status read_fixed_amount(const call *c, prune_job *j, error *e)
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

static status read_amounts(const call *c, prune_job *j, error *e)
{
    const option_value *one = option_get(&c->options, "amount");
    const option_value *steps = option_get(&c->options, "steps");
    if (option_given(&c->options, "layers"))
        return prune_layers_read(c, j, e);
    if (j->pattern.keep > 0)
        return read_fixed_amount(c, j, e);
    if (one->present == steps->present) {
        fail(e, E_USAGE,
             one->present ? "prune: amount and steps exclude each other"
                          : "prune: how much is to go is missing");
        return fail_hint(e, "say amount=0.9, or steps=0.8,0.9,0.97, or layers=NAME:0.5");
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

/* What was written and would change nothing is an error; retrain=0 may be a point of a
   sweep. */
static status check_unused(const call *c, error *e)
{
    static const char *const of_training[] = {
        "lr",           "optimizer",  "schedule",  "warmup", "gamma",
        "every",        "momentum",   "nesterov",  "clip",   "smoothing",
        "weight_decay", "accumulate", "precision", NULL};
    if (option_given(&c->options, "retrain"))
        return E_OK;
    return rows_unused(c, "prune", of_training, "without retrain=", e);
}

static status read_data(const call *c, prune_job *j, error *e)
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
    if (epochs == 0 && option_is(&c->options, "control", "no") &&
        option_integer(&c->options, "seeds") == 1)
        return E_OK;
    fail(e, E_USAGE, "prune: retrain, control and seeds need data");
    return fail_hint(e, "add data=NAME");
}

static status read_job(const call *c, prune_job *j, error *e)
{
    j->scope = option_is(&c->options, "scope", "layer") ? SCOPE_LAYER : SCOPE_GLOBAL;
    TRY(check_unused(c, e));
    TRY(read_kind(c, j, e));
    TRY(read_criterion(c, j, e));
    TRY(read_amounts(c, j, e));
    TRY(read_data(c, j, e));
    TRY(prune_training_read(c, j, e));
    TRY(prune_checkpoint_read(c, j, e));
    return j->channels ? prune_channel_read(c, j, e) : E_OK;
}

static status run(call *c, error *e)
{
    const option_set *o = &c->options;
    prune_job j = {.name = rows_target(c), .training.seed = rows_seed(c)};
    j.begun = session_get_model(c->session, option_words(o, "model"), e);
    if (!j.begun)
        return e->code;
    status s = read_job(c, &j, e);
    if (s == E_OK && option_flag(o, "resume") && !file_exists(j.checkpoint))
        rows_note(c, "prune: there is no %s yet: it begins at epoch 1", j.checkpoint);
    if (s == E_OK)
        s = option_flag(o, "dry") ? prune_channel_show(c, &j, e) : prune_run(c, &j, e);
    memory_free(j.layers);
    return s;
}

const command command_prune = {
    .name = "prune",
    .group = "compress",
    .summary = "set the least important weights to zero, or cut out whole channels",
    .options = options,
    .arguments = 1,
    .required = 1,
    .flags = COMMAND_CHANGES | COMMAND_LONG | COMMAND_RECORDED,
    .makes = OBJECT_MODEL,
    .example = "prune m amount=0.9 as=m90",
    .details =
        "An amount is the total: pruning a pruned model to 0.9 gives 0.9.  Weights "
        "that went stay away: training, momentum and decay leave them zero.  The "
        "file holds the rest packed, and the bytes of the answer are those of that "
        "file.  With control=yes the second row is of a dense copy that trained for "
        "the same epochs: that is what to compare with, not the model as it was.  "
        "Other controls ask what the choice was worth: random takes as much by "
        "chance, shuffled puts the masks of each layer in another order, "
        "reinitialised trains what is left from first weights.  With seeds=5 all of "
        "it runs five times: _mean and _sd are those of the first metric, _paired is "
        "what the pruned one has more than the control, seed by seed, with its 95 % "
        "interval, and a difference within the noise is called so.  Patterns concern "
        "weights alone: blocks of kind=4x1 (four outputs at one input: the fastest "
        "to run) or 1x4 go and stay as a whole; kind=2:4 keeps two of each four "
        "inputs of an output and so says itself how much goes.  gradual= tightens "
        "the masks in the course of the training, and the best epoch is one with all "
        "gone; regrow= moves them (RigL); rewind= with steps= looks for lottery "
        "tickets.  After every epoch all that is masked is found to be zero.  The same "
        "line with resume=yes goes on from checkpoint=FILE to the bits of a run that "
        "nothing stopped; the file stays.  "
        "kind=channel makes the network itself narrower, through everything that is "
        "coupled: what computes a channel, normalises it, adds to it, gates it, and "
        "what reads it.  Inputs, outputs, the latent value of an autoencoder and "
        "what a norm or a softmax over channels needs stay.  The answer is that of "
        "the whole network with these channels set to zero, and difference says how "
        "far from it, as a share of the largest output; more than 1e-4 is refused.  "
        "dry=yes shows the plan: layers that lose channels together, those that read "
        "them, how many there are and are left.  Criteria are l1, l2 and median of "
        "the filters, bn-scale, taylor and activation of what data= shows, and "
        "random.  With scope=global importances are divided by their layer's mean, "
        "but for bn-scale, taylor and random.",
    .see = "sweep, quantize, plot weights, plot curve",
    .source =
        "Han et al. 2015, arXiv:1506.02626; Mishra et al. 2021, arXiv:2104.08378; "
        "Li et al. 2017, arXiv:1608.08710; Liu et al. 2017, arXiv:1708.06519; "
        "Molchanov et al. 2019, arXiv:1906.10771; He et al. 2019, arXiv:1811.00250; "
        "Zhu, Gupta 2017, arXiv:1710.01878; Evci et al. 2020, arXiv:1911.11134; "
        "Frankle, Carbin 2019, arXiv:1803.03635",
    .run = run,
};
