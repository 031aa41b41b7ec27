/* SPDX-License-Identifier: GPL-3.0-or-later
   training.h -- what the commands that train a model have in common: their options, their
   checkpoint, and what they answer.  It names nothing in the session but the model. */
#ifndef LATHE_UI_COMMAND_TRAINING_H
#define LATHE_UI_COMMAND_TRAINING_H

#include "train/distill.h"
#include "ui/command/fit.h"

/* Options of every such command, behind its own. */
/* clang-format off */
#define TRAINING_OPTIONS                                                                 \
    {"epochs", OPTION_INTEGER, "1..", "10", NULL, "passes over the split train"},        \
    {"batch", OPTION_INTEGER, "1..", "8", NULL, "samples of one step"},                  \
    {"lr", OPTION_REAL, "0..", NULL, NULL,                                               \
     "learning rate (one-cycle: its largest; default: 1 with adadelta, else 0.001)"},    \
    FIT_STEP_OPTIONS,                                                                    \
    {"patience", OPTION_INTEGER, "0..", "0", "epochs",                                   \
     "stop after so many without a better one, 0 for never"},                            \
    {"monitor", OPTION_WORD, NULL, "loss", NULL,                                         \
     "what makes an epoch better: loss, or a metric of eval in its direction, on "       \
     "val"},                                                                             \
    {"regularizer", OPTION_WORD, "none|sliced-wasserstein", "none", NULL,                \
     "what is added to the loss, of the latent value of an autoencoder"},                \
    {"lambda", OPTION_REAL, "0..", "1", NULL, "weight of the regularizer"},              \
    {"latent", OPTION_WORD, NULL, NULL, NULL,                                            \
     "node whose output is regularized (default: the architecture's own)"},              \
    {"qat", OPTION_INTEGER, "1..", NULL, NULL,                                           \
     "first epoch that trains towards integers: the kept model runs in integers"},       \
    {"bits", OPTION_INTEGER, "2..8", "8", NULL,                                          \
     "qat: bits of a weight and of an activation"},                                      \
    {"granularity", OPTION_WORD, "model|tensor|channel", "channel", NULL,                \
     "qat: weights that share a scale"},                                                 \
    {"keep", OPTION_WORDS, NULL, "none", NULL,                                           \
     "qat: layers that stay f32: firstN, lastN, or none"},                               \
    {"observer", OPTION_WORD,                                                            \
     "min-max|moving-average|percentile|histogram|mse|entropy", "mse", NULL,             \
     "qat: how ranges of activations are found, as in quantize"},                        \
    {"samples", OPTION_INTEGER, "1..", "64", NULL,                                       \
     "qat: samples for these, before every epoch"},                                      \
    {"ranges", OPTION_WORD, "observed|learned", "observed", NULL,                        \
     "qat: observed before every epoch, or once and then trained, from samples that "    \
     "are at their ends"},                                                               \
    {"scales", OPTION_WORD, "largest|learned", "largest", NULL,                          \
     "qat: scales of weights are of the largest weight at every step, or begin so and "  \
     "are trained (granularity=channel)"},                                               \
    {"seed", OPTION_INTEGER, "0..", NULL, NULL,                                          \
     "of shuffling and dropout (default: the session's)"},                               \
    {"resume", OPTION_FLAG, NULL, "no", NULL,                                            \
     "go on from the checkpoint, where there is one"},                                   \
    {"checkpoint", OPTION_FILE, NULL, NULL, NULL,                                        \
     "file of the checkpoint, or no for none (default: one for this model's name "       \
     "and the current folder, until training ends)"}
/* clang-format on */

/* Can a checkpoint be written to PATH, where no other file than one may stand?  Said before
   the first epoch, not after it. */
status training_try_checkpoint(const char *path, error *e);

/* One run of such a command. */
typedef struct training training;
struct training {
    const char *who;  /* the command */
    const char *name; /* of the model */
    const char *data_name;
    const char *again; /* the words that go on from a checkpoint, without resume=yes */
    /* What is trained, made from a copy of the named model; NULL: that itself. */
    status (*dress)(const training *t, model *m, error *e);
    /* Before the first epoch: what the settings want to be told of S->last, and the
       teacher; NULL: nothing. */
    status (*ready)(training *t, error *e);
    /* Takes from M, which is kept, what `dress` put there; NULL: nothing. */
    status (*undress)(model *m, error *e);
    const void *self; /* of these */

    const dataset *data;
    train_settings settings;
    train_state state;
    simulation *simulation; /* NULL: none */
    char *checkpoint;       /* NULL: none is written */
    bool automatic;  /* the checkpoint is lathe's own and goes when training has ended */
    int64_t resumed; /* epochs that the checkpoint had */
    checkpoint_pace pace; /* of what was written since */
};

/* Trains as the options of C say, puts the model under its name and its row into the
   answer; also where the user stopped. */
status training_run(call *c, training *t, error *e);

#endif
