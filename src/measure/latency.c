/* SPDX-License-Identifier: GPL-3.0-or-later
   latency.c -- models timed in interleaved rounds, and the steps of a plan timed by
   themselves.  It prints nothing and changes no model. */
#include "measure/latency.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "engine/plan.h"
#include "graph/operator.h"
#include "measure/energy.h"
#include "train/trainer.h"

/* The warm-up: memory is touched, caches are filled, clocks have risen. */
#define WARM_RUNS     2
#define WARM_RUNS_MAX 50
#define WARM_SECONDS  0.05

/* One model made ready to run again and again. */
typedef struct lane {
    plan *plan;              /* inference */
    float *input;            /* a batch, transformed once */
    train_settings settings; /* training */
    train_state state;
    dataset *data;
    int64_t *index;
    double *ms; /* [capacity] times of the rounds */
    int64_t capacity;
    double joules;
} lane;

static void lane_clear(lane *l)
{
    plan_free(l->plan);
    memory_free(l->input);
    train_clear(&l->state);
    dataset_free(l->data);
    memory_free(l->index);
    memory_free(l->ms);
    *l = (lane){0};
}

void latency_clear(latency *l)
{
    table_free(l->steps);
    *l = (latency){0};
}

static status check_settings(const latency_settings *s, int64_t count, error *e)
{
    if (count < 1)
        return fail(e, E_USAGE, "latency: no models, wanted one or more");
    if (s->batch < 1)
        return fail(e, E_RANGE, "latency: a batch of %lld, wanted 1 or more",
                    (long long)s->batch);
    if (s->rounds < 0 || !(s->seconds >= 0) || (s->rounds == 0 && s->seconds == 0))
        return fail(e, E_RANGE,
                    "latency: %lld rounds and %g seconds, wanted one of them above 0",
                    (long long)s->rounds, s->seconds);
    return E_OK;
}

/* Uniform in 0..1, which every input transform takes. */
static status make_input(lane *l, const model *m, const latency_settings *s, error *e)
{
    shape in = m->graph->input_shape;
    int64_t channels = in.dim[in.rank - 1];
    random_stream r = random_new(s->seed, "latency", 0);
    int64_t count = s->batch * shape_count(in);
    l->input = memory_new_raw(count, sizeof *l->input, e);
    if (!l->input)
        return E_MEMORY;
    random_fill_uniform(&r, l->input, count, 0, 1);
    transform_apply(&m->input_transform, l->input, count / channels, channels);
    return plan_read_input(l->plan, l->input, e);
}

static status start_inference(lane *l, const model *m, const latency_settings *s,
                              error *e)
{
    l->plan = plan_new_inference(m->graph, s->batch, m->graph->input_shape, e);
    if (!l->plan)
        return e->code;
    TRY(plan_set_precision(l->plan, s->precision, e));
    return make_input(l, m, s, e);
}

static shape with_batch(shape sample, int64_t batch)
{
    shape s = {.rank = sample.rank + 1};
    s.dim[0] = batch;
    for (int i = 0; i < sample.rank; i++)
        s.dim[i + 1] = sample.dim[i];
    return s;
}

/* A batch of random inputs and targets. */
static status make_data(lane *l, const model *m, shape output, const latency_settings *s,
                        error *e)
{
    dataset *d = l->data = dataset_new(e);
    l->index = memory_new(s->batch, sizeof *l->index, e);
    if (!d || !l->index)
        return E_MEMORY;
    d->count = s->batch;
    d->input = tensor_new(DTYPE_F32, with_batch(m->graph->input_shape, s->batch), e);
    d->target = tensor_new(DTYPE_F32, output, e);
    d->split = memory_new(s->batch, sizeof *d->split, e);
    if (!d->input || !d->target || !d->split)
        return E_MEMORY;
    float *input = tensor_write_f32(d->input, e),
          *target = tensor_write_f32(d->target, e);
    if (!input || !target)
        return E_MEMORY;
    random_stream r = random_new(s->seed, "latency", 0);
    random_fill_uniform(&r, input, tensor_count(d->input), 0, 1);
    random_fill_uniform(&r, target, tensor_count(d->target), 0, 1);
    for (int64_t i = 0; i < s->batch; i++) {
        l->index[i] = i;
        d->split[i] = SPLIT_TRAIN;
    }
    return E_OK;
}

static status start_training(lane *l, const model *m, shape output,
                             const latency_settings *s, error *e)
{
    l->settings = (train_settings){.epochs = 1,
                                   .batch = s->batch,
                                   .seed = s->seed,
                                   .precision = s->precision,
                                   .loss = loss_find("mse"),
                                   .optimizer = s->optimizer,
                                   .rates = s->optimizer->standard,
                                   .schedule = schedule_find("constant")};
    TRY(make_data(l, m, output, s, e));
    return train_start(&l->state, m, &l->settings, e);
}

/* What the plan is: its steps, its memory, the shape of what comes out. */
static status describe(const plan *p, latency *out, shape *output, error *e)
{
    out->arena_bytes = plan_arena_bytes(p);
    *output = plan_output_shape(p);
    out->steps = plan_describe(p, e);
    return out->steps ? E_OK : e->code;
}

/* A training plan of a copy, as the trainer has it: running statistics are written through
   a plan. */
static status describe_training(const model *m, const latency_settings *s, latency *out,
                                shape *output, error *e)
{
    graph *g = graph_copy(m->graph, e);
    if (!g)
        return e->code;
    plan *p = plan_new_training(g, s->batch, g->input_shape, e);
    status code = p ? plan_set_precision(p, s->precision, e) : e->code;
    if (code == E_OK)
        code = plan_pass_gradients(p, e);
    if (code == E_OK)
        code = plan_start(p, e);
    if (code == E_OK)
        code = describe(p, out, output, e);
    plan_free(p);
    graph_free(g);
    return code;
}

static status run_once(lane *l, error *e)
{
    double loss;
    if (l->data)
        return train_step(&l->state, &l->settings, l->data, l->index, l->data->count,
                          &loss, e);
    return plan_forward(l->plan, 0, 0, e);
}

static status stopped(int64_t rounds, error *e)
{
    return fail(e, E_STOPPED, "latency: stopped after %lld rounds", (long long)rounds);
}

static status warm_up(lane *l, const task *watch, error *e)
{
    double began = task_clock();
    for (int i = 0; i < WARM_RUNS_MAX; i++) {
        if (i >= WARM_RUNS && task_clock() - began > WARM_SECONDS)
            break;
        if (task_cancelled(watch))
            return stopped(0, e);
        TRY(run_once(l, e));
    }
    return E_OK;
}

/* Makes model M ready and runs it warm, which shows what it needs. */
static status prepare(lane *l, const model *m, const latency_settings *s,
                      const task *watch, latency *out, error *e)
{
    shape output;
    if (s->optimizer)
        TRY(describe_training(m, s, out, &output, e));
    size_t before = memory_in_use();
    memory_peak_reset();
    if (s->optimizer) {
        TRY(start_training(l, m, output, s, e));
    } else {
        TRY(start_inference(l, m, s, e));
    }
    TRY(warm_up(l, watch, e));
    out->peak_bytes = memory_peak() - before;
    return s->optimizer ? E_OK : describe(l->plan, out, &output, e);
}

static status time_once(lane *l, int64_t round, energy_meter *meter, error *e)
{
    TRY(memory_grow((void **)&l->ms, &l->capacity, round + 1, sizeof *l->ms, e));
    energy_lap(meter);
    double began = task_clock();
    TRY(run_once(l, e));
    l->ms[round] = 1e3 * (task_clock() - began);
    l->joules += energy_lap(meter);
    return E_OK;
}

/* The model before has left its own weights in the caches: a run that is not timed brings
   back what a model finds there that runs again and again.  A step of training is long
   enough without. */
static status settle(lane *l, error *e)
{
    return l->data ? E_OK : run_once(l, e);
}

static bool over(const latency_settings *s, int64_t round, double elapsed)
{
    if (s->rounds > 0 && round >= s->rounds)
        return true;
    int64_t least = s->rounds > 0 ? 1 : LATENCY_ROUNDS_MIN;
    return s->seconds > 0 && round >= least && elapsed >= s->seconds;
}

/* How many rounds there will be, as far as can be said. */
static int64_t expected(const latency_settings *s, int64_t round, double elapsed)
{
    double by_time = s->seconds > 0 && elapsed > 0
                         ? ceil((double)round * s->seconds / elapsed)
                         : INFINITY;
    double rounds = s->rounds > 0 ? fmin((double)s->rounds, by_time) : by_time;
    return rounds < 1e9 && rounds > (double)round ? (int64_t)rounds : round;
}

/* *ROUNDS are the whole rounds, also where it was stopped within one. */
static status run_rounds(lane *lanes, int64_t count, const latency_settings *s,
                         energy_meter *meter, const task *watch, int64_t *rounds,
                         error *e)
{
    double began = task_clock();
    for (*rounds = 0; !over(s, *rounds, task_clock() - began); (*rounds)++) {
        for (int64_t i = 0; i < count; i++) {
            if (task_cancelled(watch))
                return stopped(*rounds, e);
            if (count > 1)
                TRY(settle(&lanes[i], e));
            TRY(time_once(&lanes[i], *rounds, meter, e));
        }
        task_report(watch,
                    &(progress){.stage = "time",
                                .unit = "round",
                                .done = *rounds + 1,
                                .total = expected(s, *rounds + 1, task_clock() - began),
                                .loss = NAN,
                                .metric = NAN});
    }
    return E_OK;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double latency_quantile(const double *sorted, int64_t n, double at)
{
    double place = at * (double)(n - 1);
    int64_t below = (int64_t)place;
    if (below + 1 >= n)
        return sorted[n - 1];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

static void conclude(lane *l, int64_t rounds, latency *out)
{
    out->rounds = rounds;
    out->resident_bytes = memory_resident_peak();
    out->median_ms = out->p10_ms = out->p90_ms = out->energy_mj = NAN;
    if (rounds == 0)
        return;
    qsort(l->ms, (size_t)rounds, sizeof *l->ms, ascending);
    out->median_ms = latency_quantile(l->ms, rounds, 0.5);
    out->p10_ms = latency_quantile(l->ms, rounds, 0.1);
    out->p90_ms = latency_quantile(l->ms, rounds, 0.9);
    out->energy_mj = 1e3 * l->joules / (double)rounds;
}

status latency_measure(const model *const *models, int64_t count,
                       const latency_settings *s, const task *watch, latency *out,
                       error *e)
{
    energy_meter meter = {0};
    int64_t rounds = 0;
    for (int64_t i = 0; i < count; i++)
        out[i] = (latency){0};
    TRY(check_settings(s, count, e));
    lane *lanes = memory_new(count, sizeof *lanes, e);
    if (!lanes)
        return E_MEMORY;
    status code =
        energy_open(&meter, s->energy_folder ? s->energy_folder : ENERGY_FOLDER, e);
    for (int64_t i = 0; code == E_OK && i < count; i++)
        code = prepare(&lanes[i], models[i], s, watch, &out[i], e);
    if (code == E_OK)
        code = run_rounds(lanes, count, s, &meter, watch, &rounds, e);
    for (int64_t i = 0; i < count; i++) {
        conclude(&lanes[i], rounds, &out[i]);
        lane_clear(&lanes[i]);
    }
    energy_close(&meter);
    memory_free(lanes);
    return code;
}

/* A step's kernel is the operator's name, its type, and more. */
static bool step_has_type(const table *steps, int64_t i, const char *type)
{
    int64_t kernel = table_column(steps, "kernel");
    const char *words = kernel < 0 ? NULL : table_get(steps, i, kernel)->words;
    const char *at = words ? strchr(words, ' ') : NULL;
    size_t n = strlen(type);
    return at && strncmp(at + 1, type, n) == 0 && (!at[n + 1] || at[n + 1] == ' ');
}

const char *latency_precision(const table *steps)
{
    static const char *const types[] = {"f32", "bf16", "s8"};
    int64_t seen[3] = {0}, all = 0;
    for (int64_t i = 0; i < steps->row_count; i++) {
        double products = 0;
        table_number(steps, i, "multiply_adds", &products);
        all += products > 0;
        for (int k = 0; k < 3 && products > 0; k++)
            seen[k] += step_has_type(steps, i, types[k]);
    }
    for (int k = 0; k < 3; k++)
        if (seen[k] == all)
            return types[k];
    return "mixed";
}

/* WORDS up to what is fused behind it. */
static void add_kernel(text *out, const char *words)
{
    const char *end = strstr(words, " + ");
    size_t length = end ? (size_t)(end - words) : strlen(words);
    for (const char *at = text_get(out); *at;) {
        size_t n = strcspn(at, ",");
        if (n == length && strncmp(at, words, n) == 0)
            return;
        at += at[n] ? n + 2 : n;
    }
    if (out->length > 0)
        text_add(out, ", ");
    text_add_bytes(out, words, length);
}

status latency_kernels(const table *steps, text *out, error *e)
{
    int64_t kernel = table_column(steps, "kernel");
    for (int all = 0; all <= 1 && out->length == 0; all++)
        for (int64_t i = 0; kernel >= 0 && i < steps->row_count; i++) {
            double products = 0;
            table_number(steps, i, "multiply_adds", &products);
            if (all || products > 0)
                add_kernel(out, table_get(steps, i, kernel)->words);
        }
    return text_ok(out, e);
}

/* The plan and its input, in L; the graph is a copy where training writes to it. */
static status start_steps(lane *l, graph *g, const model *m, const latency_settings *s,
                          error *e)
{
    if (!s->optimizer)
        return start_inference(l, m, s, e);
    l->plan = plan_new_training(g, s->batch, g->input_shape, e);
    if (!l->plan)
        return e->code;
    TRY(plan_set_precision(l->plan, s->precision, e));
    return make_input(l, m, s, e);
}

static status run_steps(lane *l, const latency_settings *s, const task *watch, error *e)
{
    energy_meter none = {0};
    int64_t rounds;
    TRY(warm_up(l, watch, e));
    plan_time_steps(l->plan, true);
    return run_rounds(l, 1, s, &none, watch, &rounds, e);
}

table *latency_steps(const model *m, const latency_settings *s, const task *watch,
                     size_t *arena, size_t *live, error *e)
{
    lane l = {0};
    table *steps = NULL;
    if (check_settings(s, 1, e) != E_OK)
        return NULL;
    graph *g = s->optimizer ? graph_copy(m->graph, e) : NULL;
    status code = s->optimizer && !g ? e->code : start_steps(&l, g, m, s, e);
    if (code == E_OK)
        code = run_steps(&l, s, watch, e);
    if (code == E_OK) {
        *arena = plan_arena_bytes(l.plan);
        *live = plan_largest_live(l.plan);
        steps = plan_describe(l.plan, e);
    }
    lane_clear(&l);
    graph_free(g);
    return steps;
}
