/* SPDX-License-Identifier: GPL-3.0-or-later
   metric_image.c -- metrics of pictures and of fields in the plane, as sums over one
   sample.  It allocates nothing. */
#include <math.h>

#include "measure/circulation.h"
#include "measure/metric_parts.h"

#define PI 3.14159265358979323846

static double range_of(const metric_sample *s)
{
    int64_t n = shape_count(s->shape);
    float least = s->target[0], most = s->target[0];
    if (s->range > 0)
        return s->range;
    for (int64_t i = 1; i < n; i++) {
        least = fminf(least, s->target[i]);
        most = fmaxf(most, s->target[i]);
    }
    return (double)most - (double)least;
}

/* 10 log10(range^2 / mse) of the sample; one that does not vary, or is met exactly, has
   none and is left out. */
void psnr_add(const metric_sample *s, double sums[METRIC_SUMS])
{
    double squares[METRIC_SUMS] = {0}, range = range_of(s);
    mse_add(s, squares);
    double mse = mean_finish(squares);
    if (!(range > 0) || mse == 0)
        return;
    sums[0] += 10 * log10(range * range / mse);
    sums[1] += 1;
}

/* ---- structural similarity ---- */

#define STRIP 64 /* pixels of a row at a time */
#define WIDE  (STRIP + SSIM_WINDOW - 1)
enum { OF_Y, OF_T, OF_YY, OF_TT, OF_YT, MOMENTS };

/* exp(-r^2 / (2 sigma^2)), sigma 1.5, of sum 1 */
static void make_window(double w[SSIM_WINDOW])
{
    double sum = 0;
    for (int i = 0; i < SSIM_WINDOW; i++) {
        double r = (i - SSIM_WINDOW / 2) / 1.5;
        w[i] = exp(-r * r / 2);
        sum += w[i];
    }
    for (int i = 0; i < SSIM_WINDOW; i++)
        w[i] /= sum;
}

/* Weighted sums down the window's rows, for WIDTH columns from (ROW, COLUMN) on. */
static void sum_columns(const metric_sample *s, const double w[SSIM_WINDOW], int64_t row,
                        int64_t column, int64_t channel, int64_t width,
                        double sums[MOMENTS][WIDE])
{
    const int64_t pitch = s->shape.dim[2], line = s->shape.dim[1] * pitch;
    for (int m = 0; m < MOMENTS; m++)
        for (int64_t x = 0; x < width; x++)
            sums[m][x] = 0;
    for (int k = 0; k < SSIM_WINDOW; k++) {
        const int64_t at = (row + k) * line + column * pitch + channel;
        for (int64_t x = 0; x < width; x++) {
            double y = (double)s->output[at + x * pitch];
            double t = (double)s->target[at + x * pitch];
            sums[OF_Y][x] += w[k] * y;
            sums[OF_T][x] += w[k] * t;
            sums[OF_YY][x] += w[k] * y * y;
            sums[OF_TT][x] += w[k] * t * t;
            sums[OF_YT][x] += w[k] * y * t;
        }
    }
}

static double similarity(const double m[MOMENTS], double range)
{
    const double c1 = 0.01 * range * 0.01 * range, c2 = 0.03 * range * 0.03 * range;
    double means = m[OF_Y] * m[OF_T];
    double squares = m[OF_Y] * m[OF_Y] + m[OF_T] * m[OF_T];
    double variances = m[OF_YY] + m[OF_TT] - squares, covariance = m[OF_YT] - means;
    return (2 * means + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2));
}

/* Sum over the windows of one row whose left columns are COLUMN .. COLUMN + COUNT - 1. */
static double strip_similarity(const metric_sample *s, const double w[SSIM_WINDOW],
                               int64_t row, int64_t column, int64_t channel,
                               int64_t count, double range)
{
    double sums[MOMENTS][WIDE], total = 0;
    sum_columns(s, w, row, column, channel, count + SSIM_WINDOW - 1, sums);
    for (int64_t x = 0; x < count; x++) {
        double m[MOMENTS] = {0};
        for (int i = 0; i < MOMENTS; i++)
            for (int k = 0; k < SSIM_WINDOW; k++)
                m[i] += w[k] * sums[i][x + k];
        total += similarity(m, range);
    }
    return total;
}

/* Mean over the channels and the windows that lie inside the picture.
   Source: Wang, Bovik, Sheikh, Simoncelli 2004, IEEE Trans. Image Process. 13(4), eq. 13,
   with variances divided by the number of pixels. */
void ssim_add(const metric_sample *s, double sums[METRIC_SUMS])
{
    double w[SSIM_WINDOW], total = 0, range = range_of(s);
    const int64_t height = s->shape.dim[0] - SSIM_WINDOW + 1;
    const int64_t width = s->shape.dim[1] - SSIM_WINDOW + 1, channels = s->shape.dim[2];
    make_window(w);
    for (int64_t c = 0; c < channels; c++)
        for (int64_t row = 0; row < height; row++)
            for (int64_t x = 0; x < width; x += STRIP)
                total += strip_similarity(s, w, row, x, c,
                                          width - x < STRIP ? width - x : STRIP, range);
    sums[0] += total / (double)(channels * height * width);
    sums[1] += 1;
}

/* ---- circulation ---- */

/* Circles about the image's centre: radii of 1/20, 2/20 ... 8/20 of its shorter side. */
#define CIRCLES     8
#define CIRCLE_STEP 0.05

typedef struct two_fields {
    const metric_sample *sample;
    double difference; /* of the sums of steps, radians */
    bool invalid;
} two_fields;

static void compare_step(void *context, int64_t pixel, int axis, int sign,
                         int64_t arrives)
{
    two_fields *f = context;
    const metric_sample *s = f->sample;
    int64_t at = 2 * pixel + axis;
    f->difference += sign * ((double)s->output[at] - (double)s->target[at]);
    if (s->valid && (s->valid[2 * arrives] == 0 || s->valid[2 * arrives + 1] == 0))
        f->invalid = true;
}

void circulation_add(const metric_sample *s, double sums[METRIC_SUMS])
{
    int64_t height = s->shape.dim[0], width = s->shape.dim[1];
    int64_t side = height < width ? height : width;
    for (int i = 1; i <= CIRCLES; i++) {
        two_fields f = {s, 0, false};
        double radius = CIRCLE_STEP * i * (double)side;
        status code =
            circulation_walk(height, width, (double)(width - 1) / 2,
                             (double)(height - 1) / 2, radius, compare_step, &f, NULL);
        if (code != E_OK || f.invalid)
            continue;
        sums[0] += fabs(f.difference) / (2 * PI);
        sums[1] += 1;
    }
}
