/* SPDX-License-Identifier: GPL-3.0-or-later
   tune.h -- the methods of a graph's nodes, each timed on what really flows there and
   compared with plain arithmetic; the fastest that is right is written into the node.
   It changes no number of the graph. */
#ifndef LATHE_ENGINE_TUNE_H
#define LATHE_ENGINE_TUNE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/task.h"
#include "graph/operator.h"

/* The largest difference that is taken for rounding, as a share of the largest |y|.  On
   codes no difference is. */
#define TUNE_TOLERANCE 1e-5

/* One more way to run a node, beside those of its row: a kernel under trial.  It is timed
   and compared, and never written into a node. */
typedef struct tune_candidate {
    const char *name;
    void (*forward)(const operation *op);
} tune_candidate;

typedef struct tune_settings {
    int64_t batch;
    const float *input; /* [batch, the graph's input shape], as the graph wants it */
    double seconds;     /* for all of it; what was begun is ended */
    bool all;           /* run those with no chance to the end, too */
    const tune_candidate *more;
    int more_count;
} tune_settings;

typedef struct tune_trial {
    const char *name;  /* lent by the tables */
    int method;        /* 0: one of the settings' */
    double ms; /* lower quartile of its runs within whole runs of the plan; of those left
                  out, the least of a few by themselves */
    double difference; /* largest, as a share of the largest |y| of the reference */
    bool rejected;
} tune_trial;

/* A node that can be run in several ways. */
typedef struct tune_layer {
    int node;
    bool integer;
    tune_trial *trials;
    int count, guessed, before, best; /* of the trials: what plans choose without knowing
                                         more, what ran before, what is fastest */
} tune_layer;

typedef struct tuning {
    tune_layer *layers;         /* those that were reached */
    int count, nodes;           /* nodes: how many there are to reach */
    double before_ms, after_ms; /* medians of whole runs in turns; NaN where stopped */
    bool kept; /* the methods found stand in the graph: the whole was faster */
} tuning;

/* Tunes G.  E_STOPPED where the task was cancelled: what was found stands in G, and T
   tells of it.  Clear T in any case. */
status tune_graph(graph *g, const tune_settings *s, const task *watch, tuning *t,
                  error *e);
void tuning_clear(tuning *t);

/* Median milliseconds of whole runs of COUNT graphs on one input, in turns, for about
   SECONDS. */
status tune_compare(const graph *const *graphs, int count, const tune_settings *s,
                    double seconds, const task *watch, double *median_ms, error *e);

#endif
