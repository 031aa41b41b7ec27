/* SPDX-License-Identifier: GPL-3.0-or-later
   mobilenet.c -- classifiers of depthwise separable convolutions for small machines.
   Parameters carry the names of the published PyTorch modules.

   A part is a convolution without bias, batch norm and a function.  An inverted residual
   is [1x1 to more channels], a depthwise convolution, [squeeze and excite], 1x1 to the
   outputs without a function; its input is added where shapes are equal. */
#include <stdio.h>

#include "zoo/architecture.h"
#include "zoo/builder.h"

#define STAGE_NAME_MAX 40

#define IMAGE_OPTIONS(resized)                                                             \
    {                                                                                      \
        "size", OPTION_INTEGER, "1..4096",                                                 \
        "32",   "pixels",       "height and width of the images"},                         \
        {"resize",  OPTION_INTEGER,                                                        \
         "0..4096", resized,                                                               \
         "pixels",  "what images are resized to first, bilinearly; 0: nothing"},           \
        {"inputs", OPTION_INTEGER, "1..64", "3", NULL, "channels of the input"},           \
        {"classes", OPTION_INTEGER, "1..100000", "10", NULL, "outputs of the last layer"}, \
    {                                                                                      \
        "width", OPTION_REAL, "0.1..8", "1", NULL, "factor of every number of channels"    \
    }

static builder begin(const option_set *set, error *e)
{
    const int64_t size = option_integer(set, "size");
    const int64_t resized = option_integer(set, "resize");
    builder b = builder_begin(shape_of(3, size, size, option_integer(set, "inputs")), e);
    if (resized > 0)
        builder_add(&b, "resize_bilinear", (attributes){.size = {0, resized, resized}},
                    "resize");
    return b;
}

/* What the parts of a network have in common. */
typedef struct style {
    attributes norm;
    const char *function; /* NULL: none */
} style;

static void part(builder *b, const style *s, attributes convolution, const char *name)
{
    builder_add(b, "conv2d", convolution, "%s.0", name);
    builder_add(b, "batch_norm", s->norm, "%s.1", name);
    if (s->function)
        builder_add(b, s->function, of_nothing(), "%s.2", name);
}

static void pool_to_row(builder *b)
{
    builder_add(b, "global_avg_pool2d", of_nothing(), "avgpool");
    builder_add(b, "flatten", of_nothing(), "flatten");
}

/* ---- mobilenetv3-small ---- */

static const option v3_options[] = {
    IMAGE_OPTIONS("0"),
    {"hidden", OPTION_INTEGER, "1..65536", "1024", NULL,
     "width of the layer before the last"},
    {"dropout", OPTION_REAL, "0..0.99", "0.2", NULL,
     "share of that layer's outputs that is dropped in training"},
    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL},
};

/* Howard et al. 2019, table 2. */
static const struct block_v3 {
    int64_t kernel, expanded, channels;
    bool squeezes, swish;
    int64_t stride;
} blocks_v3[] = {
    {3, 16, 16, true, false, 2},  {3, 72, 24, false, false, 2},
    {3, 88, 24, false, false, 1}, {5, 96, 40, true, true, 2},
    {5, 240, 40, true, true, 1},  {5, 240, 40, true, true, 1},
    {5, 120, 48, true, true, 1},  {5, 144, 48, true, true, 1},
    {5, 288, 96, true, true, 2},  {5, 576, 96, true, true, 1},
    {5, 576, 96, true, true, 1},
};

enum { BLOCKS_V3 = sizeof blocks_v3 / sizeof *blocks_v3 };

/* x times hard_sigmoid(fc2(relu(fc1(mean of x)))).
   Source: Hu, Shen, Albanie, Sun, Wu 2017, arXiv:1709.01507. */
static void squeeze_and_excite(builder *b, const char *name, int64_t channels)
{
    const int whole = b->x;
    builder_add(b, "global_avg_pool2d", of_nothing(), "%s.avgpool", name);
    builder_add(b, "conv2d", of_convolution(builder_width(channels / 4, 1), 1, 1, true),
                "%s.fc1", name);
    builder_add(b, "relu", of_nothing(), "%s.activation", name);
    builder_add(b, "conv2d", of_convolution(channels, 1, 1, true), "%s.fc2", name);
    builder_add(b, "hard_sigmoid", of_nothing(), "%s.scale", name);
    const int factor = b->x;
    b->x = whole;
    builder_join(b, "multiply", of_nothing(), factor, "%s.multiply", name);
}

static void inverted_v3(builder *b, const struct block_v3 *row, int number, double width,
                        int64_t inputs)
{
    const attributes norm = of_norm(1e-3, 0.01);
    const style inner = {norm, row->swish ? "hard_swish" : "relu"}, outer = {norm, NULL};
    const int64_t expanded = builder_width(row->expanded, width);
    const int64_t channels = builder_width(row->channels, width);
    const int skip = b->x;
    char name[STAGE_NAME_MAX];
    int at = 0;
    if (expanded != inputs) {
        snprintf(name, sizeof name, "features.%d.block.%d", number, at++);
        part(b, &inner, of_convolution(expanded, 1, 1, false), name);
    }
    snprintf(name, sizeof name, "features.%d.block.%d", number, at++);
    part(b, &inner, of_depthwise(expanded, row->kernel, row->stride, false), name);
    if (row->squeezes) {
        snprintf(name, sizeof name, "features.%d.block.%d", number, at++);
        squeeze_and_excite(b, name, expanded);
    }
    snprintf(name, sizeof name, "features.%d.block.%d", number, at);
    part(b, &outer, of_convolution(channels, 1, 1, false), name);
    if (row->stride == 1 && channels == inputs)
        builder_join(b, "add", of_nothing(), skip, "features.%d.sum", number);
}

static model *build_v3(const option_set *set, error *e)
{
    const double width = option_real(set, "width");
    const style ends = {of_norm(1e-3, 0.01), "hard_swish"};
    builder b = begin(set, e);
    int64_t channels = builder_width(16, width);
    part(&b, &ends, of_convolution(channels, 3, 2, false), "features.0");
    for (int i = 0; i < BLOCKS_V3; i++) {
        inverted_v3(&b, &blocks_v3[i], i + 1, width, channels);
        channels = builder_width(blocks_v3[i].channels, width);
    }
    part(&b, &ends, of_convolution(6 * channels, 1, 1, false), "features.12");
    pool_to_row(&b);
    builder_add(&b, "linear", of_linear(option_integer(set, "hidden")), "classifier.0");
    builder_add(&b, "hard_swish", of_nothing(), "classifier.1");
    builder_add(&b, "dropout", of_dropout(option_real(set, "dropout")), "classifier.2");
    builder_add(&b, "linear", of_linear(option_integer(set, "classes")), "classifier.3");
    return builder_finish(&b);
}

static const char *const v3_variants[] = {"resize=224", "hidden=256", NULL};

const architecture arch_mobilenetv3_small = {
    .name = "mobilenetv3-small",
    .summary = "classifier of inverted residuals with squeeze-and-excite and hard swish",
    .options = v3_options,
    .source = "Howard et al. 2019, arXiv:1905.02244, table 2",
    .variants = v3_variants,
    .first_weights = INITIALIZE_MOBILE,
    .build = build_v3,
};

/* ---- mobilenetv2 ---- */

static const option v2_options[] = {
    IMAGE_OPTIONS("0"),
    {"dropout", OPTION_REAL, "0..0.99", "0.2", NULL,
     "share of the last layer's inputs that is dropped in training"},
    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL},
};

static void inverted_v2(builder *b, int number, int64_t inputs, int64_t expansion,
                        int64_t channels, int64_t stride)
{
    const style inner = {of_norm(1e-5, 0.1), "relu6"};
    const int64_t expanded = inputs * expansion;
    const int skip = b->x;
    char name[STAGE_NAME_MAX];
    int at = 0;
    if (expansion > 1) {
        snprintf(name, sizeof name, "features.%d.conv.%d", number, at++);
        part(b, &inner, of_convolution(expanded, 1, 1, false), name);
    }
    snprintf(name, sizeof name, "features.%d.conv.%d", number, at++);
    part(b, &inner, of_depthwise(expanded, 3, stride, false), name);
    builder_add(b, "conv2d", of_convolution(channels, 1, 1, false), "features.%d.conv.%d",
                number, at);
    builder_add(b, "batch_norm", inner.norm, "features.%d.conv.%d", number, at + 1);
    if (stride == 1 && channels == inputs)
        builder_join(b, "add", of_nothing(), skip, "features.%d.sum", number);
}

static model *build_v2(const option_set *set, error *e)
{
    /* Sandler et al. 2018, table 2. */
    static const int64_t stages[][4] = {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2},
                                        {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2},
                                        {6, 320, 1, 1}};
    const double width = option_real(set, "width");
    const style ends = {of_norm(1e-5, 0.1), "relu6"};
    builder b = begin(set, e);
    int64_t inputs = builder_width(32, width);
    int number = 1;
    part(&b, &ends, of_convolution(inputs, 3, 2, false), "features.0");
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        for (int64_t k = 0; k < stages[i][2]; k++) {
            int64_t channels = builder_width(stages[i][1], width);
            inverted_v2(&b, number++, inputs, stages[i][0], channels,
                        k == 0 ? stages[i][3] : 1);
            inputs = channels;
        }
    part(&b, &ends,
         of_convolution(builder_width(1280, width > 1 ? width : 1), 1, 1, false),
         "features.18");
    pool_to_row(&b);
    builder_add(&b, "dropout", of_dropout(option_real(set, "dropout")), "classifier.0");
    builder_add(&b, "linear", of_linear(option_integer(set, "classes")), "classifier.1");
    return builder_finish(&b);
}

static const char *const v2_variants[] = {"size=224 classes=1000", NULL};

const architecture arch_mobilenetv2 = {
    .name = "mobilenetv2",
    .summary = "classifier of inverted residuals with ReLU6",
    .options = v2_options,
    .source = "Sandler, Howard, Zhu, Zhmoginov, Chen 2018, arXiv:1801.04381, table 2",
    .variants = v2_variants,
    .first_weights = INITIALIZE_MOBILE,
    .build = build_v2,
};

/* ---- mobilenet-tiny ---- */

static const option tiny_options[] = {
    IMAGE_OPTIONS("128"),
    {"hidden", OPTION_INTEGER, "1..65536", "128", NULL,
     "width of the layer before the last"},
    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL},
};

/* A convolution to half the size, six depthwise separable blocks, two linear layers. */
static model *build_tiny(const option_set *set, error *e)
{
    static const int64_t rows[][2] = {{24, 1}, {48, 2}, {48, 1},
                                      {64, 2}, {64, 1}, {128, 2}};
    const double width = option_real(set, "width");
    const style s = {of_norm(1e-5, 0.1), "relu"};
    builder b = begin(set, e);
    char name[STAGE_NAME_MAX];
    int64_t channels = builder_width(16, width);
    part(&b, &s, of_convolution(channels, 3, 2, false), "features.0");
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "features.%d.depthwise", i + 1);
        part(&b, &s, of_depthwise(channels, 3, rows[i][1], false), name);
        channels = builder_width(rows[i][0], width);
        snprintf(name, sizeof name, "features.%d.pointwise", i + 1);
        part(&b, &s, of_convolution(channels, 1, 1, false), name);
    }
    pool_to_row(&b);
    builder_add(&b, "linear", of_linear(option_integer(set, "hidden")), "classifier.0");
    builder_add(&b, "relu", of_nothing(), "classifier.1");
    builder_add(&b, "linear", of_linear(option_integer(set, "classes")), "classifier.2");
    return builder_finish(&b);
}

const architecture arch_mobilenet_tiny = {
    .name = "mobilenet-tiny",
    .summary = "a student of 41122 parameters: six depthwise separable blocks",
    .options = tiny_options,
    .source = "Howard et al. 2017, arXiv:1704.04861",
    .first_weights = INITIALIZE_UNIFORM,
    .build = build_tiny,
};
