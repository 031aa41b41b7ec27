/* SPDX-License-Identifier: GPL-3.0-or-later
   matrix.h -- mappings that are plain matrix products, by OpenBLAS: linear layers and 1x1
   convolutions, pixels times weights where both lie.  Convolutions of more taps are
   faster as products that gather while they multiply (panel.h).  Called from one thread
   on its own tile.  Kept between the files of convolution. */
#ifndef LATHE_KERNEL_MATRIX_H
#define LATHE_KERNEL_MATRIX_H

#include <stdbool.h>
#include <stdint.h>
#include "kernel/finish.h"
#include "kernel/mapping.h"

/* For a mapping of a single tap that reads every pixel where it lies: are the matrices
   large enough on each side, and the weights laid out for it? */
bool matrix_suits(const mapping *m, int64_t pixels);

/* y[p][o] (+)= sum over k of x[p * step + k] w[k][first + o], p < pixels, o < outputs;
   then, unless ACCUMULATE, rectify(y scale[o] + shift[o]), both [outputs]. */
typedef struct matrix_product {
    const mapping *m;
    const float *x, *weight;
    int64_t step, pixels, first, outputs;
    const float *scale, *shift;
    rectifier rectify;
    float slope;
    float *y;
    int64_t y_step;
    bool accumulate;
} matrix_product;

void matrix_multiply(const matrix_product *t);

#endif
