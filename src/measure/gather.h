/* SPDX-License-Identifier: GPL-3.0-or-later
   gather.h -- what an evaluation collects while it runs: the sums of every metric of every
   sample, and errors whose quantiles are wanted.  It runs no model. */
#ifndef LATHE_MEASURE_GATHER_H
#define LATHE_MEASURE_GATHER_H

#include "measure/evaluate.h"
#include "train/runner.h"

typedef struct gathering {
    const metric_subject *subject;
    const evaluation *what; /* which metrics */
    int64_t samples;
    double *sums; /* [samples x metrics x METRIC_SUMS] */
    float
        *errors[2]; /* [samples x elements] where quantiles are wanted, else NULL: as the
                         network has them, and physical */
    float *physical_output, *physical_target; /* [batch x elements], or NULL */
    const run_output *batch;
    int64_t first; /* number of the batch's first sample within the split */
} gathering;

/* For SAMPLES samples in batches of BATCH; WHAT says which metrics. */
status gathering_begin(gathering *g, const metric_subject *s, const evaluation *what,
                       int64_t samples, int64_t batch, error *e);
void gathering_clear(gathering *g);

/* Takes in one batch: samples INDEX[0..] of the dataset, the split's from FIRST on. */
status gathering_take(gathering *g, const run_output *batch, const int64_t *index,
                      int64_t first, error *e);

/* Values of all metrics; then intervals, in which GROUP (of the dataset's samples, or NULL)
   stays together. */
status gathering_add_up(gathering *g, evaluation *out, error *e);
status gathering_intervals(gathering *g, const int64_t *group, const int64_t *index,
                           const certainty *how, evaluation *out, error *e);

/* Metric K of sample I alone. */
double gathering_sample(const gathering *g, int64_t i, int k);

#endif
