/* SPDX-License-Identifier: GPL-3.0-or-later
   observer.c -- the observers.  They see histograms, never samples. */
#include "compress/observer.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* The squared error of quantizing what H saw with the range [LOW, HIGH]: step^2 / 12 for
   a number inside (uniform rounding), the square of what is cut off for one outside. */
static double range_error(const histogram *h, int bits, double low, double high)
{
    double width = (h->high - h->low) / HISTOGRAM_BINS;
    double step = (fmax(high, 0) - fmin(low, 0)) / (double)((1 << bits) - 1);
    double inside = step * step / 12, sum = 0;
    for (int i = 0; i < HISTOGRAM_BINS; i++) {
        double x = h->low + (i + 0.5) * width;
        double cut = x > high ? x - high : x < low ? low - x : 0;
        sum += (double)h->count[i] * (cut * cut + inside);
    }
    return sum;
}

/* The least error over ranges shrunk by whole percents. */
static void narrow_to_least_error(const histogram *h, int bits, double *low, double *high)
{
    double best = range_error(h, bits, *low, *high), share = 1;
    for (int percent = 99; percent >= 20; percent--) {
        double now = range_error(h, bits, *low * percent / 100, *high * percent / 100);
        if (now < best) {
            best = now;
            share = percent / 100.0;
        }
    }
    *low *= share;
    *high *= share;
}

static const observer_row rows[] = {
    {"min-max", "the range that was seen", "Jacob et al. 2018, arXiv:1712.05877", NULL},
    {"mse", "the range of least squared error, outliers cut off",
     "Banner et al. 2019, arXiv:1810.05723, section 3.1", narrow_to_least_error},
};

const observer_row *observer_at(int i)
{
    return i >= 0 && i < (int)(sizeof rows / sizeof *rows) ? &rows[i] : NULL;
}

const observer_row *observer_find(const char *name)
{
    for (int i = 0; observer_at(i); i++)
        if (!strcmp(rows[i].name, name))
            return &rows[i];
    return NULL;
}
