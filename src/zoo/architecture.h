/* SPDX-License-Identifier: GPL-3.0-or-later
   architecture.h -- the table of architectures: one row each, one file a family. */
#ifndef LATHE_ZOO_ARCHITECTURE_H
#define LATHE_ZOO_ARCHITECTURE_H

#include "base/option.h"
#include "graph/model.h"

typedef struct architecture {
    const char *name, *summary;
    const option *options;
    const char *source; /* where it was published */
    /* The model with zeroed parameters; architecture_build initialises. */
    model *(*build)(const option_set *options, error *e);
} architecture;

const architecture *architecture_find(const char *name);
const architecture *architecture_at(int i);
extern const architecture arch_unet_phase;

/* Builds and initialises: weights and biases uniform in +-1/sqrt(fan_in), norm scales 1,
   shifts 0, running statistics 0 and 1 (PyTorch's defaults), drawn from SEED. */
model *architecture_build(const architecture *a, const option_set *options, uint64_t seed,
                          error *e);
status graph_initialize(graph *g, uint64_t seed, error *e);

#endif
