/* SPDX-License-Identifier: GPL-3.0-or-later
   quantize_parts.h -- what the files of the quantizing pass share.  Nobody outside of
   compress/ reads it. */
#ifndef LATHE_COMPRESS_QUANTIZE_PARTS_H
#define LATHE_COMPRESS_QUANTIZE_PARTS_H

#include "compress/correction.h"
#include "compress/quantize.h"

typedef struct pass {
    graph *graph;
    const quantize_settings *settings;
    int *bits;            /* [parameter_count] of weights that become codes; 0: none */
    const graph *before;  /* as it was before batch norms were folded, or as it was
                            equalized behind that */
    graph *equalized;     /* that, to be freed */
    layer_inputs *inputs; /* where codes or biases are corrected */
    float model_scale;    /* PER_MODEL: one for all weights of `before` */
    int32_t model_zero;
} pass;

bool pass_chose(const pass *p, const node *n);
/* PER_MODEL: one affine range over all chosen weights. */
void pass_observe_weights(pass *p);
/* The weight of layer N; no scale of a channel is below LEAST[c], which may be NULL. */
status pass_quantize_weight(const pass *p, const node *n, const double *least, error *e);
/* Weight and bias of layer N, whose input has its quantizer. */
status pass_quantize_layer(const pass *p, const node *n, error *e);

/* Is N, a layer of G, what norms_to_layers made of a norm? */
bool norm_is_layer(const graph *g, const node *n);

#endif
