/* SPDX-License-Identifier: GPL-3.0-or-later
   test_integer.c -- every integer operator against a slow reference that follows the
   written arithmetic in int64 and double; bit for bit, with one thread and with two. */
#include "support.h"
#include "support_level.h"
#include "support_codes.h"
#include "support_integer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "base/random.h"
#include "graph/op_integer.h"
#include "graph/operator.h"

/* ---- one operation on random codes ---- */

typedef struct conv_case {
    int64_t batch, height, width, channels, out, kernel, stride, padding, dilation,
        groups;
    int bits;
    bool per_channel, affine, bias;
} conv_case;

static const conv_case conv_cases[] = {
    {1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 8, false, false, false},
    {2, 7, 9, 1, 8, 3, 1, 1, 1, 1, 8, true, false, true},
    {1, 13, 11, 5, 7, 3, 2, 1, 1, 1, 8, false, true, true},
    {2, 9, 6, 8, 12, 3, 1, 2, 2, 4, 8, true, true, false},
    {1, 8, 8, 6, 6, 3, 1, 1, 1, 6, 8, true, false, true},
    {1, 5, 5, 200, 70, 3, 1, 1, 1, 1, 8, true, true, true},
    {3, 6, 6, 16, 130, 1, 1, 0, 1, 1, 8, false, false, true},
    {1, 12, 5, 4, 3, 5, 3, 2, 1, 1, 4, true, true, true},
    {1, 6, 7, 3, 4, 2, 1, 0, 3, 1, 2, false, true, true},
    {1, 3, 3, 2, 2, 3, 1, 1, 1, 2, 3, true, true, false},
    {1, 9, 8, 64, 64, 3, 1, 1, 1, 1, 8, false, true, true},
    {1, 3, 11, 57, 65, 3, 1, 1, 1, 1, 8, true, false, true},
    {2, 7, 5, 512, 9, 1, 2, 0, 1, 1, 8, true, true, true},
    {1, 4, 4, 513, 3, 1, 1, 0, 1, 1, 8, false, true, false},
    {1, 20, 70, 8, 8, 3, 1, 1, 1, 1, 8, true, false, true},
    {2, 9, 37, 1, 8, 3, 1, 1, 1, 1, 8, true, true, true},
    {1, 9, 65, 8, 2, 1, 1, 0, 1, 1, 8, true, true, true},
    {1, 11, 50, 16, 16, 3, 1, 1, 1, 1, 8, true, false, true},
    {1, 30, 31, 32, 32, 3, 1, 1, 1, 1, 8, true, true, false},
    {3, 3, 3, 256, 96, 3, 1, 1, 1, 1, 8, true, false, true},
    {1, 1, 1, 128, 80, 3, 1, 1, 1, 1, 8, true, true, true},
    {5, 1, 2, 64, 48, 3, 1, 2, 1, 1, 8, true, true, true},
    {1, 2, 3, 5, 4, 3, 1, 4, 3, 1, 8, true, true, true},
    {2, 16, 16, 64, 64, 1, 1, 0, 1, 1, 8, true, true, true},
    {2, 9, 11, 64, 33, 1, 1, 0, 1, 1, 8, true, false, true},
    {1, 16, 16, 32, 64, 3, 1, 1, 1, 1, 8, true, false, true},
    {3, 13, 18, 96, 48, 3, 1, 1, 1, 1, 8, true, false, true},
    {2, 15, 21, 64, 16, 3, 1, 0, 1, 1, 8, false, false, false},
    {1, 17, 3, 32, 80, 3, 1, 2, 1, 1, 8, true, false, true},
    {1, 40, 37, 32, 32, 3, 1, 1, 1, 1, 4, true, false, true},
    {1, 12, 12, 512, 32, 3, 1, 1, 1, 1, 8, true, false, true},
};

static void test_conv(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof conv_cases / sizeof *conv_cases; i++) {
        const conv_case *k = &conv_cases[i];
        bench b = {.random = random_new(1, "conv", i)};
        shape in = shape_of(4, k->batch, k->height, k->width, k->channels);
        bench_begin(&b, "conv2d", k->bits, 1, &in);
        b.node.attr = (attributes){.groups = k->groups, .channels = k->out};
        for (int axis = 0; axis < 3; axis++) {
            b.node.attr.kernel[axis] = k->kernel;
            b.node.attr.stride[axis] = k->stride;
            b.node.attr.padding[axis] = k->padding;
            b.node.attr.dilation[axis] = k->dilation;
        }
        int64_t depth = k->channels / k->groups;
        bench_give_weights(&b, k->bits, shape_of(4, k->out, k->kernel, k->kernel, depth),
                           k->per_channel, k->affine, k->bias);
        bench_fit_output(&b, k->kernel * k->kernel * depth);
        bench_check(&b);
        bench_end(&b);
    }
}

/* Non-square kernels, strides and paddings, drawn. */
static void test_conv_random(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 60; i++) {
        bench b = {.random = random_new(2, "conv", i)};
        random_stream *r = &b.random;
        int64_t groups = 1 + random_below(r, 3), depth = 1 + random_below(r, 20);
        shape in = shape_of(4, 1 + random_below(r, 2), 6 + random_below(r, 9),
                            6 + random_below(r, 9), groups * depth);
        bench_begin(&b, "conv2d", 8, 1, &in);
        attributes *a = &b.node.attr;
        a->groups = groups;
        a->channels = groups * (1 + random_below(r, 9));
        for (int axis = 1; axis < 3; axis++) {
            a->kernel[axis] = 1 + random_below(r, 3);
            a->stride[axis] = 1 + random_below(r, 3);
            a->padding[axis] = random_below(r, 3);
            a->dilation[axis] = 1 + random_below(r, 2);
        }
        bench_give_weights(&b, 8,
                           shape_of(4, a->channels, a->kernel[1], a->kernel[2], depth),
                           i & 1, i & 2, i & 4);
        bench_fit_output(&b, a->kernel[1] * a->kernel[2] * depth);
        bench_check(&b);
        bench_end(&b);
    }
}

/* X and y within wider pixels, and a map behind the rounding. */
static void check_wide(uint64_t index)
{
    bench b = {.random = random_new(12, "conv", index)};
    random_stream *r = &b.random;
    const int64_t channels = 1 + random_below(r, 80), out = 1 + random_below(r, 40);
    const int64_t kernel = index % 3 ? 3 : 1, pixels = 2 * 5 * 23;
    shape in = shape_of(4, INT64_C(2), INT64_C(5), INT64_C(23), channels);
    bench_begin(&b, "conv2d", 8, 1, &in);
    b.node.attr = (attributes){.groups = 1, .channels = out};
    for (int axis = 1; axis < 3; axis++) {
        b.node.attr.kernel[axis] = kernel;
        b.node.attr.padding[axis] = kernel / 2;
        b.node.attr.stride[axis] = b.node.attr.dilation[axis] = 1;
    }
    bench_give_weights(&b, 8, shape_of(4, out, kernel, kernel, channels), true, index & 1,
                       true);
    bench_fit_output(&b, kernel * kernel * channels);
    b.out_shape = in;
    b.out_shape.dim[3] = out;
    operation op = bench_operation(&b, NULL);
    int8_t *wanted = support_integer(&op), *dense = b.x[0], map[256];
    const int64_t in_pitch = channels + 3, out_pitch = out + 5;
    int8_t *wide = memory_new(pixels * in_pitch, 1, NULL);
    int8_t *seen = memory_new(pixels * out_pitch, 1, NULL);
    for (int64_t i = 0; i < pixels * channels; i++)
        wide[i / channels * in_pitch + i % channels] = dense[i];
    for (int i = 0; i < 256; i++)
        map[i] = (int8_t)(77 * i + 5);
    b.x[0] = wide;
    b.in_pitch = in_pitch;
    b.out_pitch = out_pitch;
    b.map = map;
    for (int method = 0; bench_method_name(&b, method); method++) {
        if (!bench_method_suits(&b, method))
            continue;
        memset(seen, 99, (size_t)(pixels * out_pitch));
        bench_run_method(&b, method, 2, seen);
        for (int64_t i = 0; i < pixels * out_pitch; i++) {
            int64_t channel = i % out_pitch;
            assert_int_equal(
                seen[i],
                channel < out ? map[wanted[i / out_pitch * out + channel] + 128] : 99);
        }
    }
    b.x[0] = dense;
    memory_free(wide);
    memory_free(seen);
    memory_free(wanted);
    bench_end(&b);
}

static void test_conv_wide(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 12; i++)
        check_wide(i);
}

/* The longest row that may be, all products at their largest: nothing overflows. */
static void test_conv_extremes(void **state)
{
    (void)state;
    int64_t taps = INTEGER_SUM_MAX / 255 / 255;
    for (int sign = 0; sign < 2; sign++) {
        bench b = {.random = random_new(3, "conv", 0)};
        shape in = shape_of(2, INT64_C(1), taps);
        bench_begin(&b, "linear", 8, 1, &in);
        b.node.attr.channels = 1;
        bench_give_weights(&b, 8, shape_of(2, INT64_C(1), taps), false, false, true);
        memset(tensor_write(b.weight.codes, NULL), sign ? 127 : -128, (size_t)taps);
        b.weight.quantizer->zero_point[0] = sign ? -128 : 127;
        memset(b.x[0], 127, (size_t)taps);
        b.in[0].quantizer->zero_point[0] = -128;
        int32_t *bias = tensor_write(b.bias.codes, NULL);
        bias[0] = sign ? INTEGER_SUM_MAX : -INTEGER_SUM_MAX;
        const int8_t *w = tensor_data(b.weight.codes);
        assert_true(
            integer_row_fits(w, taps, b.weight.quantizer->zero_point[0], bias[0]));
        assert_false(integer_row_fits(w, taps, b.weight.quantizer->zero_point[0],
                                      INTEGER_SUM_MAX + 1));
        b.out_shape = shape_of(2, INT64_C(1), INT64_C(1));
        b.out.quantizer->zero_point[0] = 0;
        for (int method = 0; method == 0 || bench_method_name(&b, method); method++) {
            int8_t code = 0;
            if (!bench_method_suits(&b, method))
                continue;
            bench_run_method(&b, method, 1, &code);
            assert_int_equal(code, sign ? 127 : -128);
        }
        bench_end(&b);
    }
}

static void test_linear(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 12; i++) {
        bench b = {.random = random_new(4, "linear", i)};
        int64_t width = 1 + random_below(&b.random, 3000);
        shape in = shape_of(2, 1 + random_below(&b.random, 20), width);
        bench_begin(&b, "linear", 8, 1, &in);
        b.node.attr.channels = 1 + random_below(&b.random, 90);
        bench_give_weights(&b, 8, shape_of(2, b.node.attr.channels, width), i & 1, i & 2,
                           true);
        bench_fit_output(&b, width);
        bench_check(&b);
        bench_end(&b);
    }
}

/* ---- pointwise ---- */

static double real_function(const char *op, double x, double slope)
{
    double sixth = fmin(fmax(x + 3, 0), 6) / 6;
    if (!strcmp(op, "relu"))
        return fmax(x, 0);
    if (!strcmp(op, "leaky_relu"))
        return x < 0 ? slope * x : x;
    if (!strcmp(op, "relu6"))
        return fmin(fmax(x, 0), 6);
    if (!strcmp(op, "tanh"))
        return tanh(x);
    if (!strcmp(op, "sigmoid"))
        return 1 / (1 + exp(-x));
    if (!strcmp(op, "gelu"))
        return x * erfc(-x / sqrt(2)) / 2;
    return !strcmp(op, "hard_swish") ? x * sixth : sixth;
}

/* A code may be either neighbour where the exact value lies between two by less than
   1e-9: two right ways of writing a function may round it apart there. */
static void check_pointwise(const char *op, uint64_t index)
{
    bench b = {.random = random_new(5, op, index)};
    shape in = shape_of(4, INT64_C(2), INT64_C(5), INT64_C(7), INT64_C(9));
    bench_begin(&b, op, 8, 1, &in);
    b.node.attr.slope = 0.01;
    b.in[0].quantizer->scale[0] = 0.05f;
    b.out.quantizer->scale[0] = 0.03f;
    b.out_shape = in;
    int64_t n = shape_count(in);
    int8_t *one = memory_new(n, 1, NULL), *two = memory_new(n, 1, NULL);
    bench_run(&b, 1, one);
    bench_run(&b, 2, two);
    assert_memory_equal(one, two, (size_t)n);
    for (int64_t i = 0; i < n; i++) {
        double x = (double)b.in[0].quantizer->scale[0] *
                   (b.x[0][i] - b.in[0].quantizer->zero_point[0]);
        double v = real_function(op, x, 0.01) / (double)b.out.quantizer->scale[0];
        bool tie = fabs(fabs(v - trunc(v)) - 0.5) < 1e-9;
        int wanted = (int)fmin(fmax(rint(v) + b.out.quantizer->zero_point[0], -128), 127);
        if (one[i] != wanted && !(tie && abs(one[i] - wanted) == 1))
            fail_msg("%s(%g): code %d, wanted %d", op, x, one[i], wanted);
    }
    memory_free(one);
    memory_free(two);
    bench_end(&b);
}

static void test_pointwise(void **state)
{
    static const char *const ops[] = {"relu",       "leaky_relu",   "sigmoid", "gelu",
                                      "hard_swish", "hard_sigmoid", "relu6",   "tanh"};
    (void)state;
    for (int i = 0; i < 8; i++)
        for (uint64_t k = 0; k < 5; k++)
            check_pointwise(ops[i], k);
}

/* ---- windows ---- */

/* Few, or as many as vectors are made for. */
static int64_t random_channels(random_stream *r)
{
    return random_below(r, 2) ? 1 + random_below(r, 9) : INT64_C(8) << random_below(r, 5);
}

static void test_pools(void **state)
{
    static const char *const ops[] = {"max_pool2d", "avg_pool2d", "global_avg_pool2d"};
    (void)state;
    for (uint64_t i = 0; i < 60; i++) {
        bench b = {.random = random_new(6, "pool", i)};
        random_stream *r = &b.random;
        shape in = shape_of(4, 1 + random_below(r, 3), 4 + random_below(r, 9),
                            4 + random_below(r, 9), random_channels(r));
        int which = (int)(i % 3);
        bench_begin(&b, ops[which], 8, 1, &in);
        for (int axis = 1; axis < 3; axis++) {
            b.node.attr.kernel[axis] = 1 + random_below(r, 4);
            b.node.attr.stride[axis] = 1 + random_below(r, 3);
            if (i % 6 == 0)
                b.node.attr.kernel[axis] = b.node.attr.stride[axis] = 2;
            b.node.attr.padding[axis] = random_below(r, b.node.attr.kernel[axis] / 2 + 1);
        }
        b.out.quantizer->scale[0] = b.in[0].quantizer->scale[0] * 0.7f;
        if (which == 0)
            bench_same_format(&b);
        bench_check(&b);
        bench_end(&b);
    }
}

static void test_resize(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 40; i++) {
        bench b = {.random = random_new(7, "resize", i)};
        random_stream *r = &b.random;
        shape in = shape_of(4, 1 + random_below(r, 2), 1 + random_below(r, 12),
                            1 + random_below(r, 12), random_channels(r));
        bool nearest = i % 4 == 3;
        bench_begin(&b, nearest ? "resize_nearest" : "resize_bilinear", 8, 1, &in);
        b.node.attr.align_corners = i & 1;
        if (i % 3 == 0) {
            b.node.attr.factor = 2;
        } else {
            b.node.attr.size[1] = 1 + random_below(r, 30);
            b.node.attr.size[2] = 1 + random_below(r, 30);
        }
        bench_same_format(&b);
        bench_check(&b);
        bench_end(&b);
    }
}

static void test_moving(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 60; i++) {
        bench b = {.random = random_new(8, "pad", i)};
        random_stream *r = &b.random;
        shape in[2] = {shape_of(4, 1 + random_below(r, 2), 1 + random_below(r, 9),
                                1 + random_below(r, 9), random_channels(r))};
        in[1] = shape_of(4, in[0].dim[0], 1 + random_below(r, 9), 1 + random_below(r, 9),
                         INT64_C(2));
        bool flatten = i % 3 == 0;
        bench_begin(&b, flatten ? "flatten" : "pad_or_crop", 8, flatten ? 1 : 2, in);
        bench_same_format(&b);
        bench_check(&b);
        bench_end(&b);
    }
}

/* ---- joining ---- */

static void test_joining(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 80; i++) {
        bench b = {.random = random_new(9, "join", i)};
        random_stream *r = &b.random;
        bool concat = i & 1;
        shape in[3];
        in[0] = shape_of(4, 1 + random_below(r, 3), 2 + random_below(r, 9),
                         2 + random_below(r, 9), random_channels(r));
        in[1] = in[2] = in[0];
        in[1].dim[3] += concat ? random_below(r, 5) : 0;
        if (!concat && i % 8 == 2)
            in[1].dim[1] = in[1].dim[2] = 1;
        if (!concat && i % 8 == 4)
            in[0].dim[1] = in[0].dim[2] = 1;
        const char *pair = i < 40 ? "add" : "multiply";
        bench_begin(&b, concat ? "concat" : pair, 8, concat ? 3 : 2, in);
        if (i % 5 == 0)
            bench_same_format(&b);
        bench_check(&b);
        bench_end(&b);
    }
}

/* Runs this program again for each lower instruction set. */
static void test_other_levels(void **state)
{
    (void)state;
    support_run_levels("test_integer", CPU_AMX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),          cmocka_unit_test(test_conv_random),
        cmocka_unit_test(test_conv_extremes), cmocka_unit_test(test_linear),
        cmocka_unit_test(test_conv_wide),     cmocka_unit_test(test_pointwise),
        cmocka_unit_test(test_pools),         cmocka_unit_test(test_resize),
        cmocka_unit_test(test_moving),        cmocka_unit_test(test_joining),
        cmocka_unit_test(test_other_levels),
    };
    /* A child that was started for one level leaves the last test out. */
    size_t count = sizeof tests / sizeof *tests - (getenv("LATHE_CPU") ? 1 : 0);
    return _cmocka_run_group_tests("integer", tests, count, NULL, NULL);
}
