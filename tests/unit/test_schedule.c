/* SPDX-License-Identifier: GPL-3.0-or-later
   test_schedule.c -- learning rates against PyTorch's schedulers, and warm-up. */
#include "support.h"

#include <math.h>
#include <stdlib.h>

#include "support_reference.h"
#include "train/schedule.h"

static const schedule_settings hundred = {.learning_rate = 1e-3,
                                          .steps = 100,
                                          .steps_per_epoch = 1,
                                          .gamma = 0.5,
                                          .every = 30,
                                          .warm_fraction = 0.3,
                                          .divisor = 25,
                                          .final_divisor = 1e4};

static void check(const char *name, const char *entry, double rate)
{
    int64_t n;
    double *wanted = support_reference("train.npz", entry, &n);
    schedule_settings s = hundred;
    s.learning_rate = rate;
    assert_int_equal(n, 100);
    for (int64_t i = 0; i < n; i++) {
        double got = schedule_rate(schedule_find(name), &s, i);
        assert_true(fabs(got - wanted[i]) <= 1e-12 * wanted[i]);
    }
    free(wanted);
}

static void schedules_match_the_reference(void **state)
{
    (void)state;
    check("step", "schedule/step", 1e-3);
    check("cosine", "schedule/cosine", 1e-3);
    check("one-cycle", "schedule/one_cycle", 5e-3);
}

static void constant_is_constant(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 200; i += 13)
        assert_true(schedule_rate(schedule_find("constant"), &hundred, i) == 1e-3);
}

static void epochs_count_by_their_steps(void **state)
{
    (void)state;
    schedule_settings s = hundred;
    s.steps_per_epoch = 7;
    s.every = 2;
    const schedule_row *row = schedule_find("step");
    assert_true(schedule_rate(row, &s, 13) == 1e-3);
    assert_true(schedule_rate(row, &s, 14) == 0.5e-3);
    assert_true(schedule_rate(row, &s, 28) == 0.25e-3);
}

/* Linear from 1/(w+1) of the first rate; behind it the schedule has the steps left. */
static void warm_up_is_linear(void **state)
{
    (void)state;
    schedule_settings s = hundred, rest = hundred;
    s.warmup = 20;
    rest.steps = 80;
    for (int k = 0; schedule_at(k); k++) {
        const schedule_row *row = schedule_at(k);
        double first = schedule_rate(row, &rest, 0);
        for (int64_t i = 0; i < 20; i++)
            assert_true(fabs(schedule_rate(row, &s, i) - first * (double)(i + 1) / 21) <
                        1e-15);
        for (int64_t i = 20; i < 100; i++)
            assert_true(schedule_rate(row, &s, i) == schedule_rate(row, &rest, i - 20));
    }
}

/* One step, a peak on the last one, more steps than were planned: never NaN, never more
   than the rate, never negative. */
static void short_trainings_have_rates(void **state)
{
    (void)state;
    for (int k = 0; schedule_at(k); k++)
        for (int64_t steps = 0; steps < 6; steps++)
            for (int64_t warmup = 0; warmup < 7; warmup += 3)
                for (int64_t i = 0; i < 9; i++) {
                    schedule_settings s = hundred;
                    s.steps = steps;
                    s.warmup = warmup;
                    double rate = schedule_rate(schedule_at(k), &s, i);
                    assert_true(rate >= 0 && rate <= 1e-3);
                }
}

static void names_are_found(void **state)
{
    (void)state;
    for (int k = 0; schedule_at(k); k++)
        assert_ptr_equal(schedule_find(schedule_at(k)->name), schedule_at(k));
    assert_null(schedule_find("linear"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedules_match_the_reference),
        cmocka_unit_test(constant_is_constant),
        cmocka_unit_test(epochs_count_by_their_steps),
        cmocka_unit_test(warm_up_is_linear),
        cmocka_unit_test(short_trainings_have_rates),
        cmocka_unit_test(names_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
