/* SPDX-License-Identifier: GPL-3.0-or-later
   training.c -- what the commands that train a model have in common: from a model and data
   to a trained model, with checkpoints.  It neither prints nor computes a gradient. */
#include "ui/command/training.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "format/model_file.h"
#include "ui/command/rows.h"

/* The default checkpoint: found again by the same name in the same folder. */
static char *default_checkpoint(const char *name, error *e)
{
    char folder[4096];
    if (!getcwd(folder, sizeof folder)) {
        fail(e, E_FILE, "the current folder has no path");
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
    fail(e, E_FILE, "%s exists already and is no checkpoint", path);
    return fail_hint(e, "name another file with checkpoint=");
}

/* Finds out now whether the checkpoint can be written, not after the first epoch. */
status training_try_checkpoint(const char *path, error *e)
{
    atomic_file f;
    if (file_exists(path))
        TRY(check_replaceable(path, e));
    TRY(atomic_open(&f, path, e));
    atomic_abandon(&f);
    return E_OK;
}

static status choose_checkpoint(call *c, training *j, error *e)
{
    const char *words = option_words(&c->options, "checkpoint");
    if (words && strcmp(words, "no") == 0)
        return E_OK;
    j->automatic = !words;
    j->checkpoint = words ? memory_text(words, e) : default_checkpoint(j->name, e);
    if (j->checkpoint && training_try_checkpoint(j->checkpoint, e) == E_OK)
        return E_OK;
    if (!j->automatic)
        return e->code;
    rows_note(c, "%s: no checkpoint is kept: %s", j->who, e->text);
    error_clear(e);
    memory_free(j->checkpoint);
    j->checkpoint = NULL;
    return E_OK;
}

/* What is trained of the model that the session has; owned by the caller. */
static model *dressed(const call *c, const training *j, error *e)
{
    const model *m = session_get_model(c->session, j->name, e);
    model *copy = m ? model_copy(m, e) : NULL;
    if (copy && j->dress && j->dress(j, copy, e) != E_OK) {
        model_free(copy);
        return NULL;
    }
    return copy;
}

/* A model of that name in the session must be the one that the checkpoint is of. */
static status check_same_model(const call *c, const training *j, error *e)
{
    if (session_kind(c->session, j->name) == OBJECT_NONE)
        return E_OK;
    model *m = dressed(c, j, e);
    if (!m)
        return e->code;
    const model *saved = j->state.last;
    const graph *a = m->graph, *b = saved->graph;
    bool same = text_equal(m->architecture, saved->architecture) &&
                a->node_count == b->node_count &&
                a->parameter_count == b->parameter_count &&
                graph_parameter_count(a) == graph_parameter_count(b);
    model_free(m);
    if (same)
        return E_OK;
    fail(e, E_SHAPE, "%s is not the model of the checkpoint %s", j->name, j->checkpoint);
    return fail_hint(e, "drop %s to take the checkpoint's model, or leave out resume=yes",
                     j->name);
}

/* The last validation loss must come out again: other data would go unnoticed and give
   another model. */
static status check_same_data(const training *j, error *e)
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
    fail(e, E_RANGE, "the checkpoint's validation loss was %.6g, on %s it is %.6g",
         before, j->data_name, now);
    return fail_hint(e, "make the data as before: same source, options, seed and split");
}

/* A student goes on with its teacher, and nobody else with one. */
static status check_teacher(const training *j, const train_settings *saved, error *e)
{
    const bool taught = saved->distillation.temperature > 0;
    if (taught == (j->settings.distillation.temperature > 0))
        return E_OK;
    fail(e, E_USAGE, "the checkpoint %s is of a training %s a teacher", j->checkpoint,
         taught ? "with" : "without");
    return fail_hint(e, "go on with '%s'", taught ? "distill" : "train");
}

/* Fills the state from the checkpoint. */
static status resume(call *c, training *j, error *e)
{
    train_settings saved;
    char *command = NULL;
    TRY(checkpoint_read(j->checkpoint, &j->state, &saved, &command, e));
    memory_free(command);
    TRY(check_teacher(j, &saved, e));
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

static status begin(call *c, training *j, error *e)
{
    if (option_flag(&c->options, "resume") && j->checkpoint && file_exists(j->checkpoint))
        return resume(c, j, e);
    model *m = dressed(c, j, e);
    if (!m)
        return e->code;
    if (option_flag(&c->options, "resume"))
        rows_note(c, "%s: there is no checkpoint of %s yet: it begins at epoch 1", j->who,
                  j->name);
    status s = fit_latent(c, j->who, m, &j->settings, e);
    if (s == E_OK && j->settings.monitor.name)
        s = evaluate_check(j->settings.monitor.name, m, j->data, e);
    if (s == E_OK)
        s = train_start(&j->state, m, &j->settings, e);
    model_free(m);
    if (s == E_OK && j->automatic && j->checkpoint)
        unlink(j->checkpoint); /* of an earlier training: nobody must go on from it */
    return s;
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
static void put_curve(const call *c, const training *j)
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
static status keep(call *c, const training *j, double seconds, bool measure, error *e)
{
    char reached[64], summary[128];
    sample_set on = {j->data_name, j->data, SPLIT_VAL, 0};
    if (dataset_split_count(j->data, SPLIT_VAL) == 0)
        on.split = SPLIT_TRAIN;
    fit_reached(&j->state, reached);
    snprintf(summary, sizeof summary, "%s of %lld", reached,
             (long long)j->settings.epochs);
    model *m = model_copy(train_result(&j->state), e);
    if (!m)
        return e->code;
    if (j->undress && j->undress(m, e) != E_OK) {
        model_free(m);
        return e->code;
    }
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
static status stopped(call *c, const training *j, double seconds, error *e)
{
    char reached[64];
    fit_reached(&j->state, reached);
    TRY(keep(c, j, seconds, false, e));
    if (j->state.epoch == 0)
        return fail(e, E_STOPPED, "stopped in epoch 1 of %lld; %s keeps %s",
                    (long long)j->settings.epochs, j->name, reached);
    fail(e, E_STOPPED, "stopped after epoch %lld of %lld; %s keeps %s",
         (long long)j->state.epoch, (long long)j->settings.epochs, j->name, reached);
    if (j->checkpoint)
        fail_hint(e, "'%s resume=yes%s%s' goes on after epoch %lld", j->again,
                  j->automatic ? "" : " checkpoint=", j->automatic ? "" : j->checkpoint,
                  (long long)(j->pace.epoch ? j->pace.epoch : j->resumed));
    return E_STOPPED;
}

static status run_to_end(call *c, training *j, error *e)
{
    double start = task_clock();
    memory_peak_reset();
    status s = fit_run(&j->state, &j->settings, j->data, c->task, j->checkpoint, &j->pace,
                       c->line, e);
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

/* What was written and would change nothing is an error; a checkpoint has what it was
   begun with. */
static status check_unused(const call *c, const training *j, error *e)
{
    static const char *const of_integers[] = {
        "bits", "granularity", "keep", "observer", "samples", "ranges", "scales", NULL};
    static const char *const of_regularizer[] = {"lambda", "latent", NULL};
    if (option_flag(&c->options, "resume"))
        return E_OK;
    if (!option_given(&c->options, "qat"))
        TRY(rows_unused(c, j->who, of_integers, "without qat=", e));
    if (option_is(&c->options, "regularizer", "none"))
        TRY(rows_unused(c, j->who, of_regularizer, "without regularizer=", e));
    return E_OK;
}

status training_run(call *c, training *j, error *e)
{
    j->data = session_get_dataset(c->session, j->data_name, e);
    if (!j->data)
        return e->code;
    if (dataset_split_count(j->data, SPLIT_TRAIN) == 0) {
        fail(e, E_RANGE, "%s: %s has no samples in split train", j->who, j->data_name);
        return fail_hint(e, "divide it with 'split %s'", j->data_name);
    }
    TRY(check_unused(c, j, e));
    TRY(fit_settings(c, j->who, j->data, &j->settings, e));
    status s = choose_checkpoint(c, j, e);
    if (s == E_OK)
        s = begin(c, j, e);
    if (s == E_OK)
        s = fit_simulation(&j->settings, &j->simulation, e);
    if (s == E_OK && j->ready)
        s = j->ready(j, e);
    if (s == E_OK)
        s = run_to_end(c, j, e);
    train_clear(&j->state);
    simulation_free(j->simulation);
    memory_free(j->checkpoint);
    return s;
}
