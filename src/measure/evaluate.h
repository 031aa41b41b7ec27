/* SPDX-License-Identifier: GPL-3.0-or-later
   evaluate.h -- how good a model is on a split: every metric that applies, gathered in one
   pass over the data, and how sure each of them is. */
#ifndef LATHE_MEASURE_EVALUATE_H
#define LATHE_MEASURE_EVALUATE_H

#include <stdbool.h>
#include "base/table.h"
#include "base/task.h"
#include "data/dataset.h"
#include "graph/model.h"
#include "measure/metric.h"
#include "train/trainer.h"

#define METRICS_MAX 24
typedef struct evaluation {
    int count;
    const metric_row *row[METRICS_MAX];
    double value[METRICS_MAX];
    double low[METRICS_MAX], high[METRICS_MAX]; /* where CONFIDENCE is not 0 */
    double confidence;
    int64_t samples;
    double seconds;
} evaluation;

/* How sure: the intervals hold CONFIDENCE (0.95) of what other samples of the same kind
   would give; where samples stand in groups, of other groups. */
typedef struct certainty {
    double confidence;
    uint64_t seed;
} certainty;

/* Samples of D that suit one run of M: so many that small networks have enough to do, so
   few that what flows between layers stays near the processor. */
int64_t evaluation_batch(const model *m, const dataset *d);

/* Every metric that applies, over SPLIT, in runs of BATCH samples (0: evaluation_batch);
   intervals unless HOW is NULL.  Where PER_SAMPLE is
   not NULL it receives one row a sample (index, group, metrics but quantiles, the
   dataset's facts). */
status evaluate(const model *m, const dataset *d, split_kind split, int64_t batch,
                const certainty *how, const task *watch, evaluation *out,
                table *per_sample, error *e);
double evaluation_get(const evaluation *v, const char *metric); /* NaN where absent */
/* Sets one column for each metric in T's current row, and NAME_low and NAME_high where
   there are intervals. */
void evaluation_put(const evaluation *v, table *t);

/* What metric *ROW (NULL: the first that applies and has a value for one sample, which is
   then set) says of each of samples INDEX[0..n-1] of D: VALUE [n], NaN where it has none. */
status evaluate_samples(const model *m, const dataset *d, const int64_t *index, int64_t n,
                        int64_t batch, const task *watch, const metric_row **row,
                        double *value, error *e);

/* Is METRIC one that M has on D?  E_USAGE where not. */
status evaluate_check(const char *metric, const model *m, const dataset *d, error *e);

/* The metric as what chooses the best epoch of a training. */
train_monitor evaluate_monitor(const metric_row *row);

/* How often each class was taken for each: *COUNTS [*classes x *classes], a row the true
   class, a column what the model says; CLASSES are the model's.  Made here, the caller
   frees.  E_USAGE where D has no classes. */
status evaluate_confusion(const model *m, const dataset *d, split_kind split,
                          int64_t batch, const task *watch, int64_t **counts,
                          int64_t *classes, error *e);

/* Output of M for samples INDEX[0..n-1]: f32 (n, H, W, C), the caller frees. */
tensor *predict(const model *m, const dataset *d, const int64_t *index, int64_t n,
                error *e);

#endif
