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

/* The error where the ends are LOW and HIGH shrunk to whole percents of their own. */
static double error_at(const histogram *h, int bits, double low, double high,
                       const int percent[2])
{
    return range_error(h, bits, low * percent[0] / 100, high * percent[1] / 100);
}

/* The least error over either end for itself: one is searched while the other stands
   still, in turn, until neither moves. */
static void narrow_each_end(const histogram *h, int bits, double *low, double *high)
{
    int best[2] = {100, 100};
    double least = error_at(h, bits, *low, *high, best);
    for (int end = 0, still = 0; still < 2; end = 1 - end) {
        still++;
        for (int percent = 100; percent >= 0; percent--) {
            int now[2] = {best[0], best[1]};
            now[end] = percent;
            double found = error_at(h, bits, *low, *high, now);
            if (found < least) {
                least = found;
                best[end] = percent;
                still = 0;
            }
        }
    }
    *low = *low * best[0] / 100;
    *high = *high * best[1] / 100;
}

/* Share of the numbers that are cut off at either end. */
#define PERCENTILE_CUT 1e-4

/* Where, from the end at bin FROM inwards (STEP +1 or -1), WANTED numbers lie behind; bins
   count as evenly filled. */
static double quantile_from(const histogram *h, int from, int step, double wanted)
{
    double width = (h->high - h->low) / HISTOGRAM_BINS, passed = 0;
    int i = from;
    while (i + step >= 0 && i + step < HISTOGRAM_BINS &&
           passed + (double)h->count[i] < wanted) {
        passed += (double)h->count[i];
        i += step;
    }
    double part = h->count[i] > 0 ? (wanted - passed) / (double)h->count[i] : 0;
    part = fmin(fmax(part, 0), 1);
    return h->low + width * (step > 0 ? i + part : i + 1 - part);
}

static void narrow_to_percentile(const histogram *h, int bits, double *low, double *high)
{
    double total = 0;
    (void)bits;
    for (int i = 0; i < HISTOGRAM_BINS; i++)
        total += (double)h->count[i];
    *low = fmax(*low, quantile_from(h, 0, 1, total * PERCENTILE_CUT));
    *high = fmin(*high, quantile_from(h, HISTOGRAM_BINS - 1, -1, total * PERCENTILE_CUT));
}

/* What a bin that is not empty counts at least in the quantized distribution. */
#define ENTROPY_LEAST 1e-4

/* The divergence of bins FIRST..LAST, to whose ends all beyond them was added, from the
   same bins as LEVELS codes can tell them apart: each code's numbers spread evenly over its
   bins that are not empty.  In nats, of the whole. */
static double divergence(const histogram *h, int first, int last, int levels,
                         double below, double above)
{
    int bins = last - first + 1;
    double total = below + above, inside = 0, sum = 0;
    for (int i = first; i <= last; i++)
        inside += (double)h->count[i];
    total += inside;
    for (int level = 0, i = first; level < levels; level++) {
        int end = first + (int)((int64_t)bins * (level + 1) / levels), begin = i;
        double mass = 0;
        int filled = 0;
        for (; i < end; i++) {
            mass += (double)h->count[i];
            filled += h->count[i] > 0;
        }
        for (int k = begin; k < end; k++) {
            double p =
                (double)h->count[k] + (k == first ? below : 0) + (k == last ? above : 0);
            double q = h->count[k] > 0 && inside > 0 ? mass / filled * total / inside : 0;
            if (p > 0)
                sum += p * log(p / fmax(q, ENTROPY_LEAST));
        }
    }
    return total > 0 ? sum / total : 0;
}

/* The range, shrunk by whole percents, whose codes tell most of the distribution. */
static void narrow_by_entropy(const histogram *h, int bits, double *low, double *high)
{
    double width = (h->high - h->low) / HISTOGRAM_BINS, best = INFINITY, share = 1;
    int levels = 1 << bits;
    for (int percent = 100; percent >= 5; percent--) {
        int first = (int)((*low * percent / 100 - h->low) / width);
        int last = (int)ceil((*high * percent / 100 - h->low) / width) - 1;
        double below = 0, above = 0;
        first = first < 0 ? 0 : first;
        last = last > HISTOGRAM_BINS - 1 ? HISTOGRAM_BINS - 1 : last;
        if (last - first + 1 < levels && percent < 100)
            break;
        for (int i = 0; i < first; i++)
            below += (double)h->count[i];
        for (int i = last + 1; i < HISTOGRAM_BINS; i++)
            above += (double)h->count[i];
        double now = divergence(h, first, last, levels, below, above);
        if (now < best) {
            best = now;
            share = percent / 100.0;
        }
    }
    *low *= share;
    *high *= share;
}

static const observer_row rows[] = {
    {"min-max", "the range that was seen", "Jacob et al. 2018, arXiv:1712.05877", 0,
     NULL},
    {"moving-average", "a moving average of the ranges of small batches",
     "Jacob et al. 2018, arXiv:1712.05877, section 3.1", 0.1, NULL},
    {"percentile", "0.01 % of the numbers cut off at either end",
     "Wu et al. 2020, arXiv:2004.09602, section 3.3", 0, narrow_to_percentile},
    {"histogram", "least squared error, either end for itself",
     "Nagel et al. 2021, arXiv:2106.08295, section 3.1", 0, narrow_each_end},
    {"mse", "the range of least squared error, outliers cut off",
     "Banner et al. 2019, arXiv:1810.05723, section 3.1", 0, narrow_to_least_error},
    {"entropy",
     "the range whose codes diverge least from what was seen (Kullback-Leibler)",
     "Migacz 2017, 8-bit inference with TensorRT", 0, narrow_by_entropy},
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
