/* SPDX-License-Identifier: GPL-3.0-or-later
   prune_run.c -- the command `prune` at work: steps of pruning and training, controls that
   go the same way with other masks or weights, seeds, and what they say together.  It
   reads no option but those of controls and prints nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "measure/paired.h"
#include "ui/command/prune_parts.h"
#include "zoo/architecture.h"

typedef enum variant { PRUNED, DENSE, RANDOM, SHUFFLED, REINITIALISED, VARIANTS } variant;

static const struct {
    const char *word, *kind, *suffix, *summary;
} variants[VARIANTS] = {
    [PRUNED] = {"", "pruned", "", ""},
    [DENSE] = {"dense", "control", "-control", "dense control"},
    [RANDOM] = {"random", "random", "-random", "control: as much goes by chance"},
    [SHUFFLED] = {"shuffled", "shuffled", "-shuffled", "control: shuffled masks"},
    [REINITIALISED] = {"reinitialised", "reinitialised", "-reinitialised",
                       "control: first weights"},
};

/* One run of all that is compared, and what was measured in all of them. */
typedef struct contest {
    bool with[VARIANTS];
    prune_job runs[VARIANTS];
    int64_t seeds;
    double *values; /* [steps][VARIANTS][seeds] of the first metric */
} contest;

static double *values_of(const contest *k, int64_t step, int v)
{
    return k->values + (step * VARIANTS + v) * k->seeds;
}

/* ---- what is compared ---- */

static status read_controls(const call *c, const prune_job *j, contest *k, error *e)
{
    const option_value *words = option_get(&c->options, "control");
    k->seeds = option_integer(&c->options, "seeds");
    k->with[PRUNED] = true;
    for (int64_t i = 0; i < words->count; i++)
        for (int v = DENSE; v < VARIANTS; v++)
            k->with[v] |= strcmp(words->items[i], variants[v].word) == 0 ||
                          (v == DENSE && strcmp(words->items[i], "yes") == 0);
    if (!k->with[SHUFFLED] || !j->channels)
        return E_OK;
    fail(e, E_USAGE, "prune: control=shuffled has no meaning with kind=channel");
    return fail_hint(e, "control=random takes other channels");
}

static void clear_runs(contest *k)
{
    for (int v = 0; v < VARIANTS; v++) {
        model_free(k->runs[v].pruned);
        k->runs[v].pruned = NULL;
    }
}

/* First weights as the architecture draws them. */
static status draw_weights(model *m, uint64_t seed, error *e)
{
    const architecture *a = architecture_find(m->architecture);
    TRY(graph_initialize(m->graph, a ? a->first_weights : INITIALIZE_UNIFORM, seed, e));
    return graph_apply_masks(m->graph, e);
}

static status begin_runs(contest *k, const prune_job *j, int64_t number, error *e)
{
    clear_runs(k);
    for (int v = 0; v < VARIANTS; v++) {
        prune_job *run = &k->runs[v];
        if (!k->with[v])
            continue;
        *run = *j;
        run->control = v != PRUNED;
        run->training.seed += (uint64_t)number;
        run->cut.seed = run->training.seed;
        run->pruned = model_copy(j->begun, e);
        if (!run->pruned)
            return e->code;
        if (v == RANDOM) {
            run->criterion = criterion_find("random");
            run->cut.criterion = channel_criterion_find("random");
        } else if (v != PRUNED) {
            run->course = (prune_course){0};
        }
    }
    return k->with[REINITIALISED] && !j->channels
               ? draw_weights(k->runs[REINITIALISED].pruned,
                              k->runs[REINITIALISED].training.seed, e)
               : E_OK;
}

/* ---- one step of one of them ---- */

/* A copy of MASK, in the order that the seed draws for parameter INDEX unless that is to
   stay. */
static tensor *mask_of(const tensor *mask, bool shuffled, uint64_t seed, int index,
                       error *e)
{
    tensor *t = tensor_share(mask, e);
    if (!shuffled || !t)
        return t;
    random_stream r = random_new(seed, "shuffle-mask", (uint64_t)index);
    uint8_t *x = tensor_write(t, e);
    for (int64_t i = tensor_count(t) - 1; x && i > 0; i--) {
        int64_t other = random_below(&r, i + 1);
        uint8_t kept = x[i];
        x[i] = x[other];
        x[other] = kept;
    }
    if (x)
        return t;
    tensor_free(t);
    return NULL;
}

static status take_masks(graph *to, const graph *from, bool shuffled, uint64_t seed,
                         error *e)
{
    for (int i = 0; i < to->parameter_count; i++) {
        const tensor *mask = from->parameters[i].mask;
        tensor *copy = mask ? mask_of(mask, shuffled, seed, i, e) : NULL;
        if (mask && !copy)
            return E_MEMORY;
        tensor_free(to->parameters[i].mask);
        to->parameters[i].mask = copy;
    }
    return graph_apply_masks(to, e);
}

status prune_masks(const prune_job *j, graph *g, double amount, prune_result *r, error *e)
{
    uint64_t seed = j->training.seed;
    if (j->layers)
        return prune_parameters(g, j->criterion, j->targets, j->layers, seed, r, e);
    if (j->pattern.outputs == 1 && j->pattern.inputs == 1)
        return prune_weights(g, j->criterion, j->scope, j->targets, amount, seed, r, e);
    return prune_by_pattern(g, j->criterion, j->scope, &j->pattern, amount, seed, r, e);
}

static status prune_to(const call *c, prune_job *j, double amount, prune_result *r,
                       error *e)
{
    *r = (prune_result){0};
    if (j->channels)
        return prune_channel_to(c, j, amount, e);
    return prune_masks(j, j->pruned->graph, amount, r, e);
}

/* Prunes and trains, or both in one; j->reached is what is gone then. */
static status prune_and_train(const call *c, prune_job *j, double amount, prune_result *r,
                              error *e)
{
    const double from = prune_masked_share(j->pruned->graph, j->targets);
    j->reached = amount;
    if (!j->course.row)
        TRY(prune_to(c, j, amount, r, e));
    prune_tell(c, j, j->pruned);
    if (j->training.epochs == 0)
        return E_OK;
    status s = prune_train(c, j, from, amount, e);
    if (!j->course.row || (s != E_OK && s != E_STOPPED))
        return s;
    /* What is masked already is counted, and nothing else goes. */
    error counting = {0};
    if (prune_to(c, j, j->reached, r, &counting) == E_OK)
        return s;
    *e = counting;
    return e->code;
}

/* The masks or the narrower graph of the pruned one, with other masks or weights. */
static status follow(contest *k, variant v, error *e)
{
    const model *pruned = k->runs[PRUNED].pruned;
    prune_job *run = &k->runs[v];
    if (v == DENSE)
        return E_OK;
    if (!run->channels)
        return take_masks(run->pruned->graph, pruned->graph, v == SHUFFLED,
                          run->training.seed, e);
    model *copy = model_copy(pruned, e);
    if (!copy)
        return e->code;
    model_free(run->pruned);
    run->pruned = copy;
    return draw_weights(copy, run->training.seed, e);
}

/* Takes variant V to its STEP-th amount. */
static status advance(const call *c, contest *k, variant v, int64_t step, prune_result *r,
                      error *e)
{
    prune_job *run = &k->runs[v];
    if (v == PRUNED || v == RANDOM)
        return prune_and_train(c, run, run->amounts[step], r, e);
    TRY(follow(k, v, e));
    run->reached = run->amounts[step];
    return run->training.epochs == 0 ? E_OK
                                     : prune_train(c, run, run->reached, run->reached, e);
}

/* ---- what comes of it ---- */

static void warn_dead(call *c, const prune_result *r, double amount)
{
    if (r->dead_layers > 0)
        rows_note(c,
                  "prune: at %g, %lld layer%s wholly zero (%s): nothing passes there any "
                  "more",
                  amount, (long long)r->dead_layers,
                  r->dead_layers == 1 ? " is" : "s are", r->dead_name);
}

static void summarize(const prune_job *j, variant v, const prune_result *r,
                      char summary[128])
{
    if (v != PRUNED)
        snprintf(summary, 128, "%s", variants[v].summary);
    else if (j->channels)
        snprintf(summary, 128, "%lld of %lld channels are gone",
                 (long long)(j->had - j->left), (long long)j->had);
    else
        snprintf(summary, 128, "%lld of %lld prunable weights are zero",
                 (long long)r->zeros, (long long)r->prunable);
}

/* Means over the seeds, and of a control what the pruned one has more. */
static void put_spread(call *c, const contest *k, int64_t step, variant v,
                       const evaluation *seen)
{
    char name[80];
    double mean, deviation, low, high;
    const double *own = values_of(k, step, v), *pruned = values_of(k, step, PRUNED);
    const char *metric = seen->row[0]->name;
    spread_of(own, k->seeds, &mean, &deviation);
    table_integer(c->rows, "seeds", k->seeds);
    snprintf(name, sizeof name, "%s_mean", metric);
    table_real(c->rows, name, mean);
    snprintf(name, sizeof name, "%s_sd", metric);
    rows_put_real(c->rows, name, deviation);
    if (v == PRUNED)
        return;
    paired_difference(pruned, own, k->seeds, &mean, &low, &high);
    snprintf(name, sizeof name, "%s_paired", metric);
    table_real(c->rows, name, mean);
    snprintf(name, sizeof name, "%s_paired_low", metric);
    rows_put_real(c->rows, name, low);
    snprintf(name, sizeof name, "%s_paired_high", metric);
    rows_put_real(c->rows, name, high);
    if (low <= 0 && high >= 0)
        rows_note(c,
                  "prune: at %g, pruned and %s do not differ in %s beyond the noise of "
                  "%lld seeds",
                  k->runs[v].amounts[step], variants[v].word, metric,
                  (long long)k->seeds);
}

/* A row for variant V, whose model is copied into the session.  STOPPED: the user waits,
   and nothing is measured. */
static status answer(call *c, contest *k, int64_t step, variant v, const prune_result *r,
                     bool stopped, error *e)
{
    char summary[128], name[256];
    const prune_job *run = &k->runs[v];
    evaluation seen = {0};
    model *copy = model_copy(run->pruned, e);
    if (!copy)
        return e->code;
    snprintf(name, sizeof name, "%s%s", run->name, variants[v].suffix);
    table_row(c->rows);
    table_text(c->rows, "model", name);
    table_text(c->rows, "kind", variants[v].kind);
    table_real(c->rows, "amount", run->reached);
    if (run->resumed > 0)
        table_integer(c->rows, "resumed", run->resumed);
    summarize(run, v, r, summary);
    TRY(rows_keep(c, name, copy, summary, run->on.data && !stopped ? &run->on : NULL,
                  &seen, e));
    if (run->channels && (v == PRUNED || v == RANDOM)) {
        table_integer(c->rows, "channels", run->had);
        table_integer(c->rows, "channels_left", run->left);
        table_real(c->rows, "difference", run->difference);
    } else if (v == PRUNED) {
        table_integer(c->rows, "dead_layers", r->dead_layers);
    }
    if (k->seeds > 1 && seen.count > 0) {
        values_of(k, step, v)[0] = seen.value[0];
        put_spread(c, k, step, v, &seen);
    }
    return E_OK;
}

/* The value of one run that is not kept. */
static status measure(const call *c, contest *k, int64_t step, variant v, int64_t number,
                      error *e)
{
    artefact a;
    evaluation seen = {0};
    const sample_set *on = &k->runs[v].on;
    TRY(artefact_make(k->runs[v].pruned, &a, e));
    status s = evaluate(a.model, on->data, on->split, 0, NULL, c->task, &seen, NULL, e);
    artefact_clear(&a);
    if (s == E_OK && seen.count == 0)
        s = fail(e, E_USAGE, "prune: there is no metric to compare by");
    if (s == E_OK)
        values_of(k, step, v)[number] = seen.value[0];
    return s;
}

static status stopped(const contest *k, variant v, error *e)
{
    const prune_job *run = &k->runs[v];
    if (v == PRUNED)
        return fail(e, E_STOPPED,
                    "prune: stopped while training at %g; %s keeps its best epoch so far",
                    run->reached, run->name);
    return fail(e, E_STOPPED, "prune: stopped in the control; %s is pruned to %g",
                run->name, k->runs[PRUNED].reached);
}

/* One step of one variant of the run whose models are kept. */
static status keep_step(call *c, contest *k, int64_t step, variant v, error *e)
{
    prune_result r = {0};
    status s = advance(c, k, v, step, &r, e);
    if (s != E_OK && s != E_STOPPED)
        return fail_prefix(e, "prune: at %g", k->runs[v].amounts[step]);
    if (s == E_STOPPED && v != PRUNED)
        return stopped(k, v, e);
    TRY(answer(c, k, step, v, &r, s == E_STOPPED, e));
    if (v == PRUNED)
        warn_dead(c, &r, k->runs[v].reached);
    return s == E_STOPPED ? stopped(k, v, e) : E_OK;
}

static status run_seed(call *c, contest *k, const prune_job *j, int64_t number, error *e)
{
    TRY(begin_runs(k, j, number, e));
    for (int64_t i = 0; i < j->count; i++)
        for (int v = 0; v < VARIANTS; v++) {
            prune_result r = {0};
            if (!k->with[v])
                continue;
            if (number == 0) {
                TRY(keep_step(c, k, i, (variant)v, e));
                continue;
            }
            TRY(advance(c, k, (variant)v, i, &r, e));
            TRY(measure(c, k, i, (variant)v, number, e));
        }
    return E_OK;
}

/* The seed that is asked for comes last: then all is known that its rows tell. */
status prune_run(call *c, prune_job *j, error *e)
{
    contest k = {0};
    TRY(read_controls(c, j, &k, e));
    k.values = memory_new(j->count * VARIANTS * k.seeds, sizeof *k.values, e);
    status s = k.values ? E_OK : E_MEMORY;
    for (int64_t number = k.seeds - 1; s == E_OK && number >= 0; number--)
        s = run_seed(c, &k, j, number, e);
    clear_runs(&k);
    memory_free(k.values);
    return s;
}
