/* SPDX-License-Identifier: GPL-3.0-or-later
   loss.c -- losses: value and gradient in one pass over tiles that depend on the size
   alone; nothing here knows of models or allocates memory. */
#include "train/loss.h"

#include <math.h>
#include <string.h>

#include "base/parallel.h"

#define TILES_MAX  256
#define TILE_LEAST 8192

typedef struct loss_job loss_job;
struct loss_job {
    const float *output, *target, *valid;
    float *gradient;
    int64_t channels, grain; /* elements a tile */
    double share;            /* 1 / number of terms of the mean */
    double (*tile)(const loss_job *j, int64_t begin, int64_t end);
    double sums[TILES_MAX];
};

static void run_tile(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    loss_job *j = context;
    j->sums[begin / j->grain] = j->tile(j, begin, end);
}

/* Mean of the terms: TILE gives the sum of those of elements [begin, end), whole rows of
   CHANNELS.  N = elements, TERMS = terms in the mean. */
static double mean_of_tiles(loss_job *j, int64_t n, int64_t terms)
{
    if (n <= 0 || terms <= 0)
        return NAN;
    int64_t grain = (n + TILES_MAX - 1) / TILES_MAX;
    grain = grain < TILE_LEAST ? TILE_LEAST : grain;
    j->grain = (grain + j->channels - 1) / j->channels * j->channels;
    j->share = 1 / (double)terms;
    parallel_range(n, j->grain, run_tile, j);
    int64_t tiles = (n + j->grain - 1) / j->grain;
    for (int64_t apart = 1; apart < tiles; apart *= 2)
        for (int64_t i = 0; i + apart < tiles; i += 2 * apart)
            j->sums[i] += j->sums[i + apart];
    return j->sums[0] * j->share;
}

static double squares_tile(const loss_job *j, int64_t begin, int64_t end)
{
    const float *restrict y = j->output, *restrict t = j->target;
    float *restrict g = j->gradient;
    const float twice = (float)(2 * j->share);
    double sum = 0;
    if (!g) {
#pragma omp simd reduction(+ : sum)
        for (int64_t i = begin; i < end; i++)
            sum += (double)(y[i] - t[i]) * (double)(y[i] - t[i]);
        return sum;
    }
#pragma omp simd reduction(+ : sum)
    for (int64_t i = begin; i < end; i++) {
        float d = y[i] - t[i];
        sum += (double)d * (double)d;
        g[i] = twice * d;
    }
    return sum;
}

static double masked_squares_tile(const loss_job *j, int64_t begin, int64_t end)
{
    const float *restrict y = j->output, *restrict t = j->target, *restrict v = j->valid;
    float *restrict g = j->gradient;
    const float twice = (float)(2 * j->share);
    double sum = 0;
    if (!g) {
#pragma omp simd reduction(+ : sum)
        for (int64_t i = begin; i < end; i++)
            sum += (double)(y[i] - t[i]) * (double)((y[i] - t[i]) * v[i]);
        return sum;
    }
#pragma omp simd reduction(+ : sum)
    for (int64_t i = begin; i < end; i++) {
        float d = y[i] - t[i], kept = d * v[i];
        sum += (double)d * (double)kept;
        g[i] = twice * kept;
    }
    return sum;
}

static double absolute_tile(const loss_job *j, int64_t begin, int64_t end)
{
    const float *restrict y = j->output, *restrict t = j->target;
    float *restrict g = j->gradient;
    const float share = (float)j->share;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = begin; i < end; i++)
        sum += fabs((double)(y[i] - t[i]));
    for (int64_t i = begin; g && i < end; i++)
        g[i] = y[i] > t[i] ? share : y[i] < t[i] ? -share : 0.0f;
    return sum;
}

/* -ln softmax(y)[label] of one row, with the largest y taken out first so that nothing
   overflows; gradient softmax(y) - onehot(label). */
static double cross_entropy_row(const float *y, float label, int64_t channels, float *g,
                                double share)
{
    double top = (double)y[0], sum = 0;
    if (!(label >= 0 && label < (float)channels) || label != floorf(label))
        return NAN;
    for (int64_t c = 1; c < channels; c++)
        top = fmax(top, (double)y[c]);
    for (int64_t c = 0; c < channels; c++)
        sum += exp((double)y[c] - top);
    int64_t at = (int64_t)label;
    for (int64_t c = 0; g && c < channels; c++)
        g[c] = (float)(share * (exp((double)y[c] - top) / sum - (c == at ? 1 : 0)));
    return log(sum) + top - (double)y[at];
}

static double cross_entropy_tile(const loss_job *j, int64_t begin, int64_t end)
{
    double sum = 0;
    for (int64_t i = begin; i < end; i += j->channels)
        sum += cross_entropy_row(j->output + i, j->target[i / j->channels], j->channels,
                                 j->gradient ? j->gradient + i : NULL, j->share);
    return sum;
}

static double mse_value(const float *output, const float *target, const float *valid,
                        int64_t n, int64_t channels, float *gradient)
{
    (void)valid;
    loss_job j = {output, target, NULL, gradient, channels, 0, 0, squares_tile, {0}};
    return mean_of_tiles(&j, n, n);
}

static double masked_mse_value(const float *output, const float *target,
                               const float *valid, int64_t n, int64_t channels,
                               float *gradient)
{
    if (!valid)
        return mse_value(output, target, NULL, n, channels, gradient);
    loss_job j = {output, target, valid, gradient, channels, 0, 0, masked_squares_tile,
                  {0}};
    return mean_of_tiles(&j, n, n);
}

static double l1_value(const float *output, const float *target, const float *valid,
                       int64_t n, int64_t channels, float *gradient)
{
    (void)valid;
    loss_job j = {output, target, NULL, gradient, channels, 0, 0, absolute_tile, {0}};
    return mean_of_tiles(&j, n, n);
}

static double cross_entropy_value(const float *output, const float *target,
                                  const float *valid, int64_t n, int64_t channels,
                                  float *gradient)
{
    (void)valid;
    loss_job j = {output, target, NULL, gradient, channels, 0, 0, cross_entropy_tile,
                  {0}};
    return mean_of_tiles(&j, n, n / channels);
}

static const loss_row rows[] = {
    {"masked-mse", "squared error, 0 where invalid, mean over all elements",
     masked_mse_value, false},
    {"mse", "squared error, mean over all elements, masks ignored", mse_value, false},
    {"l1", "absolute error, mean over all elements, masks ignored", l1_value, false},
    {"cross-entropy", "minus the logarithm of the label's softmax, mean over rows",
     cross_entropy_value, true},
};

const loss_row *loss_at(int i)
{
    return i >= 0 && i < (int)(sizeof rows / sizeof rows[0]) ? &rows[i] : NULL;
}

const loss_row *loss_find(const char *name)
{
    for (int i = 0; loss_at(i); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}
