/* SPDX-License-Identifier: GPL-3.0-or-later
   test_integer_rules.c -- the scalar rules of 8-bit arithmetic against double precision:
   rounding, clamping, the ends of a graph that runs in integers. */
#include "support.h"

#include <float.h>
#include <math.h>
#include "base/memory.h"
#include "base/random.h"
#include "kernel/integer.h"

static void test_quantize(void **state)
{
    enum { N = 40000 };
    (void)state;
    random_stream r = random_new(10, "quantize", 0);
    float *x = memory_new(N, sizeof *x, NULL), *back = memory_new(N, sizeof *back, NULL);
    int8_t *q = memory_new(N, 1, NULL);
    for (int i = 0; i < N; i++)
        x[i] = (float)(i % 3 ? random_between(&r, -3, 3)
                             : 0.5 * (double)random_below(&r, 400) - 100);
    x[7] = (float)NAN;
    x[8] = INFINITY;
    x[9] = -INFINITY;
    for (int bits = 2; bits <= 8; bits++) {
        integer_format f = {bits % 2 ? 1.0f : 0.02f, bits % 4 - 2, integer_low(bits),
                            integer_high(bits)};
        integer_quantize(x, N, f, q);
        integer_dequantize(q, N, f, back);
        for (int i = 0; i < N; i++) {
            double code = rint((double)x[i] / (double)f.scale) + f.zero;
            code = isnan(code) ? f.low : fmin(fmax(code, f.low), f.high);
            assert_int_equal(q[i], (int)code);
            assert_true(back[i] == f.scale * (float)(q[i] - f.zero));
        }
    }
    memory_free(x);
    memory_free(back);
    memory_free(q);
}

static void test_rounding(void **state)
{
    (void)state;
    random_stream r = random_new(11, "round", 0);
    integer_format f = {1.0f, 3, -128, 127};
    for (int i = 0; i < 200000; i++) {
        float v = i % 2 ? (float)random_between(&r, -200, 200)
                        : (float)random_below(&r, 800) / 2 - 200;
        double wanted = fmin(fmax(rint((double)v) + 3, -128), 127);
        assert_int_equal(integer_round(v, f), (int)wanted);
    }
    assert_int_equal(integer_round(FLT_MAX, f), 127);
    assert_int_equal(integer_round(-INFINITY, f), -128);
    assert_true(integer_multiplier(1e300) == FLT_MAX);
    assert_true(integer_multiplier(0.25) == 0.25f);
    assert_int_equal(integer_low(8), -128);
    assert_int_equal(integer_high(2), 1);
    assert_int_equal(integer_low(32), INT32_MIN);
    assert_int_equal(integer_high(32), INT32_MAX);
    integer_format wide = {1e-6f, 0, -INTEGER_SUM_MAX, INTEGER_SUM_MAX};
    assert_int_equal(integer_encode(5e3, wide), INTEGER_SUM_MAX);
    assert_int_equal(integer_encode(-1e-3, wide), -1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantize),
        cmocka_unit_test(test_rounding),
    };
    return cmocka_run_group_tests_name("integer rules", tests, NULL, NULL);
}
