/* SPDX-License-Identifier: GPL-3.0-or-later
   loss.c -- losses: value and gradient in one pass over tiles that depend on the size
   alone; nothing here knows of models or allocates memory. */
#include "train/loss.h"

#include <math.h>
#include <string.h>

#include "base/parallel.h"

#define TILES_MAX  256
#define TILE_LEAST 8192

/* The loops below are written once and compiled with and without what is optional. */
#define SPAN static inline __attribute__((always_inline)) double

const loss_settings loss_standard = {.delta = 1, .smoothing = 0};

typedef struct loss_job loss_job;
struct loss_job {
    const loss_settings *settings;
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

/* Which of the optional arrays there are; constant wherever it is used. */
enum { PLAIN = 0, MASKED = 1, SLOPED = 2 };

static int parts_of(const loss_job *j)
{
    return (j->valid ? MASKED : 0) | (j->gradient ? SLOPED : 0);
}

#define KEPT(i) (have & MASKED ? v[i] : 1.0f)

/* d^2 */
SPAN squares_span(const loss_job *j, int64_t begin, int64_t end, const int have)
{
    const float *restrict y = j->output, *restrict t = j->target, *restrict v = j->valid;
    float *restrict g = j->gradient;
    const float twice = (float)(2 * j->share);
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = begin; i < end; i++) {
        float d = y[i] - t[i], kept = d * KEPT(i);
        sum += (double)d * (double)kept;
        if (have & SLOPED)
            g[i] = twice * kept;
    }
    return sum;
}

/* |d| */
SPAN absolute_span(const loss_job *j, int64_t begin, int64_t end, const int have)
{
    const float *restrict y = j->output, *restrict t = j->target, *restrict v = j->valid;
    float *restrict g = j->gradient;
    const float share = (float)j->share;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = begin; i < end; i++) {
        float d = y[i] - t[i], kept = KEPT(i);
        sum += (double)(fabsf(d) * kept);
        if (have & SLOPED)
            g[i] = share * kept * (d > 0 ? 1.0f : d < 0 ? -1.0f : 0.0f);
    }
    return sum;
}

/* d^2 / 2 up to |d| = delta, then delta (|d| - delta / 2).
   Source: Huber 1964, Annals of Mathematical Statistics 35(1), eq. 4. */
SPAN huber_span(const loss_job *j, int64_t begin, int64_t end, const int have)
{
    const float *restrict y = j->output, *restrict t = j->target, *restrict v = j->valid;
    float *restrict g = j->gradient;
    const float share = (float)j->share, delta = (float)j->settings->delta;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = begin; i < end; i++) {
        float d = y[i] - t[i], kept = KEPT(i);
        float slope = d > delta ? delta : d < -delta ? -delta : d;
        sum += (double)slope * ((double)d - 0.5 * (double)slope) * (double)kept;
        if (have & SLOPED)
            g[i] = share * kept * slope;
    }
    return sum;
}

#define TILE(name)                                                                       \
    static double name##_tile(const loss_job *j, int64_t begin, int64_t end)             \
    {                                                                                    \
        switch (parts_of(j)) {                                                           \
        case MASKED:                                                                     \
            return name##_span(j, begin, end, MASKED);                                   \
        case SLOPED:                                                                     \
            return name##_span(j, begin, end, SLOPED);                                   \
        case MASKED | SLOPED:                                                            \
            return name##_span(j, begin, end, MASKED | SLOPED);                          \
        default:                                                                         \
            return name##_span(j, begin, end, PLAIN);                                    \
        }                                                                                \
    }

TILE(squares)
TILE(absolute)
TILE(huber)

static bool is_label(float label, int64_t channels)
{
    return label >= 0 && label < (float)channels && label == floorf(label);
}

/* -sum_c q[c] ln softmax(y)[c] of one row, q = (1 - smoothing) onehot(label) + smoothing /
   channels, with the largest y taken out first so that nothing overflows; gradient
   softmax(y) - q.
   Source of the smoothing: Szegedy et al. 2016, arXiv:1512.00567, section 7. */
static double cross_entropy_row(const float *y, int64_t label, int64_t channels, float *g,
                                double share, double smoothing)
{
    double top = (double)y[0], sum = 0, mean = 0;
    for (int64_t c = 1; c < channels; c++)
        top = fmax(top, (double)y[c]);
    for (int64_t c = 0; c < channels; c++) {
        sum += exp((double)y[c] - top);
        mean += ((double)y[c] - top) / (double)channels;
    }
    const double all = smoothing / (double)channels, own = 1 - smoothing;
    for (int64_t c = 0; g && c < channels; c++)
        g[c] = (float)(share *
                       (exp((double)y[c] - top) / sum - all - (c == label ? own : 0)));
    double met = own * ((double)y[label] - top);
    return log(sum) - met - (smoothing > 0 ? smoothing * mean : 0);
}

/* -y[label] of one row of logarithms of probabilities */
static double likelihood_row(const float *y, int64_t label, int64_t channels, float *g,
                             double share)
{
    for (int64_t c = 0; g && c < channels; c++)
        g[c] = c == label ? -(float)share : 0;
    return -(double)y[label];
}

SPAN labels_span(const loss_job *j, int64_t begin, int64_t end, const bool logarithms)
{
    double sum = 0;
    for (int64_t i = begin; i < end; i += j->channels) {
        int64_t row = i / j->channels;
        float *g = j->gradient ? j->gradient + i : NULL;
        double kept = j->valid ? (double)j->valid[row] : 1;
        if (kept == 0) {
            for (int64_t c = 0; g && c < j->channels; c++)
                g[c] = 0;
            continue;
        }
        if (!is_label(j->target[row], j->channels))
            return NAN;
        int64_t label = (int64_t)j->target[row];
        double share = kept * j->share;
        sum += kept * (logarithms
                           ? likelihood_row(j->output + i, label, j->channels, g, share)
                           : cross_entropy_row(j->output + i, label, j->channels, g,
                                               share, j->settings->smoothing));
    }
    return sum;
}

static double cross_entropy_tile(const loss_job *j, int64_t begin, int64_t end)
{
    return labels_span(j, begin, end, false);
}

static double likelihood_tile(const loss_job *j, int64_t begin, int64_t end)
{
    return labels_span(j, begin, end, true);
}

/* Two functions for each tile: one looks at VALID, one does not. */
#define VALUES(name, of, terms)                                                          \
    static double masked_##name##_value(const loss_settings *s, const float *output,     \
                                        const float *target, const float *valid,         \
                                        int64_t n, int64_t channels, float *gradient)    \
    {                                                                                    \
        loss_job j = {                                                                   \
            s, output, target, valid, gradient, channels, 0, 0, of##_tile, {0}};         \
        return mean_of_tiles(&j, n, terms);                                              \
    }                                                                                    \
    static double name##_value(const loss_settings *s, const float *output,              \
                               const float *target, const float *valid, int64_t n,       \
                               int64_t channels, float *gradient)                        \
    {                                                                                    \
        (void)valid;                                                                     \
        return masked_##name##_value(s, output, target, NULL, n, channels, gradient);    \
    }

VALUES(mse, squares, n)
VALUES(l1, absolute, n)
VALUES(huber, huber, n)
VALUES(cross_entropy, cross_entropy, n / channels)
VALUES(nll, likelihood, n / channels)

static const loss_row rows[] = {
    {"masked-mse", "squared error, 0 where invalid, mean over all elements",
     masked_mse_value, false},
    {"mse", "squared error, mean over all elements, masks ignored", mse_value, false},
    {"masked-l1", "absolute error, 0 where invalid, mean over all elements",
     masked_l1_value, false},
    {"l1", "absolute error, mean over all elements, masks ignored", l1_value, false},
    {"masked-huber", "half the squared error, straight beyond delta, 0 where invalid",
     masked_huber_value, false},
    {"huber", "half the squared error, straight beyond delta, masks ignored", huber_value,
     false},
    {"cross-entropy", "minus the logarithm of the label's softmax, mean over rows",
     cross_entropy_value, true},
    {"masked-cross-entropy", "cross-entropy, 0 where invalid, mean over all rows",
     masked_cross_entropy_value, true},
    {"nll", "minus the label's output, which is a logarithm of its probability",
     nll_value, true},
    {"masked-nll", "nll, 0 where invalid, mean over all rows", masked_nll_value, true},
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
