/* SPDX-License-Identifier: GPL-3.0-or-later
   paired.h -- what several runs say about each other: means, deviations, and differences
   of pairs with their interval.  It runs nothing. */
#ifndef LATHE_MEASURE_PAIRED_H
#define LATHE_MEASURE_PAIRED_H

#include <stdint.h>

/* Mean and standard deviation (by N - 1) of X [N]; the deviation is NaN where N is 1. */
void spread_of(const double *x, int64_t n, double *mean, double *deviation);

/* The T beyond which, on either side, lies 1 - CONFIDENCE of Student's distribution with
   FREEDOM (1..) degrees of freedom.  Source: Abramowitz, Stegun 1964, Handbook of
   Mathematical Functions, 26.7.3 and 26.7.4. */
double student_quantile(int64_t freedom, double confidence);

/* The mean of A - B over N pairs, and the interval that holds it with 95 % confidence where
   differences are normal; LOW and HIGH are NaN where N is 1.
   Source: Student 1908, Biometrika 6, 1. */
void paired_difference(const double *a, const double *b, int64_t n, double *mean,
                       double *low, double *high);

#endif
