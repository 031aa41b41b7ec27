/* SPDX-License-Identifier: GPL-3.0-or-later
   bootstrap.h -- how sure metrics are: intervals by drawing samples anew.  It runs no
   model. */
#ifndef LATHE_MEASURE_BOOTSTRAP_H
#define LATHE_MEASURE_BOOTSTRAP_H

#include "base/error.h"
#include "measure/metric.h"

#define BOOTSTRAP_DRAWS 1000

typedef struct bootstrap {
    const double *sums; /* [units x metrics x METRIC_SUMS] */
    int64_t units;      /* what is drawn: samples, or groups of them */
    int metrics;
    double (*const *finish)(const double sums[METRIC_SUMS]); /* [metrics] */
    double confidence; /* 0.95: from the 2.5 % to the 97.5 % quantile */
    uint64_t seed;
} bootstrap;

/* LOW and HIGH [metrics]: the interval of each metric over BOOTSTRAP_DRAWS draws of as many
   units as there are, with replacement; NaN where fewer than two units have it.  The same
   bits at any number of threads.
   Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3. */
status bootstrap_intervals(const bootstrap *b, double *low, double *high, error *e);

#endif
