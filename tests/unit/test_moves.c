/* SPDX-License-Identifier: GPL-3.0-or-later
   test_moves.c -- operators that only move elements: codes go where numbers go.  That the
   numbers go to the right places is in test_operators.c. */
#include "support.h"

#include <stdlib.h>
#include "base/cpu.h"
#include "graph/op_integer.h"
#include "support_trial.h"

typedef struct move {
    const char *op;
    shape in;
    attributes a;
} move;

/* Codes as numbers through the f32 operator, and as codes through the integer one. */
static void check_move(const move *m, uint64_t seed, int threads)
{
    trial t;
    random_stream r = random_new(seed, m->op, 0);
    trial_init(&t, m->op, &m->a, &m->in, 1);
    int64_t n = shape_count(t.in[0]), count = shape_count(t.out);
    int8_t *x = malloc((size_t)n), *y = malloc((size_t)count);
    assert_true(x && y);
    for (int64_t i = 0; i < n; i++) {
        x[i] = (int8_t)(random_below(&r, 256) - 128);
        t.x[0][i] = x[i];
    }
    cpu_set_threads(threads);
    trial_forward(&t);
    operation op = {.node = &t.node, .in = {t.in[0]}, .out = t.out, .x = {x}, .y = y};
    t.node.op->forward_s8(&op);
    cpu_set_threads(0);
    for (int64_t i = 0; i < count; i++)
        if (t.y[i] != (float)y[i])
            fail_msg("%s: code %d is %d, wanted %g", m->op, (int)i, y[i], (double)t.y[i]);
    assert_true(integer_keeps_format(t.node.op));
    free(x);
    free(y);
    trial_clear(&t);
}

static void codes_go_where_numbers_go(void **state)
{
    static const move moves[] = {
        {"flatten", {4, {3, 5, 4, 7}}, {.channels = 0}},
        {"flatten", {5, {2, 3, 2, 5, 6}}, {.channels = 0}},
        {"unflatten", {2, {3, 60}}, {.size = {0, 5, 4}, .channels = 3}},
        {"unflatten", {2, {2, 120}}, {.size = {2, 3, 4}, .channels = 5}},
        {"slice", {2, {2500, 9}}, {.first = 0, .channels = 4}},
        {"slice", {5, {2, 3, 4, 5, 8}}, {.first = 3, .channels = 5}},
        {"pixel_shuffle", {4, {2, 3, 5, 12}}, {.factor = 2}},
        {"pixel_shuffle", {4, {1, 4, 1, 18}}, {.factor = 3}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
        for (int threads = 1; threads <= 2; threads++)
            check_move(&moves[i], i, threads);
}

static void bad_attributes_are_refused(void **state)
{
    static const struct {
        move m;
        status code;
    } rows[] = {
        {{"pixel_shuffle", {4, {1, 2, 2, 6}}, {.factor = 2}}, E_SHAPE},
        {{"pixel_shuffle", {4, {1, 2, 2, 4}}, {.factor = 0}}, E_SHAPE},
        {{"pixel_shuffle", {2, {1, 4}}, {.factor = 2}}, E_SHAPE},
        {{"slice", {2, {1, 4}}, {.first = 2, .channels = 3}}, E_RANGE},
        {{"slice", {2, {1, 4}}, {.first = -1, .channels = 1}}, E_RANGE},
        {{"slice", {2, {1, 4}}, {.first = INT64_MAX, .channels = 1}}, E_RANGE},
        {{"slice", {2, {1, 4}}, {.first = 1, .channels = INT64_MAX}}, E_RANGE},
        {{"unflatten", {2, {1, 12}}, {.size = {0, 3, 2}, .channels = 3}}, E_SHAPE},
        {{"unflatten", {2, {1, 12}}, {.size = {-1, 3, 2}, .channels = 2}}, E_SHAPE},
        {{"unflatten", {4, {1, 2, 3, 2}}, {.size = {0, 3, 2}, .channels = 2}}, E_SHAPE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        error e = {0};
        shape out;
        node n = {.name = (char *)"n", .op = operator_find(rows[i].m.op)};
        n.attr = rows[i].m.a;
        n.input_count = 1;
        assert_int_equal(n.op->shape_rule(&n, &rows[i].m.in, &out, &e), rows[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(codes_go_where_numbers_go),
                                       cmocka_unit_test(bad_attributes_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
