/* SPDX-License-Identifier: GPL-3.0-or-later
   support_quantized.c -- draws graphs that run in integers.  It runs nothing. */
#include "support_quantized.h"

#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "graph/op_integer.h"
#include "graph/operator.h"
#include "kernel/integer.h"

enum { NODES_MOST = 7, CODES_MOST = 4096, PRODUCTS_MOST = 120000, TRIALS = 30 };

quantizer *support_quantizer(random_stream *r, int bits, int64_t channels)
{
    quantizer *q =
        quantizer_new(bits, channels > 1 ? PER_CHANNEL : PER_TENSOR, channels, NULL);
    assert_non_null(q);
    for (int64_t c = 0; c < channels; c++) {
        q->scale[c] = (float)exp(random_between(r, -6, 1));
        q->zero_point[c] = (int32_t)(integer_low(bits) + random_below(r, 1 << bits));
    }
    return q;
}

void support_codes(random_stream *r, int bits, int8_t *codes, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        codes[i] = (int8_t)(integer_low(bits) + random_below(r, 1 << bits));
}

typedef struct drawer {
    graph *g;
    random_stream random;
    int64_t batch;
    shape shapes[NODES_MOST + 8]; /* of the values so far */
    int last;                     /* the value that was made last */
} drawer;

static int64_t below(drawer *d, int64_t n)
{
    return random_below(&d->random, n);
}

static int64_t channels_of(shape s)
{
    return s.dim[s.rank - 1];
}

/* Few, or as many as vectors are made for, or around. */
static int64_t draw_channels(drawer *d)
{
    static const int64_t round[] = {8, 16, 32, 64, 7, 17, 33};
    return below(d, 2) ? 1 + below(d, 6) : round[below(d, 7)];
}

static int draw_bits(drawer *d)
{
    return below(d, 6) ? 8 : 2 + (int)below(d, 6);
}

/* Any value on codes, mostly the last. */
static int draw_value(drawer *d)
{
    return below(d, 3) ? d->last : 1 + (int)below(d, d->last);
}

/* The new value's format: the input's, or one under which codes spread: RANGE is the size
   of most numbers. */
static void give_format(drawer *d, int value, double range)
{
    const node *n = &d->g->nodes[d->g->node_count - 1];
    quantizer *q;
    if (integer_keeps_format(n->op)) {
        q = quantizer_copy(d->g->values[n->inputs[0]].quantizer, NULL);
        assert_non_null(q);
    } else {
        int bits = draw_bits(d);
        q = support_quantizer(&d->random, bits, 1);
        q->scale[0] = (float)(range * exp(random_between(&d->random, -1, 1)) /
                              (double)(1 << (bits - 1)));
    }
    d->g->values[value].type = DTYPE_S8;
    d->g->values[value].quantizer = q;
}

static double range_of(const drawer *d, int value)
{
    const quantizer *q = d->g->values[value].quantizer;
    return (double)q->scale[0] * (double)(1 << (q->bits - 1));
}

/* Appends a node; false where its row does not take it. */
static bool append(drawer *d, const char *op, const attributes *a, const int *inputs,
                   int count, double range)
{
    char name[32];
    error e = {0};
    snprintf(name, sizeof name, "n%d", d->g->node_count);
    int value = graph_add(d->g, op, name, a, inputs, count, &e);
    if (value < 0)
        return false;
    assert_true(value < (int)(sizeof d->shapes / sizeof *d->shapes));
    assert_int_equal(graph_shapes(d->g, d->batch, d->g->input_shape, d->shapes, NULL),
                     E_OK);
    give_format(d, value, range);
    d->last = value;
    return true;
}

/* Codes at random for a layer's weight and bias: real numbers that encode to them. */
static void give_weights(drawer *d, node *n, int in)
{
    parameter *weight = graph_parameter(d->g, n, ROLE_WEIGHT);
    parameter *bias = graph_parameter(d->g, n, ROLE_BIAS);
    shape s = tensor_shape(weight->data);
    int64_t count = shape_count(s), outputs = s.dim[0];
    int bits = draw_bits(d);
    quantizer *q = support_quantizer(&d->random, bits, below(d, 2) ? outputs : 1);
    for (int64_t c = 0; c < q->channels; c++)
        if (below(d, 2) || bits < 8)
            q->zero_point[c] = 0;
    weight->codes = tensor_new(DTYPE_S8, s, NULL);
    int8_t *codes = tensor_write(weight->codes, NULL);
    float *data = tensor_write_f32(weight->data, NULL);
    assert_non_null(data);
    support_codes(&d->random, bits, codes, count);
    for (int64_t i = 0; i < count; i++) {
        int64_t c = q->channels == 1 ? 0 : i / (count / outputs);
        if (below(d, 8) == 0)
            codes[i] = (int8_t)q->zero_point[c];
        data[i] = q->scale[c] * (float)(codes[i] - q->zero_point[c]);
    }
    weight->quantizer = q;
    if (!bias)
        return;
    bias->codes = tensor_new(DTYPE_S32, tensor_shape(bias->data), NULL);
    bias->quantizer = quantizer_new(32, q->grain, q->channels, NULL);
    int32_t *bias_codes = tensor_write(bias->codes, NULL);
    assert_non_null(bias_codes);
    for (int64_t c = 0; c < q->channels; c++)
        bias->quantizer->scale[c] = d->g->values[in].quantizer->scale[0] * q->scale[c];
    for (int64_t c = 0; c < outputs; c++)
        bias_codes[c] = (int32_t)random_between(&d->random, -30000, 30000);
}

static double products_range(const drawer *d, const node *n, int in)
{
    const parameter *weight = graph_parameter(d->g, n, ROLE_WEIGHT);
    const quantizer *q = weight->quantizer;
    double taps =
        (double)(tensor_count(weight->data) / tensor_shape(weight->data).dim[0]);
    double scale = 0;
    for (int64_t c = 0; c < q->channels; c++)
        scale = fmax(scale, (double)q->scale[c]);
    return 2 * sqrt(taps) * (double)(1 << (q->bits - 1)) * scale * range_of(d, in);
}

static bool append_layer(drawer *d, const char *op, const attributes *a, int in)
{
    if (!append(d, op, a, &in, 1, 1.0))
        return false;
    node *n = &d->g->nodes[d->g->node_count - 1];
    give_weights(d, n, in);
    quantizer *q = d->g->values[d->last].quantizer;
    q->scale[0] = (float)((double)q->scale[0] * products_range(d, n, in));
    return true;
}

static bool draw_conv(drawer *d)
{
    int in = draw_value(d);
    shape s = d->shapes[in];
    if (s.rank != 4)
        return false;
    attributes a = {.groups = 1, .bias = below(d, 4) != 0, .channels = draw_channels(d)};
    if (below(d, 5) == 0) {
        a.groups = channels_of(s); /* depthwise */
        a.channels = a.groups * (1 + below(d, 2));
    } else if (below(d, 4) == 0 && channels_of(s) % 2 == 0) {
        a.groups = 2;
        a.channels *= 2;
    }
    int64_t kernel = below(d, 3) ? 3 : 1 + below(d, 5);
    bool usual = below(d, 2);
    for (int axis = 1; axis < 3; axis++) {
        a.kernel[axis] = below(d, 5) ? kernel : 1 + below(d, 4);
        a.stride[axis] = usual ? 1 : 1 + below(d, 3);
        a.padding[axis] = usual ? a.kernel[axis] / 2 : below(d, 4);
        a.dilation[axis] = usual ? 1 : 1 + below(d, 3);
    }
    int64_t products = d->batch * s.dim[1] * s.dim[2] * a.kernel[1] * a.kernel[2] *
                       channels_of(s) / a.groups * a.channels;
    return products <= PRODUCTS_MOST && append_layer(d, "conv2d", &a, in);
}

static bool draw_linear(drawer *d)
{
    int in = draw_value(d);
    attributes a = {.channels = draw_channels(d), .bias = below(d, 4) != 0};
    return shape_count(d->shapes[in]) * a.channels <= PRODUCTS_MOST &&
           append_layer(d, "linear", &a, in);
}

static bool draw_function(drawer *d)
{
    static const char *const ops[] = {"relu",       "leaky_relu",   "sigmoid", "gelu",
                                      "hard_swish", "hard_sigmoid", "relu6",   "tanh"};
    int in = draw_value(d), which = (int)below(d, 8);
    attributes a = {.slope = random_between(&d->random, 0, 0.5)};
    bool unit = which == 2 || which == 5 || which == 7;
    return append(d, ops[which], &a, &in, 1, unit ? 1.0 : range_of(d, in));
}

static bool draw_pool(drawer *d)
{
    static const char *const ops[] = {"max_pool2d", "max_pool2d", "avg_pool2d",
                                      "global_avg_pool2d"};
    int in = draw_value(d);
    attributes a = {0};
    int64_t kernel = below(d, 2) ? 2 : 1 + below(d, 4);
    for (int axis = 1; axis < 3; axis++) {
        a.kernel[axis] = kernel;
        a.stride[axis] = below(d, 3) ? kernel : 1 + below(d, 3);
        a.padding[axis] = below(d, 2) ? 0 : below(d, kernel / 2 + 1);
    }
    return d->shapes[in].rank == 4 &&
           append(d, ops[below(d, 4)], &a, &in, 1, range_of(d, in));
}

static bool draw_resize(drawer *d)
{
    int in = draw_value(d);
    shape s = d->shapes[in];
    attributes a = {.align_corners = below(d, 2)};
    if (below(d, 2))
        a.factor = 1 + below(d, 3);
    a.size[1] = 1 + below(d, 20);
    a.size[2] = 1 + below(d, 20);
    int64_t pixels =
        a.factor ? s.dim[1] * s.dim[2] * a.factor * a.factor : a.size[1] * a.size[2];
    return s.rank == 4 && d->batch * pixels * channels_of(s) <= CODES_MOST * 2 &&
           append(d, below(d, 3) ? "resize_bilinear" : "resize_nearest", &a, &in, 1, 1.0);
}

static bool draw_move(drawer *d)
{
    int in = draw_value(d);
    attributes a = {.size = {0, 1 + below(d, 12), 1 + below(d, 12)}};
    return d->shapes[in].rank == 4 &&
           append(d, below(d, 4) ? "pad_or_crop" : "flatten", &a, &in, 1, 1.0);
}

/* Values that go together are brought to one size first where it takes that. */
static bool draw_join(drawer *d)
{
    int inputs[2] = {draw_value(d), draw_value(d)};
    const attributes none = {0};
    bool concat = below(d, 2);
    double range = fmax(range_of(d, inputs[0]), range_of(d, inputs[1]));
    shape a = d->shapes[inputs[0]], b = d->shapes[inputs[1]];
    if (a.rank != 4 || b.rank != 4 ||
        channels_of(a) + channels_of(b) >
            2 * CODES_MOST / (d->batch * a.dim[1] * a.dim[2]))
        return false;
    if (concat && (a.dim[1] != b.dim[1] || a.dim[2] != b.dim[2])) {
        int pair[2] = {inputs[1], inputs[0]};
        if (!append(d, "pad_or_crop", &none, pair, 2, 1.0))
            return false;
        inputs[1] = d->last;
    }
    if (concat && below(d, 3) == 0 && append(d, "concat", &none, inputs, 2, range)) {
        quantizer *q = d->g->values[d->last].quantizer;
        const quantizer *same = d->g->values[inputs[0]].quantizer;
        q->bits = same->bits;
        q->scale[0] = same->scale[0];
        q->zero_point[0] = same->zero_point[0];
        return true;
    }
    const char *pair = below(d, 3) ? "add" : "multiply";
    return append(d, concat ? "concat" : pair, &none, inputs, 2, range);
}

static bool draw_node(drawer *d)
{
    static bool (*const draws[])(drawer * d) = {
        draw_conv, draw_conv, draw_conv,   draw_function, draw_function,
        draw_pool, draw_join, draw_resize, draw_move,     draw_linear};
    return draws[below(d, sizeof draws / sizeof *draws)](d);
}

graph *support_quantized(uint64_t seed, int64_t batch)
{
    drawer d = {.random = random_new(seed, "graph", 0), .batch = batch};
    const attributes none = {0};
    int in = 0, count = 1 + (int)below(&d, NODES_MOST - 2);
    d.g = graph_new(shape_of(3, 1 + below(&d, 14), 1 + below(&d, 14), draw_channels(&d)),
                    NULL);
    assert_non_null(d.g);
    assert_true(append(&d, "quantize", &none, &in, 1, 1.0));
    for (int trial = 0; trial < TRIALS && d.g->node_count <= count; trial++)
        draw_node(&d);
    in = d.last;
    assert_true(graph_add(d.g, "dequantize", "end", &none, &in, 1, NULL) >= 0);
    return d.g;
}
