/* SPDX-License-Identifier: GPL-3.0-or-later
   metric.h -- the table of metrics: what each is, in which direction it is better, and
   what of a dataset it wants.  Running models is evaluate.h's. */
#ifndef LATHE_MEASURE_METRIC_H
#define LATHE_MEASURE_METRIC_H

#include <stdbool.h>
#include "data/dataset.h"

/* What is known before a model is measured. */
typedef struct metric_subject {
    const dataset *data;
    const transform *transform; /* of the model's input */
    shape output;               /* of one sample */
    double range; /* 1 where targets are pictures of values from 0 to 1, else 0 */
} metric_subject;

/* One sample, its values as the network has them or the physical ones (with the input's
   transform undone). */
typedef struct metric_sample {
    const float *output, *target, *valid; /* VALID NULL: all are valid */
    shape shape;                          /* of the output */
    double range; /* largest minus smallest value there can be, 0: not known */
} metric_sample;

/* What a metric adds up over samples; the sums of several samples are those of all. */
#define METRIC_SUMS 6

typedef struct metric_row {
    const char *name; /* the key in tables: masked_mse, mse, valid_mse, mae, ... */
    const char *summary, *unit, *source;
    bool higher_is_better;
    bool physical;   /* of physical values */
    double quantile; /* of the errors of all elements, by size; 0: no quantile */
    bool (*applies)(const metric_subject *s);
    /* Of one sample, and of all: what is added up, and what that makes (NaN where there is
       nothing).  NULL in a quantile, which has the error of one element instead (NaN: it
       does not count). */
    void (*add)(const metric_sample *s, double sums[METRIC_SUMS]);
    double (*finish)(const double sums[METRIC_SUMS]);
    float (*element)(float output, float target);
} metric_row;

const metric_row *metric_find(const char *name);
const metric_row *metric_at(int i);

/* Is A better than B? */
bool metric_better(const metric_row *row, double a, double b);

metric_subject metric_subject_of(const dataset *d, const transform *t, shape output);

#endif
