/* SPDX-License-Identifier: GPL-3.0-or-later
   support_trial.c -- one node run by itself and compared with the reference. */
#include "support_trial.h"

#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "support_operator.h"

static const double tolerance = 1e-5;

/* Poisoned, and not a byte longer than asked for. */
static void *bytes_new(size_t bytes)
{
    void *block = malloc(bytes ? bytes : 1);
    assert_non_null(block);
    memset(block, 0xff, bytes);
    return block;
}

static float *floats_new(int64_t count)
{
    return bytes_new((size_t)count * sizeof(float));
}

static void parameters_init(trial *t)
{
    for (int role = 0; role < ROLE_COUNT; role++) {
        shape s = {0};
        t->node.parameters[role] = -1;
        if (t->node.op->parameter_shape)
            t->node.op->parameter_shape(&t->node, t->in, role, &s);
        if (s.rank == 0)
            continue;
        t->parameters[role] =
            (parameter){.role = role, .data = tensor_new(DTYPE_F32, s, NULL)};
        assert_non_null(t->parameters[role].data);
        if (parameter_is_trained(&t->parameters[role]))
            t->grad_parameters[role] = floats_new(shape_count(s));
        else
            t->running[role] = floats_new(shape_count(s));
    }
}

void trial_init(trial *t, const char *op, const attributes *a, const shape *in,
                int inputs)
{
    error e = {0};
    shape wanted;
    *t = (trial){0};
    t->node.name = t->name;
    snprintf(t->name, sizeof t->name, "trial");
    t->node.op = operator_find(op);
    assert_non_null(t->node.op);
    t->node.attr = *a;
    t->node.input_count = inputs;
    for (int i = 0; i < inputs; i++)
        t->in[i] = in[i];
    if (t->node.op->shape_rule(&t->node, t->in, &t->out, &e) != E_OK)
        fail_msg("%s", e.text);
    assert_true(reference_shape(&t->node, t->in, &wanted));
    if (!shape_equal(t->out, wanted)) {
        char got[128], want[128];
        fail_msg("%s: shape %s, wanted %s", op, shape_text(got, t->out),
                 shape_text(want, wanted));
    }
    for (int i = 0; i < inputs; i++) {
        t->x[i] = floats_new(shape_count(in[i]));
        t->grad_x[i] = floats_new(shape_count(in[i]));
    }
    t->y = floats_new(shape_count(t->out));
    t->up = floats_new(shape_count(t->out));
    parameters_init(t);
}

void trial_clear(trial *t)
{
    for (int i = 0; i < t->node.input_count; i++) {
        free(t->x[i]);
        free(t->grad_x[i]);
    }
    for (int role = 0; role < ROLE_COUNT; role++) {
        tensor_free(t->parameters[role].data);
        free(t->running[role]);
        free(t->grad_parameters[role]);
    }
    free(t->y);
    free(t->up);
    free(t->saved);
}

static float away_from_kinks(double x)
{
    const double kinks[] = {0, 3, -3, 6};
    for (int i = 0; i < 3; i++)
        if (fabs(x - kinks[i]) < 2e-3)
            x += 4e-3;
    return (float)x;
}

static void fill_normal(float *x, int64_t n, random_stream *r)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = away_from_kinks(1.5 * random_normal(r));
}

static void fill_spaced(float *x, int64_t n, random_stream *r)
{
    int64_t *order = bytes_new((size_t)n * sizeof *order);
    for (int64_t i = 0; i < n; i++)
        order[i] = i;
    random_shuffle(r, order, n);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(order[i] - n / 2) * 0.015625f;
    free(order);
}

void trial_fill(trial *t, random_stream *r, bool spaced)
{
    for (int i = 0; i < t->node.input_count; i++) {
        if (spaced)
            fill_spaced(t->x[i], shape_count(t->in[i]), r);
        else
            fill_normal(t->x[i], shape_count(t->in[i]), r);
    }
    fill_normal(t->up, shape_count(t->out), r);
    for (int role = 0; role < ROLE_COUNT; role++) {
        if (!t->parameters[role].data)
            continue;
        float *data = tensor_write_f32(t->parameters[role].data, NULL);
        int64_t n = tensor_count(t->parameters[role].data);
        fill_normal(data, n, r);
        if (role == ROLE_RUNNING_VARIANCE)
            for (int64_t i = 0; i < n; i++)
                data[i] = fabsf(data[i]) + 0.5f;
        if (t->running[role])
            memcpy(t->running[role], data, (size_t)n * sizeof *data);
    }
    t->draws = random_new(random_bits(r), "dropout", 3);
}

static operation operation_of(const trial *t)
{
    operation op = {.node = &t->node,
                    .out = t->out,
                    .y = t->y,
                    .tail = t->tail,
                    .training = t->training,
                    .random = t->draws,
                    .grad_y = t->up};
    for (int i = 0; i < t->node.input_count; i++) {
        op.in[i] = t->in[i];
        op.x[i] = t->x[i];
        op.grad_x[i] = t->grad_x[i];
    }
    for (int role = 0; role < ROLE_COUNT; role++) {
        if (t->parameters[role].data)
            op.parameters[role] = &t->parameters[role];
        op.running[role] = t->training ? t->running[role] : NULL;
        op.grad_parameters[role] = t->grad_parameters[role];
    }
    return op;
}

/* Blocks of the engine are 64-byte aligned; so are these. */
static void *aligned_scratch(operation *op, void **block)
{
    size_t bytes = op->node->op->scratch_bytes ? op->node->op->scratch_bytes(op) : 0;
    *block = NULL;
    if (!bytes)
        return NULL;
    assert_int_equal(posix_memalign(block, 64, bytes), 0);
    memset(*block, 0xff, bytes);
    return *block;
}

void trial_forward(trial *t)
{
    operation op = operation_of(t);
    void *block;
    free(t->saved);
    t->saved_bytes = t->node.op->saved_bytes ? t->node.op->saved_bytes(&op) : 0;
    t->saved = t->saved_bytes ? bytes_new(t->saved_bytes) : NULL;
    op.saved = t->saved;
    op.scratch = aligned_scratch(&op, &block);
    t->node.op->forward(&op);
    free(block);
}

void trial_backward(trial *t, bool accumulate)
{
    operation op = operation_of(t);
    void *block;
    op.saved = t->saved;
    op.scratch = aligned_scratch(&op, &block);
    /* What the row does not ask for may be gone by now. */
    for (int i = 0; i < t->node.input_count; i++) {
        op.accumulate[i] = accumulate;
        op.x[i] = t->node.op->needs_x ? t->x[i] : NULL;
    }
    op.y = t->node.op->needs_y ? t->y : NULL;
    t->node.op->backward(&op);
    free(block);
}

static void compare(const char *what, const double *got, const double *wanted,
                    int64_t count)
{
    double square = 0;
    for (int64_t i = 0; i < count; i++)
        square += wanted[i] * wanted[i] / (double)count;
    for (int64_t i = 0; i < count; i++) {
        double allowed = tolerance * (fabs(wanted[i]) + sqrt(square));
        if (!(fabs(got[i] - wanted[i]) <= allowed))
            fail_msg("%s: element %lld of %lld is %.9g, wanted %.9g (+- %.1g)", what,
                     (long long)i, (long long)count, got[i], wanted[i], allowed);
    }
}

void trial_compare(const char *what, const float *got, const double *wanted,
                   int64_t count)
{
    double *wide = bytes_new((size_t)count * sizeof *wide);
    for (int64_t i = 0; i < count; i++)
        wide[i] = got[i];
    compare(what, wide, wanted, count);
    free(wide);
}

static double *widened(const float *x, int64_t n)
{
    double *wide = bytes_new((size_t)n * sizeof *wide);
    for (int64_t i = 0; i < n; i++)
        wide[i] = x[i];
    return wide;
}

/* The same node in double; its tensors in one list: inputs, then parameters. */
enum { TENSORS = NODE_INPUTS_MAX + ROLE_COUNT };

typedef struct double_run {
    reference_run run;
    double *data[TENSORS];
    int64_t count[TENSORS];
} double_run;

static void double_init(double_run *d, const trial *t)
{
    *d = (double_run){0};
    d->run = (reference_run){
        .node = &t->node, .out = t->out, .mask = t->saved, .training = t->training};
    for (int i = 0; i < t->node.input_count; i++) {
        d->count[i] = shape_count(t->in[i]);
        d->data[i] = widened(t->x[i], d->count[i]);
        d->run.in[i] = t->in[i];
        d->run.x[i] = d->data[i];
    }
    for (int role = 0; role < ROLE_COUNT; role++) {
        int at = NODE_INPUTS_MAX + role;
        if (!t->parameters[role].data)
            continue;
        d->count[at] = tensor_count(t->parameters[role].data);
        d->data[at] = widened(tensor_f32(t->parameters[role].data), d->count[at]);
        d->run.parameters[role] = d->data[at];
    }
    d->run.y = bytes_new((size_t)shape_count(t->out) * sizeof(double));
}

static void double_clear(double_run *d)
{
    for (int i = 0; i < TENSORS; i++)
        free(d->data[i]);
    free(d->run.y);
}

static double after_tail(const trial *t, double y, int64_t channel)
{
    if (t->tail.scale)
        y *= (double)t->tail.scale[channel];
    if (t->tail.shift)
        y += (double)t->tail.shift[channel];
    if (t->tail.act == RECTIFY_ZERO && y < 0)
        return 0;
    if (t->tail.act == RECTIFY_HARD_SWISH)
        return y * fmin(fmax(y + 3, 0), 6) / 6;
    return t->tail.act == RECTIFY_SLOPE && y < 0 ? y * (double)t->tail.slope : y;
}

void trial_check_forward(const trial *t)
{
    double_run d;
    char what[160];
    double_init(&d, t);
    reference_forward(&d.run);
    int64_t channels = t->out.dim[t->out.rank - 1];
    for (int64_t i = 0; i < shape_count(t->out); i++)
        d.run.y[i] = after_tail(t, d.run.y[i], i % channels);
    char size[128];
    snprintf(what, sizeof what, "%s %s forward", t->node.op->name,
             shape_text(size, t->in[0]));
    trial_compare(what, t->y, d.run.y, shape_count(t->out));
    double_clear(&d);
}

static double weighted(const trial *t, double_run *d)
{
    double sum = 0;
    reference_forward(&d->run);
    for (int64_t i = 0; i < shape_count(t->out); i++)
        sum += (double)t->up[i] * d->run.y[i];
    return sum;
}

static void check_gradient(const trial *t, double_run *d, int at, const float *gradient,
                           random_stream *r, int places, float preset)
{
    enum { PLACES_MOST = 400 };
    static const double step = 1e-4;
    double got[PLACES_MOST], wanted[PLACES_MOST];
    int64_t count = d->count[at], n = count < places ? count : places;
    for (int64_t i = 0; i < n; i++) {
        int64_t place = count <= places ? i : random_below(r, count);
        double *x = &d->data[at][place], kept = *x;
        *x = kept + step;
        double above = weighted(t, d);
        *x = kept - step;
        wanted[i] = (above - weighted(t, d)) / (2 * step) + (double)preset;
        *x = kept;
        got[i] = (double)gradient[place];
    }
    char what[200], size[128];
    snprintf(what, sizeof what, "%s %s gradient of %s %d", t->node.op->name,
             shape_text(size, t->in[0]), at < NODE_INPUTS_MAX ? "input" : "parameter",
             at < NODE_INPUTS_MAX ? at : at - NODE_INPUTS_MAX);
    compare(what, got, wanted, n);
}

void trial_check_gradients(const trial *t, random_stream *r, int places, float preset)
{
    double_run d;
    double_init(&d, t);
    for (int i = 0; i < t->node.input_count; i++)
        check_gradient(t, &d, i, t->grad_x[i], r, places, preset);
    for (int role = 0; role < ROLE_COUNT; role++)
        if (t->grad_parameters[role])
            check_gradient(t, &d, NODE_INPUTS_MAX + role, t->grad_parameters[role], r,
                           places, 0);
    double_clear(&d);
}

uint64_t trial_hash(const trial *t, bool gradients)
{
    uint64_t hash = random_hash(t->y, shape_count(t->out) * 4, HASH_START);
    for (int role = 0; role < ROLE_COUNT; role++) {
        int64_t bytes = t->parameters[role].data
                            ? (int64_t)tensor_bytes(t->parameters[role].data)
                            : 0;
        if (t->running[role])
            hash = random_hash(t->running[role], bytes, hash);
        if (gradients && t->grad_parameters[role])
            hash = random_hash(t->grad_parameters[role], bytes, hash);
    }
    for (int i = 0; gradients && i < t->node.input_count; i++)
        hash = random_hash(t->grad_x[i], shape_count(t->in[i]) * 4, hash);
    return hash;
}
