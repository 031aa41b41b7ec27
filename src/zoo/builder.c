/* SPDX-License-Identifier: GPL-3.0-or-later
   builder.c -- a graph that grows node by node, and the attributes that networks use.
   It knows no architecture. */
#include "zoo/builder.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { NODE_NAME_MAX = 64 };

builder builder_begin(shape input, error *e)
{
    graph *g = graph_new(input, e);
    return (builder){.g = g, .e = e, .x = g ? g->input : -1, .failed = !g};
}

static void append(builder *b, const char *op, const attributes *a, const int *inputs,
                   int count, const char *name, va_list words)
{
    char whole[NODE_NAME_MAX];
    if (b->failed)
        return;
    vsnprintf(whole, sizeof whole, name, words);
    b->x = graph_add(b->g, op, whole, a, inputs, count, b->e);
    b->failed = b->x < 0;
}

void builder_add(builder *b, const char *op, attributes a, const char *name, ...)
{
    va_list words;
    va_start(words, name);
    append(b, op, &a, &b->x, 1, name, words);
    va_end(words);
}

void builder_join(builder *b, const char *op, attributes a, int second, const char *name,
                  ...)
{
    va_list words;
    int inputs[2] = {b->x, second};
    va_start(words, name);
    append(b, op, &a, inputs, 2, name, words);
    va_end(words);
}

void builder_fail(builder *b, const char *format, ...)
{
    char sentence[200];
    va_list words;
    if (b->failed)
        return;
    va_start(words, format);
    vsnprintf(sentence, sizeof sentence, format, words);
    va_end(words);
    fail(b->e, E_SHAPE, "%s", sentence);
    b->failed = true;
}

model *builder_finish(builder *b)
{
    if (!b->failed)
        return model_new(b->g, b->e);
    graph_free(b->g);
    return NULL;
}

attributes of_nothing(void)
{
    return (attributes){0};
}

static attributes kernel_of(int first, int64_t channels, int64_t kernel, int64_t stride)
{
    attributes a = {.groups = 1, .channels = channels};
    for (int i = first; i < 3; i++) {
        a.kernel[i] = kernel;
        a.stride[i] = stride;
        a.padding[i] = kernel / 2;
        a.dilation[i] = 1;
    }
    return a;
}

attributes of_convolution(int64_t channels, int64_t kernel, int64_t stride, bool bias)
{
    attributes a = kernel_of(1, channels, kernel, stride);
    a.bias = bias;
    return a;
}

attributes of_depthwise(int64_t channels, int64_t kernel, int64_t stride, bool bias)
{
    attributes a = of_convolution(channels, kernel, stride, bias);
    a.groups = channels;
    return a;
}

attributes of_block_convolution(int64_t channels, int64_t kernel, int64_t stride)
{
    attributes a = kernel_of(0, channels, kernel, stride);
    a.bias = true;
    return a;
}

attributes of_linear(int64_t features)
{
    return (attributes){.channels = features, .bias = true};
}

attributes of_norm(double epsilon, double momentum)
{
    return (attributes){.epsilon = epsilon, .momentum = momentum};
}

attributes of_pool(int64_t kernel, int64_t stride, int64_t padding)
{
    return (attributes){.kernel = {0, kernel, kernel},
                        .stride = {0, stride, stride},
                        .padding = {0, padding, padding}};
}

attributes of_dropout(double probability)
{
    return (attributes){.probability = probability};
}

int64_t builder_width(int64_t channels, double width)
{
    double wanted = (double)channels * width;
    int64_t rounded = (int64_t)floor((wanted + 4) / 8) * 8;
    rounded = rounded < 8 ? 8 : rounded;
    return (double)rounded < 0.9 * wanted ? rounded + 8 : rounded;
}
