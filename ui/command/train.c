/* SPDX-License-Identifier: GPL-3.0-or-later
   train.c -- the command `train`: from a model and data to a trained model.  What it does
   is in training.c. */
#include "base/memory.h"
#include "ui/command/training.h"

static const option options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "model to train"},
    {"data", OPTION_DATASET, NULL, NULL, NULL,
     "data to train on; its split val chooses the best epoch"},
    TRAINING_OPTIONS,
    {0},
};

static status train_command(call *c, error *e)
{
    const char *name = option_words(&c->options, "model"),
               *data = option_words(&c->options, "data");
    char *again = memory_format(e, "train %s %s", name, data);
    if (!again)
        return E_MEMORY;
    training t = {.who = "train", .name = name, .data_name = data, .again = again};
    status s = training_run(c, &t, e);
    memory_free(again);
    return s;
}

const command command_train = {
    .name = "train",
    .group = "learn",
    .summary = "train a model and keep its best epoch",
    .options = options,
    .arguments = 2,
    .required = 2,
    .flags = COMMAND_CHANGES | COMMAND_LONG | COMMAND_RECORDED,
    .example = "train m d epochs=2 lr=0.002",
    .details =
        "The best epoch is chosen on the split val, by its loss or the metric that "
        "monitor= names; the numbers of the answer are of the model read back from "
        "disk, on val.  Ctrl-C stops after the batch and keeps the best epoch so far.  "
        "After an epoch a checkpoint is written, as often as takes no more than a "
        "twentieth of the time: after Ctrl-C, a crash or kill -9, 'train m d "
        "resume=yes' in the same folder, with the same data, goes on to the same bits "
        "as an unbroken run, and needs no other option.  "
        "With precision=bf16 convolutions and linear layers round what they multiply to "
        "8 bits, forward and backward, and values between layers that take them so are "
        "kept in 16 bits with their gradients, which is several times faster on "
        "processors that have bf16; sums, weights and all measurements are in f32.  "
        "From epoch qat= on every batch runs forward in the integer kernels of the "
        "deployed model and backward through the float one (straight through); batch "
        "norm is folded with the statistics it has then, dropout goes, and what is "
        "validated and kept is the deployed model, to the last bit.  "
        "With regularizer=sliced-wasserstein the loss grows by lambda times the distance "
        "of the latent values of each batch from a normal distribution, along 50 random "
        "directions; so does the validation loss.  "
        "The seconds of the answer: load, forward (with the loss), backward and update "
        "are those of the steps, in this process; large weights are updated as their "
        "gradients come, which counts as backward.  "
        "With checkpoint=FILE the checkpoint is that file and stays when training has "
        "ended: a script with resume=yes checkpoint=FILE can be started again and again.",
    .see = "eval, plot training, prune",
    .run = train_command,
};
