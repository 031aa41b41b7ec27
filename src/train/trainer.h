/* SPDX-License-Identifier: GPL-3.0-or-later
   trainer.h -- training as an object whose state is plain data, so that it can be saved
   after any epoch and go on to the same bits.  The caller owns the loop over epochs. */
#ifndef LATHE_TRAIN_TRAINER_H
#define LATHE_TRAIN_TRAINER_H

#include "base/task.h"
#include "data/dataset.h"
#include "graph/model.h"
#include "kernel/precision.h"
#include "train/loss.h"
#include "train/optimizer.h"
#include "train/regularizer.h"
#include "train/schedule.h"
#include "train/simulation.h"

/* What chooses the best epoch and ends a training that has patience: a metric of the
   validation samples, and its direction.  measure/evaluate.h makes one. */
typedef struct train_monitor {
    const char *name; /* NULL: the loss, of which less is better */
    bool higher_is_better;
    status (*measure)(const char *name, const model *m, const dataset *d, int64_t batch,
                      const task *watch, double *value, error *e);
} train_monitor;

/* Training towards integers: how a simulation is made again. */
typedef struct train_quantization {
    int64_t from; /* the first epoch, 1..; 0: none */
    int64_t bits, samples, keep_first, keep_last;
    int64_t learned; /* sum of 1: ranges of values are observed once, then trained, and
                        2: so are scales of weights, which begin at the largest weight */
    granularity grain;
    char observer[32]; /* its name, or empty */
} train_quantization;

/* Learning from a teacher (distill.h); temperature 0: from the targets alone. */
typedef struct train_distillation {
    double temperature; /* of both softmaxes, where there are labels */
    double alpha;       /* share of the teacher in the loss of outputs, 0 to 1 */
    double beta;        /* weight of the distance of inner values */
} train_distillation;

typedef struct distiller distiller; /* train/distill.h */

typedef struct train_settings {
    int64_t epochs, batch;
    const loss_row *loss;
    loss_settings terms;                /* of the loss */
    const regularizer_row *regularizer; /* added to the loss; or NULL */
    double lambda;                      /* its weight */
    int64_t latent;                     /* the value of the graph that it is of */
    const optimizer_row *optimizer;
    optimizer_settings rates;
    const schedule_row *schedule;
    schedule_settings plan; /* steps and steps_per_epoch are filled in, and a learning
                                rate of 0 from `rates` */
    int64_t accumulate;     /* batches whose gradients make one step; 0 is 1 */
    double clip;            /* largest gradient norm, 0: none */
    train_monitor monitor;
    int64_t patience; /* epochs without a better one by the monitor, 0: never stop */
    uint64_t seed;
    precision precision;             /* of products in a step; validation runs in f32 */
    train_quantization quantization; /* what a checkpoint keeps of the simulation */
    const train_simulation *simulation; /* of the deployed model; NULL: none */
    train_distillation distillation;    /* what a checkpoint keeps of it */
    distiller *teacher;                 /* NULL: none */
} train_settings;

/* Seconds spent in steps: on bringing samples, forward with the loss, backward, and the
   update of weights; backward has with it what is updated while gradients come. */
typedef struct train_times {
    double load, forward, backward, update;
} train_times;

typedef struct train_cache train_cache; /* plans and buffers, made once */

/* Where training stands.  Everything that later steps depend on is here and in `model`:
   a checkpoint is this, and nothing else. */
typedef struct train_state {
    int64_t epoch;      /* epochs done */
    int64_t step;       /* optimizer steps done */
    int64_t slot_step;  /* optimizer steps done when the slots were begun */
    int64_t best_epoch; /* 0: none yet */
    int64_t stale;      /* epochs since the best */
    double best_loss;   /* validation loss of the best epoch */
    double best_score;  /* what the monitor says of it */
    bool finished;      /* epochs reached, or patience exhausted */
    model *last;        /* weights, statistics and curve after the last epoch */
    model *
        best; /* the deployed one where that is simulated; else shares tensors with `last` where they are the same */
    tensor ***slots; /* [parameter][slot], NULL for those not trained */
    int slot_count;
    train_times times;  /* since it was begun or read back */
    train_cache *cache; /* nothing that results depend on; NULL until needed */
} train_state;

/* Begins from M, which is copied. */
status train_start(train_state *s, const model *m, const train_settings *t, error *e);
void train_clear(train_state *s);

/* Trains one epoch (shuffled by seed and epoch) and validates.  E_STOPPED where the task
   was cancelled, within one batch: the state is that of the last whole epoch, but where
   there was none yet `last` holds the weights reached.  E_NUMERIC for a loss that is not
   finite, naming epoch and batch; the state is that of the last good epoch. */
status train_epoch(train_state *s, const train_settings *t, const dataset *d,
                   const task *watch, error *e);

/* One optimizer step on samples INDEX[0..n-1] of D: forward, *LOSS, backward, clipping,
   update of s->last and of the slots, s->step.  E_NUMERIC where the loss is not finite:
   nothing was updated but running statistics. */
status train_step(train_state *s, const train_settings *t, const dataset *d,
                  const int64_t *index, int64_t n, double *loss, error *e);

/* The model to keep: best by validation, or the last where nothing was validated. */
const model *train_result(const train_state *s);

/* Mean over a split of the loss that T says, in batches as T says. */
status train_loss(const model *m, const dataset *d, split_kind split,
                  const train_settings *t, double *value, error *e);

#endif
