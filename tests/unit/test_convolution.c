/* SPDX-License-Identifier: GPL-3.0-or-later
   test_convolution.c -- algorithms of 3x3 convolution (Winograd, shifted images, gathered
   pixels, planes of pixels) and their gradients against direct sums in double: within 1e-5
   of the largest value, the same bits with one thread and two, and nothing touched behind
   the arrays. */
#include "support.h"
#include "support_guard.h"
#include "support_level.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "base/random.h"
#include "kernel/algorithm.h"
#include "kernel/loops.h"
#include "kernel/winograd_loops.h"

static const algorithm *const rows[] = {
    &algorithm_winograd_two,
    &algorithm_winograd_four,
    &algorithm_winograd_thin_two,
    &algorithm_winograd_thin_four,
    &algorithm_shift,
    &algorithm_gather,
    &algorithm_planes,
};
enum { ROWS = sizeof rows / sizeof *rows, WINOGRAD_ROWS = 4 };
static const double tolerance = 1e-5;

enum { PLACES_MOST = 1500 };

/* ---- a convolution with all its tensors ---- */

typedef struct bench {
    convolution v;
    finish tail;
    int64_t x_pitch, y_pitch, pixels, out_pixels;
    float *x, *weight, *bias, *scale, *shift, *residual, *g;
} bench;

static float *numbers(random_stream *r, int64_t count)
{
    float *x = guard_new((size_t)count * sizeof *x);
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)random_normal(r);
    return x;
}

static void drop(float *x, int64_t count)
{
    guard_free(x, (size_t)count * sizeof *x);
}

static convolution geometry(int64_t n, int64_t h, int64_t w, int64_t c, int64_t out_c,
                            int64_t pad_h, int64_t pad_w)
{
    return (convolution){.n = n,
                         .h = h,
                         .w = w,
                         .c = c,
                         .out_h = h + 2 * pad_h - 2,
                         .out_w = w + 2 * pad_w - 2,
                         .out_c = out_c,
                         .kernel_h = 3,
                         .kernel_w = 3,
                         .stride_h = 1,
                         .stride_w = 1,
                         .pad_h = pad_h,
                         .pad_w = pad_w,
                         .dilation_h = 1,
                         .dilation_w = 1,
                         .groups = 1};
}

static bench bench_new(random_stream *r, convolution v)
{
    bench b = {.v = v};
    b.x_pitch = v.x_pitch ? v.x_pitch : v.c;
    b.y_pitch = v.y_pitch ? v.y_pitch : v.out_c;
    b.pixels = v.n * v.h * v.w;
    b.out_pixels = v.n * v.out_h * v.out_w;
    b.x = numbers(r, b.pixels * b.x_pitch);
    b.weight = numbers(r, 9 * v.c * v.out_c);
    b.bias = numbers(r, v.out_c);
    b.scale = numbers(r, v.out_c);
    b.shift = numbers(r, v.out_c);
    b.residual = numbers(r, b.out_pixels * (v.out_c + 3));
    b.g = numbers(r, b.out_pixels * v.out_c);
    return b;
}

static void bench_clear(bench *b)
{
    const convolution *v = &b->v;
    drop(b->x, b->pixels * b->x_pitch);
    drop(b->weight, 9 * v->c * v->out_c);
    drop(b->bias, v->out_c);
    drop(b->scale, v->out_c);
    drop(b->shift, v->out_c);
    drop(b->residual, b->out_pixels * (v->out_c + 3));
    drop(b->g, b->out_pixels * v->out_c);
}

/* ---- the same in double, at one place ---- */

static double sum_forward(const bench *b, int64_t pixel, int64_t o)
{
    const convolution *v = &b->v;
    int64_t image = pixel / (v->out_h * v->out_w), y = pixel / v->out_w % v->out_h;
    double sum = 0;
    for (int64_t tap = 0; tap < 9; tap++) {
        int64_t i = y + tap / 3 - v->pad_h, j = pixel % v->out_w + tap % 3 - v->pad_w;
        if (i < 0 || j < 0 || i >= v->h || j >= v->w)
            continue;
        const float *x = b->x + ((image * v->h + i) * v->w + j) * b->x_pitch;
        const float *w = b->weight + (o * 9 + tap) * v->c;
        for (int64_t c = 0; c < v->c; c++)
            sum += (double)x[c] * (double)w[c];
    }
    return sum;
}

static double sum_input(const bench *b, int64_t pixel, int64_t c)
{
    const convolution *v = &b->v;
    int64_t image = pixel / (v->h * v->w), y = pixel / v->w % v->h;
    double sum = 0;
    for (int64_t tap = 0; tap < 9; tap++) {
        int64_t i = y - tap / 3 + v->pad_h, j = pixel % v->w - tap % 3 + v->pad_w;
        if (i < 0 || j < 0 || i >= v->out_h || j >= v->out_w)
            continue;
        const float *g = b->g + ((image * v->out_h + i) * v->out_w + j) * v->out_c;
        for (int64_t o = 0; o < v->out_c; o++)
            sum += (double)g[o] * (double)b->weight[(o * 9 + tap) * v->c + c];
    }
    return sum;
}

static double sum_weight(const bench *b, int64_t row, int64_t c)
{
    const convolution *v = &b->v;
    int64_t o = row / 9, tap = row % 9;
    double sum = 0;
    for (int64_t pixel = 0; pixel < b->out_pixels; pixel++) {
        int64_t image = pixel / (v->out_h * v->out_w), y = pixel / v->out_w % v->out_h;
        int64_t i = y + tap / 3 - v->pad_h, j = pixel % v->out_w + tap % 3 - v->pad_w;
        if (i < 0 || j < 0 || i >= v->h || j >= v->w)
            continue;
        sum += (double)b->x[((image * v->h + i) * v->w + j) * b->x_pitch + c] *
               (double)b->g[pixel * v->out_c + o];
    }
    return sum;
}

static double finished(const bench *b, double sum, int64_t pixel, int64_t o,
                       const float *bias)
{
    const finish *t = &b->tail;
    sum += bias ? (double)bias[o] : 0;
    sum =
        sum * (t->scale ? (double)t->scale[o] : 1) + (t->shift ? (double)t->shift[o] : 0);
    if (t->residual)
        sum += (double)t->residual[pixel * t->residual_pitch + o];
    if (t->rectify == RECTIFY_HARD_SWISH)
        return sum * fmin(fmax(sum + 3, 0), 6) / 6;
    if (sum < 0 && t->rectify != RECTIFY_NONE)
        return t->rectify == RECTIFY_ZERO ? 0 : sum * (double)t->slope;
    return sum;
}

/* ---- runs and comparisons ---- */

/* Element (row, column) of a result, and what it must be. */
typedef double wanted(const bench *b, int64_t row, int64_t column);

static const float *the_bias;

static double wanted_forward(const bench *b, int64_t row, int64_t column)
{
    return finished(b, sum_forward(b, row, column), row, column, the_bias);
}

/* All elements of a small result, PLACES_MOST of a large one. */
static void compare(const char *what, const bench *b, wanted *want, const float *got,
                    int64_t row_count, int64_t columns, int64_t pitch, double preset)
{
    random_stream r = random_new(5, what, 0);
    int64_t all = row_count * columns, count = all < PLACES_MOST ? all : PLACES_MOST;
    double largest = 0, worst = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t place = count == all ? i : random_below(&r, all);
        int64_t row = place / columns, column = place % columns;
        double value = want(b, row, column) + preset;
        double away = fabs((double)got[row * pitch + column] - value);
        largest = fmax(largest, fabs(value));
        worst = away <= worst ? worst : away; /* NaN is worst */
    }
    if (!(worst <= tolerance * largest))
        fail_msg("%s of %lldx%lldx%lldx%lld to %lld, padding %lld %lld: error %g of %g",
                 what, (long long)b->v.n, (long long)b->v.h, (long long)b->v.w,
                 (long long)b->v.c, (long long)b->v.out_c, (long long)b->v.pad_h,
                 (long long)b->v.pad_w, worst, largest);
}

static void *poisoned(size_t bytes)
{
    void *block = memory_new_raw((int64_t)bytes + 1, 1, NULL);
    assert_non_null(block);
    memset(block, 0xff, bytes);
    return block;
}

static void check_forward(const algorithm *a, const bench *b, const float *bias)
{
    const convolution *v = &b->v;
    int64_t floats = b->out_pixels * b->y_pitch;
    float *y[2];
    if (!a->suits(v, b->weight))
        return;
    void *prepared = poisoned(a->prepared_bytes(v, b->weight));
    for (int i = 0; i < 2; i++) {
        cpu_set_threads(i + 1);
        y[i] = guard_new((size_t)floats * sizeof(float));
        a->prepare(v, b->weight, prepared);
        void *scratch = poisoned(a->scratch_bytes(v));
        a->forward(v, b->x, prepared, bias, &b->tail, y[i], scratch);
        memory_free(scratch);
    }
    cpu_set_threads(0);
    assert_memory_equal(y[0], y[1], (size_t)floats * sizeof(float));
    the_bias = bias;
    compare(a->name, b, wanted_forward, y[0], b->out_pixels, v->out_c, b->y_pitch, 0);
    void *scratch = poisoned(algorithm_once_scratch(a, v, b->weight));
    memset(y[1], 0xff, (size_t)floats * sizeof(float));
    algorithm_forward_once(a, v, b->x, b->weight, bias, &b->tail, y[1], scratch);
    compare(a->name, b, wanted_forward, y[1], b->out_pixels, v->out_c, b->y_pitch, 0);
    memory_free(scratch);
    /* What lies between the pixels is somebody else's. */
    for (int64_t i = 0; i < floats; i++)
        if (i % b->y_pitch >= v->out_c && !isnan(y[0][i]))
            fail_msg("%s writes between pixels", a->name);
    drop(y[0], floats);
    drop(y[1], floats);
    memory_free(prepared);
}

static void check_gradients(const algorithm *a, const bench *b, bool accumulate)
{
    const convolution *v = &b->v;
    if (!algorithm_has(a, ALGORITHM_GRAD_INPUT) || !a->suits(v, b->weight))
        return;
    const algorithm *weights =
        algorithm_has(a, ALGORITHM_GRAD_WEIGHT) ? a : &algorithm_gather;
    size_t x_bytes = (size_t)(b->pixels * v->c) * sizeof(float);
    size_t w_bytes = (size_t)(9 * v->c * v->out_c) * sizeof(float);
    float *gx[2], *gw[2];
    for (int i = 0; i < 2; i++) {
        cpu_set_threads(i + 1);
        gx[i] = guard_new(x_bytes);
        gw[i] = guard_new(w_bytes);
        for (int64_t k = 0; accumulate && k < b->pixels * v->c; k++)
            gx[i][k] = 0.5f;
        void *scratch = poisoned(a->gradient_scratch(v));
        a->grad_input(v, b->g, b->weight, gx[i], accumulate, scratch);
        memory_free(scratch);
        scratch = poisoned(weights->gradient_scratch(v));
        weights->grad_weight(v, b->x, b->g, gw[i], scratch);
        memory_free(scratch);
    }
    cpu_set_threads(0);
    assert_memory_equal(gx[0], gx[1], x_bytes);
    assert_memory_equal(gw[0], gw[1], w_bytes);
    compare("gradient by the input", b, sum_input, gx[0], b->pixels, v->c, v->c,
            accumulate ? 0.5 : 0);
    compare("gradient by the weight", b, sum_weight, gw[0], 9 * v->out_c, v->c, v->c, 0);
    for (int i = 0; i < 2; i++) {
        guard_free(gx[i], x_bytes);
        guard_free(gw[i], w_bytes);
    }
}

/* ---- tests ---- */

static convolution random_geometry(random_stream *r)
{
    int64_t pad_h = random_below(r, 3), pad_w = random_below(r, 3);
    int64_t least_h = pad_h ? 1 : 3, least_w = pad_w ? 1 : 3;
    return geometry(1 + random_below(r, 3), least_h + random_below(r, 12),
                    least_w + random_below(r, 12), 4 + random_below(r, 40),
                    4 + random_below(r, 70), pad_h, pad_w);
}

static void test_forward(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 40; i++) {
        random_stream r = random_new(1, "forward", i);
        convolution v = random_geometry(&r);
        if (i & 1)
            v.x_pitch = v.c + random_below(&r, 9);
        if (i & 2)
            v.y_pitch = v.out_c + random_below(&r, 9);
        bench b = bench_new(&r, v);
        b.tail.rectify = (rectifier)(i % RECTIFY_COUNT);
        b.tail.slope = 0.1f;
        b.tail.scale = i & 4 ? b.scale : NULL;
        b.tail.shift = i & 8 ? b.shift : NULL;
        b.tail.residual = i % 5 < 2 ? b.residual : NULL;
        b.tail.residual_pitch = v.out_c + 3;
        for (int k = 0; k < ROWS; k++)
            check_forward(rows[k], &b, i % 7 < 4 ? b.bias : NULL);
        bench_clear(&b);
    }
}

static void test_gradients(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 30; i++) {
        random_stream r = random_new(2, "gradients", i);
        bench b = bench_new(&r, random_geometry(&r));
        for (int k = 0; k < ROWS; k++)
            check_gradients(rows[k], &b, i & 1);
        bench_clear(&b);
    }
}

/* One pixel, a wide and a tall image, the channels of one vector; and shapes that are
   shared out in each way: many tiles of few channels, several blocks of many, weights
   that are more than the caches hold. */
static void test_shapes(void **state)
{
    static const convolution none = {0};
    const convolution shapes[] = {
        geometry(1, 1, 1, 8, 8, 1, 1),      geometry(1, 1, 1, 5, 6, 2, 2),
        geometry(3, 3, 3, 16, 16, 0, 0),    geometry(1, 1, 50, 16, 32, 1, 1),
        geometry(1, 61, 1, 17, 33, 1, 1),   geometry(2, 4, 4, 64, 48, 1, 1),
        geometry(9, 3, 3, 80, 130, 1, 1),   geometry(5, 2, 3, 33, 97, 2, 1),
        geometry(1, 216, 219, 4, 5, 1, 1),  geometry(3, 37, 41, 40, 72, 1, 1),
        geometry(1, 90, 93, 300, 16, 1, 1), geometry(2, 20, 96, 8, 8, 1, 2),
        geometry(1, 40, 66, 3, 19, 2, 0),   geometry(2, 3, 3, 176, 190, 1, 1),
        geometry(9, 2, 3, 181, 190, 1, 1),  geometry(1, 6, 6, 100, 210, 1, 1),
        geometry(1, 5, 6, 37, 70, 1, 1),    geometry(1, 4, 4, 130, 110, 1, 1),
        geometry(1, 2, 2, 64, 80, 1, 1),    none,
    };
    (void)state;
    for (uint64_t i = 0; shapes[i].n; i++) {
        random_stream r = random_new(3, "shapes", i);
        bench b = bench_new(&r, shapes[i]);
        for (int k = 0; k < ROWS; k++) {
            check_forward(rows[k], &b, b.bias);
            check_gradients(rows[k], &b, false);
        }
        bench_clear(&b);
    }
}

/* The deepest sums of the networks here. */
static void test_depth(void **state)
{
    (void)state;
    for (int64_t c = 512; c <= 1024; c *= 2) {
        random_stream r = random_new(4, "depth", (uint64_t)c);
        bench b = bench_new(&r, geometry(2, 16, 16, c, 32, 1, 1));
        for (int k = 0; k < ROWS; k++) {
            check_forward(rows[k], &b, NULL);
            check_gradients(rows[k], &b, false);
        }
        bench_clear(&b);
    }
}

static void test_suits(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        convolution v = geometry(1, 3, 3, 16, 40, 1, 1);
        int64_t *const fields[] = {&v.kernel_h, &v.kernel_w,   &v.stride_h,   &v.stride_w,
                                   &v.groups,   &v.dilation_h, &v.dilation_w, &v.pad_h,
                                   &v.pad_w,    &v.c,          &v.out_c};
        const int64_t values[] = {5, 1, 2, 2, 2, 2, 3, 3, 3, 3, 1};
        if (i < 11)
            *fields[i] = values[i];
        for (int k = 0; k < WINOGRAD_ROWS; k++)
            assert_int_equal(rows[k]->suits(&v, NULL), i == 11);
    }
}

/* The choice by shape: the larger tile where images are large, the smaller one where
   they are small, shifted images where most of a kernel falls outside of them, planes of
   few channels, and none of these where weights are all there is. */
static void test_choice(void **state)
{
    const struct choice {
        convolution v;
        algorithm_task task;
        const char *name;
    } choices[] = {
        {geometry(1, 128, 128, 32, 32, 1, 1), ALGORITHM_FORWARD, "winograd-4x4"},
        {geometry(64, 16, 16, 256, 256, 1, 1), ALGORITHM_GRAD_INPUT, "winograd-4x4"},
        {geometry(64, 16, 16, 256, 256, 1, 1), ALGORITHM_GRAD_WEIGHT, "winograd-4x4"},
        {geometry(64, 2, 2, 30, 30, 1, 1), ALGORITHM_FORWARD, "winograd-2x2"},
        {geometry(8, 3, 3, 512, 512, 1, 1), ALGORITHM_FORWARD_ONCE, "shift"},
        {geometry(8, 3, 3, 1024, 512, 1, 1), ALGORITHM_GRAD_INPUT, "shift"},
        {geometry(16, 2, 2, 512, 256, 1, 1), ALGORITHM_GRAD_WEIGHT, "shift"},
        {geometry(64, 8, 8, 128, 256, 1, 1), ALGORITHM_FORWARD_ONCE, "winograd-4x4"},
        {geometry(1, 3, 3, 512, 512, 1, 1), ALGORITHM_FORWARD, "gather"},
        {geometry(8, 25, 25, 64, 64, 1, 1), ALGORITHM_FORWARD_ONCE, "winograd-4x4"},
        {geometry(1, 2, 2, 512, 512, 1, 1), ALGORITHM_GRAD_INPUT, "gather"},
        {geometry(1, 1, 1, 512, 512, 1, 1), ALGORITHM_GRAD_WEIGHT, "gather"},
        {geometry(1, 200, 200, 8, 8, 1, 1), ALGORITHM_GRAD_INPUT, "planes"},
        {geometry(1, 200, 200, 1, 8, 1, 1), ALGORITHM_FORWARD, "planes"},
        {geometry(1, 6, 6, 256, 256, 1, 1), ALGORITHM_FORWARD, "winograd-2x2-thin"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        if (strcmp(choices[i].name, "planes") == 0 && !loops_get()->planes)
            continue;
        if (strcmp(choices[i].name, "winograd-2x2-thin") == 0 &&
            winograd_loops_get()->taps_tiles < 9)
            continue;
        const algorithm *a =
            algorithm_guess(&choices[i].v, NULL, PRECISION_F32, choices[i].task);
        assert_string_equal(a->name, choices[i].name);
    }
}

/* Runs this program again for each lower instruction set. */
static void test_other_levels(void **state)
{
    (void)state;
    support_run_levels("test_convolution", CPU_AVX512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward),      cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_shapes),       cmocka_unit_test(test_depth),
        cmocka_unit_test(test_suits),        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_other_levels),
    };
    /* A child that was started for one level leaves the last test out. */
    size_t count = sizeof tests / sizeof *tests - (getenv("LATHE_CPU") ? 1 : 0);
    return _cmocka_run_group_tests("convolution", tests, count, NULL, NULL);
}
