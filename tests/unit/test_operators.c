/* SPDX-License-Identifier: GPL-3.0-or-later
   test_operators.c -- every row of the operator table on random shapes: forward against
   plain loops in double, backward against central differences of those, at one and two
   threads.  PyTorch's values are in test_operator_values.c. */
#include "support.h"
#include "support_level.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "graph/rule.h"
#include "kernel/arrange.h"
#include "kernel/convolution.h"
#include "kernel/pointwise.h"
#include "support_drawing.h"
#include "support_trial.h"

/* Rows between f32 and integers, which test_integer.c walks. */
static const char *const borders[] = {"quantize", "dequantize"};

static bool is_border(const char *op)
{
    for (size_t i = 0; i < sizeof borders / sizeof *borders; i++)
        if (strcmp(borders[i], op) == 0)
            return true;
    return false;
}

static void set_all(float *x, int64_t n, float to)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = to;
}

/* Training: forward and backward, exact to 1e-5, the same bits at two threads, and with
   gradients added to what was there. */
static void check_training(trial *t, random_stream *r, int places)
{
    t->training = true;
    uint64_t hash[2];
    for (int threads = 2; threads >= 1; threads--) {
        cpu_set_threads(threads);
        for (int role = 0; role < ROLE_COUNT; role++)
            if (t->running[role])
                memcpy(t->running[role], tensor_f32(t->parameters[role].data),
                       tensor_bytes(t->parameters[role].data));
        trial_forward(t);
        trial_backward(t, false);
        hash[threads - 1] = trial_hash(t, true);
    }
    assert_true(hash[0] == hash[1]);
    trial_check_forward(t);
    trial_check_gradients(t, r, places, 0);
    for (int i = 0; i < t->node.input_count; i++)
        set_all(t->grad_x[i], shape_count(t->in[i]), 0.5f);
    trial_backward(t, true);
    trial_check_gradients(t, r, 2, 0.5f);
    /* Nobody wants the gradients of the inputs. */
    float *kept[NODE_INPUTS_MAX];
    memcpy(kept, t->grad_x, sizeof kept);
    memset(t->grad_x, 0, sizeof t->grad_x);
    trial_backward(t, false);
    memcpy(t->grad_x, kept, sizeof kept);
}

static void check_in_place(trial *t)
{
    shape out = t->out;
    if (!t->node.op->in_place || !shape_equal(out, t->in[0]))
        return;
    uint64_t apart = trial_hash(t, false);
    float *kept = t->y;
    t->y = t->x[0];
    trial_forward(t);
    assert_true(trial_hash(t, false) == apart);
    t->y = kept;
}

static void check_inference(trial *t, random_stream *r)
{
    t->training = false;
    trial_forward(t);
    trial_check_forward(t);
    if (t->node.op->can_fuse) {
        int64_t channels = t->out.dim[t->out.rank - 1];
        float *scale = malloc((size_t)channels * sizeof *scale);
        float *shift = malloc((size_t)channels * sizeof *shift);
        assert_true(scale && shift);
        random_fill_uniform(r, scale, channels, -2, 2);
        random_fill_uniform(r, shift, channels, -1, 1);
        for (int act = 0; act < RECTIFY_COUNT; act++) {
            t->tail = (epilogue){.scale = act == 1 ? NULL : scale,
                                 .shift = act == 2 ? NULL : shift,
                                 .act = act,
                                 .slope = 0.1f};
            trial_forward(t);
            trial_check_forward(t);
        }
        t->tail = (epilogue){0};
        free(scale);
        free(shift);
        trial_forward(t);
    }
    check_in_place(t);
}

static void check_drawn(const char *op, const drawn *d, random_stream *r, bool spaced,
                        int places)
{
    trial t;
    trial_init(&t, op, &d->a, d->in, d->inputs);
    trial_fill(&t, r, spaced);
    check_training(&t, r, places);
    check_inference(&t, r);
    trial_clear(&t);
}

static void test_random_shapes(void **state)
{
    (void)state;
    for (int i = 0; operator_at(i); i++) {
        const char *op = operator_at(i)->name;
        assert_ptr_equal(operator_find(op), operator_at(i));
        if (is_border(op))
            continue;
        const drawing *d = support_drawing(op);
        if (!d)
            fail_msg("operator %s has no trial in this test", op);
        for (int n = 0; n < d->trials; n++) {
            random_stream r = random_new(20, op, (uint64_t)n);
            drawn one = {.inputs = 1};
            d->draw(&r, &one);
            check_drawn(op, &one, &r, d->spaced, 6);
        }
    }
}

/* Shapes that reach each way a convolution can be computed. */
static void test_convolution_ways(void **state)
{
    static const struct {
        int64_t n, h, w, in, out, kernel, stride, padding, dilation, groups;
    } rows[] = {
        {2, 17, 40, 8, 8, 3, 1, 1, 1, 1},   /* lines of several blocks, split in two */
        {2, 17, 33, 16, 4, 3, 1, 1, 1, 1},  /* split in four */
        {4, 12, 13, 24, 48, 3, 1, 1, 1, 1}, /* panels of two vectors, one not full */
        {3, 5, 5, 40, 70, 3, 1, 1, 1, 1},   /* gathered */
        {5, 1, 1, 48, 40, 3, 1, 1, 1, 1},   /* only the middle tap is in the image */
        {2, 6, 7, 20, 36, 3, 2, 1, 1, 2},   /* phases of unequal size, groups */
        {2, 9, 30, 3, 16, 5, 3, 2, 1, 1},   /* stride over a line */
        {2, 9, 30, 6, 10, 1, 2, 0, 1, 1},   /* stride beyond the kernel */
        {1, 20, 20, 16, 16, 3, 1, 3, 3, 1}, /* dilation: taps are no neighbours */
        {2, 8, 9, 80, 96, 3, 1, 1, 1, 1},   /* a weight too large for parts */
        {1, 8, 8, 3, 5, 2, 1, 5, 1, 1},     /* more padding than kernel */
        {2, 16, 16, 32, 32, 1, 1, 0, 1, 1}, /* single pixels, read in place */
        {2, 16, 16, 32, 32, 1, 1, 0, 1, 4}, /* the same in groups */
        {1, 30, 9, 40, 40, 5, 2, 2, 1, 40}, /* depthwise */
        {2, 9, 14, 37, 37, 3, 1, 1, 1, 37}, /* strips of rows, lanes left over */
        {1, 3, 11, 20, 20, 5, 1, 2, 1, 20}, /* fewer rows than the kernel */
        {1, 7, 1, 16, 16, 5, 1, 4, 1, 16},  /* padding wider than the image */
        {1, 6, 9, 33, 33, 3, 1, 0, 1, 33},  /* no padding */
        {1, 260, 3, 200, 2, 1, 1, 0, 1, 1}, /* gathered in several chunks */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        random_stream r = random_new(21, "ways", i);
        drawn d = {.inputs = 1};
        d.in[0] = shape_of(4, rows[i].n, rows[i].h, rows[i].w, rows[i].in);
        d.a.channels = rows[i].out;
        d.a.groups = rows[i].groups;
        d.a.bias = true;
        for (int k = 1; k < 3; k++) {
            d.a.kernel[k] = rows[i].kernel;
            d.a.stride[k] = rows[i].stride;
            d.a.padding[k] = rows[i].padding;
            d.a.dilation[k] = rows[i].dilation;
        }
        check_drawn("conv2d", &d, &r, false, 2);
    }
}

/* A value that is no number stays where the window puts it, and goes nowhere else. */
static void test_nan_stays_in_its_window(void **state)
{
    static const int64_t outputs[] = {1, 2, 3, 5, 8, 16, 20, 40};
    (void)state;
    for (int i = 0; i < 8; i++)
        for (int64_t width = 5; width <= 20; width += 15) {
            random_stream r = random_new(22, "nan", (uint64_t)i);
            attributes a = {.channels = outputs[i], .groups = 1};
            for (int k = 1; k < 3; k++) {
                a.kernel[k] = 3;
                a.stride[k] = a.dilation[k] = a.padding[k] = 1;
            }
            trial t;
            shape in = shape_of(4, INT64_C(1), INT64_C(8), width, INT64_C(3));
            trial_init(&t, "conv2d", &a, &in, 1);
            trial_fill(&t, &r, false);
            t.x[0][(4 * width + 2) * 3 + 1] = NAN;
            trial_forward(&t);
            for (int64_t p = 0; p < 8 * width; p++) {
                bool near = llabs(p / width - 4) <= 1 && llabs(p % width - 2) <= 1;
                for (int64_t o = 0; o < outputs[i]; o++)
                    assert_true(isnan(t.y[p * outputs[i] + o]) == near);
            }
            trial_clear(&t);
        }
}

/* Means far larger than the deviation: 1e4 against 1. */
static void test_batch_norm_far_from_zero(void **state)
{
    static const int64_t channels[] = {1, 8, 24, 200};
    (void)state;
    for (int i = 0; i < 4; i++) {
        random_stream r = random_new(23, "far", (uint64_t)i);
        attributes a = {.epsilon = 1e-5, .momentum = 0.1};
        shape in = shape_of(4, INT64_C(3), INT64_C(60), INT64_C(61), channels[i]);
        trial t;
        trial_init(&t, "batch_norm", &a, &in, 1);
        trial_fill(&t, &r, false);
        for (int64_t k = 0; k < shape_count(in); k++)
            t.x[0][k] += 1e4f;
        t.training = true;
        trial_forward(&t);
        trial_check_forward(&t);
        trial_clear(&t);
    }
}

/* Where values are equal the first of the window takes the gradient, as in PyTorch. */
static void test_first_of_equals(void **state)
{
    (void)state;
    attributes a = {.kernel = {1, 2, 3}, .stride = {1, 2, 3}};
    shape in = shape_of(4, INT64_C(1), INT64_C(4), INT64_C(6), INT64_C(5));
    trial t;
    trial_init(&t, "max_pool2d", &a, &in, 1);
    set_all(t.x[0], shape_count(in), 0);
    set_all(t.up, shape_count(t.out), 1);
    t.training = true;
    trial_forward(&t);
    trial_backward(&t, false);
    for (int64_t i = 0; i < shape_count(in); i++) {
        int64_t pixel = i / 5, first = pixel / 6 % 2 == 0 && pixel % 6 % 3 == 0;
        assert_true(t.grad_x[0][i] == (float)first);
    }
    trial_clear(&t);
}

/* Tails of the functions, where a careless formula loses all digits. */
static void test_function_tails(void **state)
{
    static const double values[] = {-12,  -9,  -8, -5.5, -3, -1, -1e-3, 0,
                                    1e-6, 0.5, 2,  4,    6,  9,  20,    80};
    enum { COUNT = sizeof values / sizeof *values };
    (void)state;
    shape in = shape_of(1, (int64_t)COUNT);
    for (int f = 0; f < 2; f++) {
        attributes a = {0};
        trial t;
        double wanted[COUNT];
        trial_init(&t, f ? "sigmoid" : "gelu", &a, &in, 1);
        for (int i = 0; i < COUNT; i++) {
            double x = (float)values[i];
            t.x[0][i] = (float)values[i];
            wanted[i] = f ? 1 / (1 + exp(-x)) : x * 0.5 * erfc(-x / sqrt(2));
        }
        trial_forward(&t);
        for (int i = 0; i < COUNT; i++)
            assert_true(fabs((double)t.y[i] - wanted[i]) <= 1e-5 * fabs(wanted[i]));
        trial_clear(&t);
    }
}

static void test_dropout_keeps_its_share(void **state)
{
    enum { COUNT = 100000 };
    (void)state;
    attributes a = {.probability = 0.3};
    shape in = shape_of(2, INT64_C(1), (int64_t)COUNT);
    random_stream r = random_new(25, "share", 0);
    trial t;
    trial_init(&t, "dropout", &a, &in, 1);
    trial_fill(&t, &r, false);
    t.training = true;
    trial_forward(&t);
    uint64_t hash = trial_hash(&t, false);
    int64_t kept = 0;
    for (int64_t i = 0; i < COUNT; i++)
        kept += t.y[i] != 0;
    assert_true(llabs(kept - 70000) < 700);
    trial_forward(&t);
    assert_true(trial_hash(&t, false) == hash); /* the same draws */
    t.draws = random_new(26, "share", 0);
    trial_forward(&t);
    assert_true(trial_hash(&t, false) != hash);
    trial_clear(&t);
}

/* What is kept are the words of the stream below the share, one an element, in blocks. */
static void test_dropout_draws_word_by_word(void **state)
{
    static const double share[] = {0, 0.25, 0.3, 0.5, 0.999};
    enum { COUNT = 40001 };
    (void)state;
    float *x = memory_new(COUNT, sizeof *x, NULL),
          *y = memory_new(COUNT, sizeof *y, NULL);
    uint8_t *mask = memory_new(COUNT, 1, NULL);
    assert_true(x && y && mask);
    for (int i = 0; i < COUNT; i++)
        x[i] = (float)(i + 1);
    for (int k = 0; k < 5; k++)
        for (int64_t n = COUNT - 37 * k; n > 0; n /= 7) {
            random_stream r =
                random_new(UINT64_C(0x123456789abc) + (uint64_t)k, "word", 7);
            r.counter = UINT32_MAX - UINT64_C(500);
            dropout_forward(&r, share[k], n, x, y, mask);
            for (int64_t i = 0; i < n; i++) {
                bool kept = (double)random_bits(&r) < (1 - share[k]) * 0x1p32;
                assert_int_equal(mask[i], kept);
                assert_true(y[i] == (kept ? x[i] * (float)(1 / (1 - share[k])) : 0));
            }
        }
    memory_free(x);
    memory_free(y);
    memory_free(mask);
}

/* Images of more than one band of rows. */
static void test_flatten_turns_large_images(void **state)
{
    enum { IMAGES = 2, PIXELS = 1301, CHANNELS = 37, COUNT = IMAGES * PIXELS * CHANNELS };
    (void)state;
    float *x = memory_new(COUNT, sizeof *x, NULL),
          *y = memory_new(COUNT, sizeof *y, NULL);
    float *back = memory_new(COUNT, sizeof *back, NULL);
    assert_true(x && y && back);
    for (int i = 0; i < COUNT; i++) {
        x[i] = (float)i;
        back[i] = 0.5f;
    }
    flatten_forward(IMAGES, PIXELS, CHANNELS, x, y);
    for (int n = 0; n < IMAGES; n++)
        for (int p = 0; p < PIXELS; p++)
            for (int c = 0; c < CHANNELS; c++)
                assert_true(y[(n * CHANNELS + c) * PIXELS + p] ==
                            x[(n * PIXELS + p) * CHANNELS + c]);
    flatten_backward(IMAGES, PIXELS, CHANNELS, y, back, true);
    for (int i = 0; i < COUNT; i++)
        assert_true(back[i] == x[i] + 0.5f);
    flatten_backward(IMAGES, PIXELS, CHANNELS, y, back, false);
    assert_memory_equal(back, x, COUNT * sizeof *x);
    memory_free(x);
    memory_free(y);
    memory_free(back);
}

static void expect_refused(const char *op, const attributes *a, const shape *in,
                           int inputs, status wanted)
{
    error e = {0};
    shape out;
    char name[] = "inc.0";
    node n = {.name = name, .op = operator_find(op), .attr = *a, .input_count = inputs};
    assert_int_equal(n.op->shape_rule(&n, in, &out, &e), wanted);
    assert_non_null(strstr(e.text, op));
    assert_non_null(strstr(e.text, "inc.0"));
}

static void test_refused_shapes(void **state)
{
    (void)state;
    attributes a = {.channels = 4, .groups = 1};
    shape small = shape_of(4, INT64_C(1), INT64_C(4), INT64_C(4), INT64_C(3));
    shape flat = shape_of(2, INT64_C(1), INT64_C(4));
    for (int i = 1; i < 3; i++)
        a.kernel[i] = a.stride[i] = a.dilation[i] = 1;
    expect_refused("conv2d", &a, &flat, 1, E_SHAPE);
    a.kernel[1] = 5;
    expect_refused("conv2d", &a, &small, 1, E_SHAPE);
    a.kernel[1] = CONVOLUTION_KERNEL_MAX + 1;
    expect_refused("conv2d", &a, &small, 1, E_SHAPE);
    a.kernel[1] = 1;
    a.stride[2] = 0;
    expect_refused("conv2d", &a, &small, 1, E_RANGE);
    a.stride[2] = 1;
    a.groups = 2;
    expect_refused("conv2d", &a, &small, 1, E_SHAPE);
    a.padding[1] = 1;
    expect_refused("conv_transpose2d", &a, &small, 1, E_SHAPE);
    expect_refused("conv3d", &a, &small, 1, E_SHAPE);
    expect_refused("max_pool2d", &a, &small, 1, E_RANGE);
    expect_refused("add", &a, (shape[]){small, flat}, 2, E_SHAPE);
    expect_refused("concat", &a, (shape[]){small, flat}, 2, E_SHAPE);
    expect_refused("pad_or_crop", &a, &small, 1, E_RANGE);
    expect_refused("resize_nearest", &a, &small, 1, E_RANGE);
    a.probability = 1;
    expect_refused("dropout", &a, &small, 1, E_RANGE);
    a.slope = -1;
    expect_refused("leaky_relu", &a, &small, 1, E_RANGE);
    expect_refused("batch_norm", &a, &small, 1, E_RANGE);
    expect_refused("layer_norm", &a, &small, 1, E_RANGE);
    a.epsilon = 1e-5;
    expect_refused("group_norm", &a, &small, 1, E_SHAPE);
}

/* The same tests on the other instruction sets that this machine has. */
static void test_other_levels(void **state)
{
    (void)state;
    support_run_levels("test_operators", CPU_AVX512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_shapes),
        cmocka_unit_test(test_convolution_ways),
        cmocka_unit_test(test_nan_stays_in_its_window),
        cmocka_unit_test(test_batch_norm_far_from_zero),
        cmocka_unit_test(test_first_of_equals),
        cmocka_unit_test(test_function_tails),
        cmocka_unit_test(test_dropout_keeps_its_share),
        cmocka_unit_test(test_dropout_draws_word_by_word),
        cmocka_unit_test(test_flatten_turns_large_images),
        cmocka_unit_test(test_refused_shapes),
        cmocka_unit_test(test_other_levels),
    };
    /* A child that was started for one level leaves the last test out. */
    size_t count = sizeof tests / sizeof *tests - (getenv("LATHE_CPU") ? 1 : 0);
    return _cmocka_run_group_tests("operators", tests, count, NULL, NULL);
}
