/* SPDX-License-Identifier: GPL-3.0-or-later
   bench.c -- the commands `bench` and `plan`: how long models take on this machine, as a
   whole and step by step.  It changes no name and prints nothing. */
#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "compress/prune.h"
#include "engine/calibration.h"
#include "graph/operator.h"
#include "measure/latency.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"
#include "ui/command/single_layers.h"

static const option bench_options[] = {
    {"models", OPTION_WORDS, NULL, NULL, NULL, "models to time"},
    {"batch", OPTION_INTEGER, "1..", "1", NULL, "samples of one run"},
    {"threads", OPTION_INTEGERS, "1..256", NULL, NULL,
     "threads at work, one number for all models (default: as set)"},
    {"rounds", OPTION_INTEGER, "1..", NULL, NULL,
     "timed runs of each model (default: as many as the time allows)"},
    {"seconds", OPTION_REAL, "0.001..86400", NULL, "s",
     "time for all rounds together (default: 2, where rounds= does not say)"},
    {"train", OPTION_FLAG, NULL, "no", NULL,
     "time a step of training: forward, loss, backward, update"},
    {"optimizer", OPTION_WORD, "adam|adamw|sgd|rmsprop|adadelta", "adam", NULL,
     "rule of the update"},
    {"precision", OPTION_WORD, "f32|bf16", "f32", NULL,
     "what factors of products are rounded to, in layers that are not integer"},
    {0},
};

/* Rounds and seconds as written; SECONDS where neither is. */
static latency_settings read_settings(const call *c, double seconds)
{
    const option_value *rounds = option_get(&c->options, "rounds");
    latency_settings s = {.batch = option_integer(&c->options, "batch"),
                          .rounds = rounds->present ? rounds->integer : 0,
                          .seconds = rounds->present ? 0 : seconds,
                          .seed = session_seed(c->session),
                          .precision =
                              precision_find(option_words(&c->options, "precision"))};
    if (option_flag(&c->options, "train"))
        s.optimizer = optimizer_find("adam");
    return s;
}

/* Times of different thread counts do not stand in one table. */
static status read_threads(const call *c, int *threads, error *e)
{
    const option_value *v = option_get(&c->options, "threads");
    *threads = v->present ? (int)v->reals[0] : cpu_threads();
    if (!v->present || v->count == 1)
        return E_OK;
    fail(e, E_USAGE, "bench: threads=%s, wanted one number for all models", v->words);
    return fail_hint(e, "times of different thread counts are not comparable: bench "
                        "once for each");
}

static status put_latency(call *c, const char *name, int64_t batch, const latency *l,
                          error *e)
{
    text kernels = {0};
    table_row(c->rows);
    table_text(c->rows, "model", name);
    table_text(c->rows, "precision", latency_precision(l->steps));
    table_integer(c->rows, "batch", batch);
    table_integer(c->rows, "threads", cpu_threads());
    table_integer(c->rows, "rounds", l->rounds);
    table_real(c->rows, "median_ms", l->median_ms);
    table_real(c->rows, "p10_ms", l->p10_ms);
    table_real(c->rows, "p90_ms", l->p90_ms);
    rows_put_real(c->rows, "samples_per_second", 1e3 * (double)batch / l->median_ms);
    rows_put_real(c->rows, "energy_mj", l->energy_mj);
    table_integer(c->rows, "arena_bytes", (int64_t)l->arena_bytes);
    table_integer(c->rows, "peak_bytes", (int64_t)l->peak_bytes);
    table_integer(c->rows, "resident_bytes", (int64_t)l->resident_bytes);
    status s = latency_kernels(l->steps, &kernels, e);
    table_text(c->rows, "kernels", text_get(&kernels));
    text_clear(&kernels);
    return s;
}

static status bench_models(call *c, const option_value *names, const model **models,
                           latency *times, error *e)
{
    latency_settings s = read_settings(c, 2);
    const option_value *seconds = option_get(&c->options, "seconds");
    if (seconds->present)
        s.seconds = seconds->real;
    if (s.optimizer)
        s.optimizer = optimizer_find(option_words(&c->options, "optimizer"));
    else if (option_given(&c->options, "optimizer"))
        return fail(e, E_USAGE,
                    "bench: optimizer= is of a step of training: say "
                    "train=yes");
    for (int64_t i = 0; i < names->count; i++) {
        models[i] = session_get_model(c->session, names->items[i], e);
        if (!models[i])
            return e->code;
    }
    status code = latency_measure(models, names->count, &s, c->task, times, e);
    bool any = code == E_OK || (code == E_STOPPED && times[0].rounds > 0);
    for (int64_t i = 0; any && i < names->count; i++)
        TRY(put_latency(c, names->items[i], s.batch, &times[i], e));
    if (any && isnan(times[0].energy_mj))
        rows_note(c, "bench: energy is not available on this machine");
    return code;
}

static status bench_command(call *c, error *e)
{
    const option_value *names = option_get(&c->options, "models");
    int threads, before = cpu_threads();
    TRY(read_threads(c, &threads, e));
    const model **models = memory_new(names->count, sizeof *models, e);
    latency *times = memory_new(names->count, sizeof *times, e);
    status s = models && times ? E_OK : E_MEMORY;
    cpu_set_threads(threads);
    if (s == E_OK)
        s = bench_models(c, names, models, times, e);
    cpu_set_threads(before);
    for (int64_t i = 0; times && i < names->count; i++)
        latency_clear(&times[i]);
    memory_free(models);
    memory_free(times);
    return s;
}

const command command_bench = {
    .name = "bench",
    .group = "measure",
    .summary = "time models on this machine, side by side",
    .options = bench_options,
    .arguments = 1,
    .required = 1,
    .flags = COMMAND_LONG | COMMAND_RECORDED,
    .example = "bench m b rounds=5",
    .details =
        "After a warm-up the models run in turns, round by round, so that a machine that "
        "slows down slows them all; where there are several, each runs once untimed "
        "before its turn, so that it finds its own weights in the caches and not "
        "another's.  median_ms, p10_ms and p90_ms are of one run of a whole batch: the "
        "input (random, the same for all, of the shape that the model "
        "was built for) lies ready, and forward reads it there; with train=yes a step of "
        "training towards random targets, with the mean squared error.  peak_bytes is "
        "what a run holds beside the model, resident_bytes the most that the whole "
        "program held so far.  energy_mj is of all processor packages, one run, where "
        "the machine tells (RAPL) and lets this user read it; else it is empty.",
    .see = "plan, eval, set",
    .source = "the quantiles: Hyndman, Fan, The American Statistician 50 (1996), "
              "definition 7",
    .run = bench_command,
};

static const option plan_options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "model whose plan is shown"},
    {"batch", OPTION_INTEGER, "1..", "1", NULL, "samples of one run"},
    {"train", OPTION_FLAG, NULL, "no", NULL,
     "the plan of training; the times are of its forward half"},
    {"precision", OPTION_WORD, "f32|bf16", "f32", NULL,
     "what factors of products are rounded to, in layers that are not integer"},
    {"rounds", OPTION_INTEGER, "1..", "20", NULL, "timed runs"},
    {"layers", OPTION_WORDS, NULL, NULL, NULL,
     "as if so much of these layers' smallest weights were zero: NAME:AMOUNT"},
    {0},
};

/* Row I of STEPS, with what its time means: arithmetic a second (a multiply-add is two
   operations), and its share of the TOTAL time. */
static void put_step(table *t, const table *steps, int64_t i, double total)
{
    double ms = 0, products = 0;
    table_row(t);
    for (int64_t j = 0; j < steps->column_count; j++)
        table_cell(t, steps->columns[j], table_get(steps, i, j));
    table_number(steps, i, "median_ms", &ms);
    table_number(steps, i, "multiply_adds", &products);
    rows_put_real(t, "gflops", products > 0 ? 2e-6 * products / ms : NAN);
    rows_put_real(t, "share", ms / total);
}

static void put_steps(call *c, const table *steps, size_t arena, size_t live)
{
    char arena_words[32], live_words[32];
    double total = 0;
    for (int64_t i = 0; i < steps->row_count; i++) {
        double ms = 0;
        table_number(steps, i, "median_ms", &ms);
        total += ms;
    }
    for (int64_t i = 0; i < steps->row_count; i++)
        put_step(c->rows, steps, i, total);
    if (!calibration_get(cpu_threads()))
        rows_note(c,
                  "plan: limit is empty: 'tune machine' measures what this machine can "
                  "do with %d threads",
                  cpu_threads());
    if (calibration_note()[0])
        rows_note(c, "plan: not used: %s", calibration_note());
    rows_note(c,
              "plan: %lld steps, %.4g ms; arena %zu bytes (%s), largest live set %zu "
              "bytes (%s)",
              (long long)steps->row_count, total, arena,
              text_bytes(arena_words, (double)arena), live,
              text_bytes(live_words, (double)live));
}

/* Does a step of STEPS begin with node N? */
static bool begins_step(const table *steps, const node *n)
{
    int64_t column = table_column(steps, "node");
    for (int64_t i = 0; i < steps->row_count; i++)
        if (text_equal(table_get(steps, i, column)->words, n->name))
            return true;
    return false;
}

/* What of the graph is no step of its own. */
static void note_joined(call *c, const graph *g, const table *steps)
{
    int norms = 0, others = 0, convolutions = 0;
    for (int i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        if (begins_step(steps, n))
            continue;
        norms += n->op == &op_batch_norm;
        convolutions += n->op == &op_conv2d;
        others += n->op != &op_batch_norm && n->op != &op_conv2d;
    }
    if (convolutions > 0)
        rows_note(c, "plan: %d depthwise convolution%s inside of the step behind",
                  convolutions, convolutions == 1 ? " runs" : "s run");
    if (norms + others > 0)
        rows_note(c,
                  "plan: the graph holds %d nodes; %d batch norm%s and %d function%s of "
                  "them run in the pass of the step before%s",
                  g->node_count, norms, norms == 1 ? "" : "s", others,
                  others == 1 ? "" : "s",
                  norms > 0 ? " ('fuse' takes these norms out of the graph)" : "");
}

/* M with the layers of the option layers= pruned, for the caller to free. */
static model *prune_copy(const call *c, const model *m, error *e)
{
    prune_result r;
    model *copy = model_copy(m, e);
    graph *g = copy ? copy->graph : NULL;
    double *amounts = g ? memory_new(g->parameter_count, sizeof *amounts, e) : NULL;
    status s = amounts ? E_OK : E_MEMORY;
    if (s == E_OK)
        s = single_layers_amounts("plan", option_get(&c->options, "layers"), g, amounts,
                                  e);
    if (s == E_OK)
        s = prune_parameters(g, criterion_find("magnitude"), TARGET_WEIGHTS, amounts,
                             0, &r, e);
    memory_free(amounts);
    if (s == E_OK)
        return copy;
    model_free(copy);
    return NULL;
}

static status show_plan(call *c, const model *m, error *e)
{
    size_t arena, live;
    latency_settings s = read_settings(c, 0);
    table *steps = latency_steps(m, &s, c->task, &arena, &live, e);
    if (!steps)
        return e->code;
    put_steps(c, steps, arena, live);
    note_joined(c, m->graph, steps);
    table_free(steps);
    return E_OK;
}

static status plan_command(call *c, error *e)
{
    const model *m = session_get_model(c->session, option_words(&c->options, "model"), e);
    if (!m)
        return e->code;
    if (!option_get(&c->options, "layers")->present)
        return show_plan(c, m, e);
    model *pruned = prune_copy(c, m, e);
    status s = pruned ? show_plan(c, pruned, e) : e->code;
    model_free(pruned);
    return s;
}

const command command_plan = {
    .name = "plan",
    .group = "measure",
    .summary = "show how a model runs: kernels, memory and time of each step",
    .options = plan_options,
    .arguments = 1,
    .required = 1,
    .flags = COMMAND_LONG,
    .example = "plan m rounds=3",
    .details =
        "One row a step, in the order they run; what stands behind a + in kernel is done "
        "in the same pass, and a note counts the nodes of the graph that are.  shape is "
        "that of the step's output in memory, batch first "
        "and channels last, and bytes is its size.  multiply_adds are of the whole "
        "batch; "
        "gflop counts each as two operations, also of integers, and gflops are those of "
        "a second; steps without products have the megabytes that they read and write.  "
        "share is the step's part of the sum of the medians.  limit is what it reaches "
        "of the machine's rate of products or of reading, whichever is more, as 'tune "
        "machine' measured them: above 1 where fewer products are done or weights read "
        "(Winograd, sparse, padding that is passed over).  layers=c1:0.9 shows the plan "
        "of "
        "a copy with these weights pruned; the model stays as it is.",
    .see = "bench, show, tune",
    .run = plan_command,
};
