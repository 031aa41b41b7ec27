/* SPDX-License-Identifier: GPL-3.0-or-later
   quantize.h -- from a float graph to one that runs in integers: batch norm folded,
   ranges observed on calibration data, weights and values given quantizers, quantize and
   dequantize nodes put at the borders.  q = clamp(round(r / S) + Z); weights symmetric,
   S = absmax / qmax; values S = (max - min) / (qmax - qmin), Z = qmin - round(min / S);
   one scale for all weights of the model: affine, as values; bias s32, S = S_in * S_w.
   Source: Jacob et al. 2018, arXiv:1712.05877. */
#ifndef LATHE_COMPRESS_QUANTIZE_H
#define LATHE_COMPRESS_QUANTIZE_H

#include "base/error.h"
#include "base/table.h"
#include "base/task.h"
#include "compress/observer.h"
#include "data/dataset.h"
#include "graph/model.h"

typedef enum quantize_scheme {
    QUANTIZE_STATIC,  /* weights and values, ranges observed on data before */
    QUANTIZE_DYNAMIC, /* weights, and the inputs of conv2d and linear layers at every run,
                         each sample with the range it has; values between are f32 */
    QUANTIZE_WEIGHT   /* weights alone: runs in f32 */
} quantize_scheme;

#define QUANTIZE_WIDE 32 /* of layer_bits: the layer stays f32 */

typedef struct quantize_settings {
    quantize_scheme scheme;
    int bits;          /* 2..8 of weights (2..16 where they alone are quantized), */
    int value_bits;    /* and of values; 0: the same */
    granularity grain; /* of weights: one scale for the model, tensor, channel, and
                               where weights alone are quantized group */
    bool symmetric;    /* values have the zero point 0, S = absmax / qmax */
    int64_t group;     /* PER_GROUP: weights of a channel that share a scale */
    bool affine;       /* weights have zero points; weights alone */
    bool codebook;     /* 2^bits numbers for each tensor; weights alone */
    int64_t keep_first, keep_last; /* conv and linear layers that stay f32 */
    const int *layer_bits; /* [quantize_layers] of the weights of each conv and linear
                              layer: 0 is `bits`, QUANTIZE_WIDE f32; or NULL */
    int64_t samples;       /* calibration samples, from the training split */
    unsigned corrections;  /* bits of correction.h, of the static scheme */
    bool given;            /* the model's values have quantizers: nothing is
                                     observed */
    const observer_row *observer; /* how ranges follow from them; NULL: min-max */
    uint64_t seed;
} quantize_settings;

/* Folds each batch norm that follows a conv or linear alone into it (exactly but for
   rounding) and drops the node. */
status fold_batch_norm(graph *g, int *folded, error *e);

/* Each batch norm of images that is left, such as one behind a ReLU, becomes a depthwise
   1x1 convolution NAME.layer with its running statistics: y = x w[c] + b[c], with weights
   that are trained and quantized as others are.  Exact but for rounding. */
status norms_to_layers(graph *g, error *e);

/* What folding multiplies each output channel of the layer with WEIGHT by: FACTOR
   [channels of the weight], 1 where no batch norm of G can be folded into it. */
status fold_factors(const graph *g, int weight, double *factor, error *e);

/* The range of every value of G over N samples, as OBSERVER makes it for codes of BITS,
   with constant memory: LOW and HIGH have value_count entries. */
status observe_ranges(const model *m, const dataset *d, const int64_t *index, int64_t n,
                      const observer_row *observer, int bits, const task *watch,
                      double *low, double *high, error *e);

/* M is changed, or on failure left as it was.  D may be NULL for QUANTIZE_WEIGHT.
   Static: dropouts go, batch norms are folded, a ReLU that alone reads a quantized layer
   becomes that layer's clamp.  Conv and linear layers run in integers, but for those kept
   and those whose sums could leave 32 bits; other nodes do where all their inputs are
   codes and they have an integer kernel.  The model's input and output stay f32.
   Dynamic: the same preparation; nothing is observed; conv3d and transposed convolutions
   stay f32, too.
   E_USAGE where M is quantized already. */
status quantize_model(model *m, const quantize_settings *s, const dataset *d,
                      const task *watch, error *e);
/* What the static scheme does before it observes: dropouts go, batch norms are folded or
   become layers. */
status quantize_prepare(graph *g, error *e);

/* Gives every value of M, which is prepared, the quantizer that it would be observed to
   have: what a pass with `given` goes by. */
status quantize_observe(model *m, const quantize_settings *s, const dataset *d,
                        const task *watch, error *e);

/* Codes of the layers of G, which quantize_model made of a graph like FROM, anew from the
   weights of FROM, with the ranges of values that G has. */
status quantize_weights_again(graph *g, const graph *from, const quantize_settings *s,
                              error *e);

/* Conv and linear layers of G, as keep_first, keep_last and layer_bits count them. */
int quantize_layers(const graph *g);
const node *quantize_layer_at(const graph *g, int number); /* from 0; NULL beyond */

bool quantize_is_done(const graph *g); /* is anything in it quantized? */

/* The symmetric quantizer of a weight: S = absmax / qmax of the tensor or of each output
   channel, but not below LEAST[c] (may be NULL); 1 where all is 0. */
quantizer *quantizer_of_weight(const parameter *p, int bits, granularity grain,
                               const double *least, error *e);

/* The same for GROUP consecutive weights of an output channel each, with zero points, and
   for a codebook of 2^bits numbers by k-means (bits 2..8), which holds 0 where weights are
   masked.  Source of the last: Han et al. 2016, arXiv:1510.00149, section 3. */
quantizer *quantizer_of_groups(const parameter *p, int bits, int64_t group, error *e);
quantizer *quantizer_affine(const parameter *p, int bits, granularity grain, error *e);
quantizer *quantizer_of_clusters(const parameter *p, int bits, error *e);

/* Scale and zero point for a range; the range is widened to hold 0. */
void quantizer_from_range(double low, double high, int bits, float *scale,
                          int32_t *zero_point);
/* q = clamp(round-half-even(r / scale) + zero_point). */
int32_t quantize_value(double r, float scale, int32_t zero_point, int bits);

#endif
