/* SPDX-License-Identifier: GPL-3.0-or-later
   tune.c -- walks through a plan and times, at each step that can run in several ways, all
   of them on the input that lies there: first by themselves, then within whole runs.  One
   step's trials are in tune_layer.c.  It prints nothing. */
#include "engine/tune.h"

#include <math.h>
#include <stdlib.h>
#include "base/memory.h"
#include "engine/tune_parts.h"

/* Of the time: for the layers; the rest is for the whole. */
#define LAYER_SHARE 0.7

void tuning_clear(tuning *t)
{
    for (int i = 0; i < t->count; i++)
        memory_free(t->layers[i].trials);
    memory_free(t->layers);
    *t = (tuning){0};
}

static void report(const task *watch, const char *stage, int64_t done, int64_t total)
{
    task_report(watch, &(progress){.stage = stage,
                                   .unit = stage[0] == 't' ? "node" : "round",
                                   .done = done,
                                   .total = total,
                                   .loss = NAN,
                                   .metric = NAN});
}

static status stopped(error *e)
{
    return fail(e, E_STOPPED, "tune: stopped");
}

static plan *start_plan(const graph *g, const tune_settings *s, bool apart, error *e)
{
    plan *p = plan_new_inference(g, s->batch, g->input_shape, e);
    if (p && ((apart && plan_keep_apart(p, e)) || plan_read_input(p, s->input, e))) {
        plan_free(p);
        return NULL;
    }
    return p;
}

/* ---- layer by layer ---- */

/* Of the time of the layers: for comparing each by itself, at most. */
#define COMPARE_SHARE 0.7

/* A plan with a contest at each step that can run in several ways. */
typedef struct course {
    plan *plan;
    contest **contests; /* [steps], NULL where there is none */
    void *scratch;
} course;

static void course_clear(course *c)
{
    for (int i = 0; c->contests && i < c->plan->step_count; i++)
        contest_free(c->contests[i]);
    memory_free(c->contests);
    memory_free(c->scratch);
    plan_free(c->plan);
}

static bool has_methods(const step *s)
{
    return s->op.node->op->methods != NULL;
}

static status compare_steps(course *c, const tune_settings *s, const task *watch,
                            tuning *t, error *e)
{
    double end = task_clock() + COMPARE_SHARE * LAYER_SHARE * s->seconds;
    for (int i = 0; i < c->plan->step_count; i++) {
        step *at = &c->plan->steps[i];
        if (has_methods(at) && task_clock() < end) {
            if (task_cancelled(watch))
                return stopped(e);
            c->contests[i] = contest_new(at, s, e);
            if (!c->contests[i])
                return e->code;
            report(watch, "tune", ++t->count, t->nodes);
        }
        plan_run_step(c->plan, at);
    }
    return E_OK;
}

static status share_scratch(course *c, error *e)
{
    size_t most = 0;
    for (int i = 0; i < c->plan->step_count; i++)
        if (c->contests[i] && contest_scratch(c->contests[i]) > most)
            most = contest_scratch(c->contests[i]);
    c->scratch = memory_new_raw((int64_t)most + 1, 1, e);
    if (!c->scratch)
        return E_MEMORY;
    for (int i = 0; i < c->plan->step_count; i++)
        if (c->contests[i])
            contest_set_scratch(c->contests[i], c->scratch);
    return E_OK;
}

/* Each way runs twice, and the second time counts: caches are then as its own runs leave
   them, with the weights of all other layers read in between. */
static status run_course(course *c, double end, const task *watch, error *e)
{
    enum { TURNS_LEAST = 8 };
    for (int64_t turn = 0; turn < TURNS_LEAST || task_clock() < end; turn++)
        for (int again = 0; again < 2; again++) {
            if (task_cancelled(watch))
                return stopped(e);
            for (int i = 0; i < c->plan->step_count; i++)
                if (c->contests[i])
                    contest_run(c->contests[i], turn, again == 1);
                else
                    plan_run_step(c->plan, &c->plan->steps[i]);
        }
    return E_OK;
}

static status walk(course *c, const tune_settings *s, const task *watch, tuning *t,
                   error *e)
{
    double end = task_clock() + LAYER_SHARE * s->seconds;
    TRY(plan_prepare(c->plan, e));
    status code = compare_steps(c, s, watch, t, e);
    if (code == E_OK)
        code = share_scratch(c, e);
    if (code == E_OK)
        code = run_course(c, end, watch, e);
    int at = 0;
    for (int i = 0; i < c->plan->step_count; i++)
        if (c->contests[i])
            contest_conclude(c->contests[i], &t->layers[at++]);
    t->count = at;
    return code;
}

static status tune_layers(const graph *g, const tune_settings *s, const task *watch,
                          tuning *t, error *e)
{
    course c = {.plan = start_plan(g, s, true, e)};
    if (!c.plan)
        return e->code;
    for (int i = 0; i < c.plan->step_count; i++)
        t->nodes += has_methods(&c.plan->steps[i]);
    t->layers = memory_new(t->nodes, sizeof *t->layers, e);
    c.contests = memory_new(c.plan->step_count, sizeof *c.contests, e);
    status code = t->layers && c.contests ? walk(&c, s, watch, t, e) : E_MEMORY;
    course_clear(&c);
    return code;
}

/* ---- the whole ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { ROUNDS_LEAST = 3, ROUNDS_MOST = 200, LONG_MS = 50 };

static status run_whole(plan *p, double *ms, error *e)
{
    double begin = task_clock();
    TRY(plan_forward(p, 0, 0, e));
    *ms = 1e3 * (task_clock() - begin);
    return E_OK;
}

/* The second run counts, for the plan before leaves other caches than its own; a long run
   does not feel that. */
static status time_whole(plan *p, double *ms, error *e)
{
    TRY(run_whole(p, ms, e));
    return *ms < LONG_MS ? run_whole(p, ms, e) : E_OK;
}

static status run_rounds(plan **plans, int count, double seconds, const task *watch,
                         double (*times)[ROUNDS_MOST], int *rounds, error *e)
{
    double warm, end = 0;
    for (*rounds = -1;
         *rounds < ROUNDS_LEAST || (*rounds < ROUNDS_MOST && task_clock() < end);
         (*rounds)++) {
        if (*rounds == 0)
            end = task_clock() + seconds;
        for (int i = 0; i < count; i++) {
            if (task_cancelled(watch))
                return stopped(e);
            TRY(time_whole(plans[i], *rounds < 0 ? &warm : &times[i][*rounds], e));
        }
        report(watch, "compare", *rounds < 0 ? 0 : *rounds + 1, 0);
    }
    return E_OK;
}

status tune_compare(const graph *const *graphs, int count, const tune_settings *s,
                    double seconds, const task *watch, double *median_ms, error *e)
{
    plan **plans = memory_new(count, sizeof *plans, e);
    double(*times)[ROUNDS_MOST] = memory_new(count, sizeof *times, e);
    status code = plans && times ? E_OK : E_MEMORY;
    int rounds = 0;
    for (int i = 0; code == E_OK && i < count; i++) {
        plans[i] = start_plan(graphs[i], s, false, e);
        code = plans[i] ? E_OK : e->code;
    }
    if (code == E_OK)
        code = run_rounds(plans, count, seconds, watch, times, &rounds, e);
    for (int i = 0; code == E_OK && i < count; i++) {
        qsort(times[i], (size_t)rounds, sizeof *times[i], ascending);
        median_ms[i] = (times[i][rounds / 2] + times[i][(rounds - 1) / 2]) / 2;
    }
    for (int i = 0; plans && i < count; i++)
        plan_free(plans[i]);
    memory_free(plans);
    memory_free(times);
    return code;
}

static status set_methods(graph *g, const tuning *t, bool *changed, error *e)
{
    *changed = false;
    for (int i = 0; i < t->count; i++) {
        const tune_layer *l = &t->layers[i];
        *changed |= l->best != l->before;
        TRY(node_set_method(&g->nodes[l->node], l->trials[l->best].name, e));
    }
    return E_OK;
}

static status restore_methods(graph *g, const graph *before, error *e)
{
    for (int i = 0; i < g->node_count; i++)
        TRY(node_set_method(&g->nodes[i], before->nodes[i].method, e));
    return E_OK;
}

static status compare_whole(graph *g, const graph *before, bool changed,
                            const tune_settings *s, const task *watch, tuning *t,
                            error *e)
{
    const graph *graphs[] = {before, g};
    double ms[2];
    TRY(tune_compare(graphs, changed ? 2 : 1, s, (1 - LAYER_SHARE) * s->seconds, watch,
                     ms, e));
    t->before_ms = ms[0];
    t->after_ms = ms[changed ? 1 : 0];
    t->kept = !changed || t->after_ms < t->before_ms;
    return t->kept ? E_OK : restore_methods(g, before, e);
}

status tune_graph(graph *g, const tune_settings *s, const task *watch, tuning *t,
                  error *e)
{
    bool changed;
    *t = (tuning){.before_ms = NAN, .after_ms = NAN};
    graph *before = graph_copy(g, e);
    if (!before)
        return e->code;
    status code = tune_layers(before, s, watch, t, e);
    if (code == E_OK || code == E_STOPPED) {
        status set = set_methods(g, t, &changed, e);
        code = set ? set : code;
        t->kept = set == E_OK;
    }
    if (code == E_OK)
        code = compare_whole(g, before, changed, s, watch, t, e);
    graph_free(before);
    return code;
}
