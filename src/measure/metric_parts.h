/* SPDX-License-Identifier: GPL-3.0-or-later
   metric_parts.h -- what the files of the metric table share.  Nobody else reads it. */
#ifndef LATHE_MEASURE_METRIC_PARTS_H
#define LATHE_MEASURE_METRIC_PARTS_H

#include "measure/metric.h"

/* Values, element by element (metric_value.c): sums[0] / sums[1] unless said. */
void masked_mse_add(const metric_sample *s, double sums[METRIC_SUMS]);
void mse_add(const metric_sample *s, double sums[METRIC_SUMS]);
void valid_mse_add(const metric_sample *s, double sums[METRIC_SUMS]);
void mae_add(const metric_sample *s, double sums[METRIC_SUMS]);
void valid_mae_add(const metric_sample *s, double sums[METRIC_SUMS]);
void relative_add(const metric_sample *s, double sums[METRIC_SUMS]);
void correlation_add(const metric_sample *s, double sums[METRIC_SUMS]);
float relative_error(float output, float target);
double mean_finish(const double sums[METRIC_SUMS]);
double root_finish(const double sums[METRIC_SUMS]);
double correlation_finish(const double sums[METRIC_SUMS]);

/* Pictures and fields (metric_image.c). */
void psnr_add(const metric_sample *s, double sums[METRIC_SUMS]);
void ssim_add(const metric_sample *s, double sums[METRIC_SUMS]);
void circulation_add(const metric_sample *s, double sums[METRIC_SUMS]);

/* Labels (metric_class.c). */
void accuracy_add(const metric_sample *s, double sums[METRIC_SUMS]);
void top5_add(const metric_sample *s, double sums[METRIC_SUMS]);
void cross_entropy_add(const metric_sample *s, double sums[METRIC_SUMS]);

/* Side of the window of ssim, pixels. */
#define SSIM_WINDOW 11

#endif
