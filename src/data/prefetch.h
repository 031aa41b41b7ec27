/* SPDX-License-Identifier: GPL-3.0-or-later
   prefetch.h -- a thread that gathers the next batches of an epoch while others are
   computed on.  A batch has the same bits whoever gathers it: nothing depends on it. */
#ifndef LATHE_DATA_PREFETCH_H
#define LATHE_DATA_PREFETCH_H

#include "data/augment.h"

/* The batches of an epoch: batch I has samples INDEX[ENDS[I-1]] to INDEX[ENDS[I]-1]. */
typedef struct prefetch_epoch {
    const dataset *d;
    const transform *transform;
    const augmentation *augment; /* none, perhaps, but not NULL */
    uint64_t seed;
    int64_t epoch;
    const int64_t *index, *ends;
    int64_t batches;
} prefetch_epoch;

typedef struct prefetch prefetch;

/* Begins with batch 0.  What W points to is lent and must stay as it is until
   prefetch_stop.  *P is NULL where gathering is as good as copying, or there is no thread
   to be had: the other functions take that. */
status prefetch_start(prefetch **p, const prefetch_epoch *w, error *e);

/* The next batch, if that is samples INDEX[0..n-1] of the epoch: waits until it is there,
   and copies it to INPUT, and to TARGET and VALID unless they are NULL.  False where it is
   to be gathered by the caller, who has all batches from there on to himself. */
bool prefetch_take(prefetch *p, const int64_t *index, int64_t n, float *input,
                   float *target, float *valid);

void prefetch_stop(prefetch *p);

#endif
