/* SPDX-License-Identifier: GPL-3.0-or-later
   calibration.c -- estimates of times from measured ones, and which calibration is this
   machine's.  It measures nothing and reads no file. */
#include "engine/calibration.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "base/text.h"

/* Shapes further away than this, in powers of two, say nothing. */
#define NEAR_ENOUGH 3.0
/* So many of the nearest shapes are weighed, each by 1 / (distance^2 + TOUCH)^2. */
enum { NEIGHBOURS = 3 };
#define TOUCH 0.02
/* Reading weights at this share of the memory's speed is what a method waits for. */
#define BOUND 0.5
/* Another method must be expected to take at most this share of the guessed one's time. */
#define WORTH 0.9

calibration *calibration_new(error *e)
{
    calibration *c = memory_new(1, sizeof *c, e);
    if (!c)
        return NULL;
    snprintf(c->cpu, sizeof c->cpu, "%s", cpu_model_name());
    snprintf(c->level, sizeof c->level, "%s", cpu_level_name(cpu_get_level()));
    c->threads = cpu_threads();
    return c;
}

void calibration_free(calibration *c)
{
    if (c)
        memory_free(c->rows);
    memory_free(c);
}

status calibration_add(calibration *c, const calibration_row *row, error *e)
{
    TRY(memory_grow((void **)&c->rows, &c->row_capacity, c->row_count + 1,
                    sizeof *c->rows, e));
    c->rows[c->row_count++] = *row;
    return E_OK;
}

/* ---- estimates ---- */

static bool is_depthwise(const convolution *v)
{
    return v->groups > 1 && v->groups == v->c;
}

static bool same_kind(const convolution *a, const convolution *b)
{
    return a->kernel_h == b->kernel_h && a->kernel_w == b->kernel_w &&
           a->stride_h == b->stride_h && a->stride_w == b->stride_w &&
           a->dilation_h == b->dilation_h && a->dilation_w == b->dilation_w &&
           is_depthwise(a) == is_depthwise(b) &&
           (is_depthwise(a) || a->groups == b->groups);
}

static double pixels_of(const convolution *v)
{
    return (double)(v->n * v->out_h * v->out_w);
}

static double weights_of(const convolution *v)
{
    return (double)(v->out_c * v->kernel_h * v->kernel_w * (v->c / v->groups));
}

static double square(double x)
{
    return x * x;
}

static double distance(const calibration_row *r, const convolution *v, double density)
{
    double sum = square(log2(pixels_of(v) / pixels_of(&r->shape))) +
                 square(log2((double)v->c / (double)r->shape.c)) +
                 square(log2((double)v->out_c / (double)r->shape.out_c));
    return r->density < 1 ? sum + square(log2(density / r->density)) : sum;
}

/* The time of R, brought to V. */
static double scaled(const calibration *c, const calibration_row *r, const convolution *v,
                     double density, bool far)
{
    double seconds = far && r->far_seconds > 0 ? r->far_seconds : r->seconds;
    double size = text_equal(r->type, "s8") ? 1 : 4;
    double kept = r->density < 1 ? density / r->density : 1;
    double weights = weights_of(v) / weights_of(&r->shape) * kept;
    bool bound =
        c->limits.memory > 0 &&
        weights_of(&r->shape) * r->density * size / seconds > BOUND * c->limits.memory;
    return seconds * weights * (bound ? 1 : pixels_of(v) / pixels_of(&r->shape));
}

typedef struct neighbour {
    const calibration_row *row;
    double distance;
} neighbour;

/* Keeps the nearest of N, ascending. */
static void insert(neighbour n[NEIGHBOURS], const calibration_row *row, double far)
{
    for (int i = 0; i < NEIGHBOURS; i++)
        if (!n[i].row || far < n[i].distance) {
            neighbour out = n[i];
            n[i] = (neighbour){row, far};
            if (!out.row)
                return;
            row = out.row;
            far = out.distance;
        }
}

double calibration_estimate(const calibration *c, const char *method, const char *type,
                            algorithm_task task, const convolution *v, double density,
                            bool far)
{
    neighbour n[NEIGHBOURS] = {{0}};
    density = fmax(density, 1e-4);
    for (int64_t i = 0; i < c->row_count; i++) {
        const calibration_row *r = &c->rows[i];
        if (r->task == task && same_kind(&r->shape, v) && text_equal(r->type, type) &&
            text_equal(r->method, method))
            insert(n, r, distance(r, v, density));
    }
    if (!n[0].row || n[0].distance > NEAR_ENOUGH * NEAR_ENOUGH)
        return NAN;
    double sum = 0, weight = 0;
    for (int i = 0; i < NEIGHBOURS && n[i].row; i++) {
        double w = 1 / square(n[i].distance + TOUCH);
        sum += w * log(scaled(c, n[i].row, v, density, far));
        weight += w;
    }
    return exp(sum / weight);
}

/* ---- choosing ---- */

static double density_of(const operation *op)
{
    const parameter *w = op->parameters[ROLE_WEIGHT];
    if (op->training || !w)
        return 1;
    return (double)parameter_nonzero(w) / (double)tensor_count(w->data);
}

static bool suits(const operation *op, algorithm_task task, int method)
{
    const operator_methods *m = op->node->op->methods;
    return task == ALGORITHM_GRAD_INPUT || task == ALGORITHM_GRAD_WEIGHT
               ? m->suits_gradient(op, method, task)
               : m->suits(op, method);
}

int calibration_choose(const calibration *c, const operation *op, algorithm_task task,
                       bool far, int guess)
{
    const operator_methods *m = op->node->op->methods;
    if (!c || !guess || !m->geometry)
        return guess;
    const char *type = op->integer ? "s8" : precision_name(op->precision);
    convolution v = m->geometry(op);
    double density = density_of(op);
    double best =
        WORTH * calibration_estimate(c, m->name(op, guess), type, task, &v, density, far);
    int method = guess;
    for (int i = 1; m->name(op, i); i++) {
        if (i == guess || !suits(op, task, i))
            continue;
        double seconds =
            calibration_estimate(c, m->name(op, i), type, task, &v, density, far);
        if (seconds < best) {
            best = seconds;
            method = i;
        }
    }
    return method;
}

/* ---- the machine's own ---- */

enum { KEPT_MOST = 16 };

static struct {
    pthread_mutex_t lock;
    calibration_finder *find;
    struct {
        int threads;
        calibration *found; /* NULL: looked for, and not there */
    } kept[KEPT_MOST];
    int count;
    error note;
} machine = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void forget_all(void)
{
    for (int i = 0; i < machine.count; i++)
        calibration_free(machine.kept[i].found);
    machine.count = 0;
}

void calibration_set_finder(calibration_finder *find)
{
    pthread_mutex_lock(&machine.lock);
    forget_all();
    machine.find = find;
    error_clear(&machine.note);
    pthread_mutex_unlock(&machine.lock);
}

static int place_of(int threads)
{
    for (int i = 0; i < machine.count; i++)
        if (machine.kept[i].threads == threads)
            return i;
    return -1;
}

const calibration *calibration_get(int threads)
{
    const calibration *found = NULL;
    pthread_mutex_lock(&machine.lock);
    int at = place_of(threads);
    if (at < 0 && machine.find && machine.count < KEPT_MOST) {
        at = machine.count++;
        machine.kept[at].threads = threads;
        machine.kept[at].found = machine.find(threads, &machine.note);
    }
    if (at >= 0)
        found = machine.kept[at].found;
    pthread_mutex_unlock(&machine.lock);
    return found;
}

const calibration *calibration_of_plans(void)
{
    return calibration_get(cpu_cores());
}

void calibration_keep(calibration *c)
{
    pthread_mutex_lock(&machine.lock);
    int at = place_of(c->threads);
    if (at < 0 && machine.count < KEPT_MOST) {
        at = machine.count++;
        machine.kept[at].threads = c->threads;
        machine.kept[at].found = NULL;
    }
    if (at >= 0) {
        calibration_free(machine.kept[at].found);
        machine.kept[at].found = c;
    } else {
        calibration_free(c);
    }
    error_clear(&machine.note);
    pthread_mutex_unlock(&machine.lock);
}

const char *calibration_note(void)
{
    return machine.note.text;
}
