/* SPDX-License-Identifier: GPL-3.0-or-later
   mixed.h -- how many bits each layer gets: those that cost the metric most for what they
   save stay f32, or where there is room those that cost it least get fewer.  Losses are
   measured on validation samples, times on this machine, bytes are those of weights.  The
   model is not changed. */
#ifndef LATHE_COMPRESS_MIXED_H
#define LATHE_COMPRESS_MIXED_H

#include "base/task.h"
#include "compress/quantize.h"
#include "measure/metric.h"

#define MIXED_NARROW 4 /* bits of a layer that gets fewer */

typedef struct mixed_settings {
    quantize_settings
        quantize;             /* the static scheme; `bits` is what a layer usually gets */
    double budget;            /* of the metric: of itself where it is a share, else of the
                                   float model's own */
    const metric_row *metric; /* NULL: the first that applies */
    int64_t samples;          /* of validation, at most */
} mixed_settings;

typedef struct mixed_choice {
    int *bits; /* [layers], as quantize_settings.layer_bits: 0, MIXED_NARROW or
                   QUANTIZE_WIDE; owned */
    int layers, wide, narrow;
    int tried;         /* models that were quantized and measured, sensitivities aside */
    bool met;          /* is the loss within the budget? */
    double own, value; /* of the metric on the validation samples: float, as chosen */
    const metric_row *metric;
} mixed_choice;

/* First all layers at `bits`.  Where that loses more than the budget, layers become f32 in
   the order of their own loss over what they save (share of bytes + share of time), the
   fewest that do; else layers get fewer bits in the order of their loss over the bytes
   that saves, the most that may.  Both numbers are found by halving, each try a model
   quantized and measured.  Clear the choice in any case. */
status mixed_choose(const model *m, const dataset *d, const mixed_settings *s,
                    const task *watch, mixed_choice *c, error *e);
void mixed_clear(mixed_choice *c);

/* How much worse VALUE is than OWN, as the budget counts. */
double mixed_loss(const metric_row *metric, double own, double value);

#endif
