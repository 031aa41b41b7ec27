/* SPDX-License-Identifier: GPL-3.0-or-later
   support_random_graph.c -- small graphs drawn from all operators, and graphs run node by
   node in double by the reference.  It checks nothing but that there is memory. */
#include "support_random_graph.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/random.h"
#include "graph/operator.h"
#include "support_graph.h"
#include "support_operator.h"

enum { VALUES_MAX = 128, CHANNELS_MAX = 16, PIXELS_MAX = 8 };

typedef struct drawing {
    graph *g;
    random_stream r;
    shape shapes[VALUES_MAX];
} drawing;

static int64_t below(drawing *d, int64_t n)
{
    return random_below(&d->r, n);
}

static int64_t channels_of(const drawing *d, int v)
{
    return d->shapes[v].dim[d->shapes[v].rank - 1];
}

/* Appends a node, or leaves all as it is where it does not fit: -1. */
static int put(drawing *d, const char *op, attributes a, const int *inputs, int count)
{
    char name[32];
    error e = {0};
    graph *g = d->g;
    if (g->value_count + 1 >= VALUES_MAX)
        return -1;
    snprintf(name, sizeof name, "n%d", g->node_count);
    int v = graph_add(g, op, name, &a, inputs, count, &e);
    if (v < 0)
        return -1;
    assert_int_equal(graph_shapes(g, 1, g->input_shape, d->shapes, &e), E_OK);
    return v;
}

static int put_one(drawing *d, const char *op, attributes a, int v)
{
    return put(d, op, a, &v, 1);
}

static bool is_image(const drawing *d, int v)
{
    return d->shapes[v].rank == 4;
}

/* ---- what can be added behind the value V ---- */

static int draw_layer(drawing *d, int v, bool transposed)
{
    const int rank = d->shapes[v].rank;
    const int64_t inputs = channels_of(d, v), kind = below(d, 5);
    attributes a = {.groups = 1, .bias = below(d, 2) == 1};
    if (rank < 4)
        return -1;
    if (kind == 0)
        a.groups = inputs;
    else if (kind == 1)
        do
            a.groups = 1 + below(d, inputs);
        while (inputs % a.groups != 0);
    a.channels = a.groups == 1 ? 2 + below(d, 9) : a.groups * (1 + below(d, 3));
    for (int i = 5 - rank; i < 3; i++) {
        a.kernel[i] = 1 + below(d, 3);
        a.stride[i] = 1 + below(d, 4) / 3;
        a.padding[i] = below(d, a.kernel[i]);
        a.dilation[i] = 1 + below(d, 5) / 4;
        a.output_padding[i] = transposed ? a.stride[i] - 1 : 0;
        if (transposed && d->shapes[v].dim[i + rank - 4] * a.stride[i] > PIXELS_MAX)
            return -1;
    }
    if (a.channels > CHANNELS_MAX)
        return -1;
    if (transposed)
        return put_one(d, rank == 4 ? "conv_transpose2d" : "conv_transpose3d", a, v);
    return put_one(d, rank == 4 ? "conv2d" : "conv3d", a, v);
}

static int draw_convolution(drawing *d, int v)
{
    return draw_layer(d, v, false);
}

static int draw_transposed(drawing *d, int v)
{
    return draw_layer(d, v, true);
}

static int draw_linear(drawing *d, int v)
{
    attributes a = {.channels = 2 + below(d, 11), .bias = below(d, 2) == 1};
    return put_one(d, "linear", a, v);
}

static int draw_function(drawing *d, int v)
{
    static const char *const names[] = {"relu",       "leaky_relu",   "relu6",
                                        "sigmoid",    "tanh",         "gelu",
                                        "hard_swish", "hard_sigmoid", "dropout"};
    return put_one(d, names[below(d, 9)], (attributes){.slope = 0.1, .probability = 0.3},
                   v);
}

static int draw_norm(drawing *d, int v)
{
    attributes a = support_norm();
    const int64_t kind = below(d, 8);
    if (kind > 2)
        return put_one(d, "batch_norm", a, v);
    if (kind == 0)
        return put_one(d, "layer_norm", a, v);
    do
        a.groups = 1 + below(d, channels_of(d, v));
    while (channels_of(d, v) % a.groups != 0);
    return put_one(d, "group_norm", a, v);
}

static int draw_pool(drawing *d, int v)
{
    attributes a = support_window(2 + below(d, 2), 1 + below(d, 2));
    a.padding[1] = a.padding[2] = below(d, 2);
    if (!is_image(d, v))
        return -1;
    return put_one(d, below(d, 2) ? "max_pool2d" : "avg_pool2d", a, v);
}

static int draw_resize(drawing *d, int v)
{
    attributes a = {.align_corners = below(d, 2) == 1};
    if (!is_image(d, v) || d->shapes[v].dim[1] > 4 || d->shapes[v].dim[2] > 4)
        return -1;
    if (below(d, 2))
        a.factor = 2;
    a.size[1] = 1 + below(d, 6);
    a.size[2] = 1 + below(d, 6);
    return put_one(d, below(d, 2) ? "resize_bilinear" : "resize_nearest", a, v);
}

/* A value that PRED likes beside V; V itself where there is no other. */
static int partner(drawing *d, int v, bool (*pred)(const drawing *d, int v, int other))
{
    const int count = d->g->value_count;
    int from = (int)below(d, count);
    for (int i = 0; i < count; i++) {
        int other = (from + i) % count;
        if (other != v && pred(d, v, other))
            return other;
    }
    return v;
}

static bool any_image(const drawing *d, int v, int other)
{
    (void)v;
    return is_image(d, other);
}

static bool same_places(const drawing *d, int v, int other)
{
    shape a = d->shapes[v], b = d->shapes[other];
    b.dim[b.rank - 1] = a.dim[a.rank - 1];
    return shape_equal(a, b);
}

static bool same_shape(const drawing *d, int v, int other)
{
    return shape_equal(d->shapes[v], d->shapes[other]);
}

static int draw_padding(drawing *d, int v)
{
    attributes a = {.size = {0, 2 + below(d, 5), 2 + below(d, 5)}};
    if (!is_image(d, v))
        return -1;
    if (below(d, 2))
        return put_one(d, "pad_or_crop", a, v);
    return put(d, "pad_or_crop", (attributes){0}, (int[]){v, partner(d, v, any_image)},
               2);
}

static int draw_concat(drawing *d, int v)
{
    int inputs[3] = {partner(d, v, same_places), v, partner(d, v, same_places)};
    int count = 1 + (int)below(d, 3);
    int64_t channels = 0;
    for (int i = 0; i < count; i++)
        channels += channels_of(d, inputs[i]);
    if (channels > 2 * CHANNELS_MAX || d->shapes[v].rank < 2)
        return -1;
    return put(d, "concat", (attributes){.axis = 1}, inputs, count);
}

static const char *pair_name(drawing *d)
{
    return below(d, 2) ? "add" : "multiply";
}

/* With a value of the same shape, or a layer's of the same size that is made for it. */
static int draw_pair(drawing *d, int v)
{
    int other = partner(d, v, same_shape);
    if (other == v || below(d, 2)) {
        int from = partner(d, v, same_places);
        attributes a = {.channels = channels_of(d, v), .bias = true};
        other = put_one(d, "linear", a, from);
    }
    return other < 0 ? -1
                     : put(d, pair_name(d), (attributes){0},
                           below(d, 2) ? (int[]){v, other} : (int[]){other, v}, 2);
}

/* Squeeze and excite: one factor, or summand, for each channel. */
static int draw_squeeze(drawing *d, int v)
{
    if (!is_image(d, v))
        return -1;
    int w = put_one(d, "global_avg_pool2d", (attributes){0}, v);
    if (w >= 0 && below(d, 4)) {
        attributes a = support_convolution(channels_of(d, v), 1);
        w = put_one(d, "conv2d", a, w);
        w = w < 0 ? -1 : put_one(d, "hard_sigmoid", (attributes){0}, w);
    }
    return w < 0 ? -1
                 : put(d, pair_name(d), (attributes){0},
                       below(d, 2) ? (int[]){v, w} : (int[]){w, v}, 2);
}

/* Some channels, or both halves and their product. */
static int draw_slice(drawing *d, int v)
{
    const int64_t channels = channels_of(d, v);
    attributes a = {.first = below(d, channels)};
    a.channels = 1 + below(d, channels - a.first);
    if (d->shapes[v].rank < 2)
        return -1;
    if (channels % 2 != 0 || below(d, 2))
        return put_one(d, "slice", a, v);
    attributes half = {.channels = channels / 2};
    int u = put_one(d, "slice", half, v);
    half.first = channels / 2;
    int w = put_one(d, "slice", half, v);
    return u < 0 || w < 0 ? -1 : put(d, "multiply", (attributes){0}, (int[]){u, w}, 2);
}

static int draw_shuffle(drawing *d, int v)
{
    if (!is_image(d, v) || d->shapes[v].dim[1] > 4 || d->shapes[v].dim[2] > 4)
        return -1;
    if (channels_of(d, v) % 4 != 0)
        v = put_one(d, "conv2d", support_convolution(4 * (1 + below(d, 4)), 1), v);
    return v < 0 ? -1 : put_one(d, "pixel_shuffle", (attributes){.factor = 2}, v);
}

static int draw_flatten(drawing *d, int v)
{
    if (d->shapes[v].rank < 4 || shape_count(d->shapes[v]) > 256)
        return -1;
    return put_one(d, "flatten", (attributes){0}, v);
}

static int draw_unflatten(drawing *d, int v)
{
    attributes a = {.channels = 2 + below(d, 5), .size = {0, 2, 2}};
    if (d->shapes[v].rank != 2)
        return -1;
    if (below(d, 2))
        a.size[0] = 2;
    int w = put_one(
        d, "linear",
        (attributes){.channels = a.channels * (a.size[0] ? 8 : 4), .bias = true}, v);
    return w < 0 ? -1 : put_one(d, "unflatten", a, w);
}

static int draw_softmax(drawing *d, int v)
{
    return put_one(d, below(d, 2) ? "softmax" : "log_softmax", (attributes){0}, v);
}

/* What is drawn, and how often of 100 times. */
static const struct draw {
    int (*add)(drawing *d, int v);
    int share;
} draws[] = {
    {draw_convolution, 26}, {draw_transposed, 6}, {draw_linear, 6},    {draw_function, 9},
    {draw_norm, 9},         {draw_pool, 4},       {draw_resize, 4},    {draw_padding, 3},
    {draw_concat, 7},       {draw_pair, 8},       {draw_squeeze, 4},   {draw_slice, 4},
    {draw_shuffle, 3},      {draw_flatten, 3},    {draw_unflatten, 3}, {draw_softmax, 1},
};

static int draw_node(drawing *d, int v)
{
    int64_t ticket = below(d, 100);
    for (size_t i = 0; i < sizeof draws / sizeof *draws; i++) {
        if (ticket < draws[i].share)
            return draws[i].add(d, v);
        ticket -= draws[i].share;
    }
    fail_msg("the shares are not 100");
    return -1;
}

static shape draw_input(drawing *d)
{
    const int64_t kind = below(d, 8), channels = 1 + below(d, 4);
    if (kind == 0)
        return shape_of(1, channels + 3);
    if (kind == 1)
        return shape_of(4, 2 + below(d, 3), 2 + below(d, 3), 2 + below(d, 3), channels);
    return shape_of(3, 3 + below(d, 4), 3 + below(d, 4), channels);
}

graph *support_random_graph(uint64_t seed)
{
    drawing d = {.r = random_new(seed, "graph", 0)};
    d.g = graph_new(draw_input(&d), NULL);
    assert_non_null(d.g);
    assert_int_equal(graph_shapes(d.g, 1, d.g->input_shape, d.shapes, NULL), E_OK);
    const int64_t steps = 3 + below(&d, 12);
    int at = d.g->input;
    for (int64_t i = 0; i < steps; i++) {
        int from = below(&d, 3) ? at : (int)below(&d, d.g->value_count);
        int next = draw_node(&d, from);
        at = next < 0 ? at : next;
    }
    if (below(&d, 3))
        at = draw_flatten(&d, at) < 0 ? at : d.g->output;
    if (below(&d, 6) || d.g->node_count == 0)
        put_one(&d, "linear", (attributes){.channels = 3, .bias = true}, at);
    support_fill(d.g, seed);
    return d.g;
}

/* ---- the reference ---- */

static double *doubles_new(int64_t count)
{
    double *x = calloc((size_t)count + 1, sizeof *x);
    assert_non_null(x);
    return x;
}

static double *doubles_of(const float *x, int64_t count)
{
    double *y = doubles_new(count);
    for (int64_t i = 0; i < count; i++)
        y[i] = (double)x[i];
    return y;
}

static void clear_channels(double *x, shape s, const uint8_t *kept)
{
    const int64_t channels = s.dim[s.rank - 1];
    for (int64_t i = 0; i < shape_count(s); i++)
        if (!kept[i % channels])
            x[i] = 0;
}

static void run_node(const graph *g, const node *n, const shape *shapes, double **values)
{
    double *parameters[ROLE_COUNT] = {0};
    reference_run r = {.node = n, .out = shapes[n->output]};
    for (int i = 0; i < n->input_count; i++) {
        r.in[i] = shapes[n->inputs[i]];
        r.x[i] = values[n->inputs[i]];
    }
    for (int role = 0; role < ROLE_COUNT; role++) {
        const parameter *p = graph_parameter(g, n, role);
        if (p)
            parameters[role] = doubles_of(tensor_f32(p->data), tensor_count(p->data));
        r.parameters[role] = parameters[role];
    }
    r.y = values[n->output] = doubles_new(shape_count(r.out));
    reference_forward(&r);
    for (int role = 0; role < ROLE_COUNT; role++)
        free(parameters[role]);
}

double *support_reference_run(const graph *g, const float *x, int64_t batch,
                              const uint8_t *kept)
{
    shape *shapes = calloc((size_t)g->value_count, sizeof *shapes);
    double **values = calloc((size_t)g->value_count, sizeof *values);
    int64_t *first = calloc((size_t)g->value_count + 1, sizeof *first);
    assert_true(shapes && values && first);
    assert_int_equal(graph_shapes(g, batch, g->input_shape, shapes, NULL), E_OK);
    for (int v = 0; v < g->value_count; v++)
        first[v + 1] = first[v] + shapes[v].dim[shapes[v].rank - 1];
    values[g->input] = doubles_of(x, shape_count(shapes[g->input]));
    for (int i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        run_node(g, n, shapes, values);
        if (kept)
            clear_channels(values[n->output], shapes[n->output], kept + first[n->output]);
    }
    double *y = values[g->output];
    values[g->output] = NULL;
    for (int v = 0; v < g->value_count; v++)
        free(values[v]);
    free(values);
    free(shapes);
    free(first);
    return y;
}
