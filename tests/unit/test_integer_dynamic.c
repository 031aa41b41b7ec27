/* SPDX-License-Identifier: GPL-3.0-or-later
   test_integer_dynamic.c -- layers that make codes of their input at every run, in graphs
   drawn at random: by every method, number of threads and instruction set the bits of a
   slow reference that goes by lathe-integers(7) alone; and close to the layer in real
   numbers.  A sample's answer is its own: it does not depend on those beside it. */
#include "support.h"
#include "support_level.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "base/random.h"
#include "engine/plan.h"
#include "graph/check.h"
#include "graph/coding.h"
#include "graph/operator.h"

enum { GRAPHS = 150, GRAPHS_LEVEL = 40, BATCH = 3, LAYERS = 3, METHODS_MOST = 16 };

static int graphs_count = GRAPHS;

/* ---- graphs ---- */

static attributes draw_convolution(random_stream *r, int64_t channels)
{
    attributes a = {.bias = random_below(r, 2) != 0, .groups = 1};
    for (int axis = 1; axis < 3; axis++) {
        a.kernel[axis] = 1 + random_below(r, 3);
        a.stride[axis] = 1 + random_below(r, 2);
        a.padding[axis] = random_below(r, 3);
        a.dilation[axis] = 1 + random_below(r, 2);
    }
    a.channels = 1 + random_below(r, 40);
    if (random_below(r, 3) == 0)
        a.groups = a.channels = channels; /* a kernel for each channel */
    else if (random_below(r, 3) == 0 && channels % 2 == 0) {
        a.groups = 2;
        a.channels += a.channels % 2;
    }
    return a;
}

/* Weights with scales, and sometimes zero points, of their own; any bits. */
static void give_codes(random_stream *r, graph *g, node *n)
{
    parameter *weight = graph_parameter(g, n, ROLE_WEIGHT);
    parameter *bias = graph_parameter(g, n, ROLE_BIAS);
    int64_t rows = tensor_shape(weight->data).dim[0];
    bool own = random_below(r, 2) != 0, affine = random_below(r, 4) == 0;
    quantizer *q = quantizer_new(2 + (int)random_below(r, 7),
                                 own ? PER_CHANNEL : PER_TENSOR, own ? rows : 1, NULL);
    for (int64_t c = 0; c < q->channels; c++) {
        q->scale[c] = (float)exp(random_between(r, -6, -2));
        q->zero_point[c] = affine ? (int32_t)random_below(r, 3) - 1 : 0;
    }
    float *w = tensor_write_f32(weight->data, NULL);
    random_fill_uniform(r, w, tensor_count(weight->data), -1, 1);
    if (bias)
        random_fill_uniform(r, tensor_write_f32(bias->data, NULL), rows, -2, 2);
    assert_int_equal(parameter_encode(weight, q, DTYPE_S8, NULL), E_OK);
    n->attr.input_bits = random_below(r, 2) ? 8 : 2 + (int)random_below(r, 7);
    n->attr.input_symmetric = random_below(r, 2) != 0;
}

/* Some convolutions, with ReLUs behind some, then a linear layer. */
static graph *draw_graph(uint64_t seed)
{
    random_stream r = random_new(seed, "dynamic", 0);
    graph *g = graph_new(shape_of(3, 4 + random_below(&r, 5), 4 + random_below(&r, 5),
                                  1 + random_below(&r, 20)),
                         NULL);
    int value = g->input;
    int64_t channels = g->input_shape.dim[2];
    char name[16];
    for (int64_t i = 0, n = random_below(&r, LAYERS + 1); i < n; i++) {
        attributes a = draw_convolution(&r, channels);
        snprintf(name, sizeof name, "c%d", (int)i);
        int made = graph_add(g, "conv2d", name, &a, &value, 1, NULL);
        if (made < 0)
            continue; /* a kernel larger than the image */
        give_codes(&r, g, &g->nodes[g->node_count - 1]);
        channels = a.channels;
        value = made;
        snprintf(name, sizeof name, "r%d", (int)i);
        if (random_below(&r, 2))
            value = graph_add(g, "relu", name, &(attributes){0}, &value, 1, NULL);
    }
    value = graph_add(g, "flatten", "f", &(attributes){0}, &value, 1, NULL);
    attributes a = {.channels = 1 + random_below(&r, 40), .bias = true};
    assert_true(graph_add(g, "linear", "l", &a, &value, 1, NULL) >= 0);
    give_codes(&r, g, &g->nodes[g->node_count - 1]);
    assert_int_equal(graph_check_types(g, NULL), E_OK);
    return g;
}

/* ---- the reference ---- */

typedef struct codes {
    double scale;
    int zero;
    int8_t *q;
} codes;

static codes encode(const attributes *a, const float *x, int64_t n)
{
    const double least = -(double)(1 << (a->input_bits - 1)), most = -least - 1;
    double low = 0, high = 0;
    codes c = {.q = memory_new(n, 1, NULL)};
    for (int64_t i = 0; i < n; i++) {
        low = fmin(low, (double)x[i]);
        high = fmax(high, (double)x[i]);
    }
    low = fmax(low, -(double)FLT_MAX);
    high = fmin(high, (double)FLT_MAX);
    c.scale = (double)(float)(a->input_symmetric ? fmax(-low, high) / most
                                                 : (high - low) / (most - least));
    if (c.scale < (double)FLT_MIN)
        c.scale = 1;
    c.zero = a->input_symmetric ? 0 : (int)fmin(most, least - rint(low / c.scale));
    for (int64_t i = 0; i < n; i++) {
        double q = isnan(x[i]) ? least : rint((double)x[i] / c.scale) + c.zero;
        c.q[i] = (int8_t)fmin(fmax(q, least), most);
    }
    return c;
}

/* One output of one sample; NEAR is that of the real numbers that the codes stand for. */
static float output_of(const graph *g, const node *n, const codes *x, shape in,
                       const int64_t at[3], double *near)
{
    const attributes *a = &n->attr;
    const parameter *weight = graph_parameter(g, n, ROLE_WEIGHT);
    const parameter *bias = graph_parameter(g, n, ROLE_BIAS);
    const quantizer *q = weight->quantizer;
    const int8_t *w = tensor_data(weight->codes);
    const bool linear = n->op == &op_linear;
    const int64_t height = linear ? 1 : in.dim[1], width = linear ? 1 : in.dim[2];
    const int64_t channels = in.dim[in.rank - 1], o = at[2];
    const int64_t groups = linear ? 1 : a->groups, depth = channels / groups;
    const int64_t kernel[2] = {linear ? 1 : a->kernel[1], linear ? 1 : a->kernel[2]};
    const int64_t first = o / (a->channels / groups) * depth;
    const int64_t s = q->channels == 1 ? 0 : o;
    int64_t sum = 0;
    for (int64_t ky = 0; ky < kernel[0]; ky++)
        for (int64_t kx = 0; kx < kernel[1]; kx++) {
            int64_t y =
                linear ? 0 : at[0] * a->stride[1] - a->padding[1] + ky * a->dilation[1];
            int64_t z =
                linear ? 0 : at[1] * a->stride[2] - a->padding[2] + kx * a->dilation[2];
            if (y < 0 || z < 0 || y >= height || z >= width)
                continue;
            for (int64_t i = 0; i < depth; i++)
                sum += (w[((o * kernel[0] + ky) * kernel[1] + kx) * depth + i] -
                        q->zero_point[s]) *
                       (x->q[(y * width + z) * channels + first + i] - x->zero);
        }
    double m = x->scale * (double)q->scale[s];
    float b = bias ? tensor_f32(bias->data)[o] : 0.0f;
    *near = (double)sum * m + (double)b;
    volatile float product = (float)sum * (float)m;
    return product + b;
}

static void run_layer(const graph *g, const node *n, shape in, shape out, const float *x,
                      float *y)
{
    const int64_t own = shape_count(in) / in.dim[0], made = shape_count(out) / out.dim[0];
    const int64_t channels = out.dim[out.rank - 1];
    for (int64_t sample = 0; sample < in.dim[0]; sample++) {
        codes c = encode(&n->attr, x + sample * own, own);
        for (int64_t i = 0; i < made; i++) {
            double near;
            int64_t width = out.rank == 4 ? out.dim[2] : 1, pixel = i / channels;
            int64_t at[3] = {pixel / width, pixel % width, i % channels};
            y[sample * made + i] = output_of(g, n, &c, in, at, &near);
            /* Two roundings to float are all that lies between. */
            assert_true(fabs((double)y[sample * made + i] - near) <=
                        3e-7 * (fabs(near) + 4));
        }
        memory_free(c.q);
    }
}

static void run_other(const node *n, shape in, const float *x, float *y)
{
    int64_t count = shape_count(in), channels = in.dim[in.rank - 1];
    int64_t own = count / in.dim[0], pixels = own / channels;
    for (int64_t i = 0; i < count; i++)
        if (n->op == &op_relu)
            y[i] = x[i] > 0 ? x[i] : 0;
        else /* flatten: channels outside, as the world has them */
            y[i / own * own + i % own % channels * pixels + i % own / channels] = x[i];
}

static float *reference(const graph *g, const float *x, int64_t batch, int64_t *count)
{
    shape *shapes = memory_new(g->value_count, sizeof *shapes, NULL);
    float **data = memory_new(g->value_count, sizeof *data, NULL);
    assert_int_equal(graph_shapes(g, batch, g->input_shape, shapes, NULL), E_OK);
    for (int i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        const float *from = n->inputs[0] == g->input ? x : data[n->inputs[0]];
        shape in = shapes[n->inputs[0]], out = shapes[n->output];
        data[n->output] = memory_new(shape_count(out), sizeof(float), NULL);
        if (n->attr.input_bits > 0)
            run_layer(g, n, in, out, from, data[n->output]);
        else
            run_other(n, in, from, data[n->output]);
    }
    float *y = data[g->output];
    *count = shape_count(shapes[g->output]);
    for (int v = 0; v < g->value_count; v++)
        if (v != g->output)
            memory_free(data[v]);
    memory_free(data);
    memory_free(shapes);
    return y;
}

/* ---- checks ---- */

static void check_run(const graph *g, const float *x, int64_t batch, const float *wanted,
                      int64_t count, int threads, const char *method, uint64_t seed)
{
    error e = {0};
    cpu_set_threads(threads);
    plan *p = plan_new_inference(g, batch, g->input_shape, &e);
    if (!p || plan_start(p, &e))
        fail_msg("graph %d: %s", (int)seed, e.text);
    for (int run = 0; run < 2; run++) {
        memcpy(plan_input(p), x,
               (size_t)(batch * shape_count(g->input_shape)) * sizeof *x);
        assert_int_equal(plan_forward(p, 0, 0, &e), E_OK);
        for (int64_t i = 0; i < count; i++)
            if (memcmp(&plan_output(p)[i], &wanted[i], sizeof *wanted) != 0)
                fail_msg("graph %d, %s, %d threads, %s: output %d is %.9g, want %.9g",
                         (int)seed, method, threads, cpu_level_name(cpu_get_level()),
                         (int)i, (double)plan_output(p)[i], (double)wanted[i]);
    }
    plan_free(p);
    cpu_set_threads(0);
}

/* Samples of ranges that are far apart, one without a number below 0, one all 0. */
static float *draw_input(uint64_t seed, const graph *g)
{
    random_stream r = random_new(seed, "input", 0);
    int64_t own = shape_count(g->input_shape);
    float *x = memory_new(BATCH * own, sizeof *x, NULL);
    for (int64_t sample = 0; sample < BATCH; sample++) {
        float high = (float)exp(random_between(&r, -4, 4));
        float low = random_below(&r, 2) ? 0 : -high / 3;
        if (random_below(&r, 8))
            random_fill_uniform(&r, x + sample * own, own, low, high);
    }
    return x;
}

static void check_methods(graph *g, const float *x, const float *wanted, int64_t count,
                          uint64_t seed)
{
    const operation op = {.node = &g->nodes[g->node_count - 1], .integer = true};
    const operator_methods *methods = op.node->op->methods;
    for (int m = 1; m < METHODS_MOST && methods->name(&op, m); m++) {
        for (int i = 0; i < g->node_count; i++)
            node_set_method(&g->nodes[i], methods->name(&op, m), NULL);
        check_run(g, x, BATCH, wanted, count, 1 + m % 3, methods->name(&op, m), seed);
    }
    graph_forget_methods(g);
}

static void graphs_equal_the_reference(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < (uint64_t)graphs_count; seed++) {
        graph *g = draw_graph(seed);
        float *x = draw_input(seed, g);
        int64_t count, own = shape_count(g->input_shape);
        float *wanted = reference(g, x, BATCH, &count);
        for (int threads = 1; threads <= 3; threads++)
            check_run(g, x, BATCH, wanted, count, threads, "as chosen", seed);
        check_methods(g, x, wanted, count, seed);
        for (int64_t i = 0; i < BATCH; i++)
            check_run(g, x + i * own, 1, wanted + i * (count / BATCH), count / BATCH, 1,
                      "alone", seed);
        memory_free(wanted);
        memory_free(x);
        graph_free(g);
    }
}

/* What is no number makes the lowest code and no range; infinities the ends. */
static void odd_numbers_are_safe(void **state)
{
    (void)state;
    graph *g = draw_graph(3);
    float *x = draw_input(3, g);
    int64_t own = shape_count(g->input_shape), count;
    x[0] = NAN;
    x[own] = INFINITY;
    x[2 * own] = -INFINITY;
    float *wanted = reference(g, x, BATCH, &count);
    check_run(g, x, BATCH, wanted, count, 2, "odd numbers", 3);
    memory_free(wanted);
    memory_free(x);
    graph_free(g);
}

static void unsound_graphs_are_refused(void **state)
{
    (void)state;
    error e = {0};
    graph *g = draw_graph(1);
    node *n = &g->nodes[g->node_count - 1];
    n->attr.input_bits = 9;
    assert_int_equal(graph_check_types(g, &e), E_RANGE);
    n->attr.input_bits = 8;
    tensor *codes = graph_parameter(g, n, ROLE_WEIGHT)->codes;
    graph_parameter(g, n, ROLE_WEIGHT)->codes = NULL;
    assert_int_equal(graph_check_types(g, &e), E_SHAPE);
    graph_parameter(g, n, ROLE_WEIGHT)->codes = codes;
    assert_int_equal(graph_check_types(g, &e), E_OK);
    g->nodes[g->node_count - 2].attr.input_bits = 8; /* flatten */
    assert_int_equal(graph_check_types(g, &e), E_SHAPE);
    graph_free(g);
}

static const char *program;

static void lower_levels_too(void **state)
{
    (void)state;
    support_run_levels(program, CPU_AMX);
}

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_equal_the_reference),
        cmocka_unit_test(odd_numbers_are_safe),
        cmocka_unit_test(unsound_graphs_are_refused),
        cmocka_unit_test(lower_levels_too),
    };
    (void)count;
    program = words[0];
    bool child = getenv("LATHE_CPU") != NULL;
    graphs_count = child ? GRAPHS_LEVEL : GRAPHS;
    size_t all = sizeof tests / sizeof *tests - (child ? 1 : 0);
    return _cmocka_run_group_tests("dynamic layers", tests, all, NULL, NULL);
}
