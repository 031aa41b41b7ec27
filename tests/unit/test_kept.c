/* SPDX-License-Identifier: GPL-3.0-or-later
   test_kept.c -- batch norm, pooling, resampling and Winograd convolution of values that
   are kept as bf16: the bits of f32 numbers that are rounded before and behind, by a rule of this file, at every
   level of instructions; and what lies between the channels of pixels stays. */
#include "support.h"

#include <math.h>
#include <string.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "base/random.h"
#include "kernel/algorithm.h"
#include "kernel/loops.h"
#include "kernel/norm.h"
#include "kernel/pool.h"
#include "kernel/resize.h"
#include "support_level.h"

enum { TRIALS = 40, CHANNELS_MOST = 300 };

static int64_t between(random_stream *r, int64_t low, int64_t high)
{
    return low + random_below(r, high - low + 1);
}

static precision any_precision(random_stream *r)
{
    return (precision)between(r, PRECISION_F32, PRECISION_BF16);
}

/* The nearest number of 8 significant bits, ties to even: by scaling, not by bits. */
static float rounded(float x)
{
    int exponent;
    double m = frexp((double)x, &exponent);
    return (float)ldexp(nearbyint(ldexp(m, 8)), exponent - 8);
}

static void *room(int64_t count)
{
    float *to = memory_new(count + 1, sizeof *to, NULL);
    assert_non_null(to);
    return to;
}

/* Numbers that bf16 holds exactly. */
static float *numbers(random_stream *r, int64_t n)
{
    float *x = room(n);
    for (int64_t i = 0; i < n; i++)
        x[i] = rounded((float)random_between(r, -1, 1));
    return x;
}

/* PIXELS of CHANNELS as they are kept in KEPT, PITCH apart, with a 0.5 between them. */
static void *kept_copy(const float *x, int64_t pixels, int64_t channels, int64_t pitch,
                       precision kept)
{
    float *wide = room(pixels * pitch);
    uint16_t *narrow = room(pixels * pitch);
    for (int64_t i = 0; i < pixels * pitch; i++) {
        uint32_t bits;
        float value = i % pitch < channels ? x[i / pitch * channels + i % pitch] : 0.5f;
        wide[i] = kept == PRECISION_F32 ? value : rounded(value);
        memcpy(&bits, &wide[i], sizeof bits);
        narrow[i] = (uint16_t)(bits >> 16);
    }
    memory_free(kept == PRECISION_F32 ? (void *)narrow : (void *)wide);
    return kept == PRECISION_F32 ? (void *)wide : (void *)narrow;
}

static void check_kept(const char *what, const void *have, const float *want,
                       int64_t pixels, int64_t channels, int64_t pitch, precision kept)
{
    void *wanted = kept_copy(want, pixels, channels, pitch, kept);
    if (memcmp(have, wanted, (size_t)(pixels * pitch) * precision_bytes(kept)) != 0)
        fail_msg("%s: not the bits of f32, rounded", what);
    memory_free(wanted);
}

/* What an operator reads and writes: x and g are given, y and gx come out. */
typedef struct sides {
    int64_t x_pixels, y_pixels, channels, x_pitch, y_pitch;
    precision x_kept, y_kept;
    const float *x, *g, *before; /* before: what gx is added to, or NULL */
    void *y, *gx;
} sides;

typedef void (*runner)(const void *how, sides *s, const void *x, const void *g);

/* Runs HOW on f32 and on what is kept as S says, and compares. */
static void check_sides(const char *what, runner run, const void *how, sides s)
{
    sides plain = s, *both[2] = {&plain, &s};
    plain.x_pitch = plain.y_pitch = s.channels;
    plain.x_kept = plain.y_kept = PRECISION_F32;
    int64_t most = s.x_pixels > s.y_pixels ? s.x_pixels : s.y_pixels;
    float *zero = room(most * s.channels);
    for (int k = 0; k < 2; k++) {
        sides *t = both[k];
        void *x = kept_copy(s.x, s.x_pixels, s.channels, t->x_pitch, t->x_kept);
        void *g = kept_copy(s.g, s.y_pixels, s.channels, t->y_pitch, t->y_kept);
        t->y = kept_copy(zero, s.y_pixels, s.channels, t->y_pitch, t->y_kept);
        t->gx = kept_copy(s.before ? s.before : zero, s.x_pixels, s.channels, t->x_pitch,
                          t->x_kept);
        run(how, t, x, g);
        memory_free(x);
        memory_free(g);
    }
    check_kept(what, s.y, plain.y, s.y_pixels, s.channels, s.y_pitch, s.y_kept);
    check_kept(what, s.gx, plain.gx, s.x_pixels, s.channels, s.x_pitch, s.x_kept);
    memory_free(zero);
    for (int k = 0; k < 2; k++) {
        memory_free(both[k]->y);
        memory_free(both[k]->gx);
    }
}

/* The same for x, g and half the time what is there before, drawn here. */
static void check_drawn(random_stream *r, const char *what, runner run, const void *how,
                        sides s)
{
    float *x = numbers(r, s.x_pixels * s.channels),
          *g = numbers(r, s.y_pixels * s.channels),
          *before = numbers(r, s.x_pixels * s.channels);
    s.x = x;
    s.g = g;
    s.before = between(r, 0, 1) ? before : NULL;
    check_sides(what, run, how, s);
    memory_free(x);
    memory_free(g);
    memory_free(before);
}

static void run_norm(const void *how, sides *s, const void *x, const void *g)
{
    float saved[BATCH_NORM_SAVED * CHANNELS_MOST], by_scale[CHANNELS_MOST],
        by_shift[CHANNELS_MOST];
    batch_norm b = *(const batch_norm *)how;
    b.x_kept = s->x_kept;
    b.y_kept = s->y_kept;
    b.y_pitch = s->y_pitch;
    void *scratch = memory_new((int64_t)batch_norm_scratch(&b), 1, NULL);
    assert_non_null(scratch);
    batch_norm_train(&b, x, s->y, saved, scratch);
    batch_norm_gradient(&b, x, saved, g, s->gx, s->before != NULL, by_scale, by_shift,
                        NULL, scratch);
    memory_free(scratch);
}

/* Dense where vectors do not fit into rows: sums of such rows that are apart are taken in
   another order. */
static void norms(void **state)
{
    static const int64_t channels[] = {1, 2, 3, 4, 8, 16, 37, 64, 24, 100, CHANNELS_MOST};
    random_stream r = random_new(7, "kept norm", 0);
    (void)state;
    for (int i = 0; i < TRIALS; i++) {
        int64_t c = channels[between(&r, 0, 10)], rows = between(&r, 2, 20000 / c);
        float *scale = numbers(&r, c), *shift = numbers(&r, c);
        batch_norm b = {.rows = rows,
                        .channels = c,
                        .epsilon = 1e-5,
                        .scale = scale,
                        .shift = shift,
                        .rectify = (rectifier)between(&r, RECTIFY_NONE, RECTIFY_SLOPE),
                        .slope = 0.125f};
        sides s = {.x_pixels = rows,
                   .y_pixels = rows,
                   .channels = c,
                   .x_pitch = c,
                   .x_kept = any_precision(&r),
                   .y_kept = any_precision(&r)};
        const kernel_loops *loops = loops_get();
        bool fits = c >= 64 || c % loops->lanes == 0 || c == loops->least_piece;
        s.y_pitch = fits ? c + between(&r, 0, 9) : c;
        check_drawn(&r, "norm", run_norm, &b, s);
        memory_free(scale);
        memory_free(shift);
    }
}

/* Rows that are apart, of any width, give what dense ones do but for the order of sums. */
static void norms_of_rows_apart(void **state)
{
    random_stream r = random_new(9, "norm apart", 0);
    (void)state;
    for (int i = 0; i < TRIALS; i++) {
        int64_t c = between(&r, 1, 40), rows = between(&r, 2, 700);
        int64_t count = rows * c, pitch = c + between(&r, 1, 9);
        float *scale = numbers(&r, c), *shift = numbers(&r, c), *x = numbers(&r, count),
              *g = numbers(&r, count),
              *apart = kept_copy(g, rows, c, pitch, PRECISION_F32);
        batch_norm b = {
            .rows = rows, .channels = c, .epsilon = 1e-2, .scale = scale, .shift = shift};
        sides s[2];
        for (int k = 0; k < 2; k++) {
            s[k] = (sides){.y_pitch = k ? pitch : c,
                           .y = kept_copy(g, rows, c, k ? pitch : c, PRECISION_F32),
                           .gx = room(count)};
            run_norm(&b, &s[k], x, k ? apart : g);
        }
        const float *y[2] = {s[0].y, s[1].y}, *gx[2] = {s[0].gx, s[1].gx};
        for (int64_t k = 0; k < rows * pitch; k++) {
            float want = k % pitch < c ? y[0][k / pitch * c + k % pitch] : 0.5f;
            assert_true(fabsf(y[1][k] - want) < 1e-4f);
        }
        for (int64_t k = 0; k < count; k++)
            assert_true(fabsf(gx[1][k] - gx[0][k]) < 1e-4f);
        float *all[] = {scale, shift, x, g, apart, s[0].y, s[1].y, s[0].gx, s[1].gx};
        for (int k = 0; k < 9; k++)
            memory_free(all[k]);
    }
}

static void run_pool(const void *how, sides *s, const void *x, const void *g)
{
    pooling p = *(const pooling *)how;
    p.x_kept = s->x_kept;
    p.y_kept = s->y_kept;
    p.x_pitch = s->x_pitch;
    uint16_t *where = memory_new(s->y_pixels * s->channels, sizeof *where, NULL);
    assert_non_null(where);
    max_pool_forward(&p, x, s->y, where);
    max_pool_backward(&p, where, g, s->gx, s->before != NULL);
    memory_free(where);
}

static void pools(void **state)
{
    random_stream r = random_new(8, "kept pool", 0);
    (void)state;
    for (int i = 0; i < TRIALS; i++) {
        pooling p = {.n = between(&r, 1, 3),
                     .c = between(&r, 1, 20),
                     .out_h = between(&r, 1, 6),
                     .out_w = between(&r, 1, 20),
                     .kernel_h = between(&r, 1, 3),
                     .kernel_w = between(&r, 1, 3)};
        p.stride_h = p.kernel_h;
        p.stride_w = p.kernel_w;
        p.h = p.out_h * p.kernel_h + between(&r, 0, p.kernel_h - 1);
        p.w = p.out_w * p.kernel_w + between(&r, 0, p.kernel_w - 1);
        assert_true(max_pool_takes_bf16(&p));
        sides s = {.x_pixels = p.n * p.h * p.w,
                   .y_pixels = p.n * p.out_h * p.out_w,
                   .channels = p.c,
                   .x_pitch = p.c + between(&r, 0, 9),
                   .y_pitch = p.c,
                   .x_kept = any_precision(&r),
                   .y_kept = any_precision(&r)};
        check_drawn(&r, "max pool", run_pool, &p, s);
    }
}

static void run_resize(const void *how, sides *s, const void *x, const void *g)
{
    resizing z = *(const resizing *)how;
    z.x_kept = s->x_kept;
    z.y_kept = s->y_kept;
    z.y_pitch = s->y_pitch;
    void *scratch = memory_new((int64_t)resize_scratch(&z), 1, NULL);
    assert_non_null(scratch);
    resize_forward(&z, x, s->y, scratch);
    resize_backward(&z, g, s->gx, s->before != NULL, scratch);
    memory_free(scratch);
}

static void resizes(void **state)
{
    random_stream r = random_new(9, "kept resize", 0);
    (void)state;
    for (int i = 0; i < TRIALS; i++) {
        resizing z = {.n = between(&r, 1, 3),
                      .h = between(&r, 1, 20),
                      .w = between(&r, 1, 20),
                      .c = between(&r, 1, 20),
                      .out_h = between(&r, 1, 40),
                      .out_w = between(&r, 1, 40),
                      .nearest = between(&r, 0, 1),
                      .align_corners = between(&r, 0, 1)};
        sides s = {.x_pixels = z.n * z.h * z.w,
                   .y_pixels = z.n * z.out_h * z.out_w,
                   .channels = z.c,
                   .x_pitch = z.c,
                   .y_pitch = z.c + between(&r, 0, 9),
                   .x_kept = any_precision(&r),
                   .y_kept = any_precision(&r)};
        check_drawn(&r, "resize", run_resize, &z, s);
    }
}

/* What a convolution reads, by which precision, and what comes out. */
typedef struct products {
    convolution v;
    float *bias;
    void *x, *g, *y, *gx;
    float *gw;
} products;

static void run_products(const algorithm *a, products *p, const float *x, const float *g,
                         const float *weight, bool accumulate)
{
    const convolution *v = &p->v;
    const finish tail = {.rectify = RECTIFY_ZERO};
    int64_t in = v->n * v->h * v->w, out = v->n * v->out_h * v->out_w;
    int64_t bytes[] = {(int64_t)a->prepared_bytes(v, weight),
                       (int64_t)a->scratch_bytes(v), (int64_t)a->gradient_scratch(v)};
    void *block[3];
    for (int i = 0; i < 3; i++)
        block[i] = room(bytes[i] / (int64_t)sizeof(float));
    p->x = kept_copy(x, in, v->c, v->c, v->x_kept);
    p->g = kept_copy(g, out, v->out_c, v->out_c, v->y_kept);
    p->y = kept_copy(g, out, v->out_c, v->out_c, v->y_kept);
    p->gx = kept_copy(x, in, v->c, v->c, v->x_kept);
    p->gw = room(v->out_c * 9 * v->c);
    a->prepare(v, weight, block[0]);
    a->forward(v, p->x, block[0], p->bias, &tail, p->y, block[1]);
    a->grad_input(v, p->g, weight, p->gx, accumulate, block[2]);
    a->grad_weight(v, p->x, p->g, p->gw, block[2]);
    for (int i = 0; i < 3; i++)
        memory_free(block[i]);
}

static void free_products(products *p)
{
    memory_free(p->x);
    memory_free(p->g);
    memory_free(p->y);
    memory_free(p->gx);
    memory_free(p->gw);
}

static void check_products(const algorithm *plain, const algorithm *kept,
                           random_stream *r)
{
    convolution v = {.n = between(r, 1, 3),
                     .h = between(r, 1, 17),
                     .w = between(r, 1, 17),
                     .c = between(r, 4, 70),
                     .out_c = between(r, 4, 70),
                     .kernel_h = 3,
                     .kernel_w = 3,
                     .stride_h = 1,
                     .stride_w = 1,
                     .pad_h = between(r, 1, 2),
                     .pad_w = between(r, 1, 2),
                     .dilation_h = 1,
                     .dilation_w = 1,
                     .groups = 1};
    if (!plain->suits(&v, NULL)) { /* it wants whole vectors */
        v.c += 16;
        v.out_c += 16;
    }
    v.out_h = v.h + 2 * v.pad_h - 2;
    v.out_w = v.w + 2 * v.pad_w - 2;
    int64_t in = v.n * v.h * v.w, out = v.n * v.out_h * v.out_w;
    int64_t weights = v.out_c * 9 * v.c;
    float *x = numbers(r, in * v.c), *g = numbers(r, out * v.out_c),
          *weight = numbers(r, weights), *bias = numbers(r, v.out_c);
    bool accumulate = between(r, 0, 1);
    products wide = {.v = v, .bias = bias}, narrow = wide;
    narrow.v.x_kept = any_precision(r);
    narrow.v.y_kept = any_precision(r);
    run_products(plain, &wide, x, g, weight, accumulate);
    run_products(kept, &narrow, x, g, weight, accumulate);
    check_kept("forward", narrow.y, wide.y, out, v.out_c, v.out_c, narrow.v.y_kept);
    check_kept("by input", narrow.gx, wide.gx, in, v.c, v.c, narrow.v.x_kept);
    check_kept("by weight", narrow.gw, wide.gw, v.out_c, 9 * v.c, 9 * v.c, PRECISION_F32);
    free_products(&wide);
    free_products(&narrow);
    memory_free(x);
    memory_free(g);
    memory_free(weight);
    memory_free(bias);
}

static void convolutions(void **state)
{
    random_stream r = random_new(9, "kept convolution", 0);
    (void)state;
    for (int i = 0; i < TRIALS; i++) {
        check_products(&algorithm_winograd_two, &algorithm_winograd_two_kept, &r);
        check_products(&algorithm_winograd_four, &algorithm_winograd_four_kept, &r);
        check_products(&algorithm_shift, &algorithm_shift_kept, &r);
        check_products(&algorithm_shift, &algorithm_shift_kept, &r);
    }
}

static void other_levels(void **state)
{
    (void)state;
    support_run_levels("test_kept", CPU_AMX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norms),        cmocka_unit_test(norms_of_rows_apart),
        cmocka_unit_test(pools),        cmocka_unit_test(resizes),
        cmocka_unit_test(convolutions), cmocka_unit_test(other_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
