/* SPDX-License-Identifier: GPL-3.0-or-later
   swae.c -- autoencoders of blocks of 5x5x5 numbers: an encoder to a few latent numbers
   and the way back.  Parameters carry the names of the published PyTorch modules, `e` the
   encoder's, `d` the decoder's; what the latent numbers should be like is the loss's.
   Source: Kolouri, Pope, Martin, Rohde 2018, arXiv:1804.01947. */
#include <string.h>

#include "zoo/architecture.h"
#include "zoo/builder.h"

enum { EDGE = 5, CELLS = EDGE * EDGE * EDGE };

#define EPSILON 1e-4 /* the floor of the published data */

#define LATENT                                                                           \
    {                                                                                    \
        "latent", OPTION_INTEGER, "1..4096", "16", NULL,                                 \
            "numbers that a block is brought to"                                         \
    }
#define BLOCKS                                                                           \
    {                                                                                    \
        "blocks", OPTION_FLAG, NULL, "yes", NULL,                                        \
            "takes and gives blocks of 1x5x5x5; no: rows of 125"                         \
    }

#define TRANSFORM                                                                        \
    {                                                                                    \
        "transform", OPTION_WORD, "block-log|none", "block-log", NULL,                   \
            "what is done to the input first"                                            \
    }

/* The published normalization: y = ln(x - least of the block + epsilon). */
static model *normalized(model *m, const option_set *set)
{
    if (m && strcmp(option_words(set, "transform"), "block-log") == 0)
        m->input_transform = (transform){.kind = TRANSFORM_BLOCK_LOG, .epsilon = EPSILON};
    return m;
}

/* A row of 125 numbers, whatever the samples are. */
static builder begin_row(const option_set *set, error *e)
{
    if (!option_flag(set, "blocks"))
        return builder_begin(shape_of(1, (int64_t)CELLS), e);
    builder b = builder_begin(
        shape_of(4, (int64_t)EDGE, (int64_t)EDGE, (int64_t)EDGE, INT64_C(1)), e);
    builder_add(&b, "flatten", of_nothing(), "row");
    return b;
}

static model *finish_row(builder *b, const option_set *set)
{
    const attributes block = {.size = {EDGE, EDGE, EDGE}, .channels = 1};
    if (option_flag(set, "blocks"))
        builder_add(b, "unflatten", block, "block");
    return normalized(builder_finish(b), set);
}

/* ---- swae-mlp ---- */

static const option mlp_options[] = {
    LATENT,
    {"hidden", OPTION_INTEGER, "1..65536", "512", NULL,
     "width of the layer on either side"},
    BLOCKS,
    TRANSFORM,
    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL},
};

static model *build_mlp(const option_set *set, error *e)
{
    const int64_t outer[2] = {option_integer(set, "latent"), CELLS};
    builder b = begin_row(set, e);
    for (int i = 0; i < 2; i++) {
        const char half = i == 0 ? 'e' : 'd';
        builder_add(&b, "linear", of_linear(option_integer(set, "hidden")), "%c.0", half);
        builder_add(&b, "gelu", of_nothing(), "%c.1", half);
        builder_add(&b, "linear", of_linear(outer[i]), "%c.2", half);
    }
    return finish_row(&b, set);
}

const architecture arch_swae_mlp = {
    .name = "swae-mlp",
    .summary = "autoencoder of blocks: one hidden layer on either side",
    .options = mlp_options,
    .encoder = "e.",
    .source = "Kolouri, Pope, Martin, Rohde 2018, arXiv:1804.01947",
    .build = build_mlp,
};

/* ---- swae-gmlp ---- */

static const option gmlp_options[] = {
    LATENT,
    {"width", OPTION_INTEGER, "1..16384", "256", NULL, "width of every inner layer"},
    {"depth", OPTION_INTEGER, "0..64", "2", NULL, "gated blocks on either side"},
    BLOCKS,
    TRANSFORM,
    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL},
};

/* c(GELU(u) v) + b(x), where [u, v] = a(x).
   Source: Liu, Dai, So, Le 2021, arXiv:2105.08050, section 2. */
static void gated_block(builder *b, char half, int64_t number, int64_t width)
{
    const attributes none = of_nothing();
    const long long n = (long long)number;
    const int x = b->x;
    builder_add(b, "linear", of_linear(2 * width), "%c.%lld.a", half, n);
    const int both = b->x;
    builder_add(b, "slice", (attributes){.first = width, .channels = width}, "%c.%lld.v",
                half, n);
    const int v = b->x;
    b->x = both;
    builder_add(b, "slice", (attributes){.channels = width}, "%c.%lld.u", half, n);
    builder_add(b, "gelu", none, "%c.%lld.gelu", half, n);
    builder_join(b, "multiply", none, v, "%c.%lld.gate", half, n);
    builder_add(b, "linear", of_linear(width), "%c.%lld.c", half, n);
    const int gated = b->x;
    b->x = x;
    builder_add(b, "linear", of_linear(width), "%c.%lld.b", half, n);
    const int straight = b->x;
    b->x = gated;
    builder_join(b, "add", none, straight, "%c.%lld.sum", half, n);
}

static model *build_gmlp(const option_set *set, error *e)
{
    const int64_t width = option_integer(set, "width"),
                  depth = option_integer(set, "depth");
    const attributes none = of_nothing();
    builder b = begin_row(set, e);
    builder_add(&b, "linear", of_linear(width), "e.0");
    builder_add(&b, "gelu", none, "e.1");
    for (int64_t i = 0; i < depth; i++)
        gated_block(&b, 'e', i + 2, width);
    builder_add(&b, "linear", of_linear(option_integer(set, "latent")), "e.%lld",
                (long long)depth + 2);
    builder_add(&b, "linear", of_linear(width), "d.0");
    for (int64_t i = 0; i < depth; i++)
        gated_block(&b, 'd', i + 1, width);
    builder_add(&b, "gelu", none, "d.%lld", (long long)depth + 1);
    builder_add(&b, "linear", of_linear(CELLS), "d.%lld", (long long)depth + 2);
    return finish_row(&b, set);
}

const architecture arch_swae_gmlp = {
    .name = "swae-gmlp",
    .summary = "autoencoder of blocks: gated linear layers",
    .options = gmlp_options,
    .encoder = "e.",
    .source = "Liu, Dai, So, Le 2021, arXiv:2105.08050; Kolouri, Pope, Martin, Rohde "
              "2018, arXiv:1804.01947",
    .build = build_gmlp,
};

/* ---- swae-conv ---- */

static const option conv_options[] = {
    LATENT,
    {"channels", OPTION_INTEGER, "1..512", "32", NULL,
     "width of the first stage; it doubles three times"},
    TRANSFORM,
    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL},
};

/* Two convolutions, batch norm, ReLU: the first may halve the block. */
static void down(builder *b, int number, int64_t channels, int64_t stride)
{
    builder_add(b, "conv3d", of_block_convolution(channels, 3, stride), "e.%d.0", number);
    builder_add(b, "conv3d", of_block_convolution(channels, 3, 1), "e.%d.1", number);
    builder_add(b, "batch_norm", of_norm(1e-5, 0.1), "e.%d.2", number);
    builder_add(b, "relu", of_nothing(), "e.%d.3", number);
}

static void up(builder *b, int number, int64_t channels, int64_t stride)
{
    attributes a = of_block_convolution(channels, 3, stride);
    for (int i = 0; i < 3; i++)
        a.output_padding[i] = stride - 1;
    builder_add(b, "conv_transpose3d", a, "d.%d.0", number);
    builder_add(b, "batch_norm", of_norm(1e-5, 0.1), "d.%d.1", number);
    builder_add(b, "relu", of_nothing(), "d.%d.2", number);
}

/* Edges of 5, 3, 2, 2, 2 going down; 2, 2, 2, 4, 5 going up. */
static model *build_conv(const option_set *set, error *e)
{
    enum { INNER = 2 };
    const int64_t first = option_integer(set, "channels"), deep = 8 * first;
    attributes last = of_block_convolution(1, 2, 1);
    builder b = builder_begin(
        shape_of(4, (int64_t)EDGE, (int64_t)EDGE, (int64_t)EDGE, INT64_C(1)), e);
    for (int i = 0; i < 4; i++)
        down(&b, i, first << i, i < 2 ? 2 : 1);
    builder_add(&b, "flatten", of_nothing(), "e.4");
    builder_add(&b, "linear", of_linear(option_integer(set, "latent")), "e.5");
    builder_add(&b, "linear", of_linear(INNER * INNER * INNER * deep), "dl");
    builder_add(&b, "unflatten",
                (attributes){.size = {INNER, INNER, INNER}, .channels = deep}, "view");
    for (int i = 0; i < 3; i++)
        up(&b, i, deep >> (i + 1), i < 2 ? 1 : 2);
    for (int i = 0; i < 3; i++)
        last.padding[i] = 0;
    builder_add(&b, "conv_transpose3d", last, "d.3");
    return normalized(builder_finish(&b), set);
}

const architecture arch_swae_conv = {
    .name = "swae-conv",
    .summary = "autoencoder of blocks: convolutions in three dimensions",
    .options = conv_options,
    .encoder = "e.",
    .source = "Kolouri, Pope, Martin, Rohde 2018, arXiv:1804.01947",
    .build = build_conv,
};
