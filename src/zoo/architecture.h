/* SPDX-License-Identifier: GPL-3.0-or-later
   architecture.h -- the table of architectures: one row each, one file a family. */
#ifndef LATHE_ZOO_ARCHITECTURE_H
#define LATHE_ZOO_ARCHITECTURE_H

#include "base/option.h"
#include "graph/model.h"

/* How first weights are drawn.  Norms begin with scale 1, shift 0, mean 0, variance 1.
   UNIFORM  weights and biases uniform in +-1/sqrt(fan in), which is He et al. 2015,
            arXiv:1502.01852, with a = sqrt(5): what PyTorch does unless told otherwise;
   FAN_OUT  convolutions normal with variance 2 / fan out (the same paper, eq. 14), their
            biases 0; linear layers as above;
   MOBILE   the same, but linear layers normal with deviation 0.01, their biases 0.
   Fans are counted as PyTorch does: fan out of a convolution in groups takes all its
   outputs, fan in of a transposed one is its outputs by the kernel, over the groups. */
typedef enum initialization {
    INITIALIZE_UNIFORM,
    INITIALIZE_FAN_OUT,
    INITIALIZE_MOBILE
} initialization;

typedef struct architecture {
    const char *name, *summary;
    const option *options;
    const char *source; /* where it was published */
    /* Options of published variants, "resize=224"; NULL ends them; NULL: none. */
    const char *const *variants;
    initialization first_weights;
    /* Of an autoencoder: the nodes of its encoder, which stand first, have names that begin
       so; the last of them puts out the latent value.  Else NULL. */
    const char *encoder;
    /* The model with zeroed parameters; architecture_build initialises. */
    model *(*build)(const option_set *options, error *e);
} architecture;

const architecture *architecture_find(const char *name);
const architecture *architecture_at(int i);

/* The latent value of an autoencoder from the table, -1 of other models. */
int architecture_latent(const model *m);

/* One file a family. */
extern const architecture arch_unet_phase, arch_unet_sid, arch_unet_light,
    arch_unet_lighter, arch_unet_fire, arch_vgg, arch_cnn_mnist, arch_cnn_simple,
    arch_cnn_enhanced, arch_lenet_5, arch_mobilenetv3_small, arch_mobilenet_tiny,
    arch_mobilenetv2, arch_swae_mlp, arch_swae_gmlp, arch_swae_conv, arch_resnet_18,
    arch_resnet_20;

/* Initialised from SEED. */
model *architecture_build(const architecture *a, const option_set *options, uint64_t seed,
                          error *e);

/* With zeroed parameters, by options as text: "size=64 classes=100", "" for none. */
model *architecture_outline(const architecture *a, const char *options, error *e);

status graph_initialize(graph *g, initialization rule, uint64_t seed, error *e);

#endif
