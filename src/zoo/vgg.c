/* SPDX-License-Identifier: GPL-3.0-or-later
   vgg.c -- VGG for small images: levels of two 3x3 convolutions without bias, each with
   batch norm and ReLU, and a max-pool behind each level; then the mean of every channel
   and one linear layer.  Parameters carry the names of the published PyTorch module. */
#include "zoo/architecture.h"
#include "zoo/builder.h"

static const option options[] = {
    {"channels", OPTION_INTEGER, "1..256", "64", NULL, "width of the first convolution"},
    {"levels", OPTION_INTEGER, "1..4", "4", NULL, "how often the image is halved"},
    {"size", OPTION_INTEGER, "2..1024", "32", "pixels", "height and width of the images"},
    {"inputs", OPTION_INTEGER, "1..64", "3", NULL, "channels of the input"},
    {"classes", OPTION_INTEGER, "1..100000", "10", NULL, "outputs of the last layer"},
    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL},
};

static model *build(const option_set *set, error *e)
{
    static const int64_t multiples[4][2] = {{1, 2}, {4, 4}, {8, 8}, {8, 8}};
    const int64_t size = option_integer(set, "size");
    builder b = builder_begin(shape_of(3, size, size, option_integer(set, "inputs")), e);
    int number = 0;
    for (int i = 0; i < option_integer(set, "levels"); i++) {
        for (int k = 0; k < 2; k++) {
            int64_t channels = option_integer(set, "channels") * multiples[i][k];
            builder_add(&b, "conv2d", of_convolution(channels, 3, 1, false),
                        "backbone.%d", number++);
            builder_add(&b, "batch_norm", of_norm(1e-5, 0.1), "backbone.%d", number++);
            builder_add(&b, "relu", of_nothing(), "backbone.%d", number++);
        }
        builder_add(&b, "max_pool2d", of_pool(2, 2, 0), "backbone.%d", number++);
    }
    builder_add(&b, "global_avg_pool2d", of_nothing(), "mean");
    builder_add(&b, "flatten", of_nothing(), "flatten");
    builder_add(&b, "linear", of_linear(option_integer(set, "classes")), "classifier");
    return builder_finish(&b);
}

const architecture arch_vgg = {
    .name = "vgg",
    .summary =
        "classifier of eight 3x3 convolutions in four levels, and one linear layer",
    .options = options,
    .source = "Simonyan, Zisserman 2014, arXiv:1409.1556; batch norm, one linear layer",
    .build = build,
};
