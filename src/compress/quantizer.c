/* SPDX-License-Identifier: GPL-3.0-or-later
   quantizer.c -- quantizers of ranges and of weights.  Codes are made in graph/coding,
   the pass over a graph is quantize.c. */
#include "compress/quantize.h"

#include <float.h>
#include <math.h>
#include "kernel/integer.h"

int32_t quantize_value(double r, float scale, int32_t zero_point, int bits)
{
    return integer_encode(
        r, (integer_format){scale, zero_point, integer_low(bits), integer_high(bits)});
}

void quantizer_from_range(double low, double high, int bits, float *scale,
                          int32_t *zero_point)
{
    integer_format f = integer_format_for(low, high, bits, false);
    *scale = f.scale;
    *zero_point = f.zero;
}

static double largest_magnitude(const float *x, int64_t n)
{
    float most = 0.0f;
    for (int64_t i = 0; i < n; i++)
        most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
    return (double)most;
}

quantizer *quantizer_of_weight(const parameter *p, int bits, granularity grain,
                               const double *least, error *e)
{
    int64_t rows = tensor_shape(p->data).dim[0];
    int64_t taps = tensor_count(p->data) / rows;
    quantizer *q = quantizer_new(bits, grain, grain == PER_CHANNEL ? rows : 1, e);
    if (!q)
        return NULL;
    for (int64_t c = 0; c < rows; c++) {
        int64_t at = q->channels == 1 ? 0 : c;
        double scale =
            largest_magnitude(tensor_f32(p->data) + c * taps, taps) / integer_high(bits);
        if (least && least[c] > scale)
            scale = least[c];
        if ((float)scale > q->scale[at])
            q->scale[at] = (float)scale;
    }
    for (int64_t c = 0; c < q->channels; c++)
        if (!(q->scale[c] >= FLT_MIN))
            q->scale[c] = 1.0f;
    return q;
}

quantizer *quantizer_of_groups(const parameter *p, int bits, int64_t group, error *e)
{
    int64_t rows = tensor_shape(p->data).dim[0], taps = tensor_count(p->data) / rows;
    int64_t groups = (taps + group - 1) / group;
    quantizer *q = quantizer_new(bits, PER_GROUP, rows * groups, e);
    if (!q)
        return NULL;
    q->group = group;
    for (int64_t i = 0; i < q->channels; i++) {
        int64_t begin = i % groups * group;
        int64_t n = taps - begin < group ? taps - begin : group;
        const float *x = tensor_f32(p->data) + i / groups * taps + begin;
        double scale = largest_magnitude(x, n) / integer_high(bits);
        q->scale[i] = scale >= (double)FLT_MIN ? (float)scale : 1.0f;
    }
    return q;
}

quantizer *quantizer_affine(const parameter *p, int bits, granularity grain, error *e)
{
    int64_t rows = tensor_shape(p->data).dim[0], count = tensor_count(p->data);
    quantizer *q = quantizer_new(bits, grain, grain == PER_CHANNEL ? rows : 1, e);
    int64_t taps = q ? count / q->channels : 0;
    for (int64_t c = 0; q && c < q->channels; c++) {
        const float *x = tensor_f32(p->data) + c * taps;
        double low = 0, high = 0;
        for (int64_t i = 0; i < taps; i++) {
            low = (double)x[i] < low ? (double)x[i] : low;
            high = (double)x[i] > high ? (double)x[i] : high;
        }
        quantizer_from_range(low, high, bits, &q->scale[c], &q->zero_point[c]);
    }
    return q;
}
