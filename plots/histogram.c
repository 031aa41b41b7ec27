/* SPDX-License-Identifier: GPL-3.0-or-later
   histogram.c -- counts weights in bins, on the grid of a quantizer where there is one.
   It changes no weight. */
#include "plots/histogram.h"

#include <math.h>
#include "base/memory.h"

static const uint8_t *mask_of(const parameter *p)
{
    return p->mask ? tensor_data(p->mask) : NULL;
}

double histogram_largest(const parameter *p)
{
    const float *w = tensor_f32(p->data);
    double most = 0;
    for (int64_t i = 0; i < tensor_count(p->data); i++)
        if (isfinite(w[i]))
            most = fmax(most, fabs(w[i]));
    return most;
}

/* Numbers of a quantizer lie on a grid: bins as wide as whole steps of it, with edges
   between its points, or the histogram would show the beat of two grids. */
static void fit_grid(histogram *h, const parameter *p)
{
    if (!p->quantizer || p->quantizer->codebook || p->quantizer->channels != 1 ||
        !(p->quantizer->scale[0] > 0))
        return;
    double step = p->quantizer->scale[0];
    double per_bin = ceil(2 * h->reach / step / (double)h->bins);
    h->bins = (int64_t)ceil((h->reach / step + 0.5) / per_bin) * 2 + 1;
    h->reach = 0.5 * (double)h->bins * per_bin * step;
}

static void count_weights(const parameter *p, const histogram *h, int64_t *counts)
{
    const float *w = tensor_f32(p->data);
    const uint8_t *mask = mask_of(p);
    double scale = (double)h->bins / (2 * h->reach);
    for (int64_t i = 0; i < tensor_count(p->data); i++) {
        if ((mask && !mask[i]) || !isfinite(w[i]))
            continue;
        int64_t bin = (int64_t)floor((w[i] + h->reach) * scale);
        counts[bin < 0 ? 0 : bin >= h->bins ? h->bins - 1 : bin]++;
    }
}

status histogram_make(histogram *h, const parameter *now, const parameter *before,
                      int64_t bins, double reach, error *e)
{
    *h = (histogram){.bins = bins, .reach = reach};
    if (!(reach > 0))
        h->reach = fmax(histogram_largest(now), before ? histogram_largest(before) : 0);
    if (h->reach == 0)
        h->reach = 1;
    h->reach *= 1 + 1e-6; /* the largest weight is within the last bin */
    fit_grid(h, now);
    h->now = memory_new(2 * h->bins, sizeof *h->now, e);
    if (!h->now)
        return E_MEMORY;
    h->before = h->now + h->bins;
    count_weights(now, h, h->now);
    if (before)
        count_weights(before, h, h->before);
    for (int64_t i = 0; i < 2 * h->bins; i++)
        h->most = h->now[i] > h->most ? h->now[i] : h->most;
    const uint8_t *mask = mask_of(now);
    h->count = tensor_count(now->data);
    const float *w = tensor_f32(now->data);
    for (int64_t i = 0; i < h->count; i++) {
        h->masked += mask && !mask[i];
        h->broken += !isfinite(w[i]);
    }
    return E_OK;
}

void histogram_clear(histogram *h)
{
    memory_free(h->now);
    *h = (histogram){0};
}
