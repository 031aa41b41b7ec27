/* SPDX-License-Identifier: GPL-3.0-or-later
   tune.c -- the command `tune`: which kernels are fastest, for a model on its own input or
   for this machine.  It prints nothing and measures nothing itself. */
#include "ui/command/tune.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"

static const option tune_options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL,
     "model to tune; or the word machine, for all of them"},
    {"budget", OPTION_REAL, "0.1..86400", "30", "s", "time to spend: 30, 30s, 5m"},
    {"batch", OPTION_INTEGER, "1..", "1", NULL, "samples of one run"},
    {"data", OPTION_DATASET, NULL, NULL, NULL,
     "data to run on (default: random numbers), and to measure the lab's models on"},
    {"split", OPTION_WORD, "train|val|test|all", "test", NULL, "samples of the data"},
    {"lab", OPTION_FLAG, NULL, "no", NULL,
     "show four kernels of each layer side by side, and change nothing"},
    {"samples", OPTION_INTEGER, "1..", "32", NULL,
     "samples that the lab's models are measured on, at most"},
    {"as", OPTION_NAME, NULL, NULL, NULL,
     "name of the result (default: it replaces the model)"},
    {0},
};

/* ---- input ---- */

static status fill_from_data(tune_job *j, error *e)
{
    int64_t *index = NULL, *chosen = NULL, count = 0, n = j->settings.batch;
    TRY(dataset_split_index(j->on.data, j->on.split, &index, &count, e));
    chosen = memory_new(n, sizeof *chosen, e);
    for (int64_t i = 0; chosen && i < n; i++)
        chosen[i] = index[i % count];
    const status s = chosen ? dataset_batch(j->on.data, &j->model->input_transform,
                                            chosen, n, j->input, NULL, NULL, e)
                            : E_MEMORY;
    memory_free(index);
    memory_free(chosen);
    return s;
}

static void fill_with_noise(tune_job *j, uint64_t seed)
{
    shape in = j->model->graph->input_shape;
    int64_t count = j->settings.batch * shape_count(in), channels = in.dim[in.rank - 1];
    random_stream r = random_new(seed, "tune", 0);
    random_fill_uniform(&r, j->input, count, 0, 1);
    transform_apply(&j->model->input_transform, j->input, count / channels, channels);
}

static status read_job(const call *c, tune_job *j, error *e)
{
    const option_set *o = &c->options;
    j->name = option_words(o, "model");
    j->model = session_get_model(c->session, j->name, e);
    if (!j->model)
        return e->code;
    shape in = j->model->graph->input_shape;
    j->settings = (tune_settings){.batch = option_integer(o, "batch"),
                                  .seconds = option_get(o, "budget")->real};
    if (option_words(o, "data"))
        TRY(rows_sample_set(c, "tune", &j->on, e));
    if (j->on.data &&
        !shape_equal(batch_input_shape(j->on.data, &j->model->input_transform), in))
        return fail(e, E_SHAPE,
                    "tune: the samples of %s are not of the shape that %s wants",
                    j->on.name, j->name);
    if (j->settings.batch > INT64_MAX / 64 / shape_count(in))
        return fail(e, E_RANGE, "tune: a batch of %lld is too large",
                    (long long)j->settings.batch);
    j->input = memory_new_raw(j->settings.batch * shape_count(in), sizeof(float), e);
    j->settings.input = j->input;
    if (!j->input)
        return E_MEMORY;
    if (j->on.data)
        return fill_from_data(j, e);
    fill_with_noise(j, session_seed(c->session));
    return E_OK;
}

/* ---- one model ---- */

static void put_rejected(table *t, const tune_layer *l)
{
    text words = {0};
    for (int i = 0; i < l->count; i++)
        if (l->trials[i].rejected)
            text_addf(&words, "%s%s (%.2g)", words.length ? ", " : "", l->trials[i].name,
                      l->trials[i].difference);
    if (words.length)
        table_text(t, "rejected", text_get(&words));
    else
        table_none(t, "rejected");
    text_clear(&words);
}

static void put_layer(table *t, const graph *g, const tune_layer *l)
{
    const tune_trial *before = &l->trials[l->before], *best = &l->trials[l->best];
    table_row(t);
    table_text(t, "node", g->nodes[l->node].name);
    table_text(t, "method_before", before->name);
    table_text(t, "method", best->name);
    table_real(t, "before_ms", before->ms);
    table_real(t, "after_ms", best->ms);
    table_real(t, "speedup", before->ms / best->ms);
    rows_put_real(t, "largest_difference", best->difference);
    put_rejected(t, l);
}

void tune_put(call *c, const graph *g, const tuning *t)
{
    for (int i = 0; i < t->count; i++)
        put_layer(c->rows, g, &t->layers[i]);
    table_row(c->rows);
    table_text(c->rows, "node", "the whole model");
    table_text(c->rows, "method_before", "before");
    table_text(c->rows, "method", t->kept ? "tuned" : "before");
    rows_put_real(c->rows, "before_ms", t->before_ms);
    rows_put_real(c->rows, "after_ms", t->after_ms);
    rows_put_real(c->rows, "speedup", t->before_ms / t->after_ms);
    if (!t->kept)
        rows_note(c, "tune: the whole is not faster: every method stays as it was");
    if (t->count < t->nodes)
        rows_note(c,
                  "tune: the time was over after %d of %d nodes, the others stay as "
                  "they were",
                  t->count, t->nodes);
}

static status keep_tuned(call *c, const tune_job *j, model *m, const tuning *t, error *e)
{
    char summary[96];
    snprintf(summary, sizeof summary, "%.4g ms, before %.4g ms", t->after_ms,
             t->before_ms);
    tune_put(c, m->graph, t);
    const char *as = option_words(&c->options, "as");
    if (!t->kept && !as) {
        model_free(m);
        return E_OK;
    }
    status s = model_add_step(m, c->line, summary, e);
    if (s != E_OK) {
        model_free(m);
        return s;
    }
    return session_put_model(c->session, as ? as : j->name, m, e);
}

/* What was reached stays, also where the user stopped it. */
static status tune_model(call *c, const tune_job *j, error *e)
{
    tuning t = {0};
    error why = {0};
    model *m = model_copy(j->model, e);
    if (!m)
        return e->code;
    status s = tune_graph(m->graph, &j->settings, c->task, &t, &why);
    if (s == E_OK || (s == E_STOPPED && t.count > 0)) {
        status kept = keep_tuned(c, j, m, &t, e);
        s = kept ? kept : s;
    } else {
        model_free(m);
    }
    tuning_clear(&t);
    if (s != E_OK && s == why.code)
        *e = why;
    return s;
}

static status tune_command(call *c, error *e)
{
    tune_job j = {0};
    if (text_equal(option_words(&c->options, "model"), "machine"))
        return tune_machine(c, e);
    status s = read_job(c, &j, e);
    if (s == E_OK)
        s = option_flag(&c->options, "lab") ? tune_lab(c, &j, e) : tune_model(c, &j, e);
    memory_free(j.input);
    return s;
}

const command command_tune = {
    .name = "tune",
    .group = "measure",
    .summary = "find the fastest kernels, for a model or for this machine",
    .options = tune_options,
    .arguments = 1,
    .required = 1,
    .flags = COMMAND_CHANGES | COMMAND_LONG | COMMAND_RECORDED,
    .makes = OBJECT_MODEL,
    .example = "tune m budget=2",
    .details =
        "Each convolution and linear layer runs by every method that suits it, in turns, "
        "on the input that reaches it; times are lower quartiles within whole runs of "
        "the "
        "model, where the weights of all other layers pass through the caches too.  A "
        "method whose output differs from plain sums in double precision by more than "
        "1e-5 of the largest output (in integers: by one bit) is rejected, and named "
        "with "
        "its difference.  The fastest of the others is kept in the model and its file, "
        "for inference alone: no weight changes.  The last row has the medians of whole "
        "runs, before and after in turns; where the whole is not faster, all stays as it "
        "was.  prune and quantize forget what was tuned.  'tune machine' takes under a "
        "minute and times all methods on a grid of shapes, and what the machine can do "
        "at most; it is kept under the cache folder ($XDG_CACHE_HOME/lathe) for this "
        "processor, LATHE_CPU and number of threads.  From then on plans choose methods "
        "by it where a model is not tuned, and 'plan' says what share of the limit each "
        "step reaches.  Plans choose by the measurements with all cores, whatever "
        "threads= is, so that answers keep the same bits; with other measurements, or "
        "none, f32 answers may differ in their last digits.  lab=yes compares four "
        "kernels of each f32 layer and of the whole: a direct loop, im2col with "
        "OpenBLAS's product, the method chosen by rule, the tuned one.",
    .see = "plan, bench, set",
    .run = tune_command,
};
