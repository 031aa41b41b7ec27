/* SPDX-License-Identifier: GPL-3.0-or-later
   metric_value.c -- metrics of values to be met, element by element, as sums over one
   sample; which dataset has them stands in metric.c. */
#include <math.h>

#include "measure/metric_parts.h"

double mean_finish(const double sums[METRIC_SUMS])
{
    return sums[1] > 0 ? sums[0] / sums[1] : NAN;
}

double root_finish(const double sums[METRIC_SUMS])
{
    return sqrt(mean_finish(sums));
}

void masked_mse_add(const metric_sample *s, double sums[METRIC_SUMS])
{
    int64_t n = shape_count(s->shape);
    double squares = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = (double)s->output[i] - (double)s->target[i];
        squares += s->valid ? d * d * (double)s->valid[i] : d * d;
    }
    sums[0] += squares;
    sums[1] += (double)n;
}

static metric_sample without_mask(const metric_sample *s)
{
    metric_sample all = *s;
    all.valid = NULL;
    return all;
}

void mse_add(const metric_sample *s, double sums[METRIC_SUMS])
{
    const metric_sample all = without_mask(s);
    masked_mse_add(&all, sums);
}

static double count_valid(const metric_sample *s)
{
    int64_t n = shape_count(s->shape);
    double count = 0;
    for (int64_t i = 0; i < n; i++)
        count += s->valid ? (double)s->valid[i] : 1;
    return count;
}

void valid_mse_add(const metric_sample *s, double sums[METRIC_SUMS])
{
    double masked[METRIC_SUMS] = {0};
    masked_mse_add(s, masked);
    sums[0] += masked[0];
    sums[1] += count_valid(s);
}

void valid_mae_add(const metric_sample *s, double sums[METRIC_SUMS])
{
    int64_t n = shape_count(s->shape);
    double absolute = 0;
    for (int64_t i = 0; i < n; i++)
        absolute += fabs((double)s->output[i] - (double)s->target[i]) *
                    (s->valid ? (double)s->valid[i] : 1);
    sums[0] += absolute;
    sums[1] += count_valid(s);
}

void mae_add(const metric_sample *s, double sums[METRIC_SUMS])
{
    const metric_sample all = without_mask(s);
    valid_mae_add(&all, sums);
}

float relative_error(float output, float target)
{
    return target == 0 ? NAN : fabsf((output - target) / target);
}

void relative_add(const metric_sample *s, double sums[METRIC_SUMS])
{
    int64_t n = shape_count(s->shape);
    for (int64_t i = 0; i < n; i++) {
        if (s->target[i] == 0)
            continue;
        sums[0] += (double)relative_error(s->output[i], s->target[i]);
        sums[1] += 1;
    }
}

/* n, sums of t, y, t^2, y^2 and t y */
void correlation_add(const metric_sample *s, double sums[METRIC_SUMS])
{
    int64_t n = shape_count(s->shape);
    for (int64_t i = 0; i < n; i++) {
        double y = (double)s->output[i], t = (double)s->target[i];
        sums[1] += t;
        sums[2] += y;
        sums[3] += t * t;
        sums[4] += y * y;
        sums[5] += t * y;
    }
    sums[0] += (double)n;
}

/* Pearson's: covariance over the root of both variances. */
double correlation_finish(const double sums[METRIC_SUMS])
{
    const double n = sums[0];
    double of_both = sums[5] - sums[1] * sums[2] / n;
    double of_target = sums[3] - sums[1] * sums[1] / n;
    double of_output = sums[4] - sums[2] * sums[2] / n;
    if (!(of_target > 0 && of_output > 0))
        return NAN; /* one of the two does not vary */
    return of_both / sqrt(of_target * of_output);
}
