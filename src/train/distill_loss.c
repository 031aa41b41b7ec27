/* SPDX-License-Identifier: GPL-3.0-or-later
   distill_loss.c -- distances of a student from its teacher, by tiles of rows that depend
   on the size alone.  It knows neither models nor batches. */
#include "train/distill_loss.h"

#include <math.h>

#include "base/parallel.h"

#define TILES_MAX  256
#define TILE_LEAST 8192 /* elements */

typedef struct distance distance;
struct distance {
    const float *y, *z, *valid;
    float *gradient;
    int64_t rows, channels, grain; /* rows a tile */
    double temperature, share, own;
    double (*row)(const distance *d, int64_t row, double kept);
    double sums[TILES_MAX];
};

static void run_tile(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    distance *d = context;
    double sum = 0;
    for (int64_t i = begin; i < end; i++)
        sum += d->row(d, i, d->valid ? (double)d->valid[i] : 1);
    d->sums[begin / d->grain] = sum;
}

static double sum_rows(distance *d)
{
    if (d->rows < 1)
        return NAN;
    int64_t least = (TILE_LEAST + d->channels - 1) / d->channels;
    d->grain = (d->rows + TILES_MAX - 1) / TILES_MAX;
    d->grain = d->grain < least ? least : d->grain;
    parallel_range(d->rows, d->grain, run_tile, d);
    int64_t tiles = (d->rows + d->grain - 1) / d->grain;
    for (int64_t apart = 1; apart < tiles; apart *= 2)
        for (int64_t i = 0; i + apart < tiles; i += 2 * apart)
            d->sums[i] += d->sums[i + apart];
    return d->sums[0];
}

/* The largest of X / T, and the logarithm of the sum of exp(x / T - largest). */
static double log_sum(const float *x, int64_t channels, double temperature, double *top)
{
    double sum = 0;
    *top = (double)x[0];
    for (int64_t c = 1; c < channels; c++)
        *top = fmax(*top, (double)x[c]);
    *top /= temperature;
    for (int64_t c = 0; c < channels; c++)
        sum += exp((double)x[c] / temperature - *top);
    return log(sum);
}

static double logits_row(const distance *d, int64_t row, double kept)
{
    const float *y = d->y + row * d->channels, *z = d->z + row * d->channels;
    float *g = d->gradient + row * d->channels;
    const double t = d->temperature, step = d->share * t * kept / (double)d->rows;
    double y_top, z_top, sum = 0;
    if (kept == 0) {
        for (int64_t c = 0; c < d->channels; c++)
            g[c] = (float)(d->own * (double)g[c]);
        return 0;
    }
    double y_log = log_sum(y, d->channels, t, &y_top),
           z_log = log_sum(z, d->channels, t, &z_top);
    for (int64_t c = 0; c < d->channels; c++) {
        double ln_q = (double)y[c] / t - y_top - y_log,
               ln_p = (double)z[c] / t - z_top - z_log, p = exp(ln_p);
        sum += p * (ln_p - ln_q);
        g[c] = (float)(d->own * (double)g[c] + step * (exp(ln_q) - p));
    }
    return kept * sum;
}

double distill_logits(const float *y, const float *z, const float *valid, int64_t rows,
                      int64_t channels, double temperature, double share, double own,
                      float *gradient)
{
    distance d = {.y = y,
                  .z = z,
                  .valid = valid,
                  .gradient = gradient,
                  .rows = rows,
                  .channels = channels,
                  .temperature = temperature,
                  .share = share,
                  .own = own,
                  .row = logits_row};
    return share * temperature * temperature * sum_rows(&d) / (double)rows;
}

static double features_row(const distance *d, int64_t row, double kept)
{
    const double step = 2 * d->share * kept / ((double)d->rows * (double)d->channels);
    double sum = 0;
    for (int64_t i = row * d->channels; i < (row + 1) * d->channels; i++) {
        double apart = (double)d->y[i] - (double)d->z[i];
        sum += apart * apart;
        d->gradient[i] = (float)(step * apart);
    }
    return kept * sum;
}

double distill_features(const float *y, const float *z, const float *valid, int64_t rows,
                        int64_t channels, double share, float *gradient)
{
    distance d = {.y = y,
                  .z = z,
                  .valid = valid,
                  .gradient = gradient,
                  .rows = rows,
                  .channels = channels,
                  .share = share,
                  .row = features_row};
    return share * sum_rows(&d) / ((double)rows * (double)channels);
}

typedef struct mixture {
    float *gradient;
    const float *more;
    double own, share;
} mixture;

static void mix_tile(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    const mixture *m = context;
    for (int64_t i = begin; i < end; i++)
        m->gradient[i] =
            (float)(m->own * (double)m->gradient[i] + m->share * (double)m->more[i]);
}

void distill_mix(float *gradient, const float *more, int64_t n, double own, double share)
{
    mixture m = {gradient, more, own, share};
    parallel_range(n, TILE_LEAST, mix_tile, &m);
}
