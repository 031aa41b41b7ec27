/* SPDX-License-Identifier: GPL-3.0-or-later
   test_paired.c -- quantiles against the published table, and Student's own example. */
#include "support.h"

#include <math.h>

#include "measure/paired.h"

static void near(double got, double wanted, double within)
{
    if (!(fabs(got - wanted) <= within))
        fail_msg("%.10g, wanted %.10g", got, wanted);
}

/* Abramowitz, Stegun 1964, table 26.10. */
static void quantiles_are_those_of_the_table(void **state)
{
    static const struct {
        int64_t freedom;
        double confidence, t;
    } rows[] = {{1, 0.95, 12.706}, {2, 0.95, 4.303},  {3, 0.95, 3.182}, {4, 0.95, 2.776},
                {5, 0.99, 4.032},  {9, 0.95, 2.262},  {9, 0.99, 3.250}, {10, 0.90, 1.812},
                {30, 0.95, 2.042}, {120, 0.95, 1.980}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        near(student_quantile(rows[i].freedom, rows[i].confidence), rows[i].t, 5.1e-4);
}

/* Hours of sleep gained by ten patients with either of two drugs: Student 1908, section
   9: the mean difference is 1.58 with deviation 1.17 by n, 1.230 by n - 1. */
static void sleep_of_ten_patients(void **state)
{
    static const double first[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2.0};
    static const double second[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
    double mean, deviation, low, high;
    (void)state;
    spread_of(second, 10, &mean, &deviation);
    near(mean, 2.33, 1e-12);
    near(deviation, 2.002249, 1e-6);
    paired_difference(second, first, 10, &mean, &low, &high);
    near(mean, 1.58, 1e-12);
    near(low, 0.7001142, 1e-6);
    near(high, 2.4598858, 1e-6);
}

static void one_run_has_no_spread(void **state)
{
    const double x = 3, y = 1;
    double mean, deviation, low, high;
    (void)state;
    spread_of(&x, 1, &mean, &deviation);
    near(mean, 3, 0);
    assert_true(isnan(deviation));
    paired_difference(&x, &y, 1, &mean, &low, &high);
    near(mean, 2, 0);
    assert_true(isnan(low) && isnan(high));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_those_of_the_table),
        cmocka_unit_test(sleep_of_ten_patients),
        cmocka_unit_test(one_run_has_no_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
