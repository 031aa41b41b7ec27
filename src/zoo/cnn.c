/* SPDX-License-Identifier: GPL-3.0-or-later
   cnn.c -- small convolutional classifiers: convolutions and pools, then linear layers.
   Parameters carry the names of the published PyTorch modules. */
#include "zoo/architecture.h"
#include "zoo/builder.h"

#define IMAGE_OPTIONS(pixels, channels)                                                  \
    {"size", OPTION_INTEGER, "1..1024",                                                  \
     pixels, "pixels",       "height and width of the images"},                          \
        {"inputs", OPTION_INTEGER, "1..64", channels, NULL, "channels of the input"},    \
    {                                                                                    \
        "classes", OPTION_INTEGER, "1..100000", "10", NULL, "outputs of the last layer"  \
    }

static builder begin(const option_set *set, error *e)
{
    const int64_t size = option_integer(set, "size");
    return builder_begin(shape_of(3, size, size, option_integer(set, "inputs")), e);
}

/* A linear layer, and a ReLU and dropout behind it (PROBABILITY 0: none). */
static void hidden(builder *b, int number, int64_t features, double probability)
{
    builder_add(b, "linear", of_linear(features), "f%d", number);
    builder_add(b, "relu", of_nothing(), "f%d.relu", number);
    if (probability > 0)
        builder_add(b, "dropout", of_dropout(probability), "f%d.dropout", number);
}

/* ---- cnn-mnist ---- */

static const option mnist_options[] = {
    {"channels", OPTION_INTEGER, "1..1024", "32", NULL, "width of the first convolution"},
    {"hidden", OPTION_INTEGER, "1..65536", "128", NULL, "width of the linear layer"},
    IMAGE_OPTIONS("28", "1"),
    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL},
};

static model *build_mnist(const option_set *set, error *e)
{
    builder b = begin(set, e);
    for (int i = 1; i <= 2; i++) {
        attributes a = of_convolution(option_integer(set, "channels") * i, 3, 1, true);
        a.padding[1] = a.padding[2] = 0;
        builder_add(&b, "conv2d", a, "c%d", i);
        builder_add(&b, "relu", of_nothing(), "c%d.relu", i);
    }
    builder_add(&b, "max_pool2d", of_pool(2, 2, 0), "pool");
    builder_add(&b, "dropout", of_dropout(0.25), "dropout");
    builder_add(&b, "flatten", of_nothing(), "flatten");
    hidden(&b, 1, option_integer(set, "hidden"), 0.5);
    builder_add(&b, "linear", of_linear(option_integer(set, "classes")), "f2");
    return builder_finish(&b);
}

const architecture arch_cnn_mnist = {
    .name = "cnn-mnist",
    .summary = "classifier of digits: two convolutions and two linear layers",
    .options = mnist_options,
    .source = "the MNIST example of PyTorch",
    .build = build_mnist,
};

/* ---- cnn-simple, cnn-enhanced ---- */

static const option simple_options[] = {
    {"channels", OPTION_INTEGER, "1..1024", "16", NULL, "width of the first convolution"},
    {"hidden", OPTION_INTEGER, "1..65536", "128", NULL, "width of the linear layer"},
    IMAGE_OPTIONS("32", "3"),
    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL},
};

/* Here the norm stands behind the ReLU. */
static model *build_simple(const option_set *set, error *e)
{
    builder b = begin(set, e);
    for (int i = 1; i <= 2; i++) {
        const int64_t channels = option_integer(set, "channels") * i;
        builder_add(&b, "conv2d", of_convolution(channels, 3, 1, true), "c%d", i);
        builder_add(&b, "relu", of_nothing(), "c%d.relu", i);
        builder_add(&b, "batch_norm", of_norm(1e-5, 0.1), "b%d", i);
        builder_add(&b, "max_pool2d", of_pool(2, 2, 0), "pool%d", i);
    }
    builder_add(&b, "flatten", of_nothing(), "flatten");
    hidden(&b, 1, option_integer(set, "hidden"), 0);
    builder_add(&b, "linear", of_linear(option_integer(set, "classes")), "f2");
    return builder_finish(&b);
}

const architecture arch_cnn_simple = {
    .name = "cnn-simple",
    .summary = "classifier of small images: two convolutions and two linear layers",
    .options = simple_options,
    .source = "Krizhevsky 2009, Learning multiple layers of features from tiny images "
              "(the task)",
    .build = build_simple,
};

static const option enhanced_options[] = {
    {"channels", OPTION_INTEGER, "1..512", "32", NULL,
     "width of the first convolution; it doubles three times"},
    {"hidden", OPTION_INTEGER, "2..65536", "512", NULL,
     "width of the first linear layer; the second has half"},
    {"dropout", OPTION_REAL, "0..0.99", "0.5", NULL,
     "share of the linear layers' outputs that is dropped in training"},
    IMAGE_OPTIONS("32", "3"),
    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL},
};

static model *build_enhanced(const option_set *set, error *e)
{
    const double dropout = option_real(set, "dropout");
    builder b = begin(set, e);
    for (int i = 0; i < 4; i++) {
        const int64_t channels = option_integer(set, "channels") << i;
        builder_add(&b, "conv2d", of_convolution(channels, 3, 1, true), "c.%d", i);
        builder_add(&b, "batch_norm", of_norm(1e-5, 0.1), "b.%d", i);
        builder_add(&b, "relu", of_nothing(), "relu.%d", i);
        if (i != 2)
            builder_add(&b, "max_pool2d", of_pool(2, 2, 0), "pool.%d", i);
    }
    builder_add(&b, "flatten", of_nothing(), "flatten");
    hidden(&b, 1, option_integer(set, "hidden"), dropout);
    hidden(&b, 2, option_integer(set, "hidden") / 2, dropout);
    builder_add(&b, "linear", of_linear(option_integer(set, "classes")), "f3");
    return builder_finish(&b);
}

const architecture arch_cnn_enhanced = {
    .name = "cnn-enhanced",
    .summary =
        "classifier of small images: four convolutions, three linear layers, dropout",
    .options = enhanced_options,
    .source = "Krizhevsky 2009, Learning multiple layers of features from tiny images "
              "(the task)",
    .build = build_enhanced,
};

/* ---- lenet-5 ---- */

static const option lenet_options[] = {
    {"activation", OPTION_WORD, "tanh|relu", "tanh", NULL,
     "the function behind each layer"},
    IMAGE_OPTIONS("28", "1"),
    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL},
};

static model *build_lenet(const option_set *set, error *e)
{
    static const struct {
        int64_t channels, padding;
    } layers[] = {{6, 2}, {16, 0}};
    const char *function = option_words(set, "activation");
    builder b = begin(set, e);
    for (int i = 0; i < 2; i++) {
        attributes a = of_convolution(layers[i].channels, 5, 1, true);
        a.padding[1] = a.padding[2] = layers[i].padding;
        builder_add(&b, "conv2d", a, "c%d", i + 1);
        builder_add(&b, function, of_nothing(), "c%d.%s", i + 1, function);
        builder_add(&b, "avg_pool2d", of_pool(2, 2, 0), "pool%d", i + 1);
    }
    builder_add(&b, "flatten", of_nothing(), "flatten");
    for (int i = 0; i < 2; i++) {
        builder_add(&b, "linear", of_linear(i ? 84 : 120), "f%d", i + 1);
        builder_add(&b, function, of_nothing(), "f%d.%s", i + 1, function);
    }
    builder_add(&b, "linear", of_linear(option_integer(set, "classes")), "f3");
    return builder_finish(&b);
}

const architecture arch_lenet_5 = {
    .name = "lenet-5",
    .summary = "the classic classifier of digits",
    .options = lenet_options,
    .source = "LeCun, Bottou, Bengio, Haffner 1998, Proc. IEEE 86, 2278, section II.B; "
              "all maps connected, a linear last layer",
    .build = build_lenet,
};
