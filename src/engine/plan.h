/* SPDX-License-Identifier: GPL-3.0-or-later
   plan.h -- a graph made ready to run: shapes resolved for a batch, chains fused where
   that is exact, one arena of memory with reuse by lifetime.
   A plan borrows its graph, which must outlive it and keep its structure; parameters may
   change in between runs.  One plan is used by one caller at a time. */
#ifndef LATHE_ENGINE_PLAN_H
#define LATHE_ENGINE_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/table.h"
#include "graph/graph.h"
#include "kernel/precision.h"
#include "kernel/weight_taker.h"

typedef struct plan plan;
typedef struct calibration calibration; /* engine/calibration.h */

/* For BATCH samples of input shape IN (batch left out).  Training writes running
   statistics into G. */
plan *plan_new_inference(const graph *g, int64_t batch, shape in, error *e);
plan *plan_new_training(graph *g, int64_t batch, shape in, error *e);
void plan_free(plan *p);

/* What operands of products are rounded to where a layer can (f32 unless this is called);
   before the first run.  Starting fails with E_USAGE where no layer can. */
status plan_set_precision(plan *p, precision wanted, error *e);

/* The measurements by which methods are chosen, or NULL for none: the machine's own unless
   this is called; before the first run.  C must outlive the start. */
status plan_set_calibration(plan *p, const calibration *c, error *e);

shape plan_output_shape(const plan *p); /* with the batch */
/* Where to write the batch, f32 (N,H,W,C), before EVERY run: its memory is used again.
   The first call takes the memory; NULL where there is none (plan_start tells why). */
float *plan_input(plan *p);
/* Or, from now on, runs read the batch at X, the caller's, which must stay and is not
   written; NULL: from plan_input again. */
status plan_read_input(plan *p, const float *x, error *e);
status plan_start(plan *p, error *e);
const float *plan_output(const plan *p); /* valid until the next run */

/* Runs all nodes.  In training: batch norm uses and updates batch statistics (in the
   graph's running parameters), dropout draws from SEED and STEP. */
status plan_forward(plan *p, uint64_t seed, uint64_t step, error *e);

/* After plan_forward in training: gradients of sum(output * grad_output).  The caller
   writes the gradient to plan_output_gradient first. */
float *plan_output_gradient(plan *p);
status plan_backward(plan *p, error *e);
const float *plan_gradient(const plan *p, int parameter); /* NULL where not trained */
float *plan_gradient_write(plan *p, int parameter);
float *const *plan_gradients(const plan *p); /* of all parameters */

/* For those who need each gradient but once: backward hands it over as soon as it stands
   and nothing reads the parameter any more, and then uses its memory again.  GRADIENT may
   be written.  The first failure ends the backward run and is its result.
   OFFER (may be NULL) may say instead that OUT takes that of a weight in pieces, while it
   is computed. */
typedef struct plan_taker {
    status (*take)(void *context, int parameter, float *gradient, error *e);
    bool (*offer)(void *context, int parameter, weight_taker *out);
    void *context;
} plan_taker;
status plan_pass_gradients(plan *p, error *e); /* before the first run */
status plan_backward_passing(plan *p, const plan_taker *taker, error *e);

/* Training whose values are those of another run, such as that of the same graph in
   integers.  Forward runs only what backward reads beside values, and GIVE writes each
   value Y in its place, the input's first; SHAPE sees the gradient of each value but the
   input before it goes on backward, and may change it.  Every value has its own memory.
   plan_simulate before the first run; then plan_forward_given instead of plan_forward. */
typedef status (*plan_giver)(void *context, int value, float *y, error *e);
typedef void (*plan_shaper)(void *context, int value, float *gradient);
status plan_simulate(plan *p, plan_giver give, plan_shaper shape, void *context,
                     error *e);
status plan_forward_given(plan *p, uint64_t seed, uint64_t step, error *e);

float *plan_input_gradient(plan *p); /* NULL unless plan_want_input_gradient was called */
status plan_want_input_gradient(plan *p, error *e); /* before the first forward */

/* One value beside the output that can be read after plan_forward (plan_value), and in
   training takes a gradient of its own: the caller writes it to plan_value_gradient before
   plan_backward.  Before the first run. */
status plan_want_value(plan *p, int value, error *e);
float *plan_value_gradient(plan *p);

/* No step runs inside of another, so that each can be measured; before the first run. */
status plan_keep_apart(plan *p, error *e);

/* After plan_forward, what flowed along a value (f32, or s8); NULL where fused away.
   plan_keep_values before the first forward keeps every value (for observers). */
status plan_keep_values(plan *p, error *e);
const void *plan_value(const plan *p, int value);
shape plan_value_shape(const plan *p, int value);

size_t plan_arena_bytes(const plan *p);  /* what it allocated */
size_t plan_largest_live(const plan *p); /* the largest set alive at once */
/* One row a step: node, kernel, shape, multiply_adds, bytes of the output; gflop, or
   megabytes read and written where there are no products; where timing was switched on
   the median of the times seen (ms), and limit, its share of what the machine can do at
   the threads that are set (empty where that was not measured). */
table *plan_describe(const plan *p, error *e);
void plan_time_steps(plan *p, bool on);

#endif
