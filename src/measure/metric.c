/* SPDX-License-Identifier: GPL-3.0-or-later
   metric.c -- the table of metrics, and which of them a dataset has; what each adds up is
   in metric_value.c, metric_image.c and metric_class.c. */
#include "measure/metric.h"

#include <math.h>
#include <string.h>

#include "measure/metric_parts.h"

/* Elements whose errors are kept and sorted for quantiles. */
#define QUANTILE_MOST (INT64_C(1) << 27)

/* Targets that are values to be met, not labels. */
static bool is_regression(const metric_subject *s)
{
    return s->data->target && s->data->class_count == 0 &&
           tensor_shape(s->data->target).rank >= 2;
}

static bool is_masked_regression(const metric_subject *s)
{
    return is_regression(s) && s->data->mask;
}

static bool is_whole_regression(const metric_subject *s)
{
    return is_regression(s) && !s->data->mask;
}

/* A gradient field in the plane: images with an x and a y component. */
static bool is_field(const metric_subject *s)
{
    return is_regression(s) && s->output.rank == 3 && s->output.dim[2] == 2;
}

static bool is_picture(const metric_subject *s)
{
    return is_whole_regression(s) && s->range > 0;
}

static bool has_windows(const metric_subject *s)
{
    return s->output.dim[0] >= SSIM_WINDOW && s->output.dim[1] >= SSIM_WINDOW;
}

static bool is_similar_picture(const metric_subject *s)
{
    return is_picture(s) && has_windows(s) &&
           (!dataset_is_reproduced(s->data) || s->transform->kind == TRANSFORM_NONE);
}

/* The input itself is to come out, and a transform stands before the network: errors have
   two meanings. */
static bool has_physical(const metric_subject *s)
{
    return is_regression(s) && dataset_is_reproduced(s->data) &&
           s->transform->kind != TRANSFORM_NONE;
}

static bool is_physical_picture(const metric_subject *s)
{
    return has_physical(s) && s->range > 0 && has_windows(s);
}

static bool is_reproduction(const metric_subject *s)
{
    return is_regression(s) && dataset_is_reproduced(s->data);
}

static bool few_enough(const metric_subject *s)
{
    return s->data->count <= QUANTILE_MOST / shape_count(s->output);
}

static bool has_quantiles(const metric_subject *s)
{
    return is_reproduction(s) && few_enough(s);
}

static bool has_physical_quantiles(const metric_subject *s)
{
    return has_physical(s) && few_enough(s);
}

static bool has_labels(const metric_subject *s)
{
    return s->data->target && s->data->class_count > 0;
}

static bool has_many_labels(const metric_subject *s)
{
    return has_labels(s) && s->data->class_count > 5;
}

#define OF_ELEMENTS .finish = mean_finish
#define SIMILARITY                                                                       \
    "Wang, Bovik, Sheikh, Simoncelli 2004, IEEE Trans. Image Process. 13(4)"
#define PSNR_SUMMARY  "10 log10(range^2 / mse) of a sample, mean over samples"
#define PSNR_SOURCE   "range 1 for pictures from 0 to 1, else that of the sample's targets"
#define ERROR_SUMMARY "|error| / |target| of an element, where the target is not 0"

static const metric_row rows[] = {
    {"accuracy", "share of labels that have the largest output", "1",
     .higher_is_better = true, .applies = has_labels, .add = accuracy_add, OF_ELEMENTS},
    {"top5", "share of labels among the five largest outputs", "1",
     .higher_is_better = true, .applies = has_many_labels, .add = top5_add, OF_ELEMENTS},
    {"cross_entropy", "minus the logarithm of the label's softmax", "nats",
     .applies = has_labels, .add = cross_entropy_add, OF_ELEMENTS},
    {"masked_mse", "squared error, 0 where invalid, mean over all elements",
     "target unit squared", "the phase system's published loss",
     .applies = is_masked_regression, .add = masked_mse_add, OF_ELEMENTS},
    {"mse", "mean squared error over all elements, masks ignored", "target unit squared",
     .applies = is_regression, .add = mse_add, OF_ELEMENTS},
    {"rmse", "root of mse", "target unit", .applies = is_regression, .add = mse_add,
     .finish = root_finish},
    {"mae", "mean absolute error over all elements, masks ignored", "target unit",
     .applies = is_regression, .add = mae_add, OF_ELEMENTS},
    {"valid_mse", "mean squared error over valid elements", "target unit squared",
     .applies = is_masked_regression, .add = valid_mse_add, OF_ELEMENTS},
    {"valid_mae", "mean absolute error over valid elements", "target unit",
     .applies = is_masked_regression, .add = valid_mae_add, OF_ELEMENTS},
    {"psnr", PSNR_SUMMARY, "dB", PSNR_SOURCE, .higher_is_better = true,
     .applies = is_whole_regression, .add = psnr_add, OF_ELEMENTS},
    {"ssim", "structural similarity, 11 x 11 Gaussian window of sigma 1.5", NULL,
     SIMILARITY, .higher_is_better = true, .applies = is_similar_picture, .add = ssim_add,
     OF_ELEMENTS},
    {"circulation_error",
     "error of the winding number, mean over circles about the image's centre", "turns",
     "|turns of output - turns of target| on pixel paths round circles of 1/20, 2/20 ... "
     "8/20 of the shorter side; circles that touch invalid pixels are left out",
     .applies = is_field, .add = circulation_add, OF_ELEMENTS},
    {"correlation", "Pearson's, of outputs with targets, over all elements", NULL,
     .higher_is_better = true, .applies = is_reproduction, .add = correlation_add,
     .finish = correlation_finish},
    {"relative_error", ERROR_SUMMARY ", mean", "1", .applies = is_reproduction,
     .add = relative_add, OF_ELEMENTS},
    {"relative_error_p95", ERROR_SUMMARY ", 95 % quantile", "1", .quantile = 0.95,
     .applies = has_quantiles, .element = relative_error},
    {"relative_error_p99", ERROR_SUMMARY ", 99 % quantile", "1", .quantile = 0.99,
     .applies = has_quantiles, .element = relative_error},
    {"physical_mse", "mse with the input's transform undone", "input unit squared",
     .physical = true, .applies = has_physical, .add = mse_add, OF_ELEMENTS},
    {"physical_mae", "mae with the input's transform undone", "input unit",
     .physical = true, .applies = has_physical, .add = mae_add, OF_ELEMENTS},
    {"physical_psnr", "psnr with the input's transform undone", "dB", PSNR_SOURCE,
     .higher_is_better = true, .physical = true, .applies = has_physical, .add = psnr_add,
     OF_ELEMENTS},
    {"physical_ssim", "ssim with the input's transform undone", NULL, SIMILARITY,
     .higher_is_better = true, .physical = true, .applies = is_physical_picture,
     .add = ssim_add, OF_ELEMENTS},
    {"physical_correlation", "correlation with the input's transform undone", NULL,
     .higher_is_better = true, .physical = true, .applies = has_physical,
     .add = correlation_add, .finish = correlation_finish},
    {"physical_relative_error", "relative_error with the input's transform undone", "1",
     .physical = true, .applies = has_physical, .add = relative_add, OF_ELEMENTS},
    {"physical_relative_error_p95",
     "relative_error_p95 with the input's transform undone", "1", .physical = true,
     .quantile = 0.95, .applies = has_physical_quantiles, .element = relative_error},
    {"physical_relative_error_p99",
     "relative_error_p99 with the input's transform undone", "1", .physical = true,
     .quantile = 0.99, .applies = has_physical_quantiles, .element = relative_error},
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

bool metric_better(const metric_row *row, double a, double b)
{
    return row->higher_is_better ? a > b : a < b;
}

/* Are all of the N numbers at X from 0 to 1? */
static bool is_unit(const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!(x[i] >= 0 && x[i] <= 1))
            return false;
    return true;
}

metric_subject metric_subject_of(const dataset *d, const transform *t, shape output)
{
    metric_subject s = {.data = d, .transform = t, .output = output};
    if (!d->target || d->class_count > 0 || d->mask || output.rank != 3)
        return s;
    bool unit = tensor_dtype(d->target) == DTYPE_U8 ||
                is_unit(tensor_f32(d->target), tensor_count(d->target));
    s.range = unit ? 1 : 0;
    return s;
}
