/* SPDX-License-Identifier: GPL-3.0-or-later
   panel.h -- weights packed in panels for the product loop, and the finish laid out to
   match.  Kept between the files of convolution. */
#ifndef LATHE_KERNEL_PANEL_H
#define LATHE_KERNEL_PANEL_H

#include <stdint.h>
#include "kernel/loops.h"
#include "kernel/mapping.h"
#include "kernel/scratch.h"

typedef struct panels {
    const mapping *m;
    const kernel_loops *loops;
    panel_form form;
    int64_t count;            /* panels */
    int64_t runs, run_length; /* of the product that reads them */
    int64_t floats;           /* of one panel */
    float *scale, *shift;     /* [count * form.outputs] */
} panels;

void panels_prepare(panels *p, const mapping *m, int64_t runs, int64_t run_length,
                    scratch *s);

/* scale and shift so that rectify((x + bias) scale + shift) is one product and sum. */
void panels_finish(panels *p, const float *bias, const finish *tail);

/* Packs panel I of WEIGHT to TO. */
void panels_pack(const panels *p, int64_t i, const float *weight, float *to);

/* The same of one tap, where the panels were prepared for one run of all channels. */
void panels_pack_tap(const panels *p, int64_t i, int64_t row, int64_t column,
                     const float *weight, float *to);

/* A product with panel I; pixels, x, step, offset, weight and y are still to be set. */
product panels_product(const panels *p, int64_t i, const finish *tail, bool accumulate);

#endif
