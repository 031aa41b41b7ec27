/* SPDX-License-Identifier: GPL-3.0-or-later
   calibrate_shape.c -- all methods on one shape of the grid, in turns against the clock,
   with the same random numbers.  It looks at no result. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/text.h"
#include "kernel/integer_method.h"
#include "kernel/peak.h"
#include "measure/calibrate_parts.h"

enum { LANES_MOST = 32, RUNS_MOST = 30, BATCH = 8 };

/* Of one method: no run is begun beyond the first, no further ones in sum. */
static const double RUN_SECONDS = 0.2, LANE_SECONDS = 0.025;

typedef struct lane {
    const algorithm *algorithm; /* or */
    const integer_method *method;
    algorithm_task task;
    void *prepared;
    size_t prepared_bytes;
    double seconds, far_seconds, spent;
    int runs;
} lane;

typedef struct bench {
    convolution v;
    integer_conv codes;
    double density;
    float *x, *y, *weight, *more; /* more: a gradient, of x or of the weight */
    float *weight_scale;
    int32_t *weight_zero;
    void *scratch, *others; /* others: what drives weights from the caches */
    size_t scratch_bytes;
    lane lanes[LANES_MOST];
    int count;
} bench;

static void bench_clear(bench *b)
{
    for (int i = 0; i < b->count; i++)
        memory_free(b->lanes[i].prepared);
    memory_free(b->x);
    memory_free(b->y);
    memory_free(b->weight);
    memory_free(b->more);
    memory_free(b->weight_scale);
    memory_free(b->weight_zero);
    memory_free(b->scratch);
    memory_free(b->others);
}

/* ---- numbers ---- */

static convolution geometry(const grid_shape *g, int64_t batch)
{
    int64_t pad = g->kernel / 2, size = (int64_t)(g->size - 1) * g->stride + 1;
    return (convolution){.n = batch,
                         .h = size,
                         .w = size,
                         .c = g->c,
                         .out_h = g->size,
                         .out_w = g->size,
                         .out_c = g->out_c,
                         .kernel_h = g->kernel,
                         .kernel_w = g->kernel,
                         .stride_h = g->stride,
                         .stride_w = g->stride,
                         .pad_h = pad,
                         .pad_w = pad,
                         .dilation_h = 1,
                         .dilation_w = 1,
                         .groups = g->depthwise ? g->c : 1};
}

static int64_t weight_count(const convolution *v)
{
    return v->out_c * v->kernel_h * v->kernel_w * (v->c / v->groups);
}

/* Codes where CODES: the same memory, read as bytes. */
static void fill(bench *b, bool codes)
{
    random_stream r = random_new(1, "calibrate", 0);
    int64_t inputs = b->v.n * b->v.h * b->v.w * b->v.c, weights = weight_count(&b->v);
    int8_t *x = (int8_t *)b->x, *w = (int8_t *)b->weight;
    for (int64_t i = 0; i < inputs; i++)
        if (codes)
            x[i] = (int8_t)(random_uniform(&r) * 200 - 100);
        else
            b->x[i] = (float)random_uniform(&r) - 0.5f;
    for (int64_t i = 0; i < weights; i++) {
        double value = random_uniform(&r) + 0.01;
        value = random_uniform(&r) < b->density ? value : 0;
        if (codes)
            w[i] = (int8_t)(value * 100);
        else
            b->weight[i] = (float)value;
    }
}

static status take_numbers(bench *b, bool train, error *e)
{
    int64_t inputs = b->v.n * b->v.h * b->v.w * b->v.c, weights = weight_count(&b->v);
    int64_t outputs = b->v.n * b->v.out_h * b->v.out_w * b->v.out_c;
    b->x = memory_new(inputs, sizeof(float), e);
    b->y = memory_new(outputs, sizeof(float), e);
    b->weight = memory_new(weights, sizeof(float), e);
    b->weight_scale = memory_new(b->v.out_c, sizeof(float), e);
    b->weight_zero = memory_new(b->v.out_c, sizeof(int32_t), e);
    if (train)
        b->more = memory_new(inputs > weights ? inputs : weights, sizeof(float), e);
    return b->x && b->y && b->weight && b->weight_scale && b->weight_zero &&
                   (b->more || !train)
               ? E_OK
               : E_MEMORY;
}

static void make_codes(bench *b)
{
    const convolution *v = &b->v;
    const integer_format format = {.scale = 0.01f, .zero = 3, .low = -128, .high = 127};
    for (int64_t o = 0; o < v->out_c; o++)
        b->weight_scale[o] = 0.01f;
    b->codes = (integer_conv){
        .batch = v->n,
        .height = v->h,
        .width = v->w,
        .channels = v->c,
        .out_height = v->out_h,
        .out_width = v->out_w,
        .out_channels = v->out_c,
        .groups = v->groups,
        .kernel = {v->kernel_h, v->kernel_w},
        .stride = {v->stride_h, v->stride_w},
        .padding = {v->pad_h, v->pad_w},
        .dilation = {1, 1},
        .in = format,
        .out = format,
        .weight = (const int8_t *)b->weight,
        .weight_scale = b->weight_scale,
        .weight_zero = b->weight_zero,
        .weight_channels = v->out_c,
        .x = (const int8_t *)b->x,
        .y = (int8_t *)b->y,
    };
}

/* ---- lanes ---- */

static void need(bench *b, size_t bytes)
{
    b->scratch_bytes = bytes > b->scratch_bytes ? bytes : b->scratch_bytes;
}

static lane *new_lane(bench *b, size_t prepared, error *e)
{
    lane *l = &b->lanes[b->count];
    *l = (lane){.prepared_bytes = prepared, .seconds = INFINITY};
    l->prepared = memory_new_raw((int64_t)prepared + 1, 1, e);
    b->count += l->prepared != NULL;
    return l->prepared ? l : NULL;
}

static size_t task_scratch(const bench *b, const algorithm *a, algorithm_task task)
{
    return task == ALGORITHM_FORWARD        ? a->scratch_bytes(&b->v)
           : task == ALGORITHM_FORWARD_ONCE ? algorithm_once_scratch(a, &b->v, NULL)
                                            : a->gradient_scratch(&b->v);
}

static status add_algorithms(bench *b, algorithm_task task, error *e)
{
    const float *weight = task == ALGORITHM_FORWARD ? b->weight : NULL;
    for (int i = 0; algorithm_at(i) && b->count < LANES_MOST; i++) {
        const algorithm *a = algorithm_at(i);
        bool skips_zeros = a == &algorithm_sparse;
        if (a == &algorithm_direct || a == &algorithm_im2col || !algorithm_has(a, task) ||
            skips_zeros != (b->density < 1) || !a->suits(&b->v, weight))
            continue;
        bool prepares = task == ALGORITHM_FORWARD;
        lane *l = new_lane(b, prepares ? a->prepared_bytes(&b->v, weight) : 0, e);
        if (!l)
            return E_MEMORY;
        l->algorithm = a;
        l->task = task;
        if (prepares)
            a->prepare(&b->v, weight, l->prepared);
        need(b, task_scratch(b, a, task));
    }
    return E_OK;
}

/* Plain loops have no chance where there are others, and take long. */
static bool is_worth_it(const integer_method *m, int before)
{
    return before == 0 || !text_equal(m->name, "scalar");
}

static status add_codes(bench *b, error *e)
{
    int before = 0;
    make_codes(b);
    for (int i = 0; integer_method_at(i) && b->count < LANES_MOST; i++) {
        const integer_method *m = integer_method_at(i);
        bool skips_zeros = text_equal(m->name, "sparse");
        if (skips_zeros != (b->density < 1) || !m->suits(&b->codes) ||
            !is_worth_it(m, before++))
            continue;
        lane *l = new_lane(b, m->prepared_bytes(&b->codes), e);
        if (!l)
            return E_MEMORY;
        l->method = m;
        m->prepare(&b->codes, l->prepared);
        need(b, m->scratch_bytes(&b->codes));
    }
    return E_OK;
}

static void run(const bench *b, const lane *l)
{
    static const finish nothing = {0};
    const algorithm *a = l->algorithm;
    if (l->method)
        l->method->run(&b->codes, l->prepared, b->scratch);
    else if (l->task == ALGORITHM_FORWARD)
        a->forward(&b->v, b->x, l->prepared, NULL, &nothing, b->y, b->scratch);
    else if (l->task == ALGORITHM_FORWARD_ONCE)
        algorithm_forward_once(a, &b->v, b->x, b->weight, NULL, &nothing, b->y,
                               b->scratch);
    else if (l->task == ALGORITHM_GRAD_INPUT)
        a->grad_input(&b->v, b->y, b->weight, b->more, false, b->scratch);
    else
        a->grad_weight(&b->v, b->x, b->y, b->more, b->scratch);
}

static void time_lane(const bench *b, lane *l)
{
    double begin = task_clock();
    run(b, l);
    double seconds = task_clock() - begin;
    l->spent += seconds;
    if (l->runs++ > 0 || seconds > RUN_SECONDS)
        l->seconds = fmin(l->seconds, seconds);
}

static bool wants_more(const lane *l)
{
    return l->runs < 2 ? !isfinite(l->seconds)
                       : l->runs < RUNS_MOST && l->spent < LANE_SECONDS;
}

/* ---- weights from far ---- */

enum {
    OTHERS_BYTES = 48 << 20, /* the weights of a network of some size */
    PIECE_BYTES = 1 << 20,
    NEAR_BYTES = 128 << 10, /* weights that stay in the caches all the same */
    FAR_RUNS = 3
};

static void read_piece(void *context, int64_t piece, int thread)
{
    uint64_t sink = 0;
    (void)thread;
    peak_read((const char *)context + piece * PIECE_BYTES, PIECE_BYTES, &sink);
    __asm__ volatile("" : : "r"(sink));
}

/* The bytes of weights, as they are read, that L runs with. */
static size_t weight_bytes(const bench *b, const lane *l)
{
    return l->prepared_bytes ? l->prepared_bytes
                             : (size_t)weight_count(&b->v) * sizeof *b->weight;
}

static void bring_back(const float *x, int64_t count, size_t each)
{
    uint64_t sink = 0;
    peak_read(x, (size_t)count * each / 512 * 512, &sink);
    __asm__ volatile("" : : "r"(sink));
}

/* What the layer before would leave, and for gradients the layer behind, is brought back
   behind the others. */
static void run_far(const bench *b, lane *l)
{
    const convolution *v = &b->v;
    bool back = l->task == ALGORITHM_GRAD_INPUT || l->task == ALGORITHM_GRAD_WEIGHT;
    for (int i = 0; i < FAR_RUNS; i++) {
        parallel_for(OTHERS_BYTES / PIECE_BYTES, read_piece, b->others);
        bring_back(b->x, v->n * v->h * v->w * v->c, l->method ? 1 : sizeof *b->x);
        if (back)
            bring_back(b->y, v->n * v->out_h * v->out_w * v->out_c, sizeof *b->y);
        double begin = task_clock();
        run(b, l);
        double seconds = task_clock() - begin;
        l->far_seconds = i == 0 ? seconds : fmin(l->far_seconds, seconds);
    }
}

static status run_all_far(bench *b, error *e)
{
    for (int i = 0; i < b->count; i++) {
        lane *l = &b->lanes[i];
        if (weight_bytes(b, l) <= NEAR_BYTES)
            continue;
        if (!b->others)
            b->others = memory_new(OTHERS_BYTES, 1, e);
        if (!b->others)
            return E_MEMORY;
        run_far(b, l);
    }
    return E_OK;
}

static void run_rounds(bench *b)
{
    for (int round = 0; round < RUNS_MOST; round++)
        for (int i = 0; i < b->count; i++)
            if (wants_more(&b->lanes[i]))
                time_lane(b, &b->lanes[i]);
}

static status add_rows(const bench *b, calibration *c, error *e)
{
    for (int i = 0; i < b->count; i++) {
        const lane *l = &b->lanes[i];
        calibration_row row = {.task = l->task,
                               .shape = b->v,
                               .density = b->density,
                               .seconds = l->seconds,
                               .far_seconds = l->far_seconds};
        snprintf(row.method, sizeof row.method, "%s",
                 l->method ? l->method->name : l->algorithm->name);
        snprintf(row.type, sizeof row.type, "%s",
                 l->method ? "s8" : precision_name(l->algorithm->precision));
        TRY(calibration_add(c, &row, e));
    }
    return E_OK;
}

/* One pass: TASK from the first to the last, or codes. */
static status measure(calibration *c, const grid_shape *g, double density, bool codes,
                      bool train, error *e)
{
    bench *b = memory_new(1, sizeof *b, e);
    if (!b)
        return E_MEMORY;
    b->v = geometry(g, train ? BATCH : 1);
    b->density = density;
    status s = take_numbers(b, train, e);
    if (s == E_OK)
        fill(b, codes);
    if (s == E_OK && codes)
        s = add_codes(b, e);
    else if (s == E_OK && !train)
        s = add_algorithms(b, ALGORITHM_FORWARD, e);
    for (algorithm_task t = ALGORITHM_GRAD_INPUT; train && t < ALGORITHM_TASKS; t++)
        if (s == E_OK)
            s = add_algorithms(b, t, e);
    if (s == E_OK) {
        b->scratch = memory_new_raw((int64_t)b->scratch_bytes + 1, 1, e);
        s = b->scratch ? E_OK : E_MEMORY;
    }
    if (s == E_OK) {
        run_rounds(b);
        s = run_all_far(b, e);
    }
    if (s == E_OK)
        s = add_rows(b, c, e);
    bench_clear(b);
    memory_free(b);
    return s;
}

status calibrate_shape(calibration *c, const grid_shape *g, error *e)
{
    static const double densities[] = {0.3, 0.1, 0.03};
    for (int codes = 0; codes < 2; codes++) {
        TRY(measure(c, g, 1, codes, false, e));
        for (int i = 0; g->sparse && i < 3; i++)
            TRY(measure(c, g, densities[i], codes, false, e));
    }
    return g->train ? measure(c, g, 1, false, true, e) : E_OK;
}
