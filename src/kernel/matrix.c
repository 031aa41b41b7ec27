/* SPDX-License-Identifier: GPL-3.0-or-later
   matrix.c -- products of large matrices, by OpenBLAS.
   It starts no threads. */
#include "kernel/matrix.h"

#include <cblas.h>

/* Below these the packing inside of sgemm costs more than the product. */
enum { LEAST_PIXELS = 16, LEAST_SIDE = 64 };

bool matrix_suits(const mapping *m, int64_t pixels)
{
    return pixels >= LEAST_PIXELS && m->channels >= LEAST_SIDE &&
           m->outputs >= LEAST_SIDE && (m->weight_channel == 1 || m->weight_output == 1);
}

static void finish_rows(const matrix_product *t)
{
    for (int64_t p = 0; p < t->pixels; p++) {
        float *y = t->y + p * t->y_step;
        for (int64_t o = 0; o < t->outputs; o++)
            y[o] = y[o] * t->scale[o] + t->shift[o];
        if (t->rectify == RECTIFY_NONE)
            continue;
        float slope = t->rectify == RECTIFY_ZERO ? 0.0f : t->slope;
        for (int64_t o = 0; o < t->outputs; o++)
            y[o] = y[o] < 0.0f ? y[o] * slope : y[o];
    }
}

void matrix_multiply(const matrix_product *t)
{
    const mapping *m = t->m;
    bool by_output = m->weight_channel == 1;
    const float *weight = t->weight + m->rows.weight[0] + m->columns.weight[0];
    cblas_sgemm(CblasRowMajor, CblasNoTrans, by_output ? CblasTrans : CblasNoTrans,
                (blasint)t->pixels, (blasint)t->outputs, (blasint)m->channels, 1.0f, t->x,
                (blasint)t->step, weight + t->first * m->weight_output,
                (blasint)(by_output ? m->weight_output : m->weight_channel),
                t->accumulate ? 1.0f : 0.0f, t->y, (blasint)t->y_step);
    if (!t->accumulate)
        finish_rows(t);
}
