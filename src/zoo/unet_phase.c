/* SPDX-License-Identifier: GPL-3.0-or-later
   unet_phase.c -- the phase U-Net: density in, phase gradient out.  Parameters carry the
   names of the published PyTorch module, so that files go both ways.

   With channels c[0..L-1], c[i] = first * 2^i, over L levels:
     inc    two convolutions, inputs -> c[0]
     d.i    max-pool 2, then two convolutions, c[i] -> c[i+1] (the last: c[L-1] again)
     u.k    i = L-1-k: bilinear to twice the size, zero-padded to the skip's size, joined
            behind the skip, two convolutions 2 c[i] -> c[i] -> c[i-1] (i = 0: c[0])
     out    1x1 convolution to the outputs
   where each convolution but the last is 3x3 with bias, batch norm and ReLU. */
#include <stdio.h>

#include "zoo/architecture.h"
#include "zoo/builder.h"

#define LEVELS_MAX     8
#define STAGE_NAME_MAX 32

static const option options[] = {
    {"channels", OPTION_INTEGER, "1..128", "8", NULL,
     "width of the first level; it doubles from level to level"},
    {"levels", OPTION_INTEGER, "1..8", "7", NULL, "how often the image is halved"},
    {"size", OPTION_INTEGER, "2..4096", "200", "pixels",
     "height and width of the images it is built for"},
    {"inputs", OPTION_INTEGER, "1..16", "1", NULL, "channels of the input"},
    {"outputs", OPTION_INTEGER, "1..64", "2", NULL, "channels of the output"},
    {"transform", OPTION_WORD, "log|none", "log", NULL,
     "what is done to the input first: its logarithm, or nothing"},
    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL},
};

/* [convolution, batch norm, ReLU] twice; the parts are numbered as in the module. */
static void double_convolution(builder *b, const char *stage, int64_t middle,
                               int64_t channels)
{
    const attributes norm = of_norm(1e-5, 0.2);
    builder_add(b, "conv2d", of_convolution(middle, 3, 1, true), "%s.0", stage);
    builder_add(b, "batch_norm", norm, "%s.1", stage);
    builder_add(b, "relu", of_nothing(), "%s.2", stage);
    builder_add(b, "conv2d", of_convolution(channels, 3, 1, true), "%s.3", stage);
    builder_add(b, "batch_norm", norm, "%s.4", stage);
    builder_add(b, "relu", of_nothing(), "%s.5", stage);
}

static void down(builder *b, int level, int64_t channels)
{
    char stage[STAGE_NAME_MAX];
    snprintf(stage, sizeof stage, "d.%d", level);
    builder_add(b, "max_pool2d", of_pool(2, 2, 0), "%s.pool", stage);
    double_convolution(b, stage, channels, channels);
}

/* PADDED: twice x's size is not yet the skip's. */
static void up(builder *b, int number, int skip, bool padded, int64_t middle,
               int64_t channels)
{
    char stage[STAGE_NAME_MAX];
    const attributes twice = {.factor = 2, .align_corners = true};
    snprintf(stage, sizeof stage, "u.%d", number);
    builder_add(b, "resize_bilinear", twice, "%s.up", stage);
    if (padded)
        builder_join(b, "pad_or_crop", of_nothing(), skip, "%s.pad", stage);
    int x = b->x;
    b->x = skip;
    builder_join(b, "concat", of_nothing(), x, "%s.join", stage);
    snprintf(stage, sizeof stage, "u.%d.c", number);
    double_convolution(b, stage, middle, channels);
}

static void build_graph(builder *b, int64_t first, int levels, int64_t size,
                        int64_t outputs)
{
    int64_t channels[LEVELS_MAX];
    int skips[LEVELS_MAX];
    for (int i = 0; i < levels; i++)
        channels[i] = first << i;
    double_convolution(b, "inc", first, first);
    for (int i = 0; i < levels; i++) {
        skips[i] = b->x;
        down(b, i, channels[i + 1 < levels ? i + 1 : i]);
    }
    for (int i = levels - 1; i >= 0; i--)
        up(b, levels - 1 - i, skips[i], (size >> i) % 2 != 0, channels[i],
           channels[i > 0 ? i - 1 : 0]);
    builder_add(b, "conv2d", of_convolution(outputs, 1, 1, true), "out");
}

static status check_size(int64_t size, int levels, error *e)
{
    if (size >> levels >= 1)
        return E_OK;
    int most = 0;
    while (size >> (most + 1) >= 1)
        most++;
    fail(
        e, E_SHAPE,
        "unet-phase: %lld pixels halved %d times leave none, wanted at least %lld pixels",
        (long long)size, levels, (long long)1 << levels);
    return fail_hint(e, "size=%lld takes levels=%d at most", (long long)size, most);
}

static model *build(const option_set *set, error *e)
{
    int levels = (int)option_integer(set, "levels");
    int64_t size = option_integer(set, "size");
    if (check_size(size, levels, e) != E_OK)
        return NULL;
    builder b = builder_begin(shape_of(3, size, size, option_integer(set, "inputs")), e);
    build_graph(&b, option_integer(set, "channels"), levels, size,
                option_integer(set, "outputs"));
    model *m = builder_finish(&b);
    if (m && option_is(set, "transform", "log"))
        m->input_transform = (transform){.kind = TRANSFORM_LOG, .epsilon = 1e-9};
    return m;
}

const architecture arch_unet_phase = {
    .name = "unet-phase",
    .summary = "U-Net from the density of a rotating condensate to its phase gradient",
    .options = options,
    .source = "Ronneberger, Fischer, Brox 2015, arXiv:1505.04597; seven levels, bilinear "
              "ups, batch norm",
    .build = build,
};
