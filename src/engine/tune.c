/* SPDX-License-Identifier: GPL-3.0-or-later
   tune.c -- walks through a plan once and times, at each step that can run in several
   ways, all of them on the input that lies there.  One step's trials are in
   tune_layer.c.  It prints nothing. */
#include "engine/tune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
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

static plan *start_plan(const graph *g, const tune_settings *s, error *e)
{
    plan *p = plan_new_inference(g, s->batch, g->input_shape, e);
    if (p && plan_start(p, e)) {
        plan_free(p);
        return NULL;
    }
    return p;
}

static void write_input(plan *p, const tune_settings *s)
{
    size_t count = (size_t)(s->batch * shape_count(p->graph->input_shape));
    memcpy(plan_input(p), s->input, count * sizeof(float));
}

/* ---- layer by layer ---- */

static bool has_methods(const step *s)
{
    return s->op.node->op->methods != NULL;
}

static status walk(plan *p, const tune_settings *s, const task *watch, tuning *t,
                   error *e)
{
    double end = task_clock() + LAYER_SHARE * s->seconds;
    TRY(plan_prepare(p, e));
    write_input(p, s);
    for (int i = 0; i < p->step_count; i++) {
        step *at = &p->steps[i];
        double left = end - task_clock();
        if (has_methods(at) && left > 0) {
            if (task_cancelled(watch))
                return stopped(e);
            TRY(tune_step(at, s, left / (t->nodes - t->count), watch,
                          &t->layers[t->count], e));
            t->count++;
            report(watch, "tune", t->count, t->nodes);
        }
        plan_run_step(p, at);
    }
    return E_OK;
}

static status tune_layers(const graph *g, const tune_settings *s, const task *watch,
                          tuning *t, error *e)
{
    plan *p = start_plan(g, s, e);
    if (!p)
        return e->code;
    for (int i = 0; i < p->step_count; i++)
        t->nodes += has_methods(&p->steps[i]);
    t->layers = memory_new(t->nodes, sizeof *t->layers, e);
    status code = t->layers ? walk(p, s, watch, t, e) : E_MEMORY;
    plan_free(p);
    return code;
}

/* ---- the whole ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { ROUNDS_LEAST = 3, ROUNDS_MOST = 200 };

static status run_whole(plan *p, const tune_settings *s, double *ms, error *e)
{
    double begin = task_clock();
    write_input(p, s);
    TRY(plan_forward(p, 0, 0, e));
    *ms = 1e3 * (task_clock() - begin);
    return E_OK;
}

static status run_rounds(plan **plans, int count, const tune_settings *s, double seconds,
                         const task *watch, double (*times)[ROUNDS_MOST], int *rounds,
                         error *e)
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
            TRY(run_whole(plans[i], s, *rounds < 0 ? &warm : &times[i][*rounds], e));
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
        plans[i] = start_plan(graphs[i], s, e);
        code = plans[i] ? E_OK : e->code;
    }
    if (code == E_OK)
        code = run_rounds(plans, count, s, seconds, watch, times, &rounds, e);
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
