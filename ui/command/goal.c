/* SPDX-License-Identifier: GPL-3.0-or-later
   goal.c -- the command `goal`: a pipeline that reaches requirements, searched for within a
   time, and judged on samples that the search never saw.  The search is in goal_search.c;
   it prints nothing. */
#include "ui/command/goal.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "ui/command/recipe.h"

static const option options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "model to compress; it stays as it is"},
    {"data", OPTION_DATASET, NULL, NULL, NULL,
     "data: split train to learn from, val to choose by, test to judge on"},
    {"size", OPTION_TEXT, NULL, NULL, NULL,
     "bytes of the file: -30% of the model's, or 1MiB"},
    {"latency", OPTION_TEXT, NULL, NULL, NULL,
     "time of a run: -40% of the model's, or milliseconds"},
    {"metric", OPTION_TEXT, NULL, NULL, NULL,
     "what may be lost of the first metric of eval: -5pt, +1%, or a limit"},
    {"of", OPTION_WORD, NULL, NULL, NULL, "another metric that is meant by metric="},
    {"budget", OPTION_REAL, "0.1..1000000", "10m", "s",
     "time of the search: 90s, 10m, 2h"},
    {"epochs", OPTION_INTEGER, "1..1000", "2", NULL,
     "of a candidate's first training; later ones are twice as long"},
    {"batch", OPTION_INTEGER, "1..", "32", NULL, "samples of one step of training"},
    {"lr", OPTION_REAL, "0..", "0.002", NULL, "largest learning rate of a training"},
    {"seconds", OPTION_REAL, "0.001..86400", "1", "s",
     "time for the timed runs of each candidate and the model"},
    {"as", OPTION_NAME, NULL, NULL, NULL, "name of the result (default: MODEL-goal)"},
    {"seed", OPTION_INTEGER, "0..", NULL, NULL,
     "of the input of timed runs (default: the session's)"},
    {0},
};

static status read_requirements(goal_search *g, error *e)
{
    const option_set *o = &g->call->options;
    const char *const keys[][2] = {
        {"size", "size"}, {"latency", "time"}, {"metric", g->metric->name}};
    for (int i = 0; i < 3; i++) {
        const char *words = option_words(o, keys[i][0]);
        if (words)
            TRY(requirement_read(&g->required[g->required_count++], keys[i][1], words,
                                 e));
    }
    if (g->required_count > 0)
        return E_OK;
    fail(e, E_USAGE, "goal: what is to be reached is missing");
    return fail_hint(e, "say size=-30%% latency=-40%% metric=-5pt, or some of them");
}

static status choose_metric(goal_search *g, error *e)
{
    const char *of = option_words(&g->call->options, "of");
    const evaluation *v = &g->measure.zero.metrics;
    g->metric = of ? metric_find(of) : v->count > 0 ? v->row[0] : NULL;
    if (g->metric && !isnan(evaluation_get(v, g->metric->name)))
        return E_OK;
    return fail(e, E_NAME, "goal: %s has no metric %s", g->data_name, of ? of : "at all");
}

static status check_splits(const goal_search *g, error *e)
{
    const split_kind kinds[] = {SPLIT_TRAIN, SPLIT_VAL, SPLIT_TEST};
    for (int i = 0; i < 3; i++) {
        if (dataset_split_count(g->measure.on.data, kinds[i]) > 0)
            continue;
        fail(e, E_RANGE, "goal: %s has no samples in split %s", g->data_name,
             split_name(kinds[i]));
        return fail_hint(e, "divide it with 'split %s'", g->data_name);
    }
    return E_OK;
}

static status prepare(goal_search *g, error *e)
{
    const option_set *o = &g->call->options;
    const char *as = option_words(o, "as");
    const double budget = option_real(o, "budget");
    g->base_name = option_words(o, "model");
    g->data_name = option_words(o, "data");
    g->base = session_get_model(g->call->session, g->base_name, e);
    g->measure.on = (sample_set){.name = g->data_name, .split = SPLIT_VAL};
    g->measure.on.data =
        g->base ? session_get_dataset(g->call->session, g->data_name, e) : NULL;
    if (!g->measure.on.data)
        return e->code;
    TRY(check_splits(g, e));
    g->name = as ? memory_text(as, e) : memory_format(e, "%s-goal", g->base_name);
    if (!g->name)
        return E_MEMORY;
    TRY(session_check_name(g->name, e));
    if (strcmp(g->name, g->base_name) == 0)
        return fail(e, E_USAGE, "goal: the result cannot take the place of the model");
    g->epochs = option_integer(o, "epochs");
    g->batch = option_integer(o, "batch");
    g->rate = option_real(o, "lr");
    g->measure.task = g->call->task;
    g->measure.base = g->base;
    g->measure.batch = 1;
    g->measure.seconds = option_real(o, "seconds");
    g->measure.seed = rows_seed(g->call);
    const double began = task_clock();
    TRY(yardstick_begin(&g->measure, e));
    /* What confirming and judging in the end takes is kept back. */
    const double judging =
        3 * (task_clock() - began) + 2 * GOAL_CONFIRMED_MOST * g->measure.seconds;
    g->deadline = began + fmax(budget - judging, budget / 2);
    TRY(choose_metric(g, e));
    return read_requirements(g, e);
}

/* ---- the answer ---- */

static status put_candidate(const goal_search *g, const yardstick *y, const char *label,
                            const quantities *q, table *t, error *e)
{
    text missed = {0};
    int count = yardstick_missed(y, q, g->required, g->required_count, &missed);
    table_row(t);
    table_text(t, "candidate", label);
    table_text(t, "split", split_name(y->on.split));
    yardstick_put(y, q, g->required, g->required_count, t);
    table_flag(t, "met", count == 0);
    table_text(t, "missed", count > 0 ? text_get(&missed) : NULL);
    status s = text_ok(&missed, e);
    text_clear(&missed);
    return s;
}

static status put_all(goal_search *g, error *e)
{
    table *t = g->call->rows;
    for (int i = 0; i < g->count; i++) {
        const candidate *c = &g->list[i];
        TRY(put_candidate(g, &g->measure, c->label, &c->q, t, e));
        table_real(t, "seconds", c->seconds);
        table_flag(t, "pareto", goal_is_pareto(g, i));
    }
    return table_ok(t, e);
}

/* The best among those that meet all requirements but number WITHOUT; -1: none. */
static int best_without(const goal_search *g, int without)
{
    int best = -1;
    for (int i = 0; i < g->count; i++) {
        bool met = true;
        for (int k = 0; k < g->required_count; k++)
            met = met &&
                  (k == without ||
                   requirement_met(&g->required[k], &g->measure.zero, &g->list[i].q));
        const char *name = g->metric->name;
        if (met && (best < 0 ||
                    metric_better(g->metric, evaluation_get(&g->list[i].q.metrics, name),
                                  evaluation_get(&g->list[best].q.metrics, name))))
            best = i;
    }
    return best;
}

/* All are met: which requirement the metric pays for most, and how much. */
static void note_price(goal_search *g, const candidate *best)
{
    const char *name = g->metric->name;
    const double has = evaluation_get(&best->q.metrics, name);
    int binding = -1, instead = -1;
    for (int k = 0; k < g->required_count; k++) {
        int other = g->required[k].metric ? -1 : best_without(g, k);
        double could = other < 0 ? has : evaluation_get(&g->list[other].q.metrics, name);
        if (metric_better(
                g->metric, could,
                instead < 0 ? has : evaluation_get(&g->list[instead].q.metrics, name))) {
            binding = k;
            instead = other;
        }
    }
    if (binding < 0) {
        rows_note(g->call,
                  "goal: no requirement binds: without any of them nothing better "
                  "was found");
        return;
    }
    rows_note(g->call,
              "goal: %s=%s binds: without it %s would be %.4g (%s), with it it is %.4g",
              g->required[binding].key, g->required[binding].words, name,
              evaluation_get(&g->list[instead].q.metrics, name), g->list[instead].label,
              has);
}

/* Not all are met: which is missed most, and what could be had of it. */
static void note_missed(goal_search *g, const candidate *best)
{
    int binding = 0;
    for (int k = 1; k < g->required_count; k++)
        if (requirement_gap(&g->required[k], &g->measure.zero, &best->q) >
            requirement_gap(&g->required[binding], &g->measure.zero, &best->q))
            binding = k;
    const requirement *r = &g->required[binding];
    const int without = best_without(g, binding);
    const candidate *other = without < 0 ? best : &g->list[without];
    rows_note(g->call,
              "goal: %s=%s binds: it was not reached together with the others; with them "
              "%s is %.4g (%s), wanted %.4g",
              r->key, r->words, r->key, requirement_value(r, &other->q), other->label,
              requirement_limit(r, &g->measure.zero, &other->q));
}

/* The commands of C as a history has them. */
static status add_to_journal(const goal_search *g, const candidate *c, error *e)
{
    char *lines =
        memory_format(e, "copy %s %s\n%s%s", g->base_name, g->name, c->commands,
                      c->cut ? "# the time of the search ended its training\n" : "");
    status s = lines ? recipe_journal(g->call->session, lines, e) : E_MEMORY;
    memory_free(lines);
    return s;
}

/* The result and the table of all that was tried, in one step of undo. */
static status keep(goal_search *g, const candidate *best, error *e)
{
    session *s = g->call->session;
    char *tried = memory_format(e, "%s-tried", g->name);
    table *copy = tried ? table_copy(g->call->rows, e) : NULL;
    model *m = copy ? model_copy(best->model, e) : NULL;
    status code = m ? session_begin(s, g->call->line, e) : E_MEMORY;
    if (code != E_OK) {
        table_free(copy);
        model_free(m);
        memory_free(tried);
        return code;
    }
    code = session_put_model(s, g->name, m, e);
    if (code == E_OK)
        code = session_put_table(s, tried, copy, e);
    else
        table_free(copy);
    if (code != E_OK)
        session_rollback(s);
    else if (session_end(s))
        code = add_to_journal(g, best, e);
    memory_free(tried);
    return code;
}

/* Model and result on the split test, which the search never saw. */
static status judge(goal_search *g, const candidate *best, error *e)
{
    yardstick y = g->measure;
    quantities q;
    y.on.split = SPLIT_TEST;
    TRY(yardstick_begin(&y, e));
    TRY(put_candidate(g, &y, g->base_name, &y.zero, g->call->rows, e));
    TRY(yardstick_measure(&y, best->model, &q, e));
    return put_candidate(g, &y, g->name, &q, g->call->rows, e);
}

static status answer(goal_search *g, bool stopped, error *e)
{
    const candidate *best = &g->list[goal_best(g)];
    TRY(put_all(g, e));
    TRY(keep(g, best, e));
    rows_note(g->call, "goal: %s is '%s', %s; %d candidates were tried", g->name,
              best->label,
              goal_gap(g, best) > 0 ? "the nearest to all requirements"
                                    : "which meets all requirements on val",
              g->count);
    if (goal_gap(g, best) > 0)
        note_missed(g, best);
    else
        note_price(g, best);
    if (stopped)
        return fail(e, E_STOPPED,
                    "goal: stopped after %d candidates; %s keeps the best, not judged on "
                    "test",
                    g->count, g->name);
    return judge(g, best, e);
}

static status run(call *c, error *e)
{
    goal_search *g = memory_new(1, sizeof *g, e);
    if (!g)
        return E_MEMORY;
    g->call = c;
    status s = prepare(g, e);
    if (s == E_OK) {
        s = goal_run(g, e);
        if (s == E_OK)
            s = goal_confirm(g, e);
        if (s == E_OK || (s == E_STOPPED && g->count > 0))
            s = answer(g, s == E_STOPPED, e);
    }
    if (s != E_OK)
        fail_prefix(e, "goal");
    goal_clear(g);
    memory_free(g);
    return s;
}

const command command_goal = {
    .name = "goal",
    .group = "compress",
    .summary = "search for a compression that reaches size, time and metric",
    .options = options,
    .arguments = 2,
    .required = 2,
    .flags = COMMAND_WHOLE | COMMAND_LONG | COMMAND_RECORDED,
    .makes = OBJECT_MODEL,
    .example = "goal m d size=-30% latency=-40% metric=+50% budget=3s seconds=0.05",
    .details =
        "Fewer channels, layers of low rank, separable and sparse ones are tried first, "
        "as they are and in "
        "integers; "
        "then what is within size and time learns from the model (as distill does), "
        "twice "
        "as long each time, and is finished in integers again, until the budget is used "
        "up.  All is chosen on the split val; the last two rows are of the model and the "
        "result on test, which the search never saw.  Of the candidates that meet all "
        "requirements the one with the best metric is kept, else the nearest.  pareto "
        "says "
        "that no other candidate is as small, as fast and as good.  A note names the "
        "requirement that binds, and what it costs: the metric that was found without "
        "it.  "
        "Ctrl-C keeps the best so far.  The history gets the commands that made the "
        "result, "
        "so 'recipe record NAME FILE' makes a recipe of them; NAME-tried is the table of "
        "candidates, for show and plot.  What is kept met the time in two measurements: "
        "the best is timed once more, twice as long, the worse of both is its time, and "
        "where that misses what is required the next best is taken.",
    .see = "recipe, prune, quantize, distill, sensitivity, plot curve",
    .run = run,
};
