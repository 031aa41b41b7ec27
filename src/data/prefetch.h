/* SPDX-License-Identifier: GPL-3.0-or-later
   prefetch.h -- a thread that brings the samples of coming batches into memory, where a
   dataset is kept in files.  Nothing that is computed depends on it. */
#ifndef LATHE_DATA_PREFETCH_H
#define LATHE_DATA_PREFETCH_H

#include "data/dataset.h"

typedef struct prefetch prefetch;

/* For D, which is lent and must outlive it.  *P is NULL where D is wholly in memory: the
   other functions take that. */
status prefetch_start(prefetch **p, const dataset *d, error *e);

/* Samples INDEX[0..n-1], which must stay as they are until the next call, will be wanted
   soon.  It never waits; what an earlier call wanted is left when this one is seen. */
void prefetch_want(prefetch *p, const int64_t *index, int64_t n);

/* Samples brought in so far. */
int64_t prefetch_count(const prefetch *p);

void prefetch_stop(prefetch *p);

#endif
