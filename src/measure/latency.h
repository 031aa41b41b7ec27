/* SPDX-License-Identifier: GPL-3.0-or-later
   latency.h -- how long models take on this machine: whole runs of several models in
   interleaved rounds, so that a machine that slows down slows them all; and the steps of
   one model's plan.  It measures what runs and estimates nothing. */
#ifndef LATHE_MEASURE_LATENCY_H
#define LATHE_MEASURE_LATENCY_H

#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "base/table.h"
#include "base/task.h"
#include "base/text.h"
#include "graph/model.h"
#include "kernel/precision.h"
#include "train/optimizer.h"

/* Rounds there are at least, where the time alone ends them. */
#define LATENCY_ROUNDS_MIN 5

typedef struct latency_settings {
    int64_t batch;
    int64_t rounds; /* of all models once; 0: until the time is over */
    double seconds; /* of all rounds together; 0: until the rounds are done */
    uint64_t seed;  /* of the input */
    precision precision; /* of products; E_USAGE where a model has none that can be so */
    const optimizer_row *optimizer; /* NULL: inference; else steps of training (forward,
                                       mean squared error, backward, update) */
    const char *energy_folder;      /* NULL: the system's */
} latency_settings;

typedef struct latency {
    int64_t rounds; /* runs that were timed, one each round */
    double median_ms, p10_ms, p90_ms;
    double energy_mj;   /* of one run, a mean; NaN where the machine does not tell */
    size_t arena_bytes; /* of the plan */
    size_t peak_bytes;  /* plan, gradients, optimizer's state, batches: all that the run
                              held beside the model itself */
    size_t resident_bytes; /* the most that the process ever held */
    table *steps;          /* plan_describe of the plan that ran, without times */
} latency;

/* Times COUNT models on random input in the order given, round by round, after a warm-up.
   An inference run is forward, of an input that lies ready; of several models each runs
   once untimed before, so that it finds the caches as it leaves them itself.  E_STOPPED
   where the task was cancelled: OUT has the whole rounds that were done, if any.  Clear
   OUT[0..count-1] with latency_clear in any case. */
status latency_measure(const model *const *models, int64_t count,
                       const latency_settings *s, const task *watch, latency *out,
                       error *e);
void latency_clear(latency *l);

/* The fraction AT (0..1) of N ascending numbers, linear between neighbours.
   Source: Hyndman, Fan, "Sample quantiles in statistical packages", The American
   Statistician 50 (1996), definition 7. */
double latency_quantile(const double *sorted, int64_t n, double at);

/* "s8", "bf16" or "f32" where all STEPS that do products run so, else "mixed"; "f32" where
   none does. */
const char *latency_precision(const table *steps);

/* The kernels of STEPS that do products ("conv2d s8, linear f32"), each once; all kernels
   where none does. */
status latency_kernels(const table *steps, text *out, error *e);

/* plan_describe of M's plan after as many runs as S says (inference; the forward half
   alone where there is an optimizer).  *ARENA and *LIVE: bytes of the plan's memory and
   of the largest set alive at once.  NULL on failure; E_STOPPED where cancelled. */
table *latency_steps(const model *m, const latency_settings *s, const task *watch,
                     size_t *arena, size_t *live, error *e);

#endif
