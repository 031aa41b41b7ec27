/* SPDX-License-Identifier: GPL-3.0-or-later
   picture_resize.c -- pictures in another size, by columns and then by rows.  It works on
   whole pictures in memory alone. */
#include "data/picture.h"

#include <math.h>
#include "base/memory.h"

/* For each of COUNT new pixels the old ones it is made of. */
typedef struct taps {
    int64_t count, most; /* most taps of a pixel */
    int64_t *first, *length;
    double *weight; /* [count x most] */
} taps;

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

static double value(const tensor *t, int64_t i)
{
    return tensor_dtype(t) == DTYPE_U16 ? ((const uint16_t *)tensor_data(t))[i]
                                        : ((const uint8_t *)tensor_data(t))[i];
}

/* Along the rows: T (H, W, C) to MIDDLE (H, W', C). */
static void squeeze_rows(const tensor *t, const taps *x, double *middle)
{
    const shape s = tensor_shape(t);
    const int64_t channels = s.dim[2];
    for (int64_t i = 0; i < s.dim[0]; i++)
        for (int64_t j = 0; j < x->count; j++)
            for (int64_t c = 0; c < channels; c++) {
                double sum = 0;
                for (int64_t k = 0; k < x->length[j]; k++)
                    sum += x->weight[j * x->most + k] *
                           value(t, (i * s.dim[1] + x->first[j] + k) * channels + c);
                middle[(i * x->count + j) * channels + c] = sum;
            }
}

/* Along the columns: MIDDLE, rows of ROW numbers, to OUT. */
static void squeeze_columns(const double *middle, const taps *y, int64_t row, tensor *out,
                            void *to)
{
    const double most = tensor_dtype(out) == DTYPE_U16 ? 65535 : 255;
    for (int64_t i = 0; i < y->count; i++)
        for (int64_t j = 0; j < row; j++) {
            double sum = 0;
            for (int64_t k = 0; k < y->length[i]; k++)
                sum += y->weight[i * y->most + k] * middle[(y->first[i] + k) * row + j];
            const double whole = fmin(fmax(rint(sum), 0), most);
            if (tensor_dtype(out) == DTYPE_U16)
                ((uint16_t *)to)[i * row + j] = (uint16_t)whole;
            else
                ((uint8_t *)to)[i * row + j] = (uint8_t)whole;
        }
}

tensor *picture_resize(const tensor *t, int64_t height, int64_t width, error *e)
{
    taps x = {0}, y = {0};
    const shape s = tensor_shape(t);
    const int64_t row = width * s.dim[2];
    tensor *out = tensor_new(tensor_dtype(t), shape_of(3, height, width, s.dim[2]), e);
    void *to = out ? tensor_write(out, e) : NULL;
    double *middle = to ? memory_new_raw(s.dim[0] * row, sizeof *middle, e) : NULL;
    const bool ready = middle && taps_make(&x, s.dim[1], width, e) == E_OK &&
                       taps_make(&y, s.dim[0], height, e) == E_OK;
    if (ready) {
        squeeze_rows(t, &x, middle);
        squeeze_columns(middle, &y, row, out, to);
    } else {
        tensor_free(out);
        out = NULL;
    }
    taps_clear(&x);
    taps_clear(&y);
    memory_free(middle);
    return out;
}
