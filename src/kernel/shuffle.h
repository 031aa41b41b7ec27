/* SPDX-License-Identifier: GPL-3.0-or-later
   shuffle.h -- channels to pixels: y [n, h r, w r, c] from x [n, h, w, c r r],

     y[.., i r + a, j r + b, k] = x[.., i, j, (k r + a) r + b]

   and its way back for gradients.  Nothing is computed but sums of gradients.
   Source: Shi et al. 2016, arXiv:1609.05158, eq. 4. */
#ifndef LATHE_KERNEL_SHUFFLE_H
#define LATHE_KERNEL_SHUFFLE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct shuffle {
    int64_t n, h, w, c; /* h, w of x; c of y */
    int64_t factor;     /* r */
} shuffle;

void shuffle_forward(const shuffle *s, const float *x, float *y);
void shuffle_backward(const shuffle *s, const float *grad_y, float *grad_x,
                      bool accumulate);
void shuffle_codes(const shuffle *s, const int8_t *x, int8_t *y);

#endif
