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

#define LEVELS_MAX    8
#define NODE_NAME_MAX 32

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

/* The graph that grows; every function below hands on a value of -1, so that only the
   last one need be asked about failure. */
typedef struct builder {
    graph *g;
    error *e;
} builder;

static int add(builder *b, const char *op, const char *stage, const char *name,
               const attributes *attr, int first, int second)
{
    char whole[NODE_NAME_MAX];
    int inputs[2] = {first, second};
    if (first < 0 || second < -1)
        return -1;
    snprintf(whole, sizeof whole, "%s%s%s", stage, *name ? "." : "", name);
    return graph_add(b->g, op, whole, attr, inputs, second < 0 ? 1 : 2, b->e);
}

static int convolution(builder *b, const char *stage, const char *name, int x,
                       int64_t kernel, int64_t channels)
{
    attributes a = {.groups = 1, .channels = channels, .bias = true};
    for (int i = 1; i < 3; i++) {
        a.kernel[i] = kernel;
        a.stride[i] = a.dilation[i] = 1;
        a.padding[i] = kernel / 2;
    }
    return add(b, "conv2d", stage, name, &a, x, -1);
}

/* [convolution, batch norm, ReLU] twice; the parts are numbered as in the module. */
static int double_convolution(builder *b, const char *stage, int x, int64_t middle,
                              int64_t channels)
{
    const attributes norm = {.epsilon = 1e-5, .momentum = 0.2}, none = {0};
    x = convolution(b, stage, "0", x, 3, middle);
    x = add(b, "batch_norm", stage, "1", &norm, x, -1);
    x = add(b, "relu", stage, "2", &none, x, -1);
    x = convolution(b, stage, "3", x, 3, channels);
    x = add(b, "batch_norm", stage, "4", &norm, x, -1);
    return add(b, "relu", stage, "5", &none, x, -1);
}

static int down(builder *b, int level, int x, int64_t channels)
{
    char stage[NODE_NAME_MAX];
    const attributes pool = {.kernel = {0, 2, 2}, .stride = {0, 2, 2}};
    snprintf(stage, sizeof stage, "d.%d", level);
    x = add(b, "max_pool2d", stage, "pool", &pool, x, -1);
    return double_convolution(b, stage, x, channels, channels);
}

/* PADDED: twice X's size is not yet the skip's. */
static int up(builder *b, int number, int x, int skip, bool padded, int64_t middle,
              int64_t channels)
{
    char stage[NODE_NAME_MAX];
    const attributes twice = {.factor = 2, .align_corners = true}, none = {0};
    snprintf(stage, sizeof stage, "u.%d", number);
    x = add(b, "resize_bilinear", stage, "up", &twice, x, -1);
    if (padded)
        x = add(b, "pad_or_crop", stage, "pad", &none, x, skip);
    x = x < 0 ? -1 : add(b, "concat", stage, "join", &none, skip, x);
    snprintf(stage, sizeof stage, "u.%d.c", number);
    return double_convolution(b, stage, x, middle, channels);
}

static int build_graph(builder *b, int64_t first, int levels, int64_t size,
                       int64_t outputs)
{
    int64_t channels[LEVELS_MAX];
    int skips[LEVELS_MAX];
    for (int i = 0; i < levels; i++)
        channels[i] = first << i;
    int x = double_convolution(b, "inc", b->g->input, first, first);
    for (int i = 0; i < levels; i++) {
        skips[i] = x;
        x = down(b, i, x, channels[i + 1 < levels ? i + 1 : i]);
    }
    for (int i = levels - 1; i >= 0; i--)
        x = up(b, levels - 1 - i, x, skips[i], (size >> i) % 2 != 0, channels[i],
               channels[i > 0 ? i - 1 : 0]);
    return convolution(b, "out", "", x, 1, outputs);
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
    builder b = {graph_new(shape_of(3, size, size, option_integer(set, "inputs")), e), e};
    if (!b.g)
        return NULL;
    if (build_graph(&b, option_integer(set, "channels"), levels, size,
                    option_integer(set, "outputs")) < 0) {
        graph_free(b.g);
        return NULL;
    }
    model *m = model_new(b.g, e);
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
