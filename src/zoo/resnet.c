/* SPDX-License-Identifier: GPL-3.0-or-later
   resnet.c -- residual networks of basic blocks: two 3x3 convolutions with batch norm, to
   which the input is added; where shapes differ it goes through a 1x1 convolution and a
   norm.  Parameters carry the names of the published PyTorch modules. */
#include <stdio.h>

#include "zoo/architecture.h"
#include "zoo/builder.h"

#define STAGE_NAME_MAX 32

static void convolution_norm(builder *b, const char *stage, int number, int64_t channels,
                             int64_t stride)
{
    builder_add(b, "conv2d", of_convolution(channels, 3, stride, false), "%s.conv%d",
                stage, number);
    builder_add(b, "batch_norm", of_norm(1e-5, 0.1), "%s.bn%d", stage, number);
}

static void basic_block(builder *b, const char *stage, int64_t channels, int64_t stride,
                        bool projects)
{
    const attributes none = of_nothing();
    int skip = b->x;
    convolution_norm(b, stage, 1, channels, stride);
    builder_add(b, "relu", none, "%s.relu1", stage);
    convolution_norm(b, stage, 2, channels, 1);
    if (projects) {
        int branch = b->x;
        b->x = skip;
        builder_add(b, "conv2d", of_convolution(channels, 1, stride, false),
                    "%s.downsample.0", stage);
        builder_add(b, "batch_norm", of_norm(1e-5, 0.1), "%s.downsample.1", stage);
        skip = b->x;
        b->x = branch;
    }
    builder_join(b, "add", none, skip, "%s.sum", stage);
    builder_add(b, "relu", none, "%s.relu2", stage);
}

/* STAGES of as many blocks as the option says, each of twice the width of the one before
   and half its size; LARGE: the image is brought to a quarter first. */
static model *build(const option_set *set, int stages, bool large, error *e)
{
    const int64_t size = option_integer(set, "size");
    const int64_t first = option_integer(set, "channels");
    builder b = builder_begin(shape_of(3, size, size, option_integer(set, "inputs")), e);
    builder_add(&b, "conv2d", of_convolution(first, large ? 7 : 3, large ? 2 : 1, false),
                "conv1");
    builder_add(&b, "batch_norm", of_norm(1e-5, 0.1), "bn1");
    builder_add(&b, "relu", of_nothing(), "relu");
    if (large)
        builder_add(&b, "max_pool2d", of_pool(3, 2, 1), "maxpool");
    for (int i = 0; i < stages; i++)
        for (int k = 0; k < (int)option_integer(set, "blocks"); k++) {
            char stage[STAGE_NAME_MAX];
            const bool halves = i > 0 && k == 0;
            snprintf(stage, sizeof stage, "layer%d.%d", i + 1, k);
            basic_block(&b, stage, first << i, halves ? 2 : 1, halves);
        }
    builder_add(&b, "global_avg_pool2d", of_nothing(), "avgpool");
    builder_add(&b, "flatten", of_nothing(), "flatten");
    builder_add(&b, "linear", of_linear(option_integer(set, "classes")), "fc");
    return builder_finish(&b);
}

#define COMMON_OPTIONS(width, depth)                                                     \
    {"channels", OPTION_INTEGER,                                                         \
     "1..512",   width,                                                                  \
     NULL,       "width of the first stage; it doubles from stage to stage"},            \
        {"blocks", OPTION_INTEGER, "1..64", depth, NULL, "blocks of each stage"},        \
        {"size", OPTION_INTEGER, "1..4096",                                              \
         "32",   "pixels",       "height and width of the images"},                      \
        {"inputs", OPTION_INTEGER, "1..64", "3", NULL, "channels of the input"},         \
    {                                                                                    \
        "classes", OPTION_INTEGER, "1..100000", "10", NULL, "outputs of the last layer"  \
    }

static const option options_18[] = {
    COMMON_OPTIONS("64", "2"),
    {"stem", OPTION_WORD, "small|large", "small", NULL,
     "small: 3x3; large: 7x7 by steps of 2 and a pool, for images of 224 pixels"},
    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL},
};

static const option options_20[] = {
    COMMON_OPTIONS("16", "3"),
    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL},
};

static model *build_18(const option_set *set, error *e)
{
    return build(set, 4, option_is(set, "stem", "large"), e);
}

static model *build_20(const option_set *set, error *e)
{
    return build(set, 3, false, e);
}

static const char *const variants_18[] = {"stem=large size=224 classes=1000", NULL};

const architecture arch_resnet_18 = {
    .name = "resnet-18",
    .summary = "residual classifier of four stages, for small or large images",
    .options = options_18,
    .source = "He, Zhang, Ren, Sun 2015, arXiv:1512.03385, table 1",
    .variants = variants_18,
    .first_weights = INITIALIZE_FAN_OUT,
    .build = build_18,
};

const architecture arch_resnet_20 = {
    .name = "resnet-20",
    .summary = "residual classifier of three narrow stages, for small images",
    .options = options_20,
    .source = "He, Zhang, Ren, Sun 2015, arXiv:1512.03385, section 4.2; projections (B) "
              "where shapes differ",
    .first_weights = INITIALIZE_FAN_OUT,
    .build = build_20,
};
