/* SPDX-License-Identifier: GPL-3.0-or-later
   resample.c -- the taps of new pixels, and pictures by columns and then by rows.  It takes
   no memory for a picture: the scratch is the caller's. */
#include "data/resample.h"

#include <math.h>
#include "base/memory.h"

static void taps_clear(taps *t)
{
    memory_free(t->first);
    memory_free(t->length);
    memory_free(t->weight);
}

/* Triangles over the old pixels, cut at the border, with sum 1. */
static status taps_make(taps *t, int64_t from, int64_t to, error *e)
{
    const double scale = (double)from / (double)to, radius = fmax(scale, 1);
    *t = (taps){.count = to, .most = (int64_t)ceil(radius) * 2 + 1};
    t->first = memory_new(to, sizeof *t->first, e);
    t->length = t->first ? memory_new(to, sizeof *t->length, e) : NULL;
    t->weight = t->length ? memory_new(to * t->most, sizeof *t->weight, e) : NULL;
    if (!t->weight)
        return E_MEMORY;
    for (int64_t i = 0; i < to; i++) {
        const double centre = ((double)i + 0.5) * scale;
        int64_t first = (int64_t)floor(centre - radius + 0.5);
        int64_t end = (int64_t)floor(centre + radius + 0.5);
        double *weight = t->weight + i * t->most, sum = 0;
        first = first < 0 ? 0 : first;
        end = end > from ? from : end;
        for (int64_t j = first; j < end; j++)
            sum += weight[j - first] =
                fmax(0, 1 - fabs((double)j + 0.5 - centre) / radius);
        for (int64_t j = first; j < end; j++)
            weight[j - first] /= sum;
        t->first[i] = first;
        t->length[i] = end - first;
    }
    return E_OK;
}

status resampler_make(resampler *r, int64_t from_height, int64_t from_width,
                      int64_t height, int64_t width, int64_t channels, error *e)
{
    *r = (resampler){from_height, from_width, channels, {0}, {0}};
    status result = taps_make(&r->columns, from_width, width, e);
    if (result == E_OK)
        result = taps_make(&r->rows, from_height, height, e);
    if (result != E_OK)
        resampler_clear(r);
    return result;
}

void resampler_clear(resampler *r)
{
    taps_clear(&r->rows);
    taps_clear(&r->columns);
    *r = (resampler){0};
}

int64_t resampler_room(const resampler *r)
{
    return (r->from_height + 1) * r->columns.count * r->channels;
}

void resampler_begin(const resampler *r, const float *from, double *scratch)
{
    const taps *x = &r->columns;
    const int64_t channels = r->channels;
    for (int64_t i = 0; i < r->from_height; i++)
        for (int64_t j = 0; j < x->count; j++)
            for (int64_t c = 0; c < channels; c++) {
                const float *at = from + (i * r->from_width + x->first[j]) * channels + c;
                double sum = 0;
                for (int64_t k = 0; k < x->length[j]; k++)
                    sum += x->weight[j * x->most + k] * (double)at[k * channels];
                scratch[(i * x->count + j) * channels + c] = sum;
            }
}

const double *resampler_row(const resampler *r, int64_t i, double *scratch)
{
    const taps *y = &r->rows;
    const int64_t row = r->columns.count * r->channels;
    double *out = scratch + r->from_height * row;
    for (int64_t j = 0; j < row; j++)
        out[j] = 0;
    for (int64_t k = 0; k < y->length[i]; k++) {
        const double *line = scratch + (y->first[i] + k) * row;
        const double weight = y->weight[i * y->most + k];
        for (int64_t j = 0; j < row; j++)
            out[j] += weight * line[j];
    }
    return out;
}
