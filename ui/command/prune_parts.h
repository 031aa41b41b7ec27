/* SPDX-License-Identifier: GPL-3.0-or-later
   prune_parts.h -- what the two files of the command `prune` share.  Nobody else includes
   it. */
#ifndef LATHE_UI_COMMAND_PRUNE_PARTS_H
#define LATHE_UI_COMMAND_PRUNE_PARTS_H

#include "compress/channel.h"
#include "compress/gradual.h"
#include "compress/prune.h"
#include "ui/command/fit.h"
#include "ui/command/rows.h"

/* What happens to masks while the pruned model trains. */
typedef struct prune_course {
    const gradual_row *row; /* NULL: all goes before the first epoch */
    int64_t first, last;    /* epochs before which the first and the last go */
    double exchange;    /* share that changes places before the first epoch; 0: none */
    int64_t samples;    /* whose gradients say where to */
    const model *early; /* whose weights what is left begins from; or NULL */
} prune_course;

/* One run of the command. */
typedef struct prune_job {
    const char *name; /* of the result */
    double amounts[OPTION_LIST_MAX];
    int64_t count; /* of amounts */
    double *layers; /* amounts of single parameters, NaN: it stays as it is; or NULL */
    const criterion_row *criterion;
    prune_scope scope;
    prune_targets targets;
    const char *kind;
    bool channels; /* kind=channel: the four below */
    channel_settings cut;
    double asked;      /* the amount of the last cut */
    int64_t had, left; /* channels at the beginning and now */
    double difference; /* of the last cut, from the graph that only does not read them */
    prune_pattern pattern;
    sample_set on;
    prune_course course;
    double reached;          /* the amount that is gone, where the training was stopped */
    train_settings training; /* its epochs are 0 where nothing is trained */
    const char *checkpoint;  /* file after each epoch; or NULL */
    bool resumes;            /* the training begins from it */
    int64_t resumed;         /* epochs that it had */
    const model *begun;      /* as the session has it */
    model *pruned;           /* as far as it is */
    bool control;            /* it is what the pruned one is compared with */
} prune_job;

/* Do the options fit kind=channel, or its absence? */
status prune_channel_options(const call *c, const prune_job *j, error *e);

/* Fills j->cut but for the amount; after amounts and data are read. */
status prune_channel_read(const call *c, prune_job *j, error *e);

/* Cuts j->pruned so that AMOUNT of the channels that J began with are gone. */
status prune_channel_to(const call *c, prune_job *j, double amount, error *e);

/* The plan for the first amount as rows; nothing is changed. */
status prune_channel_show(call *c, const prune_job *j, error *e);

/* Fills j->layers, which the caller frees, and the amount from the option layers=. */
status prune_layers_read(const call *c, prune_job *j, error *e);

/* Fills j->course; after kind and data are read. */
status prune_training_read(const call *c, prune_job *j, error *e);

/* Fills j->checkpoint; after the course is read. */
status prune_checkpoint_read(const call *c, prune_job *j, error *e);

/* The share of what is masked, of what may be. */
double prune_masked_share(const graph *g, prune_targets targets);

/* Masks G to AMOUNT by the job's kind of weights.  (prune.c) */
status prune_masks(const prune_job *j, graph *g, double amount, prune_result *r,
                   error *e);

/* Prunes and trains to all amounts, with the controls and seeds of the options, and
   answers.  (prune_run.c) */
status prune_run(call *c, prune_job *j, error *e);

/* Tells those who look on that M, J's on its way, has other weights. */
void prune_tell(const call *c, const prune_job *j, const model *m);

/* Trains j->pruned for the settings' epochs, on the way from FROM to TO where the course
   says so; it holds its best epoch then, also (with E_STOPPED) where the user stopped. */
status prune_train(const call *c, prune_job *j, double from, double to, error *e);

#endif
