/* SPDX-License-Identifier: GPL-3.0-or-later
   correction.h -- the table of corrections: what quantize can do about the error that
   rounding weights leaves.  Each acts at its own place of the pass (quantize.c). */
#ifndef LATHE_COMPRESS_CORRECTION_H
#define LATHE_COMPRESS_CORRECTION_H

#include <stdbool.h>
#include "base/error.h"
#include "base/task.h"
#include "data/dataset.h"
#include "graph/model.h"

/* Bits of a set of corrections. */
enum {
    CORRECT_NORMS = 1,    /* before batch norms are folded */
    CORRECT_EQUALIZE = 2, /* on the folded float graph */
    CORRECT_ROUND = 4,    /* when a layer's codes are chosen */
    CORRECT_BIAS = 8      /* behind that */
};

typedef struct correction_row {
    const char *name, *summary, *source;
    unsigned bit;
} correction_row;

const correction_row *correction_find(const char *name);
const correction_row *correction_at(int i); /* NULL beyond the last */

/* What layers of a float model see: its values over one batch of calibration samples, as
   many as a quarter of a gigabyte holds. */
typedef struct layer_inputs layer_inputs;

layer_inputs *layer_inputs_new(const model *m, const dataset *d, const int64_t *index,
                               int64_t n, error *e);
void layer_inputs_free(layer_inputs *l); /* NULL is fine */

/* NORMS: running statistics of M, which has no dropout any more, become the plain mean of
   those of batches that run through BITS-bit weights.  E_RANGE where a norm would see too
   few numbers for a variance.  Source: Sun et al. 2019,
   "Hybrid 8-bit floating point training and inference", section 4.2. */
status correct_norms(model *m, int bits, const dataset *d, const int64_t *index,
                     int64_t n, const task *watch, error *e);

/* EQUALIZE: of two layers with nothing between them but a ReLU (or leaky ReLU), channel i of the first is divided by
   s_i and that of the second multiplied, s_i = sqrt(r1_i r2_i) / r2_i with the ranges r of
   weights; repeated until nothing moves.  Answers stay, but for rounding.  *PAIRS counts.
   Source: Nagel et al. 2019, arXiv:1906.04721, section 4.1. */
status correct_equalize(graph *g, int *pairs, error *e);

/* ROUND: weights of layer NAME are moved to points of Q's grid, each to one of its two
   neighbours, so that the mean square of the change of the layer's output is small: e'Ge,
   G the second moment of its inputs, by flips from the nearest points, the best first.
   Nothing where the layer's kind is not gathered (only conv2d and linear are).
   Source: Nagel et al. 2020, arXiv:2004.10568, section 3. */
status correct_round(const layer_inputs *l, const char *name, parameter *weight,
                     const quantizer *q, error *e);

/* BIAS: CHANGE [output channels] is what the change of weights, NOW - WAS, does to the
   mean output of layer NAME; it is to be taken from the bias.
   Source: Nagel et al. 2019, arXiv:1906.04721, section 4.2. */
status correct_bias(const layer_inputs *l, const char *name, const tensor *was,
                    const tensor *now, double *change, error *e);

/* What is known of a layer in L: its node, and its input (N, ..., channels). */
const node *layer_inputs_node(const layer_inputs *l, const char *name);
const float *layer_inputs_of(const layer_inputs *l, const node *n, shape *s);

#endif
