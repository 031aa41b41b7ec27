/* SPDX-License-Identifier: GPL-3.0-or-later
   evaluate.h -- how good a model is on a split: a table of metrics, each with its
   direction, all gathered in one pass over the data. */
#ifndef LATHE_MEASURE_EVALUATE_H
#define LATHE_MEASURE_EVALUATE_H

#include <stdbool.h>
#include "base/table.h"
#include "base/task.h"
#include "data/dataset.h"
#include "graph/model.h"

typedef struct metric_row {
    const char *name; /* the key in tables: masked_mse, mse, valid_mse, mae, ... */
    const char *summary, *unit, *source;
    bool higher_is_better;
    /* Can it be had for this dataset? */
    bool (*applies)(const dataset *d);
    /* Of one sample: OUTPUT, TARGET [pixels x channels], VALID the same or NULL.
       Adds to SUM and WEIGHT; the metric is sum / weight over the samples. */
    void (*add)(const float *output, const float *target, const float *valid,
                shape sample, double *sum, double *weight);
    bool root; /* the metric is the square root of sum / weight */
} metric_row;

const metric_row *metric_find(const char *name);
const metric_row *metric_at(int i);

#define METRICS_MAX 24
typedef struct evaluation {
    int count;
    const metric_row *row[METRICS_MAX];
    double value[METRICS_MAX];
    int64_t samples;
    double seconds;
} evaluation;

/* Every metric that applies, over SPLIT.  Where PER_SAMPLE is not NULL it receives one
   row a sample (index, group, metrics, the dataset's facts). */
status evaluate(const model *m, const dataset *d, split_kind split, int64_t batch,
                const task *watch, evaluation *out, table *per_sample, error *e);
double evaluation_get(const evaluation *v, const char *metric); /* NaN where absent */
/* Sets one column for each metric in T's current row. */
void evaluation_put(const evaluation *v, table *t);

/* Output of M for samples INDEX[0..n-1]: f32 (n, H, W, C), the caller frees. */
tensor *predict(const model *m, const dataset *d, const int64_t *index, int64_t n,
                error *e);

#endif
