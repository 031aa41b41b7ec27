/* SPDX-License-Identifier: GPL-3.0-or-later
   tune_layer.c -- all ways to run one step: each is compared with plain arithmetic, then
   they run in turns against the clock.  It writes into no graph. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/text.h"
#include "engine/tune_parts.h"

enum { SAMPLES = 64 };

/* Slower than the best by this, a way has lost after its first runs; a change of method
   must be worth something. */
#define LOST  3.0
#define WORTH 0.97

/* One way to run the step. */
typedef struct lane {
    operation op;
    void *prepared;
    const tune_candidate *more; /* NULL: a method of the row */
    bool lost;
    double ms[SAMPLES]; /* the latest, in turns */
    int64_t runs;
} lane;

struct contest {
    const step *step;
    lane *lanes;
    tune_trial *trials; /* of the lanes */
    int count;
    void *scratch;  /* own, until it is shared */
    double *wanted; /* [elements of y], dense, while they are compared */
    int64_t elements, channels, pitch;
};

void contest_free(contest *c)
{
    if (!c)
        return;
    for (int i = 0; c->lanes && i < c->count; i++)
        memory_free(c->lanes[i].prepared);
    memory_free(c->lanes);
    memory_free(c->trials);
    memory_free(c->scratch);
    memory_free(c->wanted);
    memory_free(c);
}

static void run(const lane *l)
{
    const operator_row *row = l->op.node->op;
    if (l->more)
        l->more->forward(&l->op);
    else if (l->op.integer && row->forward_s8)
        row->forward_s8(&l->op);
    else
        row->forward(&l->op);
}

/* ---- making ---- */

static status add_lane(contest *c, const char *name, int method,
                       const tune_candidate *more, error *e)
{
    lane *l = &c->lanes[c->count];
    const operator_methods *m = c->step->op.node->op->methods;
    c->trials[c->count++] = (tune_trial){.name = name, .method = more ? 0 : method};
    l->op = c->step->op;
    l->op.method = method;
    l->op.is_prepared = true;
    l->more = more;
    l->prepared = memory_new_raw((int64_t)m->prepared_bytes(&l->op) + 1, 1, e);
    if (!l->prepared)
        return E_MEMORY;
    m->prepare(&l->op, l->prepared);
    l->op.prepared = l->prepared;
    return E_OK;
}

static status add_lanes(contest *c, const tune_settings *s, error *e)
{
    const operation *op = &c->step->op;
    const operator_methods *m = op->node->op->methods;
    int most = s->more_count;
    for (int i = 1; m->name(op, i); i++)
        most++;
    c->lanes = memory_new(most, sizeof *c->lanes, e);
    c->trials = memory_new(most, sizeof *c->trials, e);
    if (!c->lanes || !c->trials)
        return E_MEMORY;
    for (int i = 1; m->name(op, i); i++)
        if (m->suits(op, i))
            TRY(add_lane(c, m->name(op, i), i, NULL, e));
    for (int i = 0; i < s->more_count; i++)
        TRY(add_lane(c, s->more[i].name, m->plain(op), &s->more[i], e));
    return E_OK;
}

size_t contest_scratch(const contest *c)
{
    size_t most = 0;
    for (int i = 0; i < c->count; i++) {
        const operation *op = &c->lanes[i].op;
        if (c->lanes[i].lost || !op->node->op->scratch_bytes)
            continue;
        size_t own = op->node->op->scratch_bytes(op);
        most = own > most ? own : most;
    }
    return most;
}

void contest_set_scratch(contest *c, void *block)
{
    for (int i = 0; i < c->count; i++)
        c->lanes[i].op.scratch = block;
    if (c->scratch != block)
        memory_free(c->scratch);
    c->scratch = NULL;
}

static status take_scratch(contest *c, error *e)
{
    void *block = memory_new_raw((int64_t)contest_scratch(c) + 1, 1, e);
    contest_set_scratch(c, block);
    c->scratch = block;
    return block ? E_OK : E_MEMORY;
}

/* ---- comparing ---- */

static double value_at(const contest *c, int64_t i)
{
    const operation *op = &c->step->op;
    int64_t at = i / c->channels * c->pitch + i % c->channels;
    return op->integer && op->out_value->type == DTYPE_S8
               ? (double)((const int8_t *)op->y)[at]
               : (double)((const float *)op->y)[at];
}

/* What was there before must not pass for an answer: NaN, or a code. */
static void spoil(const contest *c)
{
    const operation *op = &c->step->op;
    bool codes = op->integer && op->out_value->type == DTYPE_S8;
    for (int64_t i = 0; i < c->elements; i++) {
        int64_t at = i / c->channels * c->pitch + i % c->channels;
        if (codes)
            ((int8_t *)op->y)[at] = (int8_t)(i % 2 ? 0x55 : -0x55);
        else
            ((float *)op->y)[at] = NAN;
    }
}

static status make_wanted(contest *c, error *e)
{
    const operation *op = &c->step->op;
    const operator_methods *m = op->node->op->methods;
    c->elements = shape_count(op->out);
    c->channels = op->out.dim[op->out.rank - 1];
    c->pitch = op->out_pitch ? op->out_pitch : c->channels;
    c->wanted = memory_new_raw(c->elements, sizeof *c->wanted, e);
    if (!c->wanted)
        return E_MEMORY;
    if (m->reference && m->reference(op, c->wanted))
        return E_OK;
    int plain = 0;
    while (c->lanes[plain].op.method != m->plain(op))
        plain++;
    run(&c->lanes[plain]);
    for (int64_t i = 0; i < c->elements; i++)
        c->wanted[i] = value_at(c, i);
    return E_OK;
}

/* NaN where the lane gave one. */
static double difference_of(const contest *c)
{
    double most = 0, largest = 0;
    for (int64_t i = 0; i < c->elements; i++) {
        double apart = fabs(value_at(c, i) - c->wanted[i]);
        if (!(apart <= most))
            most = apart;
        if (isnan(most))
            return most;
        largest = fmax(largest, fabs(c->wanted[i]));
    }
    return most > 0 ? most / fmax(largest, 1e-30) : 0;
}

static double time_once(contest *c, int i)
{
    double begin = task_clock();
    run(&c->lanes[i]);
    return 1e3 * (task_clock() - begin);
}

/* The first run, which is also compared; others say how long one takes. */
static void try_lane(contest *c, int i, double *best)
{
    tune_trial *t = &c->trials[i];
    bool codes = c->step->op.integer;
    spoil(c);
    double first = time_once(c, i);
    t->difference = difference_of(c);
    t->rejected = !(t->difference <= (codes ? 0 : TUNE_TOLERANCE));
    t->ms = first;
    for (int more = 0; more < 2 && t->ms < 2 * LOST * *best; more++)
        t->ms = fmin(t->ms, time_once(c, i));
    if (!t->rejected)
        *best = fmin(*best, t->ms);
}

static int guess_of(const step *s)
{
    operation free = s->op;
    free.method = 0;
    return free.node->op->methods->guess(&free);
}

/* What ran before, and what a rule would choose, stay in to be compared with. */
static bool has_lost(const contest *c, int i, double best)
{
    int method = c->trials[i].method;
    return c->trials[i].ms > LOST * best && method != c->step->op.method &&
           method != guess_of(c->step);
}

/* Whoever is out needs its memory no more. */
static void leave_out(contest *c, bool all, double best)
{
    for (int i = 0; i < c->count; i++) {
        lane *l = &c->lanes[i];
        l->lost = c->trials[i].rejected || (!all && has_lost(c, i, best));
        if (!l->lost)
            continue;
        memory_free(l->prepared);
        l->prepared = NULL;
    }
}

static status compare_all(contest *c, const tune_settings *s, error *e)
{
    double best = INFINITY;
    TRY(add_lanes(c, s, e));
    TRY(take_scratch(c, e));
    TRY(make_wanted(c, e));
    for (int i = 0; i < c->count; i++)
        try_lane(c, i, &best);
    leave_out(c, s->all, best);
    memory_free(c->wanted);
    c->wanted = NULL;
    return E_OK;
}

contest *contest_new(const step *s, const tune_settings *t, error *e)
{
    contest *c = memory_new(1, sizeof *c, e);
    if (!c)
        return NULL;
    c->step = s;
    if (compare_all(c, t, e) == E_OK)
        return c;
    contest_free(c);
    return NULL;
}

void contest_run(contest *c, int64_t round, bool timed)
{
    int still = 0, at = 0;
    for (int i = 0; i < c->count; i++)
        still += !c->lanes[i].lost;
    if (still == 0)
        return;
    for (int64_t turn = round % still; turn > 0 || c->lanes[at].lost; at++)
        turn -= !c->lanes[at].lost;
    lane *l = &c->lanes[at];
    double ms = time_once(c, at);
    if (timed)
        l->ms[l->runs++ % SAMPLES] = ms;
}

/* ---- choosing ---- */

static int trial_of(const contest *c, int method)
{
    for (int i = 0; i < c->count; i++)
        if (c->trials[i].method == method)
            return i;
    return 0;
}

static int best_trial(const contest *c, int before)
{
    int best = c->trials[before].rejected ? -1 : before;
    for (int i = 0; i < c->count; i++) {
        const tune_trial *t = &c->trials[i];
        if (t->rejected || t->method == 0)
            continue;
        if (best < 0 || t->ms < (best == before ? WORTH : 1) * c->trials[best].ms)
            best = i;
    }
    return best < 0 ? before : best;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void contest_conclude(contest *c, tune_layer *out)
{
    for (int i = 0; i < c->count; i++) {
        lane *l = &c->lanes[i];
        size_t n = (size_t)(l->runs < SAMPLES ? l->runs : SAMPLES);
        qsort(l->ms, n, sizeof *l->ms, ascending);
        if (n > 0)
            c->trials[i].ms = l->ms[n / 4];
    }
    *out = (tune_layer){.node = c->step->node,
                        .integer = c->step->op.integer,
                        .trials = c->trials,
                        .count = c->count,
                        .guessed = trial_of(c, guess_of(c->step)),
                        .before = trial_of(c, c->step->op.method)};
    out->best = best_trial(c, out->before);
    c->trials = NULL;
}
