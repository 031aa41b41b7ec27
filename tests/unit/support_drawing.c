/* SPDX-License-Identifier: GPL-3.0-or-later
   support_drawing.c -- shapes and attributes at random for each operator, such as its row
   accepts.  It runs nothing. */
#include "support_drawing.h"

#include <string.h>

static int64_t between(random_stream *r, int64_t low, int64_t high)
{
    return low + random_below(r, high - low + 1);
}

static int64_t one_of(random_stream *r, const int64_t *values, int64_t count)
{
    return values[random_below(r, count)];
}

static shape image(random_stream *r, int64_t most, int64_t channels_most)
{
    return shape_of(4, between(r, 1, 3), between(r, 1, most), between(r, 1, most),
                    between(r, 1, channels_most));
}

/* Windows that fit the image. */
static void draw_window(random_stream *r, drawn *d, int64_t kernel_most)
{
    for (int i = 1; i < 3; i++) {
        int64_t room;
        do {
            d->a.kernel[i] = between(r, 1, kernel_most);
            d->a.stride[i] = between(r, 1, 3);
            d->a.dilation[i] = between(r, 1, 2);
            d->a.padding[i] = between(r, 0, d->a.kernel[i] / 2 + 1);
            room = d->in[0].dim[i] + 2 * d->a.padding[i] -
                   d->a.dilation[i] * (d->a.kernel[i] - 1);
        } while (room < 1);
    }
}

static void draw_conv2d(random_stream *r, drawn *d)
{
    static const int64_t channels[] = {1, 2, 3, 4, 5, 8, 12, 16, 17, 33, 40};
    int64_t in = one_of(r, channels, 11), out = one_of(r, channels, 11);
    int64_t kind = between(r, 0, 4);
    d->a.groups = 1;
    if (kind == 0) { /* depthwise */
        out = in;
        d->a.groups = in;
    } else if (kind == 1) { /* depthwise with a multiplier */
        in = between(r, 2, 6);
        out = 2 * in;
        d->a.groups = in;
    } else if (kind == 2) {
        in *= 2;
        out *= 2;
        d->a.groups = 2;
    }
    d->a.channels = out;
    d->a.bias = between(r, 0, 1);
    d->in[0] = shape_of(4, between(r, 1, 3), between(r, 1, 12), between(r, 1, 20), in);
    draw_window(r, d, 5);
}

/* Groups, channels, and sizes of RANK dimensions. */
static void draw_block(random_stream *r, drawn *d, int rank, int64_t most)
{
    static const int64_t channels[] = {1, 2, 3, 5, 8, 16, 17};
    d->a.groups = between(r, 0, 2) ? 1 : between(r, 2, 3);
    d->a.channels = one_of(r, channels, 7) * d->a.groups;
    d->a.bias = between(r, 0, 1);
    d->in[0].rank = rank;
    d->in[0].dim[0] = between(r, 1, 3);
    for (int i = 1; i < rank - 1; i++)
        d->in[0].dim[i] = between(r, 1, most);
    d->in[0].dim[rank - 1] = one_of(r, channels, 7) * d->a.groups;
}

static void draw_conv3d(random_stream *r, drawn *d)
{
    draw_block(r, d, 5, 6);
    for (int i = 0; i < 3; i++) {
        int64_t room;
        do {
            d->a.kernel[i] = between(r, 1, 3);
            d->a.stride[i] = between(r, 1, 3);
            d->a.dilation[i] = between(r, 1, 2);
            d->a.padding[i] = between(r, 0, 2);
            room = d->in[0].dim[i + 1] + 2 * d->a.padding[i] -
                   d->a.dilation[i] * (d->a.kernel[i] - 1);
        } while (room < 1);
    }
}

/* A third of them without overlap, as most networks have them. */
static void draw_transposed(random_stream *r, drawn *d, int rank, int64_t most)
{
    bool plain = between(r, 0, 2) == 0;
    draw_block(r, d, rank, most);
    for (int i = 5 - rank; i < 3; i++) {
        int64_t out, in = d->in[0].dim[i + rank - 4];
        do {
            d->a.kernel[i] = between(r, 1, 4);
            d->a.stride[i] = plain ? d->a.kernel[i] : between(r, 1, 3);
            d->a.dilation[i] = plain ? 1 : between(r, 1, 2);
            d->a.padding[i] = plain ? 0 : between(r, 0, 2);
            d->a.output_padding[i] = plain ? 0 : between(r, 0, d->a.stride[i] - 1);
            out = (in - 1) * d->a.stride[i] - 2 * d->a.padding[i] +
                  d->a.dilation[i] * (d->a.kernel[i] - 1) + d->a.output_padding[i] + 1;
        } while (out < 1);
    }
}

static void draw_transposed2d(random_stream *r, drawn *d)
{
    draw_transposed(r, d, 4, 9);
}

static void draw_transposed3d(random_stream *r, drawn *d)
{
    draw_transposed(r, d, 5, 3);
}

static void draw_linear(random_stream *r, drawn *d)
{
    /* Products that are large on every side go another way. */
    int64_t most = between(r, 0, 2) ? 80 : 200;
    d->a.channels = between(r, most / 3, most);
    d->a.bias = between(r, 0, 1);
    d->in[0] = between(r, 0, 2)
                   ? shape_of(2, between(r, 1, 40), between(r, most / 3, most))
                   : shape_of(3, between(r, 1, 4), between(r, 1, 5), between(r, 1, 90));
}

static void draw_batch_norm(random_stream *r, drawn *d)
{
    d->a.epsilon = 1e-5;
    d->a.momentum = 0.2;
    int64_t kind = between(r, 0, 4);
    d->in[0] =
        kind > 1 ? image(r, 9, 80) : shape_of(2, between(r, 2, 30), between(r, 1, 80));
    if (kind == 1)
        d->in[0] = shape_of(5, between(r, 1, 2), between(r, 1, 4), between(r, 1, 4),
                            between(r, 1, 4), between(r, 1, 40));
    d->in[0].dim[0]++; /* one row alone has no variance */
}

static void draw_group_norm(random_stream *r, drawn *d)
{
    d->a.epsilon = 1e-5;
    d->a.groups = between(r, 1, 5);
    d->in[0] = between(r, 0, 2) ? image(r, 9, 12)
                                : shape_of(2, between(r, 1, 9), between(r, 2, 30));
    /* One number alone has no variance. */
    d->in[0].dim[d->in[0].rank - 1] *= 2 * d->a.groups;
}

static void draw_any(random_stream *r, drawn *d)
{
    d->in[0] = between(r, 0, 1) ? image(r, 6, 40)
                                : shape_of(2, between(r, 1, 9), between(r, 1, 90));
}

static void draw_layer_norm(random_stream *r, drawn *d)
{
    draw_any(r, d);
    d->a.epsilon = 1e-5;
    d->in[0].dim[d->in[0].rank - 1]++;
}

static void draw_leaky(random_stream *r, drawn *d)
{
    d->a.slope = between(r, 0, 1) ? 0.2 : 0.01;
    draw_any(r, d);
}

static void draw_pool(random_stream *r, drawn *d)
{
    d->in[0] = image(r, 12, 40);
    for (int i = 1; i < 3; i++) {
        d->a.kernel[i] = between(r, 1, d->in[0].dim[i] < 4 ? d->in[0].dim[i] : 4);
        d->a.stride[i] = between(r, 1, 3);
        d->a.padding[i] = between(r, 0, d->a.kernel[i] / 2);
    }
}

static void draw_image(random_stream *r, drawn *d)
{
    d->in[0] = image(r, 9, 80);
}

static void draw_resize(random_stream *r, drawn *d)
{
    d->in[0] = image(r, 8, 40);
    d->a.align_corners = between(r, 0, 1);
    d->a.factor = between(r, 0, 3);
    d->a.size[1] = between(r, 1, 15);
    d->a.size[2] = between(r, 1, 15);
}

static void draw_pad(random_stream *r, drawn *d)
{
    d->in[0] = image(r, 9, 20);
    d->a.size[1] = between(r, 1, 13);
    d->a.size[2] = between(r, 1, 13);
    if (between(r, 0, 1)) {
        d->inputs = 2;
        d->in[1] = image(r, 12, 5);
        d->in[1].dim[0] = d->in[0].dim[0];
    }
}

static void draw_concat(random_stream *r, drawn *d)
{
    d->inputs = (int)between(r, 1, 4);
    draw_any(r, d);
    for (int i = 1; i < d->inputs; i++) {
        d->in[i] = d->in[0];
        d->in[i].dim[d->in[i].rank - 1] = between(r, 1, 40);
    }
}

static void draw_pair(random_stream *r, drawn *d)
{
    d->inputs = 2;
    draw_any(r, d);
    d->in[1] = d->in[0];
    int64_t smaller = between(r, 0, 2);
    if (d->in[0].rank == 4 && smaller < 2)
        d->in[smaller].dim[1] = d->in[smaller].dim[2] = 1;
}

static void draw_unflatten(random_stream *r, drawn *d)
{
    int64_t count = d->a.channels = between(r, 1, 20);
    for (int i = (int)between(r, 0, 1); i < 3; i++)
        count *= d->a.size[i] = between(r, 1, 4);
    d->in[0] = shape_of(2, between(r, 1, 4), count);
}

static void draw_slice(random_stream *r, drawn *d)
{
    draw_any(r, d);
    int64_t total = d->in[0].dim[d->in[0].rank - 1];
    d->a.first = between(r, 0, total - 1);
    d->a.channels = between(r, 1, total - d->a.first);
}

static void draw_shuffle(random_stream *r, drawn *d)
{
    d->a.factor = between(r, 1, 3);
    d->in[0] = image(r, 7, 12);
    d->in[0].dim[3] *= d->a.factor * d->a.factor;
}

static void draw_dropout(random_stream *r, drawn *d)
{
    d->a.probability = between(r, 0, 1) ? 0.5 : 0.2;
    draw_any(r, d);
}

static const drawing drawings[] = {
    {"conv2d", draw_conv2d, 50, false},
    {"conv3d", draw_conv3d, 24, false},
    {"conv_transpose2d", draw_transposed2d, 36, false},
    {"conv_transpose3d", draw_transposed3d, 20, false},
    {"linear", draw_linear, 20, false},
    {"batch_norm", draw_batch_norm, 20, false},
    {"group_norm", draw_group_norm, 16, false},
    {"layer_norm", draw_layer_norm, 12, false},
    {"relu", draw_any, 8, false},
    {"relu6", draw_any, 8, false},
    {"tanh", draw_any, 8, false},
    {"leaky_relu", draw_leaky, 8, false},
    {"sigmoid", draw_any, 8, false},
    {"gelu", draw_any, 8, false},
    {"hard_swish", draw_any, 8, false},
    {"hard_sigmoid", draw_any, 8, false},
    {"max_pool2d", draw_pool, 20, true},
    {"avg_pool2d", draw_pool, 20, false},
    {"global_avg_pool2d", draw_image, 10, false},
    {"resize_bilinear", draw_resize, 20, false},
    {"resize_nearest", draw_resize, 10, false},
    {"pad_or_crop", draw_pad, 20, false},
    {"concat", draw_concat, 12, false},
    {"add", draw_pair, 14, false},
    {"multiply", draw_pair, 14, false},
    {"flatten", draw_any, 8, false},
    {"unflatten", draw_unflatten, 8, false},
    {"slice", draw_slice, 8, false},
    {"pixel_shuffle", draw_shuffle, 8, false},
    {"dropout", draw_dropout, 8, false},
    {"softmax", draw_any, 10, false},
    {"log_softmax", draw_any, 10, false},
};

const drawing *support_drawing(const char *op)
{
    for (size_t i = 0; i < sizeof drawings / sizeof *drawings; i++)
        if (strcmp(drawings[i].op, op) == 0)
            return &drawings[i];
    return NULL;
}
