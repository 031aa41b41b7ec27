/* SPDX-License-Identifier: GPL-3.0-or-later
   plan_parts.h -- what the files of engine/ share about a plan.  Nobody else reads it. */
#ifndef LATHE_ENGINE_PLAN_PARTS_H
#define LATHE_ENGINE_PLAN_PARTS_H

#include "engine/calibration.h"
#include "engine/plan.h"
#include "graph/operator.h"

/* A piece of the arena, alive from step FIRST to LAST (inclusive).  Time runs over
   steps: 0 .. n-1 forward, n .. 2n-1 backward (step i goes backward at 2n-1-i). */
typedef struct piece {
    size_t bytes, offset;
    int first, last;
} piece;

#define NO_PIECE   (-1)
#define STEP_TIMES 64

/* One call of an operator, with what is fused behind it. */
typedef struct step {
    int node;
    int norm, act;      /* nodes fused behind it (inference), or -1 */
    int output;         /* value it leaves: that of the last fused node */
    int inside;         /* the step that runs this one inside of itself, or -1 */
    int saved, scratch; /* pieces */
    operation op;
    float *tail_scale, *tail_shift; /* owned: the fused batch norm as numbers */
    int8_t *map;                    /* owned: the function of codes fused behind it */
    void *prepared;                 /* owned: what op.method keeps of the parameters */
    size_t prepared_bytes;
    uint64_t version; /* of the parameters that these were made from */
    int64_t time_count;
    double seconds[STEP_TIMES];
} step;

struct plan {
    const graph *graph;
    struct graph *writable; /* the same graph in training, else NULL */
    uint64_t changes; /* of tensors, before steps were last brought up to date */
    bool training, keep_values, apart, want_input_gradient, timing, ready;
    precision precision;
    const calibration *calibration; /* or NULL */
    int64_t batch;
    shape *shapes; /* [value_count] */
    step *steps;
    int step_count;
    piece *pieces;
    int piece_count;
    int64_t piece_capacity;
    int *host;             /* [value_count] the concat's output that a value is written
                            into at once, or -1 */
    int64_t *host_channel; /* [value_count] its first channel there */
    precision *kept;       /* [value_count] what a value and its gradient are kept in,
                            where they are floats */
    int *value_piece;      /* [value_count] where a value lies, or NO_PIECE */
    int *gradient_piece;   /* [value_count] the same of their gradients */
    int wanted;            /* a value that is kept beside the output, or -1 */
    char *arena;
    size_t arena_bytes, largest_live;
    plan_giver give; /* of plan_simulate, or NULL */
    plan_shaper shape_gradient;
    void *simulation;
    bool passing;      /* gradients are handed over as soon as they stand */
    float **gradients; /* [parameter_count] NULL where not trained; own blocks, or where
                          PASSING in the arena */
    int *parameter_piece; /* [parameter_count] where PASSING, else NULL */
};

/* Chooses what is fused; fills steps.  (plan_steps.c) */
status plan_make_steps(plan *p, error *e);
/* Finds the inputs of concat that can be written where the concat has them.
   (plan_join.c) */
status plan_join_values(plan *p, error *e);
/* Chooses how each step runs; E_USAGE where none has the plan's precision.
   (plan_prepare.c) */
status plan_choose_methods(plan *p, error *e);
/* Finds the steps that run inside of those that read them. (plan_first.c) */
void plan_join_firsts(plan *p);
/* Finds the values that are kept as bf16. (plan_narrow.c) */
status plan_narrow_values(plan *p, error *e);
/* Brings what steps keep of their parameters up to date. (plan_prepare.c) */
status plan_prepare(plan *p, error *e);
/* Lays out values, gradients, saved memory and scratch; takes the arena. (plan_memory.c) */
status plan_make_memory(plan *p, error *e);
/* Points the operations at their memory. (plan_memory.c) */
status plan_bind(plan *p, error *e);

/* The one node that reads the value, or -1 where there are others or it is kept. */
int plan_single_reader(const plan *p, int value);
/* Is the value read when all has run: the output, or the one that is wanted? */
bool plan_keeps(const plan *p, int value);

/* Runs one step forward, timed where the plan is; not one that runs inside of another.
   (plan_run.c) */
void plan_run_step(plan *p, step *s);

void *plan_piece(const plan *p, int piece); /* NULL for NO_PIECE */
void *plan_place(const plan *p, int value); /* where its first element lies, or NULL */
void *plan_gradient_place(const plan *p, int value); /* the same of its gradient */
size_t plan_value_bytes(const plan *p, int value);

#endif
