/* SPDX-License-Identifier: GPL-3.0-or-later
   networks.h -- the networks that the bench measures, built through the graph interface.
   Parameters carry the names of the PyTorch modules in peers/models.py.  No times are
   taken here. */
#ifndef LATHE_TESTS_BENCH_NETWORKS_H
#define LATHE_TESTS_BENCH_NETWORKS_H

#include <stdint.h>
#include "base/error.h"
#include "graph/model.h"

typedef struct network {
    const char *name;      /* as in the table of peers/models.py */
    shape input;           /* one sample, channels last */
    int64_t parameters;    /* trained elements, as published */
    int64_t multiply_adds; /* of one sample; 0 where nothing was published */
    graph *(*build)(shape input, error *e);
} network;

/* The I-th row of the table, or NULL beyond its end; the row of NAME, or NULL. */
const network *network_at(int i);
const network *network_find(const char *name);

/* The network for samples of the shape INPUT (rank 0: its own), parameters zeroed.
   E_NUMERIC where its counts are not the published ones (of multiply-adds: for samples of
   its own shape). */
model *network_build(const network *n, shape input, error *e);

/* Draws parameters by SEED, each from its own stream: weights uniform in
   +-sqrt(6 / fan_in) (He et al. 2015, arXiv:1502.01852), which keeps the size of
   activations from layer to layer; biases and norms near 0 and 1, but nowhere equal. */
status network_draw(model *m, uint64_t seed, error *e);

/* Takes parameters from the archive PATH, an array for each name in PyTorch's order;
   weights of transposed convolutions are (I, O, k...) there. */
status network_load(model *m, const char *path, error *e);

graph *build_cnn_mnist(shape input, error *e);
graph *build_sid(shape input, error *e);
graph *build_sid_lighter(shape input, error *e);
graph *build_swae_conv(shape input, error *e);
graph *build_swae_gmlp(shape input, error *e);
graph *build_swae_mlp(shape input, error *e);
graph *build_unet_phase(shape input, error *e);
graph *build_vgg(shape input, error *e);

#endif
