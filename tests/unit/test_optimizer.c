/* SPDX-License-Identifier: GPL-3.0-or-later
   test_optimizer.c -- optimizers against PyTorch's over six steps, masks, and threads. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/random.h"
#include "support_reference.h"
#include "train/optimizer.h"

#define WEIGHTS 6
#define STEPS   6

static optimizer_settings settings_of(const char *name)
{
    optimizer_settings s = optimizer_find(name)->standard;
    s.learning_rate = 0.05;
    s.weight_decay = 0;
    return s;
}

static void take(const optimizer_row *row, const optimizer_settings *s, int64_t step,
                 int64_t n, float *w, const float *g, float *const *slot,
                 const uint8_t *mask)
{
    optimizer_pass p = optimizer_begin(row, s, step, w, slot, mask);
    optimizer_take_all(&p, n, g);
}

/* Gradient of f(w) = sum(c w^4) / 4 + sum(w_i w_{i+1}) / 10 */
static void slope(const double *c, const float *w, float *g)
{
    for (int i = 0; i < WEIGHTS; i++) {
        double x = (double)w[i], near = 0;
        near += i > 0 ? (double)w[i - 1] : 0;
        near += i + 1 < WEIGHTS ? (double)w[i + 1] : 0;
        g[i] = (float)(c[i] * x * x * x + near / 10);
    }
}

static void check(const char *entry, const char *name, optimizer_settings s)
{
    char whole[80];
    int64_t n;
    double *start = support_reference("train.npz", "w0", &n);
    double *c = support_reference("train.npz", "c", &n);
    snprintf(whole, sizeof whole, "optimizer/%s", entry);
    double *wanted = support_reference("train.npz", whole, &n);
    assert_int_equal(n, STEPS * WEIGHTS);
    float w[WEIGHTS], g[WEIGHTS], a[WEIGHTS] = {0}, b[WEIGHTS] = {0};
    float *slots[2] = {a, b};
    for (int i = 0; i < WEIGHTS; i++)
        w[i] = (float)start[i];
    for (int step = 0; step < STEPS; step++) {
        slope(c, w, g);
        take(optimizer_find(name), &s, step + 1, WEIGHTS, w, g, slots, NULL);
        for (int i = 0; i < WEIGHTS; i++)
            assert_true(fabs((double)w[i] - wanted[step * WEIGHTS + i]) < 5e-7);
    }
    free(start), free(c), free(wanted);
}

static void six_steps_match_the_reference(void **state)
{
    (void)state;
    optimizer_settings s = settings_of("sgd");
    check("sgd", "sgd", s);
    s.momentum = 0.9;
    s.nesterov = true;
    check("sgd_nesterov", "sgd", s);
    s.nesterov = false;
    s.weight_decay = 1e-2;
    check("sgd_momentum", "sgd", s);
    s = settings_of("adam");
    check("adam", "adam", s);
    s.weight_decay = 1e-2;
    check("adam_l2", "adam", s);
    s = settings_of("adamw");
    s.weight_decay = 1e-2;
    check("adamw", "adamw", s);
    check("rmsprop", "rmsprop", settings_of("rmsprop"));
    check("adadelta", "adadelta", optimizer_find("adadelta")->standard);
}

/* With momentum: buffer = momentum * buffer + g / (sqrt(v) + eps), w -= rate * buffer. */
static void rmsprop_has_momentum(void **state)
{
    (void)state;
    optimizer_settings s = settings_of("rmsprop");
    s.momentum = 0.9;
    float w = 1, v = 0, b = 0, g = 0.5f, *slots[2] = {&v, &b};
    double wanted = 1, square = 0, buffer = 0;
    for (int step = 1; step <= 5; step++) {
        take(optimizer_find("rmsprop"), &s, step, 1, &w, &g, slots, NULL);
        square = 0.99 * square + 0.01 * 0.25;
        buffer = 0.9 * buffer + 0.5 / (sqrt(square) + 1e-8);
        wanted -= 0.05 * buffer;
        assert_true(fabs((double)w - wanted) < 1e-6 * fabs(wanted) + 1e-6);
    }
}

/* More than one tile, and no multiple of one. */
enum { MANY = 200003 };

typedef struct big {
    float *w, *g, *slot[2];
    uint8_t *mask;
} big;

static big make_big(uint64_t seed)
{
    big b = {malloc(MANY * sizeof(float)),
             malloc(MANY * sizeof(float)),
             {calloc(MANY, sizeof(float)), calloc(MANY, sizeof(float))},
             malloc(MANY)};
    random_stream r = random_new(seed, "optimizer", 0);
    for (int i = 0; i < MANY; i++) {
        b.w[i] = (float)random_between(&r, -1, 1);
        b.mask[i] = random_uniform(&r) < 0.5;
    }
    return b;
}

static void free_big(big *b)
{
    free(b->w), free(b->g), free(b->slot[0]), free(b->slot[1]), free(b->mask);
}

static void run(const optimizer_row *row, const optimizer_settings *s, big *b,
                bool masked)
{
    random_stream r = random_new(5, "gradient", 0);
    for (int step = 1; step <= 3; step++) {
        random_fill_uniform(&r, b->g, MANY, -1, 1);
        take(row, s, step, MANY, b->w, b->g, b->slot, masked ? b->mask : NULL);
    }
}

static optimizer_settings all_terms(const optimizer_row *row, int variant)
{
    optimizer_settings s = row->standard;
    s.weight_decay = 1e-2;
    s.momentum = variant > 0 ? 0.9 : 0;
    s.nesterov = variant > 1;
    return s;
}

/* Weight and state are exactly 0 where masked, and elsewhere as without a mask. */
static void masks_are_obeyed(void **state)
{
    (void)state;
    for (int k = 0; optimizer_at(k); k++)
        for (int variant = 0; variant < 3; variant++) {
            optimizer_settings s = all_terms(optimizer_at(k), variant);
            big free_one = make_big(1), bound = make_big(1);
            run(optimizer_at(k), &s, &free_one, false);
            run(optimizer_at(k), &s, &bound, true);
            for (int i = 0; i < MANY; i++) {
                float keep = bound.mask[i] ? 1.0f : 0.0f;
                assert_true(bound.w[i] == keep * free_one.w[i]);
                assert_true(bound.slot[0][i] == keep * free_one.slot[0][i]);
                assert_true(bound.slot[1][i] == keep * free_one.slot[1][i]);
            }
            free_big(&free_one);
            free_big(&bound);
        }
}

static void masked_infinities_stay_out(void **state)
{
    (void)state;
    for (int k = 0; optimizer_at(k); k++) {
        optimizer_settings s = all_terms(optimizer_at(k), 1);
        float w[2] = {1, 1}, g[2] = {NAN, 1}, a[2] = {0}, b[2] = {0};
        float *slots[2] = {a, b};
        const uint8_t mask[2] = {0, 1};
        take(optimizer_at(k), &s, 1, 2, w, g, slots, mask);
        assert_true(w[0] == 0 && a[0] == 0 && b[0] == 0 && isfinite(w[1]) && w[1] != 1);
    }
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    for (int k = 0; optimizer_at(k); k++) {
        optimizer_settings s = all_terms(optimizer_at(k), 1);
        big one = make_big(2), many = make_big(2);
        cpu_set_threads(1);
        run(optimizer_at(k), &s, &one, true);
        cpu_set_threads(3);
        run(optimizer_at(k), &s, &many, true);
        cpu_set_threads(0);
        assert_memory_equal(one.w, many.w, MANY * sizeof(float));
        free_big(&one);
        free_big(&many);
    }
}

enum { QUIET = 80 };

/* Three steps on QUIET weights without a gradient, but for the second step of some, and
   as many with one: neighbours, or in turns (element 2 i or 2 i + 1). */
static void run_quiet(const optimizer_row *row, const optimizer_settings *s, bool turns,
                      float w[2 * QUIET], float m[2 * QUIET], float v[2 * QUIET])
{
    random_stream r = random_new(7, "quiet", 0);
    float g[2 * QUIET], *slot[2] = {m, v};
    for (int step = 0; step <= 3; step++)
        for (int i = 0; i < 2 * QUIET; i++) {
            bool quiet = i < QUIET;
            int at = !turns ? i : quiet ? 2 * i : 2 * (i - QUIET) + 1;
            float drawn = (float)random_between(&r, -1, 1);
            if (step == 0)
                w[at] = i % 5 ? drawn : -0.0f;
            else
                g[at] = !quiet || (step == 2 && i >= QUIET / 2) ? drawn
                        : i % 2                                 ? 0
                                                                : -0.0f;
            if (step > 0 && i == 2 * QUIET - 1)
                take(row, s, step, 2 * QUIET, w, g, slot, NULL);
        }
}

/* A weight without a gradient has the same bits whoever lies beside it: those that never
   had one may be left out, if nothing changes by that. */
static void quiet_weights_do_not_depend_on_their_neighbours(void **state)
{
    (void)state;
    for (int k = 0; optimizer_at(k); k++)
        for (int variant = -1; variant < 3; variant++) {
            float w[2][2 * QUIET], m[2][2 * QUIET] = {{0}}, v[2][2 * QUIET] = {{0}};
            optimizer_settings s = all_terms(optimizer_at(k), variant < 0 ? 0 : variant);
            s.weight_decay = variant < 0 ? 0 : s.weight_decay;
            for (int turns = 0; turns < 2; turns++)
                run_quiet(optimizer_at(k), &s, turns, w[turns], m[turns], v[turns]);
            for (int i = 0; i < 2 * QUIET; i++) {
                int at = i < QUIET ? 2 * i : 2 * (i - QUIET) + 1;
                assert_memory_equal(&w[0][i], &w[1][at], sizeof(float));
                assert_memory_equal(&m[0][i], &m[1][at], sizeof(float));
                assert_memory_equal(&v[0][i], &v[1][at], sizeof(float));
            }
        }
}

static void rows_are_whole(void **state)
{
    (void)state;
    for (int k = 0; optimizer_at(k); k++) {
        const optimizer_row *row = optimizer_at(k);
        assert_ptr_equal(optimizer_find(row->name), row);
        assert_true(row->slots >= 0 && row->slots <= 2);
        assert_true(row->standard.learning_rate > 0);
        assert_non_null(row->source);
    }
    assert_null(optimizer_find("adagrad"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(six_steps_match_the_reference),
        cmocka_unit_test(rmsprop_has_momentum),
        cmocka_unit_test(masks_are_obeyed),
        cmocka_unit_test(masked_infinities_stay_out),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(quiet_weights_do_not_depend_on_their_neighbours),
        cmocka_unit_test(rows_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
