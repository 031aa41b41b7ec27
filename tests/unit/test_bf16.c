/* SPDX-License-Identifier: GPL-3.0-or-later
   test_bf16.c -- convolutions with operands rounded to bf16 against sums in double over
   operands rounded here, by another rule; at every level of instructions, and with the
   same bits at one thread and at two.  What is kept as bf16 gives the bits of f32 numbers
   that are rounded before and behind. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "base/random.h"
#include "kernel/algorithm.h"

/* The nearest number of 8 significant bits, ties to even: by scaling, not by bits. */
static float rounded(float x)
{
    int exponent;
    double m = frexp((double)x, &exponent);
    return (float)ldexp(nearbyint(ldexp(m, 8)), exponent - 8);
}

typedef struct trial {
    const algorithm *with;
    convolution v;
    random_stream random;
    int64_t x_count, y_count, w_count;
    float *x, *y, *w, *bias, *scale, *shift, *residual;
    double *want;
    finish tail;
} trial;

static int64_t between(trial *t, int64_t low, int64_t high)
{
    return low + random_below(&t->random, high - low + 1);
}

static float *numbers(trial *t, int64_t n)
{
    float *x = memory_new(n + 1, sizeof *x, NULL);
    assert_non_null(x);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)random_between(&t->random, -1, 1);
    return x;
}

static float *rounded_copy(const float *x, int64_t n)
{
    float *to = memory_new(n + 1, sizeof *to, NULL);
    assert_non_null(to);
    for (int64_t i = 0; i < n; i++)
        to[i] = rounded(x[i]);
    return to;
}

static int64_t x_pixel(const convolution *v)
{
    return v->x_pitch ? v->x_pitch : v->c;
}

static int64_t y_pixel(const convolution *v)
{
    return v->y_pitch ? v->y_pitch : v->out_c;
}

/* Small enough to be checked by a sum of seven loops; every path has its share: wide and
   narrow images, few and many channels, a single row. */
static void random_geometry(trial *t)
{
    static const int64_t channels[] = {1, 2, 3, 5, 8, 13, 16, 24, 33, 70, 130};
    convolution *v = &t->v;
    *v = (convolution){.n = between(t, 1, 3), .groups = 1};
    bool wide = between(t, 0, 1);
    v->h = between(t, 1, 11);
    v->w = wide ? between(t, 8, 41) : between(t, 1, 9);
    v->c = channels[between(t, 0, wide ? 7 : 10)];
    v->out_c = channels[between(t, 0, wide ? 9 : 10)];
    if (between(t, 0, 5) == 0) {
        v->groups = between(t, 2, 3);
        v->c = v->groups * between(t, 1, 20);
        v->out_c = v->groups * between(t, 1, 20);
    }
    bool plain = between(t, 0, 2) > 0;
    int64_t size = between(t, 1, 4);
    v->kernel_h = plain ? size : between(t, 1, 4);
    v->kernel_w = plain ? size : between(t, 1, 4);
    v->stride_h = plain ? 1 : between(t, 1, 3);
    v->stride_w = plain ? 1 : between(t, 1, 3);
    v->dilation_h = plain ? 1 : between(t, 1, 2);
    v->dilation_w = plain ? 1 : between(t, 1, 2);
    v->pad_h = plain ? size / 2 : between(t, 0, 3);
    v->pad_w = plain ? size / 2 : between(t, 0, 3);
    int64_t high = v->h + 2 * v->pad_h - v->dilation_h * (v->kernel_h - 1);
    int64_t wide_left = v->w + 2 * v->pad_w - v->dilation_w * (v->kernel_w - 1);
    if (high < 1 || wide_left < 1) {
        random_geometry(t);
        return;
    }
    v->out_h = (high - 1) / v->stride_h + 1;
    v->out_w = (wide_left - 1) / v->stride_w + 1;
}

/* Numbers for the geometry that T has. */
static void trial_fill(trial *t)
{
    const convolution *v = &t->v;
    t->x_count = v->n * v->h * v->w * x_pixel(v);
    t->y_count = v->n * v->out_h * v->out_w * y_pixel(v);
    t->w_count = v->out_c * v->kernel_h * v->kernel_w * (v->c / v->groups);
    t->x = numbers(t, t->x_count);
    t->y = numbers(t, t->y_count);
    t->w = numbers(t, t->w_count);
    t->bias = numbers(t, v->out_c);
    t->scale = numbers(t, v->out_c);
    t->shift = numbers(t, v->out_c);
    t->want = memory_new(t->x_count + t->y_count + t->w_count, sizeof *t->want, NULL);
    assert_non_null(t->want);
}

static void trial_begin(trial *t, bool pitches)
{
    *t = (trial){.random = t->random, .with = t->with};
    do
        random_geometry(t);
    while (!t->with->suits(&t->v, NULL));
    convolution *v = &t->v;
    if (pitches && between(t, 0, 1))
        v->x_pitch = v->c + between(t, 0, 9);
    if (pitches && between(t, 0, 1))
        v->y_pitch = v->out_c + between(t, 0, 9);
    trial_fill(t);
}

static void trial_end(trial *t)
{
    memory_free(t->x);
    memory_free(t->y);
    memory_free(t->w);
    memory_free(t->bias);
    memory_free(t->scale);
    memory_free(t->shift);
    memory_free(t->residual);
    memory_free(t->want);
}

/* Calls SEE for each product: places in x, y and the weight. */
static void each_product(const convolution *v,
                         void (*see)(void *context, int64_t x, int64_t y, int64_t w),
                         void *context)
{
    int64_t in = v->c / v->groups, out = v->out_c / v->groups;
    int64_t pixels = v->n * v->out_h * v->out_w, taps = v->kernel_h * v->kernel_w;
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t tap = 0; tap < taps; tap++) {
            int64_t n = p / (v->out_h * v->out_w);
            int64_t i = p / v->out_w % v->out_h * v->stride_h - v->pad_h +
                        tap / v->kernel_w * v->dilation_h;
            int64_t j =
                p % v->out_w * v->stride_w - v->pad_w + tap % v->kernel_w * v->dilation_w;
            if (i < 0 || i >= v->h || j < 0 || j >= v->w)
                continue;
            for (int64_t o = 0; o < v->out_c; o++)
                for (int64_t c = 0; c < in; c++)
                    see(context,
                        ((n * v->h + i) * v->w + j) * x_pixel(v) + o / out * in + c,
                        p * y_pixel(v) + o, (o * taps + tap) * in + c);
        }
}

typedef struct sum {
    const float *a, *b;
    double *to;
} sum;

static void add_forward(void *context, int64_t x, int64_t y, int64_t w)
{
    const sum *s = context;
    s->to[y] += (double)s->a[x] * (double)s->b[w];
}

static void add_input(void *context, int64_t x, int64_t y, int64_t w)
{
    const sum *s = context;
    s->to[x] += (double)s->a[y] * (double)s->b[w];
}

static void add_weight(void *context, int64_t x, int64_t y, int64_t w)
{
    const sum *s = context;
    s->to[w] += (double)s->a[x] * (double)s->b[y];
}

static void reference(trial *t, void (*see)(void *, int64_t, int64_t, int64_t),
                      const float *a, int64_t a_count, const float *b, int64_t b_count)
{
    sum s = {.to = t->want};
    float *near_a = rounded_copy(a, a_count), *near_b = rounded_copy(b, b_count);
    s.a = near_a;
    s.b = near_b;
    each_product(&t->v, see, &s);
    memory_free(near_a);
    memory_free(near_b);
}

static void check_near(const trial *t, const char *what, const float *have,
                       const double *want, int64_t n)
{
    const convolution *v = &t->v;
    double most = 0, worst = 0;
    for (int64_t i = 0; i < n; i++) {
        most = fmax(most, fabs(want[i]));
        worst = fmax(worst, fabs((double)have[i] - want[i]));
        if (!isfinite(have[i]))
            worst = INFINITY;
    }
    if (!(worst <= 1e-5 * fmax(most, 1)))
        fail_msg("%s: off by %g of %g: n %d, %dx%dx%d -> %dx%dx%d, kernel %dx%d, stride "
                 "%dx%d, pad %dx%d, dilation %dx%d, %d groups, pitches %d %d",
                 what, worst, most, (int)v->n, (int)v->h, (int)v->w, (int)v->c,
                 (int)v->out_h, (int)v->out_w, (int)v->out_c, (int)v->kernel_h,
                 (int)v->kernel_w, (int)v->stride_h, (int)v->stride_w, (int)v->pad_h,
                 (int)v->pad_w, (int)v->dilation_h, (int)v->dilation_w, (int)v->groups,
                 (int)v->x_pitch, (int)v->y_pitch);
}

/* ---- the three tasks, at one and at two threads ---- */

static void *block_of(size_t bytes)
{
    void *block = memory_new_raw((int64_t)bytes + 64, 1, NULL);
    assert_non_null(block);
    memset(block, 0xff, bytes); /* NaNs: nothing may depend on what is there */
    return block;
}

static int64_t result_count(const trial *t, algorithm_task task)
{
    return task == ALGORITHM_FORWARD      ? t->y_count
           : task == ALGORITHM_GRAD_INPUT ? t->x_count
                                          : t->w_count;
}

static precision result_kept(const trial *t, algorithm_task task)
{
    return task == ALGORITHM_FORWARD      ? t->v.y_kept
           : task == ALGORITHM_GRAD_INPUT ? t->v.x_kept
                                          : PRECISION_F32;
}

static float *run(const trial *t, algorithm_task task, bool accumulate, int threads)
{
    const algorithm *a = t->with;
    const convolution *v = &t->v;
    enum { BEHIND = 64 };
    int64_t count = result_count(t, task);
    float *to = memory_new(count + BEHIND, sizeof *to, NULL), untouched[BEHIND];
    assert_non_null(to);
    char *end = (char *)to + (size_t)count * precision_bytes(result_kept(t, task));
    memset(end, 0x5a, sizeof untouched);
    memset(untouched, 0x5a, sizeof untouched);
    for (int64_t i = 0; result_kept(t, task) == PRECISION_F32 && i < count; i++)
        to[i] = accumulate ? t->x[i] : 0.25f;
    cpu_set_threads(threads);
    if (task == ALGORITHM_FORWARD) {
        void *prepared = block_of(a->prepared_bytes(v, NULL));
        void *scratch = block_of(a->scratch_bytes(v));
        a->prepare(v, t->w, prepared);
        a->forward(v, t->x, prepared, t->bias, &t->tail, to, scratch);
        memory_free(prepared);
        memory_free(scratch);
    } else {
        void *scratch = block_of(a->gradient_scratch(v));
        if (task == ALGORITHM_GRAD_INPUT)
            a->grad_input(v, t->y, t->w, to, accumulate, scratch);
        else
            a->grad_weight(v, t->x, t->y, to, scratch);
        memory_free(scratch);
    }
    cpu_set_threads(0);
    assert_memory_equal(end, untouched, sizeof untouched);
    return to;
}

static float *run_twice(const trial *t, algorithm_task task, bool accumulate)
{
    float *one = run(t, task, accumulate, 1), *two = run(t, task, accumulate, 2);
    assert_memory_equal(
        one, two, (size_t)result_count(t, task) * precision_bytes(result_kept(t, task)));
    memory_free(two);
    return one;
}

/* ---- tests ---- */

static void random_tail(trial *t)
{
    if (between(t, 0, 1)) {
        t->tail.scale = t->scale;
        t->tail.shift = t->shift;
    }
    t->tail.rectify = (rectifier)between(t, RECTIFY_NONE, RECTIFY_SLOPE);
    t->tail.slope = 0.125f;
    if (between(t, 0, 1)) {
        t->tail.residual_pitch = t->v.out_c + between(t, 0, 5);
        t->residual =
            numbers(t, t->v.n * t->v.out_h * t->v.out_w * t->tail.residual_pitch);
        t->tail.residual = t->residual;
    }
}

/* What is between the channels of pixels stays as it was. */
static void finish_reference(trial *t)
{
    const convolution *v = &t->v;
    for (int64_t i = 0; i < t->y_count; i++) {
        int64_t pixel = i / y_pixel(v), o = i % y_pixel(v);
        if (o >= v->out_c) {
            t->want[i] = 0.25;
            continue;
        }
        double y = t->want[i] + (double)t->bias[o];
        if (t->tail.scale)
            y = y * (double)t->scale[o] + (double)t->shift[o];
        if (t->residual)
            y += (double)t->residual[pixel * t->tail.residual_pitch + o];
        if (t->tail.rectify != RECTIFY_NONE && y < 0)
            y = t->tail.rectify == RECTIFY_ZERO ? 0 : y * (double)t->tail.slope;
        t->want[i] = y;
    }
}

enum { TRIALS = 60 };

/* Of forward and of the gradient by the input; the first has one by the weight too. */
static const algorithm *const rows[] = {&algorithm_bf16, &algorithm_shift_pairs};

static void forward_is_exact(void **state)
{
    trial t = {.random = random_new(3, "bf16 forward", 0)};
    (void)state;
    for (int i = 0; i < 2 * TRIALS; i++) {
        t.with = rows[i % 2];
        trial_begin(&t, true);
        random_tail(&t);
        reference(&t, add_forward, t.x, t.x_count, t.w, t.w_count);
        finish_reference(&t);
        float *y = run_twice(&t, ALGORITHM_FORWARD, false);
        check_near(&t, "forward", y, t.want, t.y_count);
        memory_free(y);
        trial_end(&t);
    }
}

static void input_gradient_is_exact(void **state)
{
    trial t = {.random = random_new(4, "bf16 by input", 0)};
    (void)state;
    for (int i = 0; i < 2 * TRIALS; i++) {
        t.with = rows[i % 2];
        trial_begin(&t, false);
        bool accumulate = between(&t, 0, 1);
        reference(&t, add_input, t.y, t.y_count, t.w, t.w_count);
        for (int64_t k = 0; accumulate && k < t.x_count; k++)
            t.want[k] += (double)t.x[k];
        float *x = run_twice(&t, ALGORITHM_GRAD_INPUT, accumulate);
        check_near(&t, "by input", x, t.want, t.x_count);
        memory_free(x);
        trial_end(&t);
    }
}

static void check_weight_gradient(trial *t)
{
    reference(t, add_weight, t->x, t->x_count, t->y, t->y_count);
    float *w = run_twice(t, ALGORITHM_GRAD_WEIGHT, false);
    check_near(t, "by weight", w, t->want, t->w_count);
    memory_free(w);
    trial_end(t);
}

static void weight_gradient_is_exact(void **state)
{
    trial t = {.random = random_new(5, "bf16 by weight", 0), .with = rows[0]};
    (void)state;
    for (int i = 0; i < TRIALS; i++) {
        trial_begin(&t, false);
        check_weight_gradient(&t);
    }
}

/* More than the caches hold: whole tiles, the last of a chunk not whole, and places that
   are on no line of the cache. */
static void large_weight_gradient_is_exact(void **state)
{
    static const int64_t channels[] = {192, 176, 400, 184, 181};
    (void)state;
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        trial t = {.random = random_new(6, "bf16 by a large weight", i), .with = rows[0]};
        t.v = (convolution){.n = 2,
                            .h = 3,
                            .w = 2 + (int64_t)i,
                            .c = channels[i],
                            .out_h = 3,
                            .out_w = 2 + (int64_t)i,
                            .out_c = 190,
                            .kernel_h = 3,
                            .kernel_w = 3,
                            .stride_h = 1,
                            .stride_w = 1,
                            .pad_h = 1,
                            .pad_w = 1,
                            .dilation_h = 1,
                            .dilation_w = 1,
                            .groups = 1};
        trial_fill(&t);
        check_weight_gradient(&t);
    }
}

/* The upper half of each number, rounded. */
static uint16_t *narrow_copy(const float *x, int64_t n)
{
    uint16_t *to = memory_new(n + 1, sizeof *to, NULL);
    assert_non_null(to);
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        float near = rounded(x[i]);
        memcpy(&bits, &near, sizeof bits);
        to[i] = (uint16_t)(bits >> 16);
    }
    return to;
}

/* X as it is kept in KEPT; owned. */
static void *kept_copy(const float *x, int64_t n, precision kept)
{
    if (kept == PRECISION_BF16)
        return narrow_copy(x, n);
    float *to = memory_new(n + 1, sizeof *to, NULL);
    assert_non_null(to);
    memcpy(to, x, (size_t)n * sizeof *x);
    return to;
}

static void check_kept(const char *what, const void *have, const float *want, int64_t n,
                       precision kept)
{
    void *wanted = kept_copy(want, n, kept);
    if (memcmp(have, wanted, (size_t)n * precision_bytes(kept)) != 0)
        fail_msg("%s: not the bits of f32, rounded", what);
    memory_free(wanted);
}

static void kept_as_bf16_is_the_same(void **state)
{
    trial t = {.random = random_new(6, "bf16 kept", 0)};
    static const char *const names[] = {"forward", "by input", "by weight"};
    (void)state;
    for (int i = 0; i < 2 * TRIALS; i++) {
        t.with = rows[i % 2];
        trial_begin(&t, false);
        algorithm_task last = algorithm_has(t.with, ALGORITHM_GRAD_WEIGHT)
                                  ? ALGORITHM_GRAD_WEIGHT
                                  : ALGORITHM_GRAD_INPUT;
        algorithm_task task = (algorithm_task)between(&t, ALGORITHM_FORWARD, last);
        float *want = run_twice(&t, task, false);
        trial narrow = t;
        if (t.v.groups == 1) {
            narrow.v.x_kept = (precision)between(&t, PRECISION_F32, PRECISION_BF16);
            narrow.v.y_kept = (precision)between(&t, PRECISION_F32, PRECISION_BF16);
        }
        narrow.x = kept_copy(t.x, t.x_count, narrow.v.x_kept);
        narrow.y = kept_copy(t.y, t.y_count, narrow.v.y_kept);
        float *have = run_twice(&narrow, task, false);
        check_kept(names[task], have, want, result_count(&t, task),
                   result_kept(&narrow, task));
        memory_free(want);
        memory_free(have);
        memory_free(narrow.x);
        memory_free(narrow.y);
        trial_end(&t);
    }
}

/* Ties between numbers of 8 bits: 1 + 2^-8 rounds to 1, 1 + 3 2^-8 to 1 + 2^-6. */
static void operands_are_rounded(void **state)
{
    const float x[2] = {1 + 0x1p-8f, 1 + 0x3p-8f}, w = 1;
    static const finish nothing = {0};
    convolution v = {.n = 1,
                     .h = 1,
                     .w = 2,
                     .c = 1,
                     .out_h = 1,
                     .out_w = 2,
                     .out_c = 1,
                     .kernel_h = 1,
                     .kernel_w = 1,
                     .stride_h = 1,
                     .stride_w = 1,
                     .dilation_h = 1,
                     .dilation_w = 1,
                     .groups = 1};
    float y[2];
    (void)state;
    void *prepared = block_of(algorithm_bf16.prepared_bytes(&v, NULL));
    void *scratch = block_of(algorithm_bf16.scratch_bytes(&v));
    algorithm_bf16.prepare(&v, &w, prepared);
    algorithm_bf16.forward(&v, x, prepared, NULL, &nothing, y, scratch);
    assert_true(y[0] == 1 && y[1] == 1 + 0x1p-6f);
    memory_free(prepared);
    memory_free(scratch);
}

static int all_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operands_are_rounded),
        cmocka_unit_test(forward_is_exact),
        cmocka_unit_test(input_gradient_is_exact),
        cmocka_unit_test(weight_gradient_is_exact),
        cmocka_unit_test(large_weight_gradient_is_exact),
        cmocka_unit_test(kept_as_bf16_is_the_same),
    };
    return cmocka_run_group_tests_name(cpu_level_name(cpu_get_level()), tests, NULL,
                                       NULL);
}

/* Each level in a process of its own, because a process finds its level once; levels
   above the one that the caller allows are left out. */
int main(void)
{
    int failed = 0;
    const char *words = getenv("LATHE_CPU");
    cpu_level highest = CPU_AMX;
    while (words && *words && highest > CPU_SCALAR &&
           strcmp(words, cpu_level_name(highest)) != 0)
        highest--;
    for (cpu_level level = CPU_SCALAR; level <= highest; level++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            setenv("LATHE_CPU", cpu_level_name(level), 1);
            _exit(cpu_get_level() == level ? all_tests() != 0 : 0);
        }
        if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
            failed++;
    }
    return failed;
}
