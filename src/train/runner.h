/* SPDX-License-Identifier: GPL-3.0-or-later
   runner.h -- samples of a dataset brought into batches, and a model applied to them in
   evaluation mode; the caller owns the loop over batches. */
#ifndef LATHE_TRAIN_RUNNER_H
#define LATHE_TRAIN_RUNNER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "data/dataset.h"
#include "data/prefetch.h"
#include "engine/plan.h"
#include "graph/model.h"

/* Targets of the batch that was loaded last; grows as needed. */
typedef struct batch_buffer {
    float *target, *valid; /* VALID is NULL where the dataset has no mask */
    int64_t target_room, valid_room;
} batch_buffer;

void batch_buffer_clear(batch_buffer *b);

/* Brings samples INDEX[0..n-1] to INPUT, and their targets to B unless that is NULL (or
   the dataset has none). */
status batch_load(batch_buffer *b, const dataset *d, const transform *t,
                  const int64_t *index, int64_t n, float *input, error *e);

/* The same for training M: samples are varied as it records, for SEED and EPOCH.  E_SHAPE
   or E_RANGE where D's images do not take that.  AHEAD (or NULL) may have them ready. */
status batch_load_varied(batch_buffer *b, const dataset *d, const model *m, uint64_t seed,
                         int64_t epoch, prefetch *ahead, const int64_t *index, int64_t n,
                         float *input, error *e);

/* Do outputs of shape OUTPUT (batch included) fit the targets of D under T?  LABELS: they are one
   label for each row of channels.  E_SHAPE says what does not. */
status batch_check_target(const dataset *d, const transform *t, shape output, bool labels,
                          error *e);

/* After a failure in E: where D's images are not what M was built for, says so in the
   hint.  Returns the failure's code. */
status batch_explain(const model *m, const dataset *d, error *e);

typedef struct runner runner;

/* What came out for one batch; all lent until the next run. */
typedef struct run_output {
    int64_t count;               /* samples */
    const float *output;         /* [count x sample] */
    const float *target, *valid; /* NULL where the dataset has none */
    shape sample;                /* of one output, batch left out */
    const float *kept;           /* [count x kept_count] of runner_keep, or NULL */
    int64_t kept_count;
} run_output;

/* M is borrowed; batches have BATCH samples of input shape IN. */
runner *runner_new(const model *m, int64_t batch, shape in, error *e);
void runner_free(runner *r); /* NULL is fine */
int64_t runner_batch(const runner *r);
shape runner_output_shape(const runner *r); /* with the batch */
const transform *runner_transform(const runner *r);

/* Keeps a value of the graph beside the output; before the first run. */
status runner_keep(runner *r, int value, error *e);

/* Runs samples INDEX[0..n-1], n at most the batch. */
status runner_run(runner *r, const dataset *d, const int64_t *index, int64_t n,
                  run_output *out, error *e);

#endif
