/* SPDX-License-Identifier: GPL-3.0-or-later
   compare.c -- the command `compare`: models side by side, all that a choice between them
   may depend on, and what changed against the first.  It changes no name and prints
   nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "compress/requirement.h"
#include "measure/latency.h"
#include "ui/command/command.h"
#include "ui/command/data_check.h"
#include "ui/command/rows.h"

static const option options[] = {
    {"models", OPTION_WORDS, NULL, NULL, NULL, "models; the others against the first"},
    {"data", OPTION_DATASET, NULL, NULL, NULL, "data to evaluate on; none: no metrics"},
    {"split", OPTION_WORD, "train|val|test|all", "test", NULL, "which samples"},
    {"size", OPTION_TEXT, NULL, NULL, NULL,
     "required bytes of the file: -30% of the first's, or 1MiB"},
    {"latency", OPTION_TEXT, NULL, NULL, NULL,
     "required time of a run: -40% of the first's, or milliseconds"},
    {"metric", OPTION_TEXT, NULL, NULL, NULL,
     "required of the first metric of eval: -5pt, +1%, or a limit"},
    {"batch", OPTION_INTEGER, "1..", "1", NULL, "samples of a timed run"},
    {"seconds", OPTION_REAL, "0.001..86400", "2", "s", "time for all timed runs"},
    {"confidence", OPTION_REAL, "0..1", "0.95", NULL,
     "of the intervals NAME_low to NAME_high, 0 for none"},
    {"seed", OPTION_INTEGER, "0..", NULL, NULL,
     "of the timed input and of the intervals' draws (default: the session's)"},
    {0},
};

typedef struct comparison {
    call *call;
    const option_value *names;
    const model **models; /* lent, [count] */
    latency *times;
    quantities *found;
    sample_set on; /* without data where no metrics are wanted */
    requirement required[3];
    int required_count;
} comparison;

static status find_models(comparison *k, error *e)
{
    for (int64_t i = 0; i < k->names->count; i++) {
        k->models[i] = session_get_model(k->call->session, k->names->items[i], e);
        if (!k->models[i])
            return e->code;
    }
    if (!option_words(&k->call->options, "data"))
        return E_OK;
    return rows_sample_set(k->call, "compare", &k->on, e);
}

static status measure_times(comparison *k, error *e)
{
    const option_set *o = &k->call->options;
    const latency_settings s = {.batch = option_integer(o, "batch"),
                                .seconds = option_real(o, "seconds"),
                                .seed = rows_seed(k->call)};
    TRY(latency_measure(k->models, k->names->count, &s, k->call->task, k->times, e));
    for (int64_t i = 0; i < k->names->count; i++) {
        k->found[i].time = k->times[i].median_ms;
        k->found[i].base_time = k->times[0].median_ms;
    }
    if (isnan(k->times[0].energy_mj))
        rows_note(k->call, "compare: energy is not available on this machine");
    return E_OK;
}

/* Those of metrics wait for the first model's: which the first one is depends on data. */
static status read_requirements(comparison *k, error *e)
{
    const evaluation *v = &k->found[0].metrics;
    const char *const keys[][2] = {{"size", "size"},
                                   {"latency", "time"},
                                   {"metric", v->count > 0 ? v->row[0]->name : NULL}};
    for (int i = 0; i < 3; i++) {
        const char *words = option_words(&k->call->options, keys[i][0]);
        if (words && !keys[i][1])
            return fail(e, E_USAGE, "compare: metric= wants data=");
        if (words)
            TRY(requirement_read(&k->required[k->required_count++], keys[i][1], words,
                                 e));
    }
    return E_OK;
}

/* NAME_change, against the first model. */
static void put_change(comparison *k, int64_t i, const char *name, double is, double was)
{
    char column[80];
    snprintf(column, sizeof column, "%s_change", name);
    if (i > 0)
        rows_put_real(k->call->rows, column, is / was - 1);
    else
        table_none(k->call->rows, column);
}

static void put_times(comparison *k, int64_t i)
{
    const latency *l = &k->times[i];
    table *t = k->call->rows;
    rows_put_real(t, "median_ms", l->median_ms);
    rows_put_real(t, "p10_ms", l->p10_ms);
    rows_put_real(t, "p90_ms", l->p90_ms);
    put_change(k, i, "time", l->median_ms, k->times[0].median_ms);
    table_integer(t, "peak_bytes", (int64_t)l->peak_bytes);
    rows_put_real(t, "energy_mj", l->energy_mj);
    table_text(t, "precision", latency_precision(l->steps));
}

/* A share changes by points, everything else by its share of what it was. */
static void put_metric_changes(comparison *k, int64_t i)
{
    const evaluation *is = &k->found[i].metrics, *was = &k->found[0].metrics;
    for (int64_t m = 0; m < is->count; m++) {
        const metric_row *row = is->row[m];
        char column[80];
        double now = evaluation_get(is, row->name),
               before = evaluation_get(was, row->name);
        if (!row->unit || strcmp(row->unit, "1") != 0) {
            put_change(k, i, row->name, now, before);
            continue;
        }
        snprintf(column, sizeof column, "%s_points", row->name);
        if (i > 0)
            rows_put_real(k->call->rows, column, 100 * (now - before));
        else
            table_none(k->call->rows, column);
    }
}

static void put_missed(comparison *k, int64_t i)
{
    text missed = {0};
    for (int r = 0; r < k->required_count; r++)
        requirement_tell(&k->required[r], &k->found[0], &k->found[i], &missed);
    if (k->required_count > 0) {
        table_flag(k->call->rows, "met", missed.length == 0);
        table_text(k->call->rows, "missed", missed.length ? text_get(&missed) : NULL);
    }
    text_clear(&missed);
}

/* The row of model I. */
static status put_model(comparison *k, int64_t i, const artefact *a, error *e)
{
    const certainty how = {option_real(&k->call->options, "confidence"),
                           rows_seed(k->call)};
    quantities *q = &k->found[i];
    table_row(k->call->rows);
    table_text(k->call->rows, "model", k->names->items[i]);
    TRY(rows_put_model(k->call->rows, a, e));
    q->size = (double)a->bytes;
    put_change(k, i, "size", q->size, k->found[0].size);
    put_times(k, i);
    if (k->on.data) {
        TRY(rows_put_metrics(k->call, a, &k->on, how.confidence > 0 ? &how : NULL,
                             &q->metrics, e));
        put_metric_changes(k, i);
        data_check_note(k->call, "compare", k->names->items[i], k->models[i], k->on.name);
    }
    if (i == 0)
        TRY(read_requirements(k, e));
    put_missed(k, i);
    return E_OK;
}

static status compare(comparison *k, error *e)
{
    TRY(find_models(k, e));
    TRY(measure_times(k, e));
    for (int64_t i = 0; i < k->names->count; i++) {
        artefact a;
        TRY(artefact_make(k->models[i], &a, e));
        status s = put_model(k, i, &a, e);
        artefact_clear(&a);
        TRY(s);
    }
    return E_OK;
}

static status run(call *c, error *e)
{
    comparison k = {.call = c, .names = option_get(&c->options, "models")};
    k.models = memory_new(k.names->count, sizeof *k.models, e);
    k.times = memory_new(k.names->count, sizeof *k.times, e);
    k.found = memory_new(k.names->count, sizeof *k.found, e);
    status s = k.models && k.times && k.found ? compare(&k, e) : E_MEMORY;
    for (int64_t i = 0; k.times && i < k.names->count; i++)
        latency_clear(&k.times[i]);
    memory_free(k.models);
    memory_free(k.times);
    memory_free(k.found);
    return s;
}

const command command_compare = {
    .name = "compare",
    .group = "measure",
    .summary = "put models side by side, with what is required of them",
    .options = options,
    .arguments = 1,
    .required = 1,
    .flags = COMMAND_LONG | COMMAND_RECORDED,
    .example = "compare m b seconds=0.2",
    .details =
        "Everything is measured: bytes are those of the file, metrics those of the model "
        "read back from it, times of runs in turns, round by round.  The changes are "
        "against the first model: shares of what it has, or points of metrics that are "
        "shares.  With size=, latency= or metric= met says whether a model has all that "
        "is required, and missed what it has not.",
    .see = "eval, bench, goal, recipe, plot",
    .run = run,
};
