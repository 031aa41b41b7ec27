/* SPDX-License-Identifier: GPL-3.0-or-later
   test_random.c -- the generator's published answers, and what its distributions promise.
   Bounds are six standard deviations of the statistic, and the seeds are fixed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail /* the name is base/error.h's */

#include <math.h>
#include <string.h>
#include "base/random.h"

/* Source: Random123 1.09, tests/kat_vectors: counter, key and block of philox4x32 10. */
static void philox_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], block[4];
    } rows[] = {{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
                {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                 {0xffffffff, 0xffffffff},
                 {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
                {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                 {0xa4093822, 0x299f31d0},
                 {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const uint32_t *c = rows[i].counter, *k = rows[i].key;
        random_stream r = {.seed = (uint64_t)k[1] << 32 | k[0],
                           .counter = (uint64_t)c[1] << 32 | c[0],
                           .stream = (uint64_t)c[3] << 32 | c[2]};
        for (int j = 0; j < 4; j++)
            assert_int_equal(random_bits(&r), rows[i].block[j]);
        assert_int_equal(r.counter, ((uint64_t)c[1] << 32 | c[0]) + 1);
    }
}

/* Source: Noll, "FNV hash", test vectors of the 64-bit FNV-1a. */
static void hash_known_answers(void **state)
{
    (void)state;
    assert_true(random_hash("", 0, HASH_START) == UINT64_C(0xcbf29ce484222325));
    assert_true(random_hash("a", 1, HASH_START) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(random_hash("foobar", 6, HASH_START) == UINT64_C(0x85944171f73967e8));
    uint64_t part = random_hash("foo", 3, HASH_START);
    assert_true(random_hash("bar", 3, part) == UINT64_C(0x85944171f73967e8));
}

static void streams_are_their_own(void **state)
{
    (void)state;
    random_stream a = random_new(7, "shuffle", 3), b = random_new(7, "shuffle", 3);
    random_stream others[] = {random_new(8, "shuffle", 3), random_new(7, "shuffle", 4),
                              random_new(7, "shuffl", 3), random_new(7, "initialise", 3)};
    for (int i = 0; i < 100; i++) {
        uint32_t bits = random_bits(&a);
        assert_int_equal(bits, random_bits(&b));
        int same = 0;
        for (int j = 0; j < 4; j++)
            same += bits == random_bits(&others[j]);
        assert_true(same < 2);
    }
    random_bits(&a);
    random_stream copy = a; /* a position can be kept */
    double expected = random_normal(&a);
    assert_true(random_normal(&copy) == expected);
}

static void uniform_moments(void **state)
{
    (void)state;
    enum { N = 200000, BINS = 20 };
    random_stream r = random_new(1, "uniform", 0);
    double sum = 0, squares = 0, pairs = 0, last = 0.5, chi = 0;
    int64_t bins[BINS] = {0};
    for (int i = 0; i < N; i++) {
        double u = random_uniform(&r);
        assert_true(u >= 0 && u < 1);
        sum += u;
        squares += u * u;
        pairs += (u - 0.5) * (last - 0.5);
        last = u;
        bins[(int)(u * BINS)]++;
    }
    assert_true(fabs(sum / N - 0.5) < 6 * sqrt(1.0 / 12 / N));
    assert_true(fabs(squares / N - 1.0 / 3) < 6 * sqrt(4.0 / 45 / N));
    assert_true(fabs(pairs / N) < 6.0 / 12 / sqrt(N));
    for (int i = 0; i < BINS; i++)
        chi += pow((double)bins[i] - N / BINS, 2) / (N / BINS);
    assert_true(chi < BINS + 6 * sqrt(2.0 * BINS));
    double low = 0;
    for (int i = 0; i < 1000; i++) {
        double x = random_between(&r, -3, 5);
        assert_true(x >= -3 && x < 5);
        low += x < 1;
    }
    assert_true(fabs(low - 500) < 6 * sqrt(250));
}

static void normal_moments(void **state)
{
    (void)state;
    enum { N = 200000 };
    random_stream r = random_new(2, "normal", 0);
    double sum = 0, squares = 0, cubes = 0, fourths = 0, within = 0;
    for (int i = 0; i < N; i++) {
        double x = random_normal(&r);
        sum += x;
        squares += x * x;
        cubes += x * x * x;
        fourths += x * x * x * x;
        within += fabs(x) < 1;
    }
    assert_true(fabs(sum / N) < 6 * sqrt(1.0 / N));
    assert_true(fabs(squares / N - 1) < 6 * sqrt(2.0 / N));
    assert_true(fabs(cubes / N) < 6 * sqrt(15.0 / N));
    assert_true(fabs(fourths / N - 3) < 6 * sqrt(96.0 / N));
    assert_true(fabs(within / N - erf(sqrt(0.5))) < 6 * sqrt(0.25 / N));
}

static void below_is_even(void **state)
{
    (void)state;
    enum { N = 60000 };
    random_stream r = random_new(3, "below", 0);
    for (int64_t n = 1; n <= 13; n++) {
        int64_t counts[13] = {0};
        for (int i = 0; i < N; i++) {
            int64_t x = random_below(&r, n);
            assert_true(x >= 0 && x < n);
            counts[x]++;
        }
        for (int64_t i = 0; i < n; i++)
            assert_true(fabs((double)counts[i] - (double)N / (double)n) <=
                        6 * sqrt((double)N / (double)n));
    }
    int64_t large = INT64_C(3) << 61, high = 0; /* two thirds of it lie below 2^62 */
    for (int i = 0; i < N; i++) {
        int64_t x = random_below(&r, large);
        assert_true(x >= 0 && x < large);
        high += x >= INT64_C(1) << 62;
    }
    assert_true(fabs((double)high - N / 3.0) < 6 * sqrt(N * 2 / 9.0));
    assert_int_equal(random_below(&r, 0), 0);
}

static void shuffle_permutes(void **state)
{
    (void)state;
    int64_t items[100], seen[100] = {0}, places[4][4] = {{0}};
    for (int64_t i = 0; i < 100; i++)
        items[i] = i;
    random_stream r = random_new(4, "shuffle", 0);
    random_shuffle(&r, items, 100);
    int64_t unmoved = 0;
    for (int64_t i = 0; i < 100; i++) {
        seen[items[i]]++;
        unmoved += items[i] == i;
    }
    for (int64_t i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    assert_true(unmoved < 8);
    for (int round = 0; round < 24000; round++) {
        int64_t four[4] = {0, 1, 2, 3};
        random_shuffle(&r, four, 4);
        for (int i = 0; i < 4; i++)
            places[i][four[i]]++;
    }
    for (int i = 0; i < 16; i++)
        assert_true(fabs((double)places[i / 4][i % 4] - 6000) < 6 * sqrt(6000 * 0.75));
}

static void fill_covers_the_range(void **state)
{
    (void)state;
    static float x[100000], y[100000];
    random_stream r = random_new(5, "fill", 0), again = r;
    random_fill_uniform(&r, x, 100000, -0.25, 0.75);
    random_fill_uniform(&again, y, 50000, -0.25, 0.75); /* in two parts, the same */
    random_fill_uniform(&again, y + 50000, 50000, -0.25, 0.75);
    assert_memory_equal(x, y, sizeof x);
    double sum = 0;
    float low = 1, high = -1;
    for (int i = 0; i < 100000; i++) {
        sum += (double)x[i];
        low = fminf(low, x[i]);
        high = fmaxf(high, x[i]);
    }
    assert_true(low >= -0.25f && low < -0.2499f && high <= 0.75f && high > 0.7499f);
    assert_true(fabs(sum / 100000 - 0.25) < 6 * sqrt(1.0 / 12 / 100000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_known_answers),  cmocka_unit_test(hash_known_answers),
        cmocka_unit_test(streams_are_their_own), cmocka_unit_test(uniform_moments),
        cmocka_unit_test(normal_moments),        cmocka_unit_test(below_is_even),
        cmocka_unit_test(shuffle_permutes),      cmocka_unit_test(fill_covers_the_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
