/* SPDX-License-Identifier: GPL-3.0-or-later
   fit.c -- training as the commands ask for it: settings from options, the loop over
   epochs, checkpoints.  It neither prints nor names anything in the session. */
#include "ui/command/fit.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/task.h"
#include "format/model_file.h"
#include "ui/command/rows.h"
#include "zoo/architecture.h"

typedef enum field_kind {
    FIELD_INTEGER,
    FIELD_REAL,
    FIELD_FLAG,
    FIELD_ROW,
    FIELD_NAME,
    FIELD_PRECISION
} field_kind;

/* The options that are one field of train_settings each. */
static const struct field {
    const char *option;
    field_kind kind;
    size_t offset;
} fields[] = {
    {"batch", FIELD_INTEGER, offsetof(train_settings, batch)},
    {"lr", FIELD_REAL, offsetof(train_settings, rates.learning_rate)},
    {"optimizer", FIELD_ROW, offsetof(train_settings, optimizer)},
    {"schedule", FIELD_ROW, offsetof(train_settings, schedule)},
    {"loss", FIELD_ROW, offsetof(train_settings, loss)},
    {"delta", FIELD_REAL, offsetof(train_settings, terms.delta)},
    {"smoothing", FIELD_REAL, offsetof(train_settings, terms.smoothing)},
    {"regularizer", FIELD_ROW, offsetof(train_settings, regularizer)},
    {"lambda", FIELD_REAL, offsetof(train_settings, lambda)},
    {"accumulate", FIELD_INTEGER, offsetof(train_settings, accumulate)},
    {"warmup", FIELD_INTEGER, offsetof(train_settings, plan.warmup)},
    {"gamma", FIELD_REAL, offsetof(train_settings, plan.gamma)},
    {"every", FIELD_INTEGER, offsetof(train_settings, plan.every)},
    {"weight_decay", FIELD_REAL, offsetof(train_settings, rates.weight_decay)},
    {"momentum", FIELD_REAL, offsetof(train_settings, rates.momentum)},
    {"nesterov", FIELD_FLAG, offsetof(train_settings, rates.nesterov)},
    {"clip", FIELD_REAL, offsetof(train_settings, clip)},
    {"patience", FIELD_INTEGER, offsetof(train_settings, patience)},
    {"monitor", FIELD_NAME, offsetof(train_settings, monitor.name)},
    {"epochs", FIELD_INTEGER, offsetof(train_settings, epochs)},
    {"temperature", FIELD_REAL, offsetof(train_settings, distillation.temperature)},
    {"alpha", FIELD_REAL, offsetof(train_settings, distillation.alpha)},
    {"beta", FIELD_REAL, offsetof(train_settings, distillation.beta)},
    {"qat", FIELD_INTEGER, offsetof(train_settings, quantization.from)},
    {"bits", FIELD_INTEGER, offsetof(train_settings, quantization.bits)},
    {"samples", FIELD_INTEGER, offsetof(train_settings, quantization.samples)},
    {"precision", FIELD_PRECISION, offsetof(train_settings, precision)},
};
#define FIELD_COUNT ((int)(sizeof fields / sizeof fields[0]))

/* The value of option NAME, or NULL where the command has none or it is absent. */
static const option_value *find_present(const call *c, const char *name)
{
    for (int64_t i = 0; i < c->options.count; i++) {
        const option_value *v = &c->options.values[i];
        if (strcmp(v->row->name, name) == 0)
            return v->present ? v : NULL;
    }
    return NULL;
}

static void set_numbers(const call *c, train_settings *t)
{
    for (int i = 0; i < FIELD_COUNT; i++) {
        const option_value *v = find_present(c, fields[i].option);
        char *field = (char *)t + fields[i].offset;
        if (!v)
            continue;
        if (fields[i].kind == FIELD_INTEGER)
            memcpy(field, &v->integer, sizeof v->integer);
        else if (fields[i].kind == FIELD_REAL)
            memcpy(field, &v->real, sizeof v->real);
        else if (fields[i].kind == FIELD_FLAG)
            memcpy(field, &v->flag, sizeof v->flag);
    }
    t->plan.learning_rate = t->rates.learning_rate;
}

static const char *word_of(const call *c, const char *option, const char *otherwise)
{
    const option_value *v = find_present(c, option);
    return v ? v->words : otherwise;
}

static const char *metric_name(int i)
{
    return metric_at(i) ? metric_at(i)->name : NULL;
}

static status choose_monitor(const call *c, train_settings *t, error *e)
{
    const char *name = word_of(c, "monitor", "loss");
    const metric_row *row = metric_find(name);
    if (strcmp(name, "loss") == 0)
        return E_OK;
    if (!row)
        return rows_unknown("metric", name, metric_name, e);
    t->monitor = evaluate_monitor(row);
    return E_OK;
}

/* "first2" gives 2 for PREFIX "first"; false for another word. */
static bool count_behind(const char *word, const char *prefix, int64_t *count)
{
    return text_starts(word, prefix) && text_to_integer(word + strlen(prefix), count) &&
           *count >= 0 && *count <= 10000;
}

status fit_keep(const call *c, const char *who, int64_t *first, int64_t *last, error *e)
{
    const option_value *keep = option_get(&c->options, "keep");
    for (int64_t i = 0; i < keep->count; i++) {
        const char *word = keep->items[i];
        if (strcmp(word, "none") == 0 && keep->count == 1)
            continue;
        if (count_behind(word, "first", first) || count_behind(word, "last", last))
            continue;
        fail(e, E_RANGE, "%s: keep=%s, wanted firstN, lastN or none", who, word);
        return fail_hint(e, "keep=first2,last2 leaves two layers at each end in f32");
    }
    return E_OK;
}

granularity fit_granularity(const call *c)
{
    const char *words = word_of(c, "granularity", "channel");
    return strcmp(words, "model") == 0    ? PER_MODEL
           : strcmp(words, "tensor") == 0 ? PER_TENSOR
           : strcmp(words, "group") == 0  ? PER_GROUP
                                          : PER_CHANNEL;
}

static status choose_quantization(const call *c, const char *who, train_settings *t,
                                  error *e)
{
    train_quantization *q = &t->quantization;
    if (q->from == 0)
        return E_OK;
    q->grain = fit_granularity(c);
    q->learned = strcmp(word_of(c, "ranges", "observed"), "learned") == 0 ? 1 : 0;
    if (strcmp(word_of(c, "scales", "largest"), "learned") == 0)
        q->learned += 2;
    if (q->learned >= 2 && q->grain != PER_CHANNEL) {
        fail(e, E_USAGE, "%s: scales=learned are those of channels", who);
        return fail_hint(e, "leave granularity out");
    }
    snprintf(q->observer, sizeof q->observer, "%s", word_of(c, "observer", "mse"));
    if (q->from > t->epochs) {
        fail(e, E_RANGE, "%s: qat=%lld, but there are %lld epochs", who,
             (long long)q->from, (long long)t->epochs);
        return fail_hint(e, "qat is the first epoch that simulates integers");
    }
    return fit_keep(c, who, &q->keep_first, &q->keep_last, e);
}

status fit_simulation(train_settings *t, simulation **made, error *e)
{
    *made = NULL;
    if (t->quantization.from == 0)
        return E_OK;
    *made = simulation_new(t, e);
    if (!*made)
        return e->code;
    t->simulation = simulation_of(*made);
    return E_OK;
}

static const char *usual_loss(const dataset *d)
{
    return d->class_count > 0 ? "cross-entropy" : d->mask ? "masked-mse" : "mse";
}

status fit_settings(const call *c, const char *who, const dataset *d, train_settings *t,
                    error *e)
{
    const char *loss = word_of(c, "loss", usual_loss(d));
    const char *optimizer = word_of(c, "optimizer", "adam");
    const char *schedule = word_of(c, "schedule", "constant");
    *t = (train_settings){.epochs = 1, .batch = 8, .seed = rows_seed(c)};
    t->loss = loss_find(loss);
    t->terms = loss_standard;
    t->optimizer = optimizer_find(optimizer);
    t->schedule = schedule_find(schedule);
    t->regularizer = regularizer_find(word_of(c, "regularizer", "none"));
    if (!t->loss)
        return fail(e, E_NAME, "%s: there is no loss '%s'", who, loss);
    if (!t->optimizer)
        return fail(e, E_NAME, "%s: there is no optimizer '%s'", who, optimizer);
    if (!t->schedule)
        return fail(e, E_NAME, "%s: there is no schedule '%s'", who, schedule);
    t->rates = t->optimizer->standard;
    t->plan = (schedule_settings){.gamma = 0.1,
                                  .every = 30,
                                  .warm_fraction = 0.3,
                                  .divisor = 25,
                                  .final_divisor = 1e4};
    t->precision = precision_find(word_of(c, "precision", "f32"));
    set_numbers(c, t);
    if (t->terms.delta <= 0)
        return fail(e, E_RANGE, "%s: delta=0, wanted more than 0", who);
    TRY(choose_monitor(c, t, e));
    if (find_present(c, "qat"))
        TRY(choose_quantization(c, who, t, e));
    if (!d->target)
        return fail(e, E_SHAPE, "%s: the data have no target to train towards", who);
    return E_OK;
}

status fit_latent(const call *c, const char *who, const model *m, train_settings *t,
                  error *e)
{
    const char *name = word_of(c, "latent", NULL);
    const int at = name ? graph_find_node(m->graph, name) : -1;
    if (!t->regularizer)
        return E_OK;
    if (name && at < 0)
        return fail(e, E_NAME, "%s: the model has no node '%.80s'", who, name);
    t->latent = at >= 0 ? m->graph->nodes[at].output : architecture_latent(m);
    if (t->latent >= 0)
        return E_OK;
    fail(e, E_USAGE, "%s: %s is no autoencoder, whose latent value could be regularized",
         who, m->architecture);
    return fail_hint(e, "say which node's output is meant: latent=NODE");
}

/* Words of FIELD in T, for comparison and for messages. */
static void field_words(const struct field *f, const train_settings *t, char words[64])
{
    const char *field = (const char *)t + f->offset;
    const char *const *row, *name;
    bool flag;
    int64_t integer;
    double real;
    precision rounding;
    char number[32];
    switch (f->kind) {
    case FIELD_INTEGER:
        memcpy(&integer, field, sizeof integer);
        snprintf(words, 64, "%lld", (long long)integer);
        break;
    case FIELD_REAL:
        memcpy(&real, field, sizeof real);
        snprintf(words, 64, "%s", text_real(number, real));
        break;
    case FIELD_FLAG:
        memcpy(&flag, field, sizeof flag);
        snprintf(words, 64, "%s", flag ? "yes" : "no");
        break;
    case FIELD_ROW: /* the first member of each of these rows is its name */
        memcpy(&row, field, sizeof row);
        snprintf(words, 64, "%s", row ? *row : "none");
        break;
    case FIELD_NAME:
        memcpy(&name, field, sizeof name);
        snprintf(words, 64, "%s", name ? name : "loss");
        break;
    case FIELD_PRECISION:
        memcpy(&rounding, field, sizeof rounding);
        snprintf(words, 64, "%s", precision_name(rounding));
        break;
    }
}

/* A schedule that is laid out over all epochs changes when their number does. */
static bool may_differ(const struct field *f, const train_settings *t)
{
    return strcmp(f->option, "epochs") == 0 &&
           (strcmp(t->schedule->name, "constant") == 0 ||
            strcmp(t->schedule->name, "step") == 0);
}

status fit_agrees(const call *c, const train_settings *wanted,
                  const train_settings *saved, error *e)
{
    for (int i = 0; i < FIELD_COUNT; i++) {
        const option_value *v = find_present(c, fields[i].option);
        char now[64], before[64];
        if (!v || !v->given || may_differ(&fields[i], saved))
            continue;
        field_words(&fields[i], wanted, now);
        field_words(&fields[i], saved, before);
        if (strcmp(now, before) != 0) {
            fail(e, E_RANGE, "the checkpoint was trained with %s=%s, not %s",
                 fields[i].option, before, now);
            return fail_hint(e,
                             "resume with the options it was begun with, or leave them "
                             "out");
        }
    }
    const option_value *seed = find_present(c, "seed");
    if (seed && seed->given && wanted->seed != saved->seed)
        return fail(e, E_RANGE, "the checkpoint was trained with seed=%llu, not %llu",
                    (unsigned long long)saved->seed, (unsigned long long)wanted->seed);
    return E_OK;
}

status fit_checkpoint(checkpoint_pace *pace, const train_state *s,
                      const train_settings *t, const char *command, const char *path,
                      error *e)
{
    enum { TIMES_THE_COST = 20 };
    const double began = task_clock();
    if (!s->finished && began - pace->ended < TIMES_THE_COST * pace->seconds)
        return E_OK;
    TRY(checkpoint_write(s, t, command, path, e));
    pace->ended = task_clock();
    pace->seconds = pace->ended - began;
    pace->epoch = s->epoch;
    return E_OK;
}

status fit_run(train_state *s, const train_settings *t, const dataset *d,
               const task *watch, const char *checkpoint, checkpoint_pace *pace,
               const char *command, error *e)
{
    while (!s->finished) {
        TRY(train_epoch(s, t, d, watch, e));
        if (checkpoint)
            TRY(fit_checkpoint(pace, s, t, command, checkpoint, e));
    }
    return E_OK;
}

void fit_reached(const train_state *s, char buffer[64])
{
    if (s->epoch == 0)
        snprintf(buffer, 64, "the weights reached");
    else
        snprintf(buffer, 64, "epoch %lld",
                 (long long)(s->best_epoch > 0 ? s->best_epoch : s->epoch));
}
