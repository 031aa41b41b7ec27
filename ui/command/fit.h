/* SPDX-License-Identifier: GPL-3.0-or-later
   fit.h -- training as the commands ask for it: settings from options, the loop over
   epochs, checkpoints.  It neither prints nor names anything in the session. */
#ifndef LATHE_UI_COMMAND_FIT_H
#define LATHE_UI_COMMAND_FIT_H

#include "compress/simulate.h"
#include "train/trainer.h"
#include "ui/command/command.h"

/* Rows of options: how the steps of a training are taken. */
/* clang-format off */
#define FIT_STEP_OPTIONS                                                                 \
    {"optimizer", OPTION_WORD, "adam|adamw|sgd|rmsprop|adadelta", "adam", NULL,          \
     "rule of a step"},                                                                  \
    {"schedule", OPTION_WORD, "constant|step|cosine|one-cycle", "constant", NULL,        \
     "how the learning rate changes"},                                                   \
    {"warmup", OPTION_INTEGER, "0..", "0", NULL,                                         \
     "steps of linear rise before the schedule"},                                        \
    {"gamma", OPTION_REAL, "0..1", "0.1", NULL, "schedule step: factor of each fall"},   \
    {"every", OPTION_INTEGER, "1..", "30", NULL, "schedule step: epochs between falls"}, \
    {"weight_decay", OPTION_REAL, "0..", NULL, NULL,                                     \
     "weight decay (default: the optimizer's own)"},                                     \
    {"momentum", OPTION_REAL, "0..1", NULL, NULL,                                        \
     "momentum of sgd and rmsprop (default: 0)"},                                        \
    {"nesterov", OPTION_FLAG, NULL, "no", NULL, "Nesterov's form of momentum"},          \
    {"clip", OPTION_REAL, "0..", "0", NULL, "largest norm of the gradient, 0 for none"}, \
    {"loss", OPTION_WORD,                                                                \
     "masked-mse|mse|masked-l1|l1|masked-huber|huber|cross-entropy|masked-cross-entropy|"\
     "nll|masked-nll", NULL, NULL,                                                       \
     "what is made small (default: cross-entropy where the data have classes, masked-mse "\
     "where they have a mask, else mse)"},                                               \
    {"delta", OPTION_REAL, "0..", "1", NULL,                                             \
     "loss huber: the error where squares turn into straight lines"},                    \
    {"smoothing", OPTION_REAL, "0..1", "0", NULL,                                        \
     "loss cross-entropy: share of the target that all labels have alike"},              \
    {"accumulate", OPTION_INTEGER, "1..65536", "1", NULL,                                \
     "batches whose gradients make one step: what batch=B*N would give, in the memory of "\
     "B"},                                                                               \
    {"precision", OPTION_WORD, "f32|bf16", "f32", NULL,                                  \
     "what factors of products are rounded to; sums and weights are f32"}
/* clang-format on */

/* Settings from those of the options below that the command declares:
   epochs batch lr optimizer schedule warmup gamma every weight_decay momentum nesterov
   clip patience loss delta smoothing
   regularizer lambda accumulate monitor seed precision qat bits granularity observer
   samples keep.  What is not declared or not present keeps the optimizer's
   own standard; the loss is cross-entropy where D has
   classes, masked-mse where it has a mask, else mse. */
status fit_settings(const call *c, const char *who, const dataset *d, train_settings *t,
                    error *e);

/* Finds the latent value of M, by the option latent= or its architecture, where T has a
   regularizer; E_USAGE where there is none. */
status fit_latent(const call *c, const char *who, const model *m, train_settings *t,
                  error *e);

/* Layers that stay f32, from the words of the option keep=: firstN, lastN, or none. */
status fit_keep(const call *c, const char *who, int64_t *first, int64_t *last, error *e);

/* The option granularity=: model, tensor, channel or group. */
granularity fit_granularity(const call *c);

/* The simulation that T asks for, which *MADE owns and T is lent; nothing where it asks
   for none. */
status fit_simulation(train_settings *t, simulation **made, error *e);

/* E_RANGE where an option that the user wrote differs from what SAVED was trained with.
   A number of epochs may differ where the schedule does not depend on it. */
status fit_agrees(const call *c, const train_settings *wanted,
                  const train_settings *saved, error *e);

/* When the last checkpoint of a training was written, what that took, and after which
   epoch; all 0: not yet. */
typedef struct checkpoint_pace {
    double ended, seconds;
    int64_t epoch;
} checkpoint_pace;

/* After an epoch: writes a checkpoint to PATH where the training has ended, or where the
   last one lies so far back that all of them take a twentieth of the time at most. */
status fit_checkpoint(checkpoint_pace *pace, const train_state *s,
                      const train_settings *t, const char *command, const char *path,
                      error *e);

/* Trains S to its end.  Checkpoints are written to CHECKPOINT unless that is NULL, and
   PACE tells of the last.  The status of the epoch that ended it otherwise: S holds what
   was reached. */
status fit_run(train_state *s, const train_settings *t, const dataset *d,
               const task *watch, const char *checkpoint, checkpoint_pace *pace,
               const char *command, error *e);

/* What train_result(S) is, for sentences: "epoch 3", or "the weights reached" where not
   one epoch came to its end. */
void fit_reached(const train_state *s, char buffer[64]);

#endif
