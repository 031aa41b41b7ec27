/* SPDX-License-Identifier: GPL-3.0-or-later
   prune_training.c -- the training of the command `prune`: after the pruning, or with
   masks that tighten, move or begin anew as it goes on.  It ranks nothing and prints
   nothing. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "compress/look.h"
#include "format/model_file.h"
#include "ui/command/prune_parts.h"
#include "ui/command/training.h"
#include "ui/interpreter.h"

static status need(bool fine, const char *option, const char *what, error *e)
{
    return fine ? E_OK : fail(e, E_USAGE, "prune: %s= %s", option, what);
}

status prune_training_read(const call *c, prune_job *j, error *e)
{
    const option_set *o = &c->options;
    prune_course *k = &j->course;
    const char *gradual = option_words(o, "gradual"), *rewind = option_words(o, "rewind");
    const bool given = gradual || rewind || option_real(o, "regrow") > 0;
    const int64_t epochs = j->training.epochs;
    TRY(need(!given || epochs > 0,
             gradual  ? "gradual"
             : rewind ? "rewind"
                      : "regrow",
             "is for training: retrain= says how long", e));
    TRY(need(!gradual || j->pattern.keep == 0, "gradual",
             "has no meaning with a kind that goes in one step", e));
    TRY(need(!gradual || !rewind, "gradual", "and rewind= exclude each other", e));
    TRY(need(option_real(o, "regrow") == 0 ||
                 (j->pattern.outputs == 1 && j->pattern.inputs == 1),
             "regrow", "moves single weights, and is for kind=weight", e));
    k->row = gradual ? gradual_find(gradual) : NULL;
    k->exchange = option_real(o, "regrow");
    k->samples = option_integer(o, "samples");
    k->first = option_integer(o, "from");
    k->last =
        option_given(o, "until") ? option_integer(o, "until") : (2 * epochs + 2) / 3;
    if (gradual && (k->first > k->last || k->last > epochs))
        return fail(e, E_RANGE,
                    "prune: from=%lld until=%lld, wanted epochs from 1 to %lld in order",
                    (long long)k->first, (long long)k->last, (long long)epochs);
    if (!rewind)
        return E_OK;
    k->early = session_get_model(c->session, rewind, e);
    return k->early ? E_OK : e->code;
}

status prune_checkpoint_read(const call *c, prune_job *j, error *e)
{
    const option_set *o = &c->options;
    const char *file = option_words(o, "checkpoint");
    const bool alone =
        j->count == 1 && option_is(o, "control", "no") && option_integer(o, "seeds") == 1;
    TRY(need(file || !option_flag(o, "resume"), "resume", "wants checkpoint=FILE", e));
    if (!file)
        return E_OK;
    TRY(need(j->training.epochs > 0, "checkpoint",
             "is of training: retrain= says how long", e));
    TRY(need(alone, "checkpoint", "is of one amount, without control= and seeds=", e));
    j->checkpoint = file;
    j->resumes = option_flag(o, "resume") && file_exists(file);
    return training_try_checkpoint(file, e);
}

double prune_masked_share(const graph *g, prune_targets targets)
{
    int64_t all = 0, masked = 0;
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        const uint8_t *mask = p->mask ? tensor_data(p->mask) : NULL;
        if (!prune_is_target(p, targets))
            continue;
        all += tensor_count(p->data);
        for (int64_t k = 0; mask && k < tensor_count(p->data); k++)
            masked += mask[k] == 0;
    }
    return all > 0 ? (double)masked / (double)all : 0;
}

/* Sums of gradients, for what is masked. */
static status add_gradients(void *context, const graph *g, const plan *p, double share,
                            error *e)
{
    float **sum = context;
    (void)e;
    for (int i = 0; i < g->parameter_count; i++) {
        const float *gradient = sum[i] ? plan_gradient(p, i) : NULL;
        for (int64_t k = 0; gradient && k < tensor_count(g->parameters[i].data); k++)
            sum[i][k] += (float)share * gradient[k];
    }
    return E_OK;
}

static status exchange(const call *c, const prune_job *j, model *m, double share,
                       uint64_t epoch, error *e)
{
    graph *g = m->graph;
    int64_t moved;
    const look_settings s = {.data = j->on.data,
                             .samples = j->course.samples,
                             .batch = j->training.batch,
                             .seed = j->training.seed + epoch,
                             .gradients = true,
                             .loss = j->training.loss,
                             .terms = j->training.terms};
    float **sum = memory_new(g->parameter_count, sizeof *sum, e);
    status done = sum ? E_OK : E_MEMORY;
    for (int i = 0; done == E_OK && i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        if (!p->mask || !parameter_is_trained(p))
            continue;
        sum[i] = memory_new(tensor_count(p->data), sizeof(float), e);
        done = sum[i] ? E_OK : E_MEMORY;
    }
    if (done == E_OK)
        done = look("prune", m, &s, c->task, add_gradients, sum, e);
    if (done == E_OK)
        done = gradual_regrow(g, sum, share, &moved, e);
    for (int i = 0; sum && i < g->parameter_count; i++)
        memory_free(sum[i]);
    memory_free(sum);
    return done;
}

/* What happens to the masks before the next epoch of S. */
static status before_epoch(const call *c, prune_job *j, train_state *s, double from,
                           double to, error *e)
{
    const prune_course *k = &j->course;
    const int64_t epoch = s->epoch + 1;
    double amount =
        k->row ? gradual_amount(k->row, from, to, k->first, k->last, epoch) : to;
    double share = gradual_exchange(k->exchange, epoch, j->training.epochs);
    if (amount > j->reached) {
        prune_result r;
        TRY(prune_masks(j, s->last->graph, amount, &r, e));
        j->reached = amount;
    }
    return share > 0 ? exchange(c, j, s->last, share, (uint64_t)epoch, e) : E_OK;
}

/* Until all is gone that is to go, no epoch is the best. */
static void after_epoch(const prune_job *j, train_state *s)
{
    if (!j->course.row || s->epoch >= j->course.last)
        return;
    model_free(s->best);
    s->best = NULL;
    s->best_epoch = s->stale = 0;
}

/* ---- checkpoints ---- */

/* Blocks and layers round what is masked by less. */
#define MASKED_TOLERANCE 0.01

/* The line but for where it is kept and whether it goes on: who asks the same gets the
   same. */
static char *line_of(const call *c, error *e)
{
    text line = {0};
    for (const char *at = c->line; *at;) {
        size_t length = strcspn(at, " ");
        if (strncmp(at, "resume=", 7) != 0 && strncmp(at, "checkpoint=", 11) != 0)
            text_addf(&line, "%s%.*s", line.length ? " " : "", (int)length, at);
        at += length + strspn(at + length, " ");
    }
    return text_take(&line, e);
}

static status check_line(const call *c, const prune_job *j, const char *command, error *e)
{
    char *line = line_of(c, e);
    if (!line)
        return E_MEMORY;
    const bool same = command && strcmp(line, command) == 0;
    memory_free(line);
    if (same)
        return E_OK;
    fail(e, E_USAGE, "prune: the checkpoint %s is of another line", j->checkpoint);
    return fail_hint(e, "go on with '%.300s'", command ? command : "");
}

/* Data and model must be those of the beginning: the loss comes out again, and as much is
   masked as this model would have come to. */
static status check_begun(const prune_job *j, const train_state *s, error *e)
{
    const model *last = s->last;
    double now, before = last->epoch_count > 0
                             ? last->epochs[last->epoch_count - 1].val_loss
                             : NAN;
    const double apart = prune_masked_share(last->graph, j->targets) - j->reached;
    if (last->graph->parameter_count != j->pruned->graph->parameter_count ||
        (j->course.row && fabs(apart) > MASKED_TOLERANCE)) {
        fail(e, E_SHAPE, "prune: the checkpoint %s began from another model",
             j->checkpoint);
        return fail_hint(e, "the model must be as it was before; 'undo' brings it back");
    }
    if (isnan(before))
        return E_OK;
    TRY(train_loss(last, j->on.data, SPLIT_VAL, &j->training, &now, e));
    if (fabs(now - before) <= 1e-4 * fabs(before))
        return E_OK;
    fail(e, E_RANGE, "prune: the checkpoint's validation loss was %.6g, here it is %.6g",
         before, now);
    return fail_hint(e, "make the data as before: same source, options, seed and split");
}

static status go_on(const call *c, prune_job *j, train_state *s, double from, double to,
                    error *e)
{
    const prune_course *k = &j->course;
    train_settings saved;
    char *command = NULL;
    TRY(checkpoint_read(j->checkpoint, s, &saved, &command, e));
    status same = check_line(c, j, command, e);
    memory_free(command);
    TRY(same);
    j->resumed = s->epoch;
    if (k->row)
        j->reached =
            fmax(from, gradual_amount(k->row, from, to, k->first, k->last, s->epoch));
    s->finished = s->epoch >= j->training.epochs;
    return check_begun(j, s, e);
}

static status keep_checkpoint(const call *c, const prune_job *j, checkpoint_pace *pace,
                              const train_state *s, error *e)
{
    if (!j->checkpoint)
        return E_OK;
    char *line = line_of(c, e);
    status done =
        line ? fit_checkpoint(pace, s, &j->training, line, j->checkpoint, e) : E_MEMORY;
    memory_free(line);
    return done;
}

void prune_tell(const call *c, const prune_job *j, const model *m)
{
    if (!j->control)
        interpreter_tell_weights(c->interpreter, j->name, m);
}

static status run_epochs(const call *c, prune_job *j, train_state *s, double from,
                         double to, error *e)
{
    checkpoint_pace pace = {0};
    while (!s->finished) {
        TRY(before_epoch(c, j, s, from, to, e));
        prune_tell(c, j, s->last);
        TRY(train_epoch(s, &j->training, j->on.data, c->task, e));
        TRY(gradual_check(s->last->graph, e));
        after_epoch(j, s);
        prune_tell(c, j, s->last);
        TRY(keep_checkpoint(c, j, &pace, s, e));
    }
    return E_OK;
}

status prune_train(const call *c, prune_job *j, double from, double to, error *e)
{
    train_state s = {0};
    error ended = {0};
    if (j->course.early)
        TRY(gradual_rewind(j->pruned->graph, j->course.early->graph, e));
    if (j->training.monitor.name)
        TRY(evaluate_check(j->training.monitor.name, j->pruned, j->on.data, e));
    j->reached = j->course.row ? from : to;
    status begun = j->resumes ? go_on(c, j, &s, from, to, e)
                              : train_start(&s, j->pruned, &j->training, e);
    if (begun != E_OK) {
        train_clear(&s);
        return begun;
    }
    status done = run_epochs(c, j, &s, from, to, &ended);
    if (done == E_OK || done == E_STOPPED) {
        model *better = model_copy(train_result(&s), e);
        if (better) {
            model_free(j->pruned);
            j->pruned = better;
        } else {
            done = e->code;
        }
    }
    if (done == ended.code)
        *e = ended;
    train_clear(&s);
    return done;
}
