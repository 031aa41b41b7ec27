/* SPDX-License-Identifier: GPL-3.0-or-later
   goal_search.c -- the search of `goal`: what shrinks is tried first, as it is and in
   integers; then what came nearest learns from the base, again and again, until the time
   is over.  It judges by what was measured alone. */
#include "ui/command/goal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "ui/command/recipe.h"
#include "ui/interpreter.h"

enum { LEARNT_MOST = 6, COMMAND_BYTES = 512 };

/* What makes a model smaller, tried in this order. */
static const struct {
    const char *label, *command;
} shrinkings[] = {
    {"channels 0.5", "prune $model kind=channel amount=0.5 round=4 data=$data split=val"},
    {"channels 0.25",
     "prune $model kind=channel amount=0.25 round=4 data=$data split=val"},
    {"channels 0.7", "prune $model kind=channel amount=0.7 round=4 data=$data split=val"},
    {"low rank 0.9", "lowrank $model energy=0.9"},
    {"low rank 0.7", "lowrank $model energy=0.7"},
    {"separable", "separate $model skip=first"},
    {"sparse 0.8", "prune $model kind=4x1 amount=0.8 scope=layer data=$data split=val"},
};

static const char integers[] = "quantize $model data=$data samples=128 split=val";

/* ---- judging ---- */

static double gap_of(const goal_search *g, const quantities *q, bool resources)
{
    double sum = 0;
    for (int i = 0; i < g->required_count; i++) {
        const requirement *r = &g->required[i];
        if (resources && r->metric)
            continue;
        double gap = requirement_gap(r, &g->measure.zero, q);
        sum += isnan(gap) ? 1e9 : gap > 1e-12 ? gap : 0;
    }
    return sum;
}

double goal_gap(const goal_search *g, const candidate *c)
{
    return gap_of(g, &c->q, false);
}

static double metric_of(const goal_search *g, const candidate *c)
{
    return evaluation_get(&c->q.metrics, g->metric->name);
}

static bool is_better(const goal_search *g, const candidate *a, const candidate *b)
{
    const double gap_a = goal_gap(g, a), gap_b = goal_gap(g, b);
    if (gap_a != gap_b)
        return gap_a < gap_b;
    const double x = metric_of(g, a), y = metric_of(g, b);
    return x == y ? a->q.size < b->q.size : metric_better(g->metric, x, y);
}

int goal_best(const goal_search *g)
{
    int best = 0;
    for (int i = 1; i < g->count; i++)
        if (is_better(g, &g->list[i], &g->list[best]))
            best = i;
    return best;
}

bool goal_is_pareto(const goal_search *g, int at)
{
    const candidate *c = &g->list[at];
    for (int i = 0; i < g->count; i++) {
        const candidate *o = &g->list[i];
        const double x = metric_of(g, o), y = metric_of(g, c);
        const double faster = o->q.time / o->q.base_time - c->q.time / c->q.base_time;
        const bool no_worse = o->q.size <= c->q.size && faster <= 0 &&
                              (x == y || metric_better(g->metric, x, y));
        if (i != at && no_worse && (o->q.size < c->q.size || faster < 0 || x != y))
            return false;
    }
    return true;
}

/* ---- making candidates ---- */

static bool is_late(goal_search *g)
{
    g->stopped = g->stopped || task_cancelled(g->call->task);
    return g->stopped || task_clock() >= g->deadline;
}

/* Progress of a command, told as that of the search; ends it where the time is over. */
static void report(void *context, const progress *p)
{
    goal_search *g = context;
    progress mine = *p;
    char stage[sizeof g->stage + 32];
    snprintf(stage, sizeof stage, "%s: %s", g->stage, p->stage ? p->stage : "");
    mine.stage = stage;
    mine.milestone = false;
    task_report(g->call->task, &mine);
    g->over = is_late(g);
}

/* Runs COMMAND on a copy of FROM under the result's name; *MADE is the model afterwards,
   also where the time cut a training short.  The session is as before. */
static status try_command(goal_search *g, const model *from, const char *command,
                          model **made, bool *cut, error *e)
{
    session *s = g->call->session;
    const task watch = {.report = report, .context = g, .cancel = &g->over};
    text notes = {0};
    table *rows = table_new(e);
    model *copy = rows ? model_copy(from, e) : NULL;
    *made = NULL;
    *cut = false;
    status code = copy ? session_begin(s, "goal", e) : E_MEMORY;
    if (code == E_OK) {
        code = session_put_model(s, g->name, copy, e);
        if (code == E_OK)
            code = interpreter_capture(g->call->interpreter, command, &watch, rows,
                                       &notes, e);
        *cut = code == E_STOPPED && !g->stopped;
        if (code == E_OK || *cut) {
            const model *m = session_get_model(s, g->name, e);
            *made = m ? model_copy(m, e) : NULL;
            code = *made ? E_OK : e->code;
            if (*made && graph_hash((*made)->graph) == graph_hash(from->graph)) {
                model_free(*made); /* nothing came of it */
                *made = NULL;
                code = fail(e, E_RANGE, "goal: the model stays as it is");
            }
        }
        session_rollback(s);
    } else {
        model_free(copy);
    }
    table_free(rows);
    text_clear(&notes);
    return code;
}

static status add(goal_search *g, int parent, const char *label, const char *command,
                  model *made, bool cut, int *at, error *e)
{
    const candidate *from = parent < 0 ? NULL : &g->list[parent];
    candidate *c = &g->list[g->count];
    *c = (candidate){.model = made, .parent = parent};
    c->cut = cut;
    c->label = memory_format(e, "%s%s%s%s", from && from->parent >= 0 ? from->label : "",
                             from && from->parent >= 0 ? ", " : "", label,
                             cut ? " (cut short)" : "");
    c->commands =
        from ? memory_format(e, "%s%s\n", from->commands, command) : memory_text("", e);
    *at = g->count++;
    if (!c->label || !c->commands)
        return E_MEMORY;
    if (parent >= 0)
        return yardstick_measure(&g->measure, made, &c->q, e);
    c->q = g->measure.zero;
    return E_OK;
}

/* What LABEL and COMMAND make of candidate PARENT, measured; *AT is -1 where that cannot be
   done with this model, which is no failure of the search. */
static status attempt(goal_search *g, int parent, goal_level level, const char *label,
                      const char *command, int *at, error *e)
{
    text line = {0};
    model *made;
    bool cut;
    const double began = task_clock();
    *at = -1;
    if (g->count == CANDIDATES_MAX || is_late(g))
        return g->stopped ? fail(e, E_STOPPED, "goal: stopped") : E_OK;
    snprintf(g->stage, sizeof g->stage, "%d tried, %s", g->count, label);
    g->over = 0;
    TRY(recipe_command(command, g->name, g->base_name, g->data_name, &line, e));
    status s = try_command(g, g->list[parent].model, text_get(&line), &made, &cut, e);
    if (s == E_OK)
        s = add(g, parent, label, text_get(&line), made, cut, at, e);
    text_clear(&line);
    if (s == E_OK) {
        candidate *c = &g->list[*at];
        c->level = (int)level;
        c->learnt = g->list[parent].learnt + (level == LEVEL_LEARNT);
        c->seconds = task_clock() - began;
        c->open = level == LEVEL_SHRUNK || (level == LEVEL_LEARNT && !cut);
        return E_OK;
    }
    if (g->stopped || s == E_MEMORY)
        return g->stopped ? fail(e, E_STOPPED, "goal: stopped") : s;
    error_clear(e);
    return E_OK;
}

/* ---- the search ---- */

/* Integers behind candidate AT; where they lose what the metric requires and it has, a
   training towards integers too. */
static status finish(goal_search *g, int at, error *e)
{
    char command[COMMAND_BYTES];
    int made, trained;
    TRY(attempt(g, at, LEVEL_DONE, "integers", integers, &made, e));
    if (made < 0 || goal_gap(g, &g->list[made]) == 0 ||
        gap_of(g, &g->list[made].q, true) > 0 || g->list[at].level == LEVEL_SHRUNK)
        return E_OK;
    snprintf(command, sizeof command,
             "train $model $data epochs=1 batch=%lld lr=%g qat=1 checkpoint=no",
             (long long)g->batch, g->rate / 10);
    return attempt(g, at, LEVEL_DONE, "training towards integers", command, &trained, e);
}

static status shrink(goal_search *g, error *e)
{
    int at;
    TRY(finish(g, 0, e));
    for (size_t i = 0; i < sizeof shrinkings / sizeof *shrinkings; i++) {
        TRY(attempt(g, 0, LEVEL_SHRUNK, shrinkings[i].label, shrinkings[i].command, &at,
                    e));
        if (at >= 0)
            TRY(finish(g, at, e));
    }
    return E_OK;
}

/* How far the family of candidate AT (itself, and what it was finished to) is from what is
   required of size and time. */
static double resources_of(const goal_search *g, int at)
{
    double least = gap_of(g, &g->list[at].q, true);
    for (int i = 0; i < g->count; i++)
        if (g->list[i].parent == at && g->list[i].level == LEVEL_DONE)
            least = fmin(least, gap_of(g, &g->list[i].q, true));
    return least;
}

/* Which open candidate is to learn: first those within size and time, of these the one that
   has learnt least, then the one with the best metric. */
static int next_to_learn(const goal_search *g)
{
    int best = -1;
    for (int i = 0; i < g->count; i++) {
        const candidate *c = &g->list[i];
        if (!c->open || c->learnt >= LEARNT_MOST)
            continue;
        if (best < 0) {
            best = i;
            continue;
        }
        const candidate *b = &g->list[best];
        const double mine = resources_of(g, i), other = resources_of(g, best);
        if (mine != other ? mine < other
            : c->learnt != b->learnt
                ? c->learnt < b->learnt
                : metric_better(g->metric, metric_of(g, c), metric_of(g, b)))
            best = i;
    }
    return best;
}

/* Candidate AT learns from the base, twice as long as the last time. */
static status learn(goal_search *g, int at, error *e)
{
    char command[COMMAND_BYTES], label[64];
    const int64_t epochs = g->epochs << g->list[at].learnt;
    int made;
    g->list[at].open = false;
    snprintf(label, sizeof label, "distil %lld", (long long)epochs);
    snprintf(command, sizeof command,
             "distill $model $base $data epochs=%lld batch=%lld lr=%g schedule=one-cycle "
             "checkpoint=no",
             (long long)epochs, (long long)g->batch, g->rate);
    TRY(attempt(g, at, LEVEL_LEARNT, label, command, &made, e));
    return made >= 0 ? finish(g, made, e) : E_OK;
}

status goal_run(goal_search *g, error *e)
{
    int at;
    model *base = model_copy(g->base, e);
    if (!base)
        return e->code;
    TRY(add(g, -1, "base", "", base, false, &at, e));
    TRY(shrink(g, e));
    while (!is_late(g) && (at = next_to_learn(g)) >= 0)
        TRY(learn(g, at, e));
    return g->stopped ? fail(e, E_STOPPED, "goal: stopped") : E_OK;
}

status goal_confirm(goal_search *g, error *e)
{
    bool timed = false;
    for (int i = 0; i < g->required_count; i++)
        timed = timed || strcmp(g->required[i].key, "time") == 0;
    for (int i = 0; timed && i < GOAL_CONFIRMED_MOST; i++) {
        candidate *best = &g->list[goal_best(g)];
        quantities again = {0};
        if (best->confirmed || goal_gap(g, best) > 0)
            break;
        TRY(yardstick_time(&g->measure, best->model, 2 * g->measure.seconds, &again, e));
        best->confirmed = true;
        if (again.time * best->q.base_time > best->q.time * again.base_time) {
            best->q.time = again.time;
            best->q.base_time = again.base_time;
        }
    }
    return E_OK;
}

void goal_clear(goal_search *g)
{
    for (int i = 0; i < g->count; i++) {
        model_free(g->list[i].model);
        memory_free(g->list[i].label);
        memory_free(g->list[i].commands);
    }
    memory_free(g->name);
}
