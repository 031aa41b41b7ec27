/* SPDX-License-Identifier: GPL-3.0-or-later
   test_pareto.c -- the front of points against the definition, and directions of columns.
   It reads no files. */
#include <math.h>
#include "support.h"
#include "base/random.h"
#include "measure/pareto.h"

static double turned(double value, direction better)
{
    return better == DIRECTION_HIGHER ? -value : value;
}

/* The definition, point against point. */
static bool is_dominated(const double *x, const double *y, int n, int at, direction bx,
                         direction by)
{
    for (int i = 0; i < n; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i]))
            continue;
        double dx = turned(x[i], bx) - turned(x[at], bx);
        double dy = turned(y[i], by) - turned(y[at], by);
        if (dx <= 0 && dy <= 0 && (dx < 0 || dy < 0))
            return true;
    }
    return false;
}

/* Small whole numbers, so that many are equal. */
static void test_definition(void **state)
{
    (void)state;
    enum { MOST = 40 };
    random_stream r = random_new(5, "pareto", 0);
    static const direction both[] = {DIRECTION_LOWER, DIRECTION_HIGHER};
    for (int trial = 0; trial < 200; trial++) {
        double x[MOST], y[MOST];
        bool front[MOST];
        int n = (int)random_below(&r, MOST) + 1;
        for (int i = 0; i < n; i++) {
            x[i] = (double)random_below(&r, 9);
            y[i] = random_below(&r, 12) ? (double)random_below(&r, 9) : NAN;
        }
        for (int k = 0; k < 4; k++) {
            direction bx = both[k % 2], by = both[k / 2];
            assert_int_equal(pareto_front(x, y, n, bx, by, front, NULL), E_OK);
            for (int i = 0; i < n; i++)
                assert_int_equal(front[i],
                                 isfinite(y[i]) && !is_dominated(x, y, n, i, bx, by));
        }
    }
}

static void test_directions(void **state)
{
    (void)state;
    assert_int_equal(pareto_direction("accuracy"), DIRECTION_HIGHER);
    assert_int_equal(pareto_direction("psnr"), DIRECTION_HIGHER);
    assert_int_equal(pareto_direction("masked_mse"), DIRECTION_LOWER);
    assert_int_equal(pareto_direction("bytes"), DIRECTION_LOWER);
    assert_int_equal(pareto_direction("median_ms"), DIRECTION_LOWER);
    assert_int_equal(pareto_direction("samples_per_second"), DIRECTION_HIGHER);
    assert_int_equal(pareto_direction("sparsity"), DIRECTION_HIGHER);
    assert_int_equal(pareto_direction("seed"), DIRECTION_UNKNOWN);
    direction d;
    error e = {0};
    assert_int_equal(pareto_choose("seed", "higher", &d, &e), E_OK);
    assert_int_equal(d, DIRECTION_HIGHER);
    assert_int_equal(pareto_choose("accuracy", "lower", &d, &e), E_OK);
    assert_int_equal(d, DIRECTION_LOWER);
    assert_int_equal(pareto_choose("seed", "auto", &d, &e), E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_directions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
