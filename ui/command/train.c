/* SPDX-License-Identifier: GPL-3.0-or-later
   train.c -- the command `train`: from a model and data to a trained model, with a
   checkpoint after every epoch.  It neither prints nor computes a gradient. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "format/model_file.h"
#include "ui/command/command.h"
#include "ui/command/fit.h"
#include "ui/command/rows.h"

static const option options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "model to train"},
    {"data", OPTION_DATASET, NULL, NULL, NULL,
     "data to train on; its split val chooses the best epoch"},
    {"epochs", OPTION_INTEGER, "1..", "10", NULL, "passes over the split train"},
    {"batch", OPTION_INTEGER, "1..", "8", NULL, "samples of one step"},
    {"lr", OPTION_REAL, "0..", NULL, NULL,
     "learning rate (one-cycle: its largest; default: 1 with adadelta, else 0.001)"},
    {"optimizer", OPTION_WORD, "adam|adamw|sgd|rmsprop|adadelta", "adam", NULL,
     "rule of a step"},
    {"schedule", OPTION_WORD, "constant|step|cosine|one-cycle", "constant", NULL,
     "how the learning rate changes"},
    {"warmup", OPTION_INTEGER, "0..", "0", NULL,
     "steps of linear rise before the schedule"},
    {"gamma", OPTION_REAL, "0..1", "0.1", NULL, "schedule step: factor of each fall"},
    {"every", OPTION_INTEGER, "1..", "30", NULL, "schedule step: epochs between falls"},
    {"weight_decay", OPTION_REAL, "0..", NULL, NULL,
     "weight decay (default: the optimizer's own)"},
    {"momentum", OPTION_REAL, "0..1", NULL, NULL,
     "momentum of sgd and rmsprop (default: 0)"},
    {"nesterov", OPTION_FLAG, NULL, "no", NULL, "Nesterov's form of momentum"},
    {"clip", OPTION_REAL, "0..", "0", NULL, "largest norm of the gradient, 0 for none"},
    {"patience", OPTION_INTEGER, "0..", "0", "epochs",
     "stop after so many without a better one, 0 for never"},
    {"monitor", OPTION_WORD, NULL, "loss", NULL,
     "what makes an epoch better: loss, or a metric of eval in its direction, on val"},
    {"loss", OPTION_WORD,
     "masked-mse|mse|masked-l1|l1|masked-huber|huber|cross-entropy|masked-cross-entropy|"
     "nll|masked-nll",
     NULL, NULL,
     "what is made small (default: cross-entropy where the data have classes, masked-mse "
     "where they have a mask, else mse)"},
    {"delta", OPTION_REAL, "0..", "1", NULL,
     "loss huber: the error where squares turn into straight lines"},
    {"smoothing", OPTION_REAL, "0..1", "0", NULL,
     "loss cross-entropy: share of the target that all labels have alike"},
    {"regularizer", OPTION_WORD, "none|sliced-wasserstein", "none", NULL,
     "what is added to the loss, of the latent value of an autoencoder"},
    {"lambda", OPTION_REAL, "0..", "1", NULL, "weight of the regularizer"},
    {"latent", OPTION_WORD, NULL, NULL, NULL,
     "node whose output is regularized (default: the architecture's own)"},
    {"accumulate", OPTION_INTEGER, "1..65536", "1", NULL,
     "batches whose gradients make one step: what batch=B*N would give, in the memory of "
     "B"},
    {"precision", OPTION_WORD, "f32|bf16", "f32", NULL,
     "what factors of products are rounded to; sums and weights are f32"},
    {"qat", OPTION_INTEGER, "1..", NULL, NULL,
     "first epoch that trains towards integers: the kept model runs in integers"},
    {"bits", OPTION_INTEGER, "2..8", "8", NULL,
     "qat: bits of a weight and of an activation"},
    {"granularity", OPTION_WORD, "model|tensor|channel", "channel", NULL,
     "qat: weights that share a scale"},
    {"keep", OPTION_WORDS, NULL, "none", NULL,
     "qat: layers that stay f32: firstN, lastN, or none"},
    {"observer", OPTION_WORD, "min-max|moving-average|percentile|histogram|mse|entropy",
     "mse", NULL, "qat: how ranges of activations are found, as in quantize"},
    {"samples", OPTION_INTEGER, "1..", "64", NULL,
     "qat: samples for these, before every epoch"},
    {"seed", OPTION_INTEGER, "0..", NULL, NULL,
     "of shuffling and dropout (default: the session's)"},
    {"resume", OPTION_FLAG, NULL, "no", NULL,
     "go on from the checkpoint, where there is one"},
    {"checkpoint", OPTION_FILE, NULL, NULL, NULL,
     "file of the checkpoint, or no for none (default: one for this model's name and the "
     "current folder, until training ends)"},
    {0},
};

/* One run of the command. */
typedef struct job {
    const char *name, *data_name;
    const dataset *data;
    train_settings settings;
    train_state state;
    simulation *simulation; /* NULL: none */
    char *checkpoint;       /* NULL: none is written */
    bool automatic;  /* the checkpoint is lathe's own and goes when training has ended */
    int64_t resumed; /* epochs that the checkpoint had */
} job;

/* The default checkpoint: found again by the same name in the same folder. */
static char *default_checkpoint(const char *name, error *e)
{
    char folder[4096];
    if (!getcwd(folder, sizeof folder)) {
        fail(e, E_FILE, "train: the current folder has no path");
        return NULL;
    }
    char *state = file_state_folder(e);
    if (!state)
        return NULL;
    uint64_t key = random_hash(folder, (int64_t)strlen(folder), HASH_START);
    char *path = memory_format(e, "%s/checkpoints", state);
    memory_free(state);
    if (!path || file_make_folder(path, e) != E_OK) {
        memory_free(path);
        return NULL;
    }
    char *file = memory_format(e, "%s/%s-%016llx.safetensors", path, name,
                               (unsigned long long)key);
    memory_free(path);
    return file;
}

/* A checkpoint takes the place of an older one, not of another file. */
static status check_replaceable(const char *path, error *e)
{
    train_state s = {0};
    train_settings t;
    char *command = NULL;
    status read = checkpoint_read(path, &s, &t, &command, e);
    train_clear(&s);
    memory_free(command);
    if (read != E_FORMAT)
        return read;
    fail(e, E_FILE, "train: %s exists already and is no checkpoint", path);
    return fail_hint(e, "name another file with checkpoint=");
}

/* Finds out now whether the checkpoint can be written, not after the first epoch. */
static status try_checkpoint(const char *path, error *e)
{
    atomic_file f;
    if (file_exists(path))
        TRY(check_replaceable(path, e));
    TRY(atomic_open(&f, path, e));
    atomic_abandon(&f);
    return E_OK;
}

static status choose_checkpoint(call *c, job *j, error *e)
{
    const char *words = option_words(&c->options, "checkpoint");
    if (words && strcmp(words, "no") == 0)
        return E_OK;
    j->automatic = !words;
    j->checkpoint = words ? memory_text(words, e) : default_checkpoint(j->name, e);
    if (j->checkpoint && try_checkpoint(j->checkpoint, e) == E_OK)
        return E_OK;
    if (!j->automatic)
        return e->code;
    rows_note(c, "train: no checkpoint is kept: %s", e->text);
    error_clear(e);
    memory_free(j->checkpoint);
    j->checkpoint = NULL;
    return E_OK;
}

/* A model of that name in the session must be the one that the checkpoint is of. */
static status check_same_model(const call *c, const job *j, error *e)
{
    if (session_kind(c->session, j->name) == OBJECT_NONE)
        return E_OK;
    const model *m = session_get_model(c->session, j->name, e);
    if (!m)
        return e->code;
    const model *saved = j->state.last;
    const graph *a = m->graph, *b = saved->graph;
    bool same = text_equal(m->architecture, saved->architecture) &&
                a->node_count == b->node_count &&
                a->parameter_count == b->parameter_count &&
                graph_parameter_count(a) == graph_parameter_count(b);
    if (same)
        return E_OK;
    fail(e, E_SHAPE, "train: %s is not the model of the checkpoint %s", j->name,
         j->checkpoint);
    return fail_hint(e, "drop %s to take the checkpoint's model, or leave out resume=yes",
                     j->name);
}

/* The last validation loss must come out again: other data would go unnoticed and give
   another model. */
static status check_same_data(const job *j, error *e)
{
    /* Where integers are simulated, what was validated last is not kept, but the best. */
    const bool simulated = j->settings.quantization.from > 0 && j->state.best &&
                           j->state.epoch >= j->settings.quantization.from;
    const model *last = simulated ? j->state.best : j->state.last;
    if (last->epoch_count == 0)
        return E_OK;
    double now, before = simulated ? j->state.best_loss
                                   : last->epochs[last->epoch_count - 1].val_loss;
    if (isnan(before))
        return E_OK;
    TRY(train_loss(last, j->data, SPLIT_VAL, &j->settings, &now, e));
    if (fabs(now - before) <= 1e-4 * fabs(before))
        return E_OK;
    fail(e, E_RANGE, "train: the checkpoint's validation loss was %.6g, on %s it is %.6g",
         before, j->data_name, now);
    return fail_hint(e, "make the data as before: same source, options, seed and split");
}

/* Fills the state from the checkpoint. */
static status resume(call *c, job *j, error *e)
{
    train_settings saved;
    char *command = NULL;
    TRY(checkpoint_read(j->checkpoint, &j->state, &saved, &command, e));
    memory_free(command);
    TRY(fit_agrees(c, &j->settings, &saved, e));
    if (option_given(&c->options, "epochs"))
        saved.epochs = j->settings.epochs;
    j->settings = saved;
    j->resumed = j->state.epoch;
    bool impatient = saved.patience > 0 && j->state.stale >= saved.patience;
    j->state.finished = impatient || j->state.epoch >= saved.epochs;
    TRY(check_same_model(c, j, e));
    return check_same_data(j, e);
}

static status begin(call *c, job *j, error *e)
{
    if (option_flag(&c->options, "resume") && j->checkpoint && file_exists(j->checkpoint))
        return resume(c, j, e);
    const model *m = session_get_model(c->session, j->name, e);
    if (!m)
        return e->code;
    if (option_flag(&c->options, "resume"))
        rows_note(c, "train: there is no checkpoint of %s yet: it begins at epoch 1",
                  j->name);
    TRY(fit_latent(c, "train", m, &j->settings, e));
    TRY(train_start(&j->state, m, &j->settings, e));
    if (j->automatic && j->checkpoint)
        unlink(j->checkpoint); /* of an earlier training: nobody must go on from it */
    return E_OK;
}

/* The epoch whose weights are kept; NULL where none came to its end. */
static const epoch_row *kept_epoch(const train_state *s)
{
    const model *kept = train_result(s);
    for (int64_t i = kept->epoch_count - 1; s->epoch > 0 && i >= 0; i--)
        if (kept->epochs[i].best)
            return &kept->epochs[i];
    return NULL;
}

/* What the answer tells of the training itself. */
static void put_curve(const call *c, const job *j)
{
    const train_state *s = &j->state;
    const epoch_row *kept = kept_epoch(s);
    table_text(c->rows, "precision", precision_name(j->settings.precision));
    table_integer(c->rows, "epochs", s->epoch);
    if (j->resumed > 0)
        table_integer(c->rows, "resumed", j->resumed);
    if (s->best_epoch > 0)
        table_integer(c->rows, "best_epoch", s->best_epoch);
    if (kept) {
        rows_put_real(c->rows, "train_loss", kept->train_loss);
        rows_put_real(c->rows, "val_loss", kept->val_loss);
    }
}

/* Where the time of its steps went; the rest is validation and measuring. */
static void put_times(table *t, const train_times *times)
{
    table_real(t, "load_seconds", times->load);
    table_real(t, "forward_seconds", times->forward);
    table_real(t, "backward_seconds", times->backward);
    table_real(t, "update_seconds", times->update);
}

/* Gives what was reached to the session, measured on val unless the user is waiting for
   the prompt. */
static status keep(call *c, const job *j, double seconds, bool measure, error *e)
{
    char reached[64], summary[128];
    sample_set on = {j->data_name, j->data, SPLIT_VAL};
    if (dataset_split_count(j->data, SPLIT_VAL) == 0)
        on.split = SPLIT_TRAIN;
    fit_reached(&j->state, reached);
    snprintf(summary, sizeof summary, "%s of %lld", reached,
             (long long)j->settings.epochs);
    model *m = model_copy(train_result(&j->state), e);
    if (!m)
        return e->code;
    table_row(c->rows);
    table_text(c->rows, "model", j->name);
    table_text(c->rows, "data", j->data_name);
    put_curve(c, j);
    TRY(rows_keep(c, j->name, m, summary, measure ? &on : NULL, NULL, e));
    put_times(c->rows, &j->state.times);
    table_real(c->rows, "seconds", seconds);
    table_integer(c->rows, "peak_bytes", (int64_t)memory_peak());
    return E_OK;
}

/* After Ctrl-C: the work stays, and the sentence says which. */
static status stopped(call *c, const job *j, double seconds, error *e)
{
    char reached[64];
    fit_reached(&j->state, reached);
    TRY(keep(c, j, seconds, false, e));
    if (j->state.epoch == 0)
        return fail(e, E_STOPPED, "train: stopped in epoch 1 of %lld; %s keeps %s",
                    (long long)j->settings.epochs, j->name, reached);
    fail(e, E_STOPPED, "train: stopped after epoch %lld of %lld; %s keeps %s",
         (long long)j->state.epoch, (long long)j->settings.epochs, j->name, reached);
    if (j->checkpoint)
        fail_hint(e, "'train %s %s resume=yes%s%s' goes on", j->name, j->data_name,
                  j->automatic ? "" : " checkpoint=", j->automatic ? "" : j->checkpoint);
    return E_STOPPED;
}

static status train(call *c, job *j, error *e)
{
    double start = task_clock();
    memory_peak_reset();
    status s =
        fit_run(&j->state, &j->settings, j->data, c->task, j->checkpoint, c->line, e);
    double seconds = task_clock() - start;
    if (s == E_STOPPED)
        return stopped(c, j, seconds, e);
    if (s == E_NUMERIC)
        return fail_hint(e, "try a smaller lr, or clip=1");
    TRY(s);
    TRY(keep(c, j, seconds, true, e));
    if (j->automatic && j->checkpoint)
        unlink(j->checkpoint);
    return E_OK;
}

static status train_command(call *c, error *e)
{
    job j = {.name = option_words(&c->options, "model"),
             .data_name = option_words(&c->options, "data")};
    j.data = session_get_dataset(c->session, j.data_name, e);
    if (!j.data)
        return e->code;
    if (dataset_split_count(j.data, SPLIT_TRAIN) == 0) {
        fail(e, E_RANGE, "train: %s has no samples in split train", j.data_name);
        return fail_hint(e, "divide it with 'split %s'", j.data_name);
    }
    TRY(fit_settings(c, "train", j.data, &j.settings, e));
    status s = choose_checkpoint(c, &j, e);
    if (s == E_OK)
        s = begin(c, &j, e);
    if (s == E_OK)
        s = fit_simulation(&j.settings, &j.simulation, e);
    if (s == E_OK)
        s = train(c, &j, e);
    train_clear(&j.state);
    simulation_free(j.simulation);
    memory_free(j.checkpoint);
    return s;
}

const command command_train = {
    .name = "train",
    .group = "learn",
    .summary = "train a model and keep its best epoch",
    .options = options,
    .arguments = 2,
    .required = 2,
    .flags = COMMAND_CHANGES | COMMAND_LONG,
    .example = "train m d epochs=2 lr=0.002",
    .details =
        "The best epoch is chosen on the split val, by its loss or the metric that "
        "monitor= "
        "names; the numbers of the answer are of the "
        "model read back from disk, on val.  Ctrl-C stops after the batch and keeps the "
        "best epoch so far.  After every epoch a checkpoint is written: after Ctrl-C, a "
        "crash or kill -9, 'train m d resume=yes' in the same folder, with the same "
        "data, "
        "goes on to the same bits as an unbroken run, and needs no other option.  "
        "With precision=bf16 convolutions and linear layers round what they multiply to "
        "8 "
        "bits, forward and backward, which is several times faster on processors that "
        "have bf16; all measurements are in f32.  "
        "From epoch qat= on every batch runs forward in the integer kernels of the "
        "deployed model and backward through the float one (straight through); batch "
        "norm is folded with the statistics it has then, dropout goes, and what is "
        "validated and kept is the deployed model, to the last bit.  "
        "With regularizer=sliced-wasserstein the loss grows by lambda times the distance "
        "of the latent values of each batch from a normal distribution, along 50 random "
        "directions; so does the validation loss.  "
        "The seconds of the answer: load, forward (with the loss), backward and update "
        "are those of the steps, in this process.  "
        "With checkpoint=FILE the checkpoint is that file and stays when training has "
        "ended: a script with resume=yes checkpoint=FILE can be started again and again.",
    .see = "eval, plot training, prune",
    .run = train_command,
};
