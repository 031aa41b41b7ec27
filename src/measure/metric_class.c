/* SPDX-License-Identifier: GPL-3.0-or-later
   metric_class.c -- metrics of labels, as sums over one sample; confusion between classes
   is confusion.c's. */
#include <math.h>

#include "measure/metric_parts.h"

/* The rows of outputs, one a label. */
static int64_t rows_of(const metric_sample *s, int64_t *channels)
{
    *channels = s->shape.dim[s->shape.rank - 1];
    return shape_count(s->shape) / *channels;
}

/* Outputs that stand before that of the label: larger, or as large and earlier.  What is
   NaN comes last, and a label whose own output is NaN has all before it. */
static int64_t rank_of(const float *y, int64_t label, int64_t channels)
{
    int64_t before = 0;
    for (int64_t c = 0; c < channels; c++)
        before += c != label && !isnan(y[c]) &&
                  !(y[c] < y[label] || (y[c] == y[label] && c > label));
    return isnan(y[label]) ? channels : before;
}

static void top_add(const metric_sample *s, int64_t most, double sums[METRIC_SUMS])
{
    int64_t channels, rows = rows_of(s, &channels);
    for (int64_t i = 0; i < rows; i++) {
        if (s->valid && s->valid[i] == 0)
            continue;
        sums[0] +=
            rank_of(s->output + i * channels, (int64_t)s->target[i], channels) < most;
        sums[1] += 1;
    }
}

void accuracy_add(const metric_sample *s, double sums[METRIC_SUMS])
{
    top_add(s, 1, sums);
}

void top5_add(const metric_sample *s, double sums[METRIC_SUMS])
{
    top_add(s, 5, sums);
}

/* -ln softmax(y)[label]; where y are logarithms of probabilities, these themselves. */
void cross_entropy_add(const metric_sample *s, double sums[METRIC_SUMS])
{
    int64_t channels, rows = rows_of(s, &channels);
    for (int64_t i = 0; i < rows; i++) {
        const float *y = s->output + i * channels;
        double top = (double)y[0], sum = 0;
        if (s->valid && s->valid[i] == 0)
            continue;
        for (int64_t c = 1; c < channels; c++)
            top = fmax(top, (double)y[c]);
        for (int64_t c = 0; c < channels; c++)
            sum += exp((double)y[c] - top);
        sums[0] += log(sum) + top - (double)y[(int64_t)s->target[i]];
        sums[1] += 1;
    }
}
