/* SPDX-License-Identifier: GPL-3.0-or-later
   trainer_parts.h -- what the files of the trainer share.  Nobody else reads it. */
#ifndef LATHE_TRAIN_TRAINER_PARTS_H
#define LATHE_TRAIN_TRAINER_PARTS_H

#include "train/runner.h"
#include "train/trainer.h"

/* How N samples are cut into batches: BATCH each, the last one with what is left.  A
   single sample left over joins the batch before it, because batch norm could see no
   variance in it. */
int64_t train_batch_count(int64_t n, int64_t batch);
void train_batch_bounds(int64_t n, int64_t batch, int64_t i, int64_t *begin,
                        int64_t *end);

/* Where each batch of an epoch of N samples ends, in ENDS [at most N], however many of them
   make one step; returns how many there are. */
int64_t train_batch_ends(const train_settings *t, int64_t n, int64_t *ends);

/* Batches whose gradients are summed for one step: 1 or more. */
int64_t train_accumulated(const train_settings *t);

/* The rate of step STEP of a training on SAMPLES samples. */
double train_rate(const train_settings *t, int64_t samples, int64_t step);

/* A runner of M that keeps the latent value where T has a regularizer. */
runner *train_runner(const model *m, const train_settings *t, int64_t batch, shape in,
                     error *e);

/* One of s->last for validation in batches of BATCH, kept in the cache. */
status train_validator(train_state *s, const train_settings *t, int64_t batch,
                       const dataset *d, runner **r, error *e);

/* Scratch memory that grows as needed. */
typedef struct train_room {
    void *block;
    size_t bytes;
} train_room;

void train_room_clear(train_room *r);

/* The regularizer of T on LATENT [n x features], without its weight; GRADIENT (or NULL)
   is given the weight. */
status train_regularize(train_room *room, const train_settings *t, const float *latent,
                        int64_t n, int64_t features, random_stream draw, float *gradient,
                        double *value, error *e);

/* train_step where the number of training SAMPLES of D is known, and AHEAD (or NULL) gathers
   its batches. */
status train_step_of(train_state *s, const train_settings *t, const dataset *d,
                     int64_t samples, prefetch *ahead, const int64_t *index, int64_t n,
                     double *loss, error *e);

void train_cache_free(train_cache *c);

/* State for each trained parameter of G: zeros, or shared with FROM. */
tensor ***slots_new(const graph *g, int slot_count, tensor ***from, error *e);
void slots_free(tensor ***slots, int parameters, int slot_count);

/* Is the epoch that comes next one with a simulation, and the first of these? */
bool train_simulates(const train_state *s, const train_settings *t);
bool train_enters(const train_state *s, const train_settings *t);
/* What such an epoch needs before it begins; nothing where it is none. */
status train_begin_simulation(train_state *s, const train_settings *t, const dataset *d,
                              const task *watch, error *e);

#endif
