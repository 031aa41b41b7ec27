/* SPDX-License-Identifier: GPL-3.0-or-later
   bisect.c -- the command `bisect`: the step at which a metric fell, and the layer that it
   fell by.  It measures, and changes nothing. */
#include "ui/command/bisect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "compress/transplant.h"

static const option bisect_options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "model that has become worse"},
    {"condition", OPTION_TEXT, NULL, NULL, NULL,
     "what holds of it now and did not before, as \"accuracy < 0.92\""},
    {"data", OPTION_DATASET, NULL, NULL, NULL, "data to measure on"},
    {"split", OPTION_WORD, "train|val|test|all", "val", NULL, "which samples"},
    {"layers", OPTION_FLAG, NULL, "yes", NULL,
     "put each layer of the version before into the one after, and measure"},
    {0},
};

typedef struct job {
    call *call;
    condition when;
    sample_set on;
    versions versions;
    double *value; /* [versions], NaN: not measured yet */
    bool *known;   /* [versions] */
} job;

static status read_condition(const char *words, condition *when, error *e)
{
    const size_t place = strcspn(words, "<>");
    size_t length = place;
    while (length > 0 && words[length - 1] == ' ')
        length--;
    *when = (condition){.below = words[place] == '<'};
    const char *number = words[place] ? words + place + 1 : words + place;
    when->equal = *number == '=';
    number += when->equal;
    number += strspn(number, " ");
    if (length == 0 || length >= METRIC_NAME || !text_to_real(number, &when->limit)) {
        fail(e, E_USAGE, "bisect: '%.80s': a metric, < or >, and a number were wanted",
             words);
        return fail_hint(e, "in quotes, as \"accuracy < 0.92\"");
    }
    memcpy(when->metric, words, length);
    when->metric[length] = '\0';
    return E_OK;
}

bool condition_holds(const condition *when, double value)
{
    return (when->equal && value == when->limit) ||
           (when->below ? value < when->limit : value > when->limit);
}

/* Of the file that M would be, as `eval` measures. */
static status measure(job *j, const model *m, double *value, error *e)
{
    artefact a;
    evaluation v;
    TRY(evaluate_check(j->when.metric, m, j->on.data, e));
    TRY(artefact_make(m, &a, e));
    status s = evaluate(a.model, j->on.data, j->on.split, j->on.batch, NULL,
                        j->call->task, &v, NULL, e);
    if (s == E_OK)
        *value = evaluation_get(&v, j->when.metric);
    artefact_clear(&a);
    return s;
}

static status measure_version(job *j, int64_t i, error *e)
{
    if (j->known[i])
        return E_OK;
    TRY(measure(j, j->versions.items[i].model, &j->value[i], e));
    j->known[i] = true;
    return E_OK;
}

/* ---- the step ---- */

/* *GOOD: a version of which the condition does not hold, sought backwards in steps that
   double, -1 where there is none; *BAD: the oldest one behind it that was seen to be bad. */
static status find_good(job *j, int64_t *good, int64_t *bad, error *e)
{
    const int64_t last = j->versions.count - 1;
    *bad = last;
    *good = -1;
    for (int64_t back = 1; *bad > 0; back *= 2) {
        const int64_t i = last > back ? last - back : 0;
        TRY(measure_version(j, i, e));
        if (!condition_holds(&j->when, j->value[i])) {
            *good = i;
            break;
        }
        *bad = i;
    }
    return E_OK;
}

/* *FIRST: a version of which the condition holds and of the one before not; 0: none was
   found. */
static status find_step(job *j, int64_t *first, error *e)
{
    const int64_t last = j->versions.count - 1;
    int64_t good, bad;
    *first = 0;
    TRY(measure_version(j, last, e));
    if (!condition_holds(&j->when, j->value[last]))
        return fail(e, E_RANGE, "bisect: %s is %g now: the condition does not hold",
                    j->when.metric, j->value[last]);
    TRY(find_good(j, &good, &bad, e));
    while (good >= 0 && bad - good > 1) {
        const int64_t middle = good + (bad - good) / 2;
        TRY(measure_version(j, middle, e));
        if (condition_holds(&j->when, j->value[middle]))
            bad = middle;
        else
            good = middle;
    }
    *first = good >= 0 ? bad : 0;
    return E_OK;
}

static void put_steps(const job *j, int64_t first)
{
    table *t = j->call->rows;
    for (int64_t i = 0; i < j->versions.count; i++) {
        if (!j->known[i])
            continue;
        table_row(t);
        table_text(t, "part", "step");
        table_integer(t, "step", i + 1);
        table_text(t, "line", j->versions.items[i].command);
        table_none(t, "layer");
        rows_put_real(t, "value", j->value[i]);
        table_flag(t, "holds", condition_holds(&j->when, j->value[i]));
        table_flag(t, "first", first > 0 && i == first);
    }
}

/* ---- the layer ---- */

typedef struct trial {
    int node;
    double value, gain;
} trial;

static int by_gain(const void *a, const void *b)
{
    const trial *x = a, *y = b;
    const int order = (x->gain < y->gain) - (x->gain > y->gain);
    return order ? order : x->node - y->node;
}

/* The metric of AFTER with node I as it was in BEFORE. */
static status try_layer(job *j, const model *after, const model *before, int i,
                        double value_after, trial *made, error *e)
{
    model *m = transplant(after, before, i, e);
    *made = (trial){.node = i};
    status s = m ? measure(j, m, &made->value, e) : E_MEMORY;
    made->gain = made->value - value_after;
    if (!j->when.below)
        made->gain = -made->gain;
    if (isnan(made->gain))
        made->gain = -INFINITY;
    model_free(m);
    return s;
}

static void put_layers(const job *j, const model *after, int64_t step, trial *trials,
                       int64_t count)
{
    table *t = j->call->rows;
    qsort(trials, (size_t)count, sizeof *trials, by_gain);
    for (int64_t i = 0; i < count; i++) {
        table_row(t);
        table_text(t, "part", "layer");
        table_integer(t, "step", step + 1);
        table_text(t, "layer", after->graph->nodes[trials[i].node].name);
        rows_put_real(t, "value", trials[i].value);
        table_flag(t, "holds", condition_holds(&j->when, trials[i].value));
        table_flag(t, "first", i == 0 && trials[i].gain > 0);
        rows_put_real(t, "gain", trials[i].gain);
    }
    if (count > 0 && trials[0].gain > 0)
        rows_note(j->call, "bisect: of all layers %s makes most of it",
                  after->graph->nodes[trials[0].node].name);
}

static status find_layer(job *j, int64_t step, error *e)
{
    const model *after = j->versions.items[step].model;
    const model *before = j->versions.items[step - 1].model;
    const int nodes = after->graph->node_count;
    int64_t count = 0;
    int aliens = 0;
    trial *trials = memory_new(nodes, sizeof *trials, e);
    status s = trials ? E_OK : E_MEMORY;
    for (int i = 0; s == E_OK && i < nodes; i++) {
        const transplant_kind kind = transplant_look(after, before, i);
        aliens += kind == TRANSPLANT_ALIEN;
        if (kind == TRANSPLANT_FITS)
            s = try_layer(j, after, before, i, j->value[step], &trials[count++], e);
    }
    if (s == E_OK)
        put_layers(j, after, step, trials, count);
    if (s == E_OK && aliens > 0)
        rows_note(j->call,
                  "bisect: %d layer%s of another shape or type than before and could not "
                  "be tried; 'verify' compares what comes out of them",
                  aliens, aliens == 1 ? " is" : "s are");
    memory_free(trials);
    return s;
}

/* ---- the command ---- */

static status search(job *j, error *e)
{
    int64_t first = 0;
    j->value = memory_new(j->versions.count, sizeof *j->value, e);
    j->known = memory_new(j->versions.count, sizeof *j->known, e);
    if (!j->value || !j->known)
        return E_MEMORY;
    status s = find_step(j, &first, e);
    if (s == E_OK || s == E_STOPPED)
        put_steps(j, first);
    TRY(s);
    if (first == 0) {
        rows_note(j->call,
                  "bisect: it was so in every version that was measured, back to "
                  "the oldest that undo has");
        return bisect_runs(j->call, j->versions.items[0].model, &j->when, &j->on, e);
    }
    rows_note(j->call, "bisect: %s went from %g to %g by: %s", j->when.metric,
              j->value[first - 1], j->value[first], j->versions.items[first].command);
    return option_flag(&j->call->options, "layers") ? find_layer(j, first, e) : E_OK;
}

static status bisect_command(call *c, error *e)
{
    job j = {.call = c};
    TRY(read_condition(option_words(&c->options, "condition"), &j.when, e));
    TRY(rows_sample_set(c, "bisect", &j.on, e));
    status s =
        versions_find(c->session, option_words(&c->options, "model"), &j.versions, e);
    if (s == E_OK)
        s = search(&j, e);
    versions_clear(&j.versions);
    memory_free(j.value);
    memory_free(j.known);
    return s;
}

const command command_bisect = {
    .name = "bisect",
    .group = "measure",
    .summary = "find the step, and the layer, by which a metric became bad",
    .options = bisect_options,
    .arguments = 3,
    .required = 3,
    .flags = COMMAND_LONG | COMMAND_RECORDED,
    .example = "bisect m \"masked_mse > 0\" d",
    .details =
        "The versions of the model are those of undo, back through the models that it "
        "was "
        "made of.  Halving finds the first one of which the condition holds; rows of "
        "steps "
        "are those that were measured, each as its file holds it.  Then every layer that "
        "differs in its numbers alone is put back, one at a time, as it was before that "
        "step: gain is what the metric wins by it, the largest first.  Where undo does "
        "not "
        "reach that far, the runs of the database that made the model are gone through, "
        "by "
        "what was measured of them then on the same split (see 'why').",
    .see = "undo, why, diff, verify",
    .run = bisect_command,
};
