/* SPDX-License-Identifier: GPL-3.0-or-later
   networks.h -- the networks that the bench measures, from the zoo.  Parameters carry the names of the PyTorch modules in peers/models.py.  No times are
   taken here. */
#ifndef LATHE_TESTS_BENCH_NETWORKS_H
#define LATHE_TESTS_BENCH_NETWORKS_H

#include <stdint.h>
#include "base/error.h"
#include "graph/model.h"

typedef struct network {
    const char *name;         /* as in the table of peers/models.py */
    const char *architecture; /* of the zoo */
    const char *options;      /* of the architecture */
} network;

/* The I-th row of the table, or NULL beyond its end; the row of NAME, or NULL. */
const network *network_at(int i);
const network *network_find(const char *name);

/* The network, parameters zeroed; SIZE: height and width of its images, 0: its own. */
model *network_build(const network *n, int64_t size, error *e);

/* Draws parameters by SEED, each from its own stream: weights uniform in
   +-sqrt(6 / fan_in) (He et al. 2015, arXiv:1502.01852), which keeps the size of
   activations from layer to layer; biases and norms near 0 and 1, but nowhere equal. */
status network_draw(model *m, uint64_t seed, error *e);

/* Takes parameters from the archive PATH, an array for each name in PyTorch's order;
   weights of transposed convolutions are (I, O, k...) there. */
status network_load(model *m, const char *path, error *e);

#endif
