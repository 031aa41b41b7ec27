/* SPDX-License-Identifier: GPL-3.0-or-later
   model.h -- a graph with what is known about it: architecture, input transform, how it
   was trained and what was done to it.  This is what a session names and a file holds. */
#ifndef LATHE_GRAPH_MODEL_H
#define LATHE_GRAPH_MODEL_H

#include "base/error.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "graph/graph.h"

#define METRIC_NAME 32

typedef struct epoch_row {
    int64_t epoch;       /* 1.. */
    double train_loss, val_loss; /* NaN where not measured */
    double learning_rate;
    double seconds;      /* not kept in files, where it is NaN */
    bool best;           /* the weights kept are of this epoch */
    char metric[METRIC_NAME]; /* what was monitored beside the loss; "" for nothing */
    double score;             /* and what it was on the validation samples */
} epoch_row;

/* One operation that was done to the model: its command line and what came of it. */
typedef struct step_row {
    char *command;       /* "prune m amount=0.9" */
    char *summary;       /* "sparsity 0.9000 of 17314578" */
    uint64_t hash;       /* graph_hash after it */
} step_row;

typedef struct model {
    graph *graph;
    char *architecture;  /* "unet-phase" */
    char *options;       /* as given: "levels=4" */
    uint64_t seed;
    transform input_transform;
    augmentation augment; /* of samples it is trained on */
    epoch_row *epochs;
    int64_t epoch_count, epoch_capacity;
    step_row *steps;
    int64_t step_count, step_capacity;
} model;

model *model_new(graph *g, error *e);            /* takes G, also on failure */
model *model_copy(const model *m, error *e);     /* tensors shared */
void model_free(model *m);
status model_add_epoch(model *m, epoch_row row, error *e);
status model_add_step(model *m, const char *command, const char *summary, error *e);

#endif
