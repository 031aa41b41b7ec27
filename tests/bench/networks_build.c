/* SPDX-License-Identifier: GPL-3.0-or-later
   networks_build.c -- the graphs of the bench's networks, node by node.  Counts and
   parameters are networks.c's. */
#include <stdio.h>

#include "base/memory.h"
#include "tests/bench/networks.h"
#include "zoo/architecture.h"

/* The graph that grows at its end; a value of -1 is handed on, so that only the last one
   need be asked about failure. */
typedef struct builder {
    graph *g;
    error *e;
    int x; /* the last value */
} builder;

static builder begin(shape input, error *e)
{
    graph *g = graph_new(input, e);
    return (builder){g, e, g ? g->input : -1};
}

static graph *finish_graph(builder *b)
{
    if (b->x >= 0)
        return b->g;
    graph_free(b->g);
    return NULL;
}

static void add(builder *b, const char *op, const char *name, attributes a)
{
    if (b->x >= 0)
        b->x = graph_add(b->g, op, name, &a, &b->x, 1, b->e);
}

/* The same under the name STAGE.NUMBER. */
static void add_part(builder *b, const char *op, const char *stage, int number,
                     attributes a)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%d", stage, number);
    add(b, op, name, a);
}

static attributes convolution(int64_t channels, int64_t kernel, int64_t padding,
                              bool bias)
{
    return (attributes){.channels = channels,
                        .groups = 1,
                        .bias = bias,
                        .kernel = {kernel, kernel, kernel},
                        .stride = {1, 1, 1},
                        .padding = {padding, padding, padding},
                        .dilation = {1, 1, 1}};
}

static attributes linear(int64_t channels)
{
    return (attributes){.channels = channels, .bias = true};
}

static const attributes none = {0}, norm = {.epsilon = 1e-5, .momentum = 0.1},
                        halve = {.kernel = {0, 2, 2}, .stride = {0, 2, 2}};

static int named(builder *b, const char *op, const char *stage, const char *part,
                 attributes a, int first, int second)
{
    char name[48];
    int inputs[2] = {first, second};
    if (first < 0 || second < -1)
        return -1;
    snprintf(name, sizeof name, "%s.%s", stage, part);
    return graph_add(b->g, op, name, &a, inputs, second < 0 ? 1 : 2, b->e);
}

/* VGG for 32x32 pixels: convolutions without bias, batch norm and ReLU, pools where the
   row has 0.  Source: Simonyan, Zisserman 2014, arXiv:1409.1556. */
graph *build_vgg(shape input, error *e)
{
    static const int64_t widths[] = {64, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0};
    static const char stage[] = "backbone";
    builder b = begin(input, e);
    int number = 0;
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        if (widths[i] == 0) {
            add_part(&b, "max_pool2d", stage, number++, halve);
            continue;
        }
        add_part(&b, "conv2d", stage, number++, convolution(widths[i], 3, 1, false));
        add_part(&b, "batch_norm", stage, number++, norm);
        add_part(&b, "relu", stage, number++, none);
    }
    add(&b, "global_avg_pool2d", "mean", none);
    add(&b, "flatten", "flatten", none);
    add(&b, "linear", "classifier", linear(10));
    return finish_graph(&b);
}

/* Two convolutions without padding, two linear layers, dropout between them. */
graph *build_cnn_mnist(shape input, error *e)
{
    builder b = begin(input, e);
    add(&b, "conv2d", "c1", convolution(32, 3, 0, true));
    add(&b, "relu", "r1", none);
    add(&b, "conv2d", "c2", convolution(64, 3, 0, true));
    add(&b, "relu", "r2", none);
    add(&b, "max_pool2d", "pool", halve);
    add(&b, "dropout", "dropout1", (attributes){.probability = 0.25});
    add(&b, "flatten", "flatten", none);
    add(&b, "linear", "f1", linear(128));
    add(&b, "relu", "r3", none);
    add(&b, "dropout", "dropout2", (attributes){.probability = 0.5});
    add(&b, "linear", "f2", linear(10));
    return finish_graph(&b);
}

/* Autoencoder of blocks of 5x5x5 numbers, 16 in the middle. */
graph *build_swae_mlp(shape input, error *e)
{
    static const struct {
        const char *stage;
        int64_t inner, outer;
    } halves[] = {{"e", 512, 16}, {"d", 512, 125}};
    builder b = begin(input, e);
    for (int i = 0; i < 2; i++) {
        add_part(&b, "linear", halves[i].stage, 0, linear(halves[i].inner));
        add_part(&b, "gelu", halves[i].stage, 1, none);
        add_part(&b, "linear", halves[i].stage, 2, linear(halves[i].outer));
    }
    return finish_graph(&b);
}

/* c(GELU(u) v) + b(x), where [u, v] = a(x).
   Source: Liu, Dai, So, Le 2021, arXiv:2105.08050, section 2. */
static void gated_block(builder *b, const char *half, int number, int64_t width)
{
    char stage[32];
    snprintf(stage, sizeof stage, "%s.%d", half, number);
    const int x = b->x < 0 ? -2 : b->x;
    int both = named(b, "linear", stage, "a", linear(2 * width), x, -1);
    int u = named(b, "slice", stage, "u", (attributes){.channels = width}, both, -1);
    int v = named(b, "slice", stage, "v", (attributes){.first = width, .channels = width},
                  both, -1);
    u = named(b, "gelu", stage, "gelu", none, u, -1);
    u = v < 0 ? -1 : named(b, "multiply", stage, "gate", none, u, v);
    u = named(b, "linear", stage, "c", linear(width), u, -1);
    v = named(b, "linear", stage, "b", linear(width), x, -1);
    b->x = v < 0 ? -1 : named(b, "add", stage, "sum", none, u, v);
}

graph *build_swae_gmlp(shape input, error *e)
{
    enum { WIDTH = 256 };
    builder b = begin(input, e);
    add(&b, "linear", "e.0", linear(WIDTH));
    add(&b, "gelu", "e.1", none);
    gated_block(&b, "e", 2, WIDTH);
    gated_block(&b, "e", 3, WIDTH);
    add(&b, "linear", "e.4", linear(16));
    add(&b, "linear", "d.0", linear(WIDTH));
    gated_block(&b, "d", 1, WIDTH);
    gated_block(&b, "d", 2, WIDTH);
    add(&b, "gelu", "d.3", none);
    add(&b, "linear", "d.4", linear(125));
    return finish_graph(&b);
}

/* The same of blocks: two convolutions, batch norm, ReLU; four times, then 16 numbers and
   the way back. */
static attributes block_convolution(int64_t channels, int64_t stride)
{
    attributes a = convolution(channels, 3, 1, true);
    for (int i = 0; i < 3; i++) {
        a.stride[i] = stride;
        a.output_padding[i] = stride - 1;
    }
    return a;
}

graph *build_swae_conv(shape input, error *e)
{
    static const int64_t down[][2] = {{32, 2}, {64, 2}, {128, 1}, {256, 1}};
    static const int64_t up[][2] = {{128, 1}, {64, 1}, {32, 2}};
    builder b = begin(input, e);
    char stage[16];
    for (int i = 0; i < 4; i++) {
        snprintf(stage, sizeof stage, "e.%d", i);
        add_part(&b, "conv3d", stage, 0, block_convolution(down[i][0], down[i][1]));
        add_part(&b, "conv3d", stage, 1, block_convolution(down[i][0], 1));
        add_part(&b, "batch_norm", stage, 2, norm);
        add_part(&b, "relu", stage, 3, none);
    }
    add(&b, "flatten", "e.4", none);
    add(&b, "linear", "e.5", linear(16));
    add(&b, "linear", "dl", linear(2048));
    add(&b, "unflatten", "view", (attributes){.size = {2, 2, 2}, .channels = 256});
    for (int i = 0; i < 3; i++) {
        snprintf(stage, sizeof stage, "d.%d", i);
        add_part(&b, "conv_transpose3d", stage, 0, block_convolution(up[i][0], up[i][1]));
        add_part(&b, "batch_norm", stage, 1, norm);
        add_part(&b, "relu", stage, 2, none);
    }
    add(&b, "conv_transpose3d", "d.3", convolution(1, 2, 0, true));
    return finish_graph(&b);
}

/* The zoo's own, on densities as they are: the peers take no logarithm. */
graph *build_unet_phase(shape input, error *e)
{
    option_set set;
    char size[32];
    model *m = NULL;
    snprintf(size, sizeof size, "%lld", (long long)input.dim[0]);
    if (option_set_init(&set, arch_unet_phase.options, NULL, e) != E_OK)
        return NULL;
    if (option_set_put(&set, "size", size, e) == E_OK)
        m = arch_unet_phase.build(&set, e);
    option_set_clear(&set);
    graph *g = m ? graph_copy(m->graph, e) : NULL;
    model_free(m);
    return g;
}

/* ---- See-in-the-Dark ---- */

/* A 3x3 convolution, or a depthwise one and a 1x1 behind it, and the leaky ReLU. */
static void add_convolution(builder *b, const char *stage, int number, int64_t inputs,
                            int64_t channels, bool separable)
{
    char name[32];
    snprintf(name, sizeof name, "%s.%d", stage, number);
    if (separable) {
        attributes depthwise = convolution(inputs, 3, 1, true);
        depthwise.groups = inputs;
        add_part(b, "conv2d", name, 0, depthwise);
        add_part(b, "conv2d", name, 1, convolution(channels, 1, 0, true));
    } else {
        add(b, "conv2d", name, convolution(channels, 3, 1, true));
    }
    add_part(b, "leaky_relu", stage, number + 1, (attributes){.slope = 0.2});
}

static void add_stage(builder *b, const char *half, int number, int64_t inputs,
                      int64_t channels, bool separable)
{
    char stage[16];
    snprintf(stage, sizeof stage, "%s.%d", half, number);
    add_convolution(b, stage, 0, inputs, channels, separable);
    add_convolution(b, stage, 2, channels, channels, separable);
}

/* Five stages down, four up: a transposed convolution to twice the size, joined before the
   skip.  The output is shuffled to twice the size in RGB.
   Source: Chen, Chen, Xu, Koltun 2018, arXiv:1805.01934, section 3. */
static graph *build_dark(shape input, bool separable, error *e)
{
    enum { STAGES = 5 };
    builder b = begin(input, e);
    int skips[STAGES];
    for (int i = 0; i < STAGES; i++) {
        int64_t channels = 32 << i;
        if (i > 0)
            add_part(&b, "max_pool2d", "pool", i, halve);
        add_stage(&b, "d", i, i > 0 ? channels / 2 : input.dim[2], channels, separable);
        skips[i] = b.x;
    }
    for (int i = STAGES - 2; i >= 0; i--) {
        int64_t channels = 32 << i;
        int number = STAGES - 2 - i;
        attributes twice = convolution(channels, 2, 0, true);
        char part[16];
        for (int k = 1; k < 3; k++)
            twice.stride[k] = 2;
        add_part(&b, "conv_transpose2d", "t", number, twice);
        snprintf(part, sizeof part, "%d", number);
        b.x = b.x < 0 ? -1 : named(&b, "concat", "join", part, none, b.x, skips[i]);
        add_stage(&b, "u", number, 2 * channels, channels, separable);
    }
    add(&b, "conv2d", "out", convolution(12, 1, 0, true));
    add(&b, "pixel_shuffle", "shuffle", (attributes){.factor = 2});
    return finish_graph(&b);
}

graph *build_sid(shape input, error *e)
{
    return build_dark(input, false, e);
}

graph *build_sid_lighter(shape input, error *e)
{
    return build_dark(input, true, e);
}
