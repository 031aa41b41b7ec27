/* SPDX-License-Identifier: GPL-3.0-or-later
   tune_lab.c -- the kernel lab: every layer of a model, and the whole, by four kernels side
   by side.  It changes no name. */
#include "ui/command/tune.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { DIRECT, IM2COL, HAND, TUNED, KERNELS };
static const char *const kernel_names[] = {"direct", "im2col", "hand", "tuned"};

static int find_trial(const tune_layer *l, const char *name)
{
    for (int i = 0; i < l->count; i++)
        if (text_equal(l->trials[i].name, name))
            return i;
    return l->guessed;
}

static const tune_trial *trial_of(const tune_layer *l, int kernel)
{
    int i = kernel == HAND    ? l->guessed
            : kernel == TUNED ? l->best
                              : find_trial(l, kernel_names[kernel]);
    return &l->trials[i];
}

static void put(table *t, int kernel, const char *what, double value)
{
    char key[64];
    snprintf(key, sizeof key, "%s_%s", kernel_names[kernel], what);
    rows_put_real(t, key, value);
}

static void put_layers(call *c, const graph *g, const tuning *t)
{
    int skipped = 0;
    for (int i = 0; i < t->count; i++) {
        const tune_layer *l = &t->layers[i];
        if (l->integer) {
            skipped++;
            continue;
        }
        table_row(c->rows);
        table_text(c->rows, "node", g->nodes[l->node].name);
        table_text(c->rows, "hand", trial_of(l, HAND)->name);
        table_text(c->rows, "tuned", trial_of(l, TUNED)->name);
        for (int k = 0; k < KERNELS; k++)
            put(c->rows, k, "ms", trial_of(l, k)->ms);
        for (int k = 0; k < KERNELS; k++)
            put(c->rows, k, "difference", trial_of(l, k)->difference);
    }
    if (skipped > 0)
        rows_note(c, "tune: %d layers run in integers and have no part in the lab",
                  skipped);
    if (t->count < t->nodes)
        rows_note(c, "tune: the time was over after %d of %d layers", t->count, t->nodes);
}

/* ---- the whole ---- */

static status make_models(const tune_job *j, const tuning *t, model **models, error *e)
{
    for (int k = 0; k < KERNELS; k++) {
        models[k] = model_copy(j->model, e);
        if (!models[k])
            return e->code;
        for (int i = 0; i < t->count; i++) {
            const tune_layer *l = &t->layers[i];
            node *n = &models[k]->graph->nodes[l->node];
            if (!l->integer)
                TRY(node_set_method(n, trial_of(l, k)->name, e));
        }
    }
    return E_OK;
}

/* The first samples of the split, as split test. */
static dataset *few_samples(const tune_job *j, int64_t most, error *e)
{
    int64_t *index = NULL, count = 0;
    dataset *d = dataset_copy(j->on.data, e);
    if (d && dataset_split_index(j->on.data, j->on.split, &index, &count, e) == E_OK) {
        memset(d->split, SPLIT_NONE, (size_t)d->count * sizeof *d->split);
        for (int64_t i = 0; i < count && i < most; i++)
            d->split[index[i]] = SPLIT_TEST;
    } else {
        dataset_free(d);
        d = NULL;
    }
    memory_free(index);
    return d;
}

/* In the current row: the first metric of each model. */
static status put_metrics(call *c, const tune_job *j, model *const *models, error *e)
{
    dataset *d = few_samples(j, option_integer(&c->options, "samples"), e);
    status s = d ? E_OK : e->code;
    for (int k = 0; s == E_OK && k < KERNELS; k++) {
        evaluation v = {0};
        s = evaluate(models[k], d, SPLIT_TEST, 0, NULL, c->task, &v, NULL, e);
        if (s == E_OK && v.count > 0)
            put(c->rows, k, v.row[0]->name, v.value[0]);
    }
    dataset_free(d);
    return s;
}

static status put_whole(call *c, const tune_job *j, model *const *models, error *e)
{
    const graph *graphs[KERNELS];
    double ms[KERNELS];
    for (int k = 0; k < KERNELS; k++)
        graphs[k] = models[k]->graph;
    TRY(tune_compare(graphs, KERNELS, &j->settings, 0.3 * j->settings.seconds, c->task,
                     ms, e));
    table_row(c->rows);
    table_text(c->rows, "node", "the whole model");
    for (int k = 0; k < KERNELS; k++)
        put(c->rows, k, "ms", ms[k]);
    return j->on.data && j->on.data->target ? put_metrics(c, j, models, e) : E_OK;
}

status tune_lab(call *c, const tune_job *j, error *e)
{
    tuning t = {0};
    tune_settings all = j->settings;
    all.all = true;
    model *models[KERNELS] = {0};
    graph *g = graph_copy(j->model->graph, e);
    status s = g ? tune_graph(g, &all, c->task, &t, e) : e->code;
    if (s == E_OK || s == E_STOPPED)
        put_layers(c, j->model->graph, &t);
    if (s == E_OK)
        s = make_models(j, &t, models, e);
    if (s == E_OK)
        s = put_whole(c, j, models, e);
    for (int k = 0; k < KERNELS; k++)
        model_free(models[k]);
    tuning_clear(&t);
    graph_free(g);
    return s;
}
