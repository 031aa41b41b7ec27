/* SPDX-License-Identifier: GPL-3.0-or-later
   metric.c -- the table of metrics, each as a sum and a weight over one sample; running
   models and adding up samples is evaluate.c's. */
#include <math.h>
#include <string.h>

#include "measure/circulation.h"
#include "measure/evaluate.h"

#define PI 3.14159265358979323846

/* Targets that are values to be met, not labels. */
static bool is_regression(const dataset *d)
{
    return d->target && tensor_dtype(d->target) == DTYPE_F32 &&
           tensor_shape(d->target).rank >= 2;
}

static bool is_masked_regression(const dataset *d)
{
    return is_regression(d) && d->mask;
}

/* A gradient field in the plane: images with an x and a y component. */
static bool is_field(const dataset *d)
{
    return is_regression(d) && tensor_shape(d->target).rank == 4 &&
           tensor_shape(d->target).dim[3] == 2;
}

static void masked_mse_add(const float *output, const float *target, const float *valid,
                           shape sample, double *sum, double *weight)
{
    int64_t n = shape_count(sample);
    double squares = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = (double)output[i] - (double)target[i];
        squares += valid ? d * d * (double)valid[i] : d * d;
    }
    *sum += squares;
    *weight += (double)n;
}

static void mse_add(const float *output, const float *target, const float *valid,
                    shape sample, double *sum, double *weight)
{
    (void)valid;
    masked_mse_add(output, target, NULL, sample, sum, weight);
}

static double count_valid(const float *valid, int64_t n)
{
    double count = 0;
    for (int64_t i = 0; i < n; i++)
        count += (double)valid[i];
    return count;
}

static void valid_mse_add(const float *output, const float *target, const float *valid,
                          shape sample, double *sum, double *weight)
{
    double all = 0;
    masked_mse_add(output, target, valid, sample, sum, &all);
    *weight += valid ? count_valid(valid, shape_count(sample)) : all;
}

static void mae_add(const float *output, const float *target, const float *valid,
                    shape sample, double *sum, double *weight)
{
    (void)valid;
    int64_t n = shape_count(sample);
    double absolute = 0;
    for (int64_t i = 0; i < n; i++)
        absolute += fabs((double)output[i] - (double)target[i]);
    *sum += absolute;
    *weight += (double)n;
}

static void valid_mae_add(const float *output, const float *target, const float *valid,
                          shape sample, double *sum, double *weight)
{
    int64_t n = shape_count(sample);
    double absolute = 0;
    for (int64_t i = 0; i < n; i++)
        absolute +=
            fabs((double)output[i] - (double)target[i]) * (valid ? (double)valid[i] : 1);
    *sum += absolute;
    *weight += valid ? count_valid(valid, n) : (double)n;
}

/* Circles about the image's centre: radii of 1/20, 2/20 ... 8/20 of its shorter side. */
#define CIRCLES     8
#define CIRCLE_STEP 0.05

typedef struct two_fields {
    const float *output, *target, *valid;
    double difference; /* of the sums of steps, radians */
    bool invalid;
} two_fields;

static void compare_step(void *context, int64_t pixel, int axis, int sign,
                         int64_t arrives)
{
    two_fields *f = context;
    int64_t at = 2 * pixel + axis;
    f->difference += sign * ((double)f->output[at] - (double)f->target[at]);
    if (f->valid && (f->valid[2 * arrives] == 0 || f->valid[2 * arrives + 1] == 0))
        f->invalid = true;
}

static void circulation_add(const float *output, const float *target, const float *valid,
                            shape sample, double *sum, double *weight)
{
    int64_t height = sample.dim[0], width = sample.dim[1];
    int64_t side = height < width ? height : width;
    for (int i = 1; i <= CIRCLES; i++) {
        two_fields f = {output, target, valid, 0, false};
        double radius = CIRCLE_STEP * i * (double)side;
        status code =
            circulation_walk(height, width, (double)(width - 1) / 2,
                             (double)(height - 1) / 2, radius, compare_step, &f, NULL);
        if (code != E_OK || f.invalid)
            continue;
        *sum += fabs(f.difference) / (2 * PI);
        *weight += 1;
    }
}

static const metric_row rows[] = {
    {"masked_mse", "squared error, 0 where invalid, mean over all elements",
     "target unit squared", "the phase system's published loss", false, is_regression,
     masked_mse_add, false},
    {"mse", "mean squared error over all elements, masks ignored", "target unit squared",
     NULL, false, is_regression, mse_add, false},
    {"rmse", "root of mse", "target unit", NULL, false, is_regression, mse_add, true},
    {"mae", "mean absolute error over all elements, masks ignored", "target unit", NULL,
     false, is_regression, mae_add, false},
    {"valid_mse", "mean squared error over valid elements", "target unit squared", NULL,
     false, is_masked_regression, valid_mse_add, false},
    {"valid_mae", "mean absolute error over valid elements", "target unit", NULL, false,
     is_masked_regression, valid_mae_add, false},
    {"circulation_error",
     "error of the winding number, mean over circles about the image's centre", "turns",
     "|turns of output - turns of target| on pixel paths round circles of 1/20, 2/20 ... "
     "8/20 of the shorter side; circles that touch invalid pixels are left out",
     false, is_field, circulation_add, false},
};

const metric_row *metric_at(int i)
{
    return i >= 0 && i < (int)(sizeof rows / sizeof rows[0]) ? &rows[i] : NULL;
}

const metric_row *metric_find(const char *name)
{
    for (int i = 0; metric_at(i); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}
