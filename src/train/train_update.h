/* SPDX-License-Identifier: GPL-3.0-or-later
   train_update.h -- one optimizer step's way from gradients to weights, of one batch or of
   several whose gradients add up.  Nobody outside the trainer reads it. */
#ifndef LATHE_TRAIN_UPDATE_H
#define LATHE_TRAIN_UPDATE_H

#include "engine/plan.h"
#include "train/trainer.h"

/* Gradients summed over several batches; kept from step to step. */
typedef struct gradient_sums {
    float **of; /* [count] of each parameter, NULL where it is not trained */
    int count;
    bool used; /* something was added since the step began */
} gradient_sums;

void gradient_sums_clear(gradient_sums *g);

typedef struct update_job {
    train_state *state;
    const train_settings *settings;
    optimizer_settings rates;
    gradient_sums *sums; /* lent */
    double share;        /* of the batch that is running, in the step's mean */
    double spent;        /* seconds in updates, but for those in pieces */
    optimizer_pass pass; /* of the parameter that is taken in pieces */
} update_job;

/* Are gradients handed over as they come (plan_pass_gradients)? */
bool update_passes(const train_settings *t);

/* Begins a step; makes sure of all that it writes, so that no update fails when others are
   done. */
status update_begin(update_job *j, gradient_sums *sums, train_state *s,
                    const train_settings *t, double rate, error *e);

/* The next batch counts as SHARE of the step's mean. */
void update_weigh(update_job *j, double share);

/* Backward through P, and the update where there is but one batch a step. */
status update_backward(update_job *j, plan *p, error *e);

/* The update where several batches were summed; books the times. */
status update_end(update_job *j, error *e);

/* Of a parameter whose weights are entries of a codebook (graph.h): each takes the sum of
   the gradients of its entry, so that what is the same stays the same through any
   optimizer; then the codebook is what the weights are.
   Source: Han et al. 2016, arXiv:1510.00149, section 3.3. */
bool codebook_is_trained(const parameter *p);
void codebook_share_gradient(const parameter *p, float *gradient);
void codebook_follow(parameter *p);

#endif
