/* SPDX-License-Identifier: GPL-3.0-or-later
   transform.c -- what a model does to its input first.  It never changes a dataset. */
#include "data/dataset.h"

#include <math.h>

static void apply_log(float *x, int64_t count, double shift)
{
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)log((double)x[i] + shift);
}

float transform_side(const transform *t, const float *x, int64_t n, int64_t channels)
{
    if (!t || t->kind != TRANSFORM_BLOCK_LOG || n * channels < 1)
        return 0;
    float least = x[0];
    for (int64_t i = 1; i < n * channels; i++)
        least = fminf(least, x[i]);
    return least;
}

shape transform_shape(const transform *t, shape s)
{
    if (t && t->height > 0 && s.rank == 3) {
        s.dim[0] = t->height;
        s.dim[1] = t->width;
    }
    return s;
}

void transform_apply(const transform *t, float *x, int64_t n, int64_t channels)
{
    switch (t ? t->kind : TRANSFORM_NONE) {
    case TRANSFORM_NONE:
        break;
    case TRANSFORM_LOG:
        apply_log(x, n * channels, t->epsilon);
        break;
    case TRANSFORM_BLOCK_LOG:
        apply_log(x, n * channels,
                  t->epsilon - (double)transform_side(t, x, n, channels));
        break;
    case TRANSFORM_NORMALIZE:
        for (int64_t i = 0; i < n; i++)
            for (int64_t c = 0; c < channels && c < t->channels; c++) {
                float *at = x + i * channels + c;
                *at = (float)(((double)*at - t->mean[c]) / t->deviation[c]);
            }
    }
}

void transform_invert(const transform *t, float *y, int64_t n, int64_t channels,
                      float side)
{
    switch (t ? t->kind : TRANSFORM_NONE) {
    case TRANSFORM_NONE:
        break;
    case TRANSFORM_LOG:
    case TRANSFORM_BLOCK_LOG:
        for (int64_t i = 0; i < n * channels; i++)
            y[i] = (float)(exp((double)y[i]) + ((double)side - t->epsilon));
        break;
    case TRANSFORM_NORMALIZE:
        for (int64_t i = 0; i < n; i++)
            for (int64_t c = 0; c < channels && c < t->channels; c++) {
                float *at = y + i * channels + c;
                *at = (float)((double)*at * t->deviation[c] + t->mean[c]);
            }
    }
}
