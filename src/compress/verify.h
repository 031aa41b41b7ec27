/* SPDX-License-Identifier: GPL-3.0-or-later
   verify.h -- a compressed model beside the one it was made of, layer by layer: what of
   each value is signal and what is noise, and how much of it stands at the ends of its
   range.  Both are run on the same samples; nothing is changed. */
#ifndef LATHE_COMPRESS_VERIFY_H
#define LATHE_COMPRESS_VERIFY_H

#include "base/task.h"
#include "data/dataset.h"
#include "graph/model.h"

typedef struct verify_row {
    char *name; /* of the node */
    const char *op;
    dtype type;      /* of its value in the compressed model */
    int weight_bits; /* 0: it has no weight, 32: f32 */
    int64_t elements,
        saturated;        /* over all samples; those whose code is at an end that is
                                    not the zero of a ReLU */
    double signal, noise; /* sums of squares: of the reference, of the difference */
    double weight_signal, weight_noise; /* the same of its weight */
} verify_row;

typedef struct verification {
    verify_row *rows;
    int count;
    int64_t samples; /* that were run */
} verification;

/* 10 log10(signal / noise); infinite where there is no noise, NaN where there is nothing. */
double verify_decibels(double signal, double noise);

/* M against REFERENCE on samples INDEX[0..n-1] of D, in the order in which nodes run; what
   is not in both has no row.  Where M runs in integers, the reference has its batch norms
   folded and its dropouts dropped first.  E_SHAPE where a value differs in shape;
   E_STOPPED: V has what was done.  Clear V in any case. */
status verify_models(const model *reference, const model *m, const dataset *d,
                     const int64_t *index, int64_t n, const task *watch, verification *v,
                     error *e);
void verify_clear(verification *v);

#endif
