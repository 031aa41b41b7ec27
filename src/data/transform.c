/* SPDX-License-Identifier: GPL-3.0-or-later
   transform.c -- what a model does to its input first.  It never changes a dataset. */
#include "data/dataset.h"

#include <math.h>

void transform_apply(const transform *t, float *x, int64_t n, int64_t channels)
{
    if (!t || t->kind == TRANSFORM_NONE)
        return;
    if (t->kind == TRANSFORM_LOG) {
        for (int64_t i = 0; i < n * channels; i++)
            x[i] = (float)log((double)x[i] + t->epsilon);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < channels && c < t->channels; c++) {
            float *at = x + i * channels + c;
            *at = (float)(((double)*at - t->mean[c]) / t->deviation[c]);
        }
}
