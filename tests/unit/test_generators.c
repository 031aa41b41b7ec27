/* SPDX-License-Identifier: GPL-3.0-or-later
   test_generators.c -- punctures held against their equations, noise against its laws, and
   both the same whatever the number of threads. */
#include "support.h"
#include "support_source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "data/bayer.h"
#include "data/puncture.h"
#include "data/sensor.h"

/* One hole of mass 1: chi = (1 + 1/(2r))^-4, at the horizon r = 1/2 it is 1/16. */
static void chi_of_one_hole(void **state)
{
    (void)state;
    const punctures one = {.count = 1, .mass = {1}, .place = {{1, 2, 3}}};
    assert_true(fabs(punctures_chi(&one, 1.5, 2, 3) - 1.0 / 16) < 1e-15);
    assert_true(punctures_chi(&one, 1, 2, 3) == 0);
    assert_true(fabs(punctures_chi(&one, 1, 2, 1e6) - (1 - 2e-6)) < 1e-10);
}

/* psi = chi^(-1/4) is harmonic away from the holes: its seven-point Laplacian is as small
   as the step squared makes it, and the total mass is what its fall-off tells. */
static void psi_is_harmonic(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 8; i++) {
        punctures p;
        random_stream r = random_new(7, "test", i);
        punctures_draw(&p, 1, 4, 6, &r);
        double mass = 0;
        for (int k = 0; k < p.count; k++)
            mass += p.mass[k];
        assert_true(fabs(mass - 1) < 1e-12);
        const double x = 9, y = -8, z = 7, h = 0.05;
        const double at[7][3] = {{x, y, z},     {x + h, y, z}, {x - h, y, z},
                                 {x, y + h, z}, {x, y - h, z}, {x, y, z + h},
                                 {x, y, z - h}};
        double laplacian = 0;
        for (int k = 0; k < 7; k++)
            laplacian += (k ? 1 : -6) *
                         pow(punctures_chi(&p, at[k][0], at[k][1], at[k][2]), -0.25);
        assert_true(fabs(laplacian) / (h * h) < 1e-6);
        const double psi = pow(punctures_chi(&p, 0, 0, 1e5), -0.25);
        assert_true(fabs((psi - 1) * 2e5 - 1) < 1e-3);
    }
}

/* The blocks tile the box: volumes add up, and are finest at the holes. */
static void blocks_tile_the_box(void **state)
{
    (void)state;
    error e = {0};
    const punctures p = {
        .count = 2, .mass = {.5, .5}, .place = {{3, .1, .2}, {-3, 0, 0}}};
    puncture_block *blocks;
    int64_t count;
    assert_int_equal(puncture_blocks(&p, 16, 4, 5, &blocks, &count, &e), E_OK);
    double volume = 0;
    int deepest = 0;
    for (int64_t i = 0; i < count; i++) {
        volume += pow(5 * blocks[i].spacing, 3);
        deepest = blocks[i].level > deepest ? blocks[i].level : deepest;
        assert_true(fabs(5 * blocks[i].spacing - 8 / pow(2, blocks[i].level)) < 1e-12);
        /* A coarse block is no nearer to a hole than its side. */
        const double d = hypot(hypot(blocks[i].centre[0] - 3, blocks[i].centre[1] - .1),
                               blocks[i].centre[2] - .2);
        assert_true(blocks[i].level == 5 || d >= 5 * blocks[i].spacing);
    }
    assert_int_equal(deepest, 5);
    assert_true(fabs(volume - 32768) < 1e-6);
    float chi[BLOCK_POINTS];
    puncture_block_chi(&p, &blocks[count / 2], 1e-4, chi);
    const puncture_block *b = &blocks[count / 2];
    assert_true(chi[(1 * 7 + 2) * 7 + 5] ==
                (float)fmax(punctures_chi(&p, b->centre[0] + 2 * b->spacing,
                                          b->centre[1] - b->spacing,
                                          b->centre[2] - 2 * b->spacing),
                            1e-4));
    memory_free(blocks);
}

static void punctures_make_a_dataset(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = source_read_words(&source_puncture, NULL, "n=6", &e);
    assert_non_null(d);
    assert_true(d->count > 6 * 100);
    assert_true(shape_equal(dataset_input_shape(d),
                            shape_of(4, INT64_C(5), INT64_C(5), INT64_C(5), INT64_C(1))));
    assert_true(dataset_is_reproduced(d));
    const float *x = tensor_f32(d->input);
    float least = 1, most = 0;
    for (int64_t i = 0; i < tensor_count(d->input); i++) {
        least = fminf(least, x[i]);
        most = fmaxf(most, x[i]);
    }
    assert_true(least >= 1e-4f && least < 0.01f && most < 1 && most > 0.9f);
    for (int64_t i = 1; i < d->count; i++)
        assert_true(d->group[i] != d->group[i - 1] || d->split[i] == d->split[i - 1]);
    cpu_set_threads(1);
    dataset *same = source_read_words(&source_puncture, NULL, "n=6", &e);
    cpu_set_threads(0);
    assert_true(tensor_equal(d->input, same->input));
    dataset *noisy = source_read_words(&source_puncture, NULL, "n=6 noise=0.01", &e);
    assert_non_null(noisy);
    assert_true(tensor_equal(noisy->target, d->input));
    double squares = 0;
    for (int64_t i = 0; i < tensor_count(d->input); i++)
        squares += pow((double)tensor_f32(noisy->input)[i] / (double)x[i] - 1, 2);
    squares = sqrt(squares / (double)tensor_count(d->input));
    assert_true(squares > 0.0095 && squares < 0.0105);
    dataset_free(noisy);
    dataset_free(same);
    dataset_free(d);
    assert_null(source_read_words(&source_puncture, NULL, "holes=1.5:2", &e));
    assert_int_equal(e.code, E_RANGE);
}

/* Mean and variance are MEAN, within five deviations; small counts as the law says. */
static void poisson_has_its_moments(void **state)
{
    (void)state;
    static const double means[] = {0, 0.5, 3, 9.9, 10, 40, 1000};
    const int n = 100000;
    for (size_t k = 0; k < sizeof means / sizeof *means; k++) {
        random_stream r = random_new(3, "poisson", k);
        double sum = 0, squares = 0, zeros = 0;
        for (int i = 0; i < n; i++) {
            const double x = (double)random_poisson(&r, means[k]);
            sum += x;
            squares += (x - means[k]) * (x - means[k]);
            zeros += x == 0;
        }
        const double mean = means[k];
        assert_true(fabs(sum / n - mean) <= 5 * sqrt(mean / n));
        assert_true(fabs(squares / n - mean) <= 5 * sqrt((2 * mean * mean + mean) / n));
        assert_true(fabs(zeros / n - exp(-mean)) <= 5 * sqrt(exp(-mean) / n) + 1e-12);
    }
}

static void srgb_goes_there_and_back(void **state)
{
    (void)state;
    for (int i = 0; i <= 255; i++)
        assert_true(fabs(srgb_of_light(light_of_srgb(i / 255.0)) - i / 255.0) < 1e-7);
    assert_true(fabs(light_of_srgb(0.5) - 0.21404114) < 1e-7); /* the published value */
}

/* A flat picture of three colours: each plane has its colour's light as mean, and shot and
   read noise and steps as variance. */
static void the_dark_has_its_noise(void **state)
{
    (void)state;
    enum { N = 8, SIDE = 64 };
    static const uint8_t colour[3] = {200, 120, 90};
    error e = {0};
    dataset *from = dataset_new(&e);
    from->count = N;
    from->source = memory_text("test", &e);
    from->split = memory_new(N, 1, &e);
    memset(from->split, SPLIT_TEST, N);
    from->input = tensor_new(
        DTYPE_U8, shape_of(4, (int64_t)N, (int64_t)SIDE, (int64_t)SIDE, INT64_C(3)), &e);
    uint8_t *pixels = tensor_write(from->input, &e);
    for (int i = 0; i < N * SIDE * SIDE * 3; i++)
        pixels[i] = colour[i % 3];
    dataset *d =
        source_derive_words(&source_lowlight, from, "ratio=100:100 read=3 bits=14", &e);
    assert_non_null(d);
    assert_true(
        shape_equal(dataset_input_shape(d),
                    shape_of(3, (int64_t)SIDE / 2, (int64_t)SIDE / 2, INT64_C(4))));
    assert_int_equal(d->split[3], SPLIT_TEST);
    assert_true(fabs((double)tensor_f32(d->target)[4] - 120 / 255.0) < 1e-4);
    const int64_t n = tensor_count(d->input) / 4;
    for (int p = 0; p < 4; p++) {
        const double light = light_of_srgb(colour[bayer_colour(p)] / 255.0);
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < n; i++)
            sum += (double)tensor_f32(d->input)[i * 4 + p];
        for (int64_t i = 0; i < n; i++)
            squares += pow((double)tensor_f32(d->input)[i * 4 + p] - sum / (double)n, 2);
        /* In electrons of the short exposure: 100 light + 9, plus steps of 1/1.587 */
        const double wanted =
            (100 * light + 9 + pow(10000.0 / (16383 - 512), 2) / 12) / 1e4;
        assert_true(fabs(sum / (double)n - light) < 5 * sqrt(wanted / (double)n) + 1e-4);
        assert_true(fabs(squares / (double)n / wanted - 1) < 0.1);
    }
    cpu_set_threads(1);
    dataset *same =
        source_derive_words(&source_lowlight, from, "ratio=100:100 read=3 bits=14", &e);
    cpu_set_threads(0);
    assert_true(tensor_equal(d->input, same->input));
    dataset_free(same);
    dataset_free(d);
    d = source_derive_words(&source_lowlight, from, "size=16 limit=2", &e);
    assert_non_null(d);
    assert_int_equal(d->count, 2);
    double ratio;
    assert_true(table_number(d->facts, 1, "ratio", &ratio) && ratio >= 100 &&
                ratio <= 300);
    dataset_free(d);
    dataset_free(from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chi_of_one_hole),
        cmocka_unit_test(psi_is_harmonic),
        cmocka_unit_test(blocks_tile_the_box),
        cmocka_unit_test(punctures_make_a_dataset),
        cmocka_unit_test(poisson_has_its_moments),
        cmocka_unit_test(srgb_goes_there_and_back),
        cmocka_unit_test(the_dark_has_its_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
