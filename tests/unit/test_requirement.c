/* SPDX-License-Identifier: GPL-3.0-or-later
   test_requirement.c -- requirements as they are written, and when they are met: gains never
   fail, shares and points are of the base, times are of the same rounds. */
#include "support.h"

#include <math.h>
#include <string.h>
#include "compress/requirement.h"

static quantities of(double size, double time, double base_time, double accuracy)
{
    quantities q = {.size = size, .time = time, .base_time = base_time};
    q.metrics.count = 2;
    q.metrics.row[0] = metric_find("accuracy");
    q.metrics.value[0] = accuracy;
    q.metrics.row[1] = metric_find("mse");
    q.metrics.value[1] = 1 - accuracy;
    return q;
}

static void limits_are_of_the_base(void **state)
{
    (void)state;
    const quantities base = of(1000, 10, 10, 0.8);
    static const struct {
        const char *key, *words;
        double size, time, base_time, accuracy, limit;
        bool met;
    } rows[] = {
        {"size", "-30%", 700, 1, 1, 0.8, 700, true},
        {"size", "-30%", 701, 1, 1, 0.8, 700, false},
        {"size", "1KiB", 1024, 1, 1, 0.8, 1024, true},
        {"time", "-40%", 1, 6, 10, 0.8, 6, true},
        {"time", "-40%", 1, 6, 9, 0.8, 5.4, false}, /* the machine was faster then */
        {"time", "2.5", 1, 2.6, 9, 0.8, 2.5, false},
        {"accuracy", "-5pt", 1, 1, 1, 0.75, 0.75, true},
        {"accuracy", "-5pt", 1, 1, 1, 0.74, 0.75, false},
        {"accuracy", "-5pt", 1, 1, 1, 0.99, 0.75, true},
        {"accuracy", "-5%", 1, 1, 1, 0.76, 0.76, true},
        {"accuracy", "0.9", 1, 1, 1, 0.89, 0.9, false},
        {"mse", "+10%", 1, 1, 1, 0.78, 0.22, true},
        {"mse", "+10%", 1, 1, 1, 0.77, 0.22, false},
        {"mse", "+10%", 1, 1, 1, 0.95, 0.22, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        requirement r;
        const quantities now =
            of(rows[i].size, rows[i].time, rows[i].base_time, rows[i].accuracy);
        assert_int_equal(requirement_read(&r, rows[i].key, rows[i].words, NULL), E_OK);
        assert_true(fabs(requirement_limit(&r, &base, &now) - rows[i].limit) < 1e-9);
        if (requirement_met(&r, &base, &now) != rows[i].met)
            fail_msg("row %d", (int)i);
        assert_int_equal(requirement_gap(&r, &base, &now) <= 1e-12, rows[i].met);
    }
}

static void what_is_not_known_fails(void **state)
{
    (void)state;
    requirement r;
    const quantities base = of(1, 1, 1, 0.5), now = of(1, 1, 1, NAN);
    assert_int_equal(requirement_read(&r, "accuracy", "0.1", NULL), E_OK);
    assert_false(requirement_met(&r, &base, &now));
    assert_int_equal(requirement_read(&r, "psnr", "10", NULL), E_OK);
    assert_false(requirement_met(&r, &base, &base));
}

static void words_that_are_no_amount(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"size", ""},
        {"size", "x"},
        {"size", "-100%"},
        {"accuracy", "90%"},
        {"accuracy", "5pt"},
        {"size", "-5pt"},
        {"size", "0"},
        {"time", "-1"},
        {"accuracy", "%"},
        {"accuracy", "5 pt"},
        {"accuracy", "nan"},
        {"time", "1e999"},
        {"size", "-30%-30%-30%-30%-30%-30%-30%-30%-30%-30%-30%"},
    };
    error e = {0};
    requirement r;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (requirement_read(&r, rows[i][0], rows[i][1], &e) != E_RANGE)
            fail_msg("%s=%s was taken", rows[i][0], rows[i][1]);
    assert_int_equal(requirement_read(&r, "beauty", "1", &e), E_NAME);
    assert_non_null(strstr(e.hint, "size"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_of_the_base),
        cmocka_unit_test(what_is_not_known_fails),
        cmocka_unit_test(words_that_are_no_amount),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
