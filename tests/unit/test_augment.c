/* SPDX-License-Identifier: GPL-3.0-or-later
   test_augment.c -- flips, turns and crops held against fields that were changed whole, and
   transforms that go back. */
#include "support.h"
#include "support_phase.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/augment.h"

enum { N = 6, PIXELS = N * N };

/* Steps to the next pixel along x and y, of a periodic field. */
static void steps_of(const float *field, float *steps)
{
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            steps[(i * N + j) * 2] = field[i * N + (j + 1) % N] - field[i * N + j];
            steps[(i * N + j) * 2 + 1] = field[(i + 1) % N * N + j] - field[i * N + j];
        }
}

/* Small whole numbers, so that differences are exact. */
static void make_field(float *field)
{
    random_stream r = random_new(1, "test", 0);
    for (int i = 0; i < PIXELS; i++)
        field[i] = (float)random_below(&r, 100);
}

/* The steps of the moved field are the moved steps, for each shift, flip and turn. */
static void vectors_turn_with_the_field(void **state)
{
    (void)state;
    float field[PIXELS], steps[2 * PIXELS], wanted[2 * PIXELS], scratch[2 * PIXELS];
    const shape one = shape_of(3, (int64_t)N, (int64_t)N, INT64_C(1));
    const shape two = shape_of(3, (int64_t)N, (int64_t)N, INT64_C(2));
    for (int k = 0; k < 16 * 9; k++) {
        const augmentation_draw w = {.shift_x = 2 * (k / 16 % 3 - 1),
                                     .shift_y = k / 48 - 1,
                                     .flip_x = k & 1,
                                     .flip_y = k & 2,
                                     .turns = k >> 2 & 3};
        make_field(field);
        steps_of(field, steps);
        augmentation_apply(&w, steps, two, 1, FIELD_STEPS, scratch);
        augmentation_apply(&w, field, one, 1, FIELD_PERIODIC, scratch);
        steps_of(field, wanted);
        for (int i = 0; i < 2 * PIXELS; i++) /* also minus zero for zero */
            assert_true(steps[i] == wanted[i]);
    }
}

/* numpy.rot90([[0, 1], [2, 3]]) is [[1, 3], [0, 2]], as its manual says. */
static void turns_as_numpy_does(void **state)
{
    (void)state;
    float x[4] = {0, 1, 2, 3}, scratch[4];
    const float wanted[4] = {1, 3, 0, 2}, flipped[4] = {3, 1, 2, 0};
    const augmentation_draw quarter = {.turns = 1}, flip = {.flip_x = true};
    const shape s = shape_of(3, INT64_C(2), INT64_C(2), INT64_C(1));
    augmentation_apply(&quarter, x, s, 1, FIELD_PICTURE, scratch);
    assert_memory_equal(x, wanted, sizeof wanted);
    augmentation_apply(&flip, x, s, 1, FIELD_PICTURE, scratch);
    assert_memory_equal(x, flipped, sizeof flipped);
}

/* Padding by 2, reflected: 2 1 0 1 2 3 4 5 4 3, as numpy.pad(mode='reflect') gives it. */
static void crops_reflect(void **state)
{
    (void)state;
    const float padded[] = {2, 1, 0, 1, 2, 3, 4, 5, 4, 3};
    for (int shift = -2; shift <= 2; shift++) {
        float x[PIXELS], scratch[PIXELS];
        for (int i = 0; i < PIXELS; i++)
            x[i] = (float)(i % N + 10 * (i / N));
        const augmentation_draw w = {.shift_x = shift, .shift_y = -shift};
        augmentation_apply(&w, x, shape_of(3, (int64_t)N, (int64_t)N, INT64_C(1)), 1,
                           FIELD_PICTURE, scratch);
        for (int i = 0; i < PIXELS; i++)
            assert_true(x[i] ==
                        padded[i % N + 2 + shift] + 10 * padded[i / N + 2 - shift]);
    }
}

/* A field that goes round comes in again where it went out. */
static void crops_of_periodic_fields_wrap(void **state)
{
    (void)state;
    float x[PIXELS], scratch[PIXELS];
    for (int i = 0; i < PIXELS; i++)
        x[i] = (float)i;
    const augmentation_draw w = {.shift_x = -2, .shift_y = 1};
    augmentation_apply(&w, x, shape_of(3, (int64_t)N, (int64_t)N, INT64_C(1)), 1,
                       FIELD_PERIODIC, scratch);
    for (int i = 0; i < PIXELS; i++)
        assert_true(x[i] == (float)((i / N + 1) % N * N + (i % N + N - 2) % N));
}

/* Inputs, steps and masks of phase fields go together. */
static void phase_fields_are_cropped(void **state)
{
    (void)state;
    error e = {0};
    const augmentation crop = {.crop = 3, .flip_x = true, .turn = true};
    static float x[3 * 256], y[3 * 512], valid[3 * 512];
    const int64_t index[] = {4, 1, 0};
    dataset *d = support_phase_data(6, 16, 2);
    const uint8_t *mask = tensor_data(d->mask);
    assert_int_equal(augmentation_check(&crop, d, &e), E_OK);
    for (int64_t epoch = 0; epoch < 20; epoch++) {
        assert_int_equal(
            dataset_batch_augmented(d, NULL, &crop, 5, epoch, index, 3, x, y, valid, &e),
            E_OK);
        for (int k = 0; k < 3; k++) {
            const augmentation_draw w = augmentation_for(&crop, 5, epoch, index[k]);
            float steps[512], scratch[512], density[256];
            memcpy(steps, tensor_f32(d->target) + index[k] * 512, sizeof steps);
            memcpy(density, tensor_f32(d->input) + index[k] * 256, sizeof density);
            augmentation_apply(&w, steps,
                               shape_of(3, INT64_C(16), INT64_C(16), INT64_C(2)), 1,
                               FIELD_STEPS, scratch);
            augmentation_apply(&w, density,
                               shape_of(3, INT64_C(16), INT64_C(16), INT64_C(1)), 1,
                               FIELD_PERIODIC, scratch);
            assert_memory_equal(steps, y + k * 512, sizeof steps);
            assert_memory_equal(density, x + k * 256, sizeof density);
            int good = 0, kept = 0;
            for (int i = 0; i < 256; i++) {
                good += !mask[index[k] * 256 + i];
                kept += valid[(k * 256 + i) * 2] == 1;
            }
            assert_int_equal(good, kept); /* a crop that wraps loses none */
        }
    }
    dataset_free(d);
}

/* All draws come, about as often, and the same for the same seed, epoch and sample. */
static void draws_depend_on_seed_epoch_and_sample(void **state)
{
    (void)state;
    const augmentation all = {.crop = 1, .flip_x = true, .flip_y = true, .turn = true};
    int counts[144] = {0};
    for (int64_t epoch = 0; epoch < 144; epoch++)
        for (int64_t sample = 0; sample < 100; sample++) {
            const augmentation_draw w = augmentation_for(&all, 7, epoch, sample);
            counts[(((w.shift_x + 1) * 3 + w.shift_y + 1) * 4 + w.flip_x * 2 + w.flip_y) *
                       4 +
                   w.turns]++;
            const augmentation_draw again = augmentation_for(&all, 7, epoch, sample);
            assert_true(w.shift_x == again.shift_x && w.turns == again.turns);
        }
    for (int i = 0; i < 144; i++) /* 100 each; fifty are five deviations */
        assert_true(abs(counts[i] - 100) < 50);
    const augmentation none = {0};
    const augmentation_draw w = augmentation_for(&none, 7, 1, 1);
    assert_true(!w.shift_x && !w.shift_y && !w.flip_x && !w.flip_y && !w.turns);
    assert_true(augmentation_is_none(&none) && !augmentation_is_none(&all));
}

static dataset *make_dataset(bool labels)
{
    error e = {0};
    dataset *d = dataset_new(&e);
    d->count = 4;
    d->split = memory_new(4, 1, &e);
    memset(d->split, SPLIT_TRAIN, 4);
    d->input = tensor_new(
        DTYPE_U8, shape_of(4, INT64_C(4), (int64_t)N, (int64_t)N, INT64_C(3)), &e);
    uint8_t *x = tensor_write(d->input, &e);
    for (int i = 0; i < 4 * PIXELS * 3; i++)
        x[i] = (uint8_t)(i * 7);
    if (labels) {
        d->target = tensor_new(DTYPE_F32, shape_of(2, INT64_C(4), INT64_C(1)), &e);
        d->class_count = 2;
    } else { /* twice as large: each pixel of the input, repeated */
        d->target = tensor_new(
            DTYPE_F32,
            shape_of(4, INT64_C(4), INT64_C(2) * N, INT64_C(2) * N, INT64_C(3)), &e);
        float *y = tensor_write_f32(d->target, &e);
        for (int64_t i = 0; i < tensor_count(d->target); i++) {
            const int64_t c = i % 3, column = i / 3 % (2 * N), row = i / 6 / N % (2 * N),
                          k = i / 12 / PIXELS;
            y[i] = (float)x[((k * N + row / 2) * N + column / 2) * 3 + c] * BYTE_SCALE;
        }
    }
    assert_int_equal(dataset_check(d, &e), E_OK);
    return d;
}

/* A larger target moves as its input does, whatever the number of threads. */
static void targets_move_with_their_inputs(void **state)
{
    (void)state;
    error e = {0};
    const augmentation a = {.flip_x = true, .flip_y = true, .turn = true};
    const int64_t index[] = {3, 0, 2, 1};
    static float x[4 * PIXELS * 3], y[16 * PIXELS * 3], again[4 * PIXELS * 3],
        plain[4 * PIXELS * 3];
    dataset *d = make_dataset(false);
    bool moved = false;
    for (int64_t epoch = 0; epoch < 8; epoch++) {
        assert_int_equal(
            dataset_batch_augmented(d, NULL, &a, 5, epoch, index, 4, x, y, NULL, &e),
            E_OK);
        for (int i = 0; i < 16 * PIXELS * 3; i++) {
            const int c = i % 3, column = i / 3 % (2 * N), row = i / 6 / N % (2 * N),
                      k = i / 12 / PIXELS;
            assert_true(y[i] == x[((k * N + row / 2) * N + column / 2) * 3 + c]);
        }
        cpu_set_threads(1);
        dataset_batch_augmented(d, NULL, &a, 5, epoch, index, 4, again, NULL, NULL, &e);
        cpu_set_threads(0);
        assert_memory_equal(x, again, sizeof x);
        dataset_batch(d, NULL, index, 4, plain, NULL, NULL, NULL);
        moved = moved || memcmp(x, plain, sizeof x) != 0;
    }
    assert_true(moved);
    dataset_free(d);
}

static void says_what_it_cannot_do(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = make_dataset(true);
    const augmentation crop = {.crop = N}, turn = {.turn = true};
    assert_int_equal(augmentation_check(&crop, d, &e), E_RANGE);
    assert_int_equal(augmentation_check(&turn, d, &e), E_OK);
    tensor *wide = tensor_new(
        DTYPE_U8, shape_of(4, INT64_C(4), (int64_t)N, INT64_C(2), INT64_C(3)), &e);
    tensor_free(d->input);
    d->input = wide;
    assert_int_equal(augmentation_check(&turn, d, &e), E_SHAPE);
    tensor *rows = tensor_new(DTYPE_U8, shape_of(2, INT64_C(4), (int64_t)N), &e);
    tensor_free(d->input);
    d->input = rows;
    const augmentation flip = {.flip_x = true};
    assert_int_equal(augmentation_check(&flip, d, &e), E_SHAPE);
    assert_non_null(strstr(e.text, "rows"));
    dataset_free(d);
}

/* There and back: numbers come back to what f32 can tell of their logarithm. */
static void transforms_go_back(void **state)
{
    (void)state;
    const transform rows[] = {
        {.kind = TRANSFORM_NONE},
        {.kind = TRANSFORM_LOG, .epsilon = 1e-9},
        {.kind = TRANSFORM_BLOCK_LOG, .epsilon = 1e-4},
        {.kind = TRANSFORM_NORMALIZE, .channels = 1, .mean = {0.4}, .deviation = {0.2}},
    };
    float x[125], y[125];
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        random_stream r = random_new(2, "test", k);
        random_fill_uniform(&r, x, 125, 1e-4, 1);
        memcpy(y, x, sizeof x);
        const float side = transform_side(&rows[k], y, 125, 1);
        transform_apply(&rows[k], y, 125, 1);
        if (rows[k].kind == TRANSFORM_BLOCK_LOG) {
            float least = 1;
            for (int i = 0; i < 125; i++)
                least = fminf(least, x[i]);
            assert_true(side == least);
            for (int i = 0; i < 125; i++)
                assert_true(y[i] == (float)log((double)x[i] + (1e-4 - (double)least)));
        }
        transform_invert(&rows[k], y, 125, 1, side);
        /* |ln x| is below 10, so its f32 errs by 5e-7; (x - 0.4) / 0.2 by 2e-7 */
        const double most = rows[k].kind == TRANSFORM_NORMALIZE ? 1e-7 : 1e-10;
        for (int i = 0; i < 125; i++)
            assert_true(fabs((double)y[i] - (double)x[i]) <= 6e-7 * (double)x[i] + most);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_turn_with_the_field),
        cmocka_unit_test(turns_as_numpy_does),
        cmocka_unit_test(crops_reflect),
        cmocka_unit_test(crops_of_periodic_fields_wrap),
        cmocka_unit_test(phase_fields_are_cropped),
        cmocka_unit_test(draws_depend_on_seed_epoch_and_sample),
        cmocka_unit_test(targets_move_with_their_inputs),
        cmocka_unit_test(says_what_it_cannot_do),
        cmocka_unit_test(transforms_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
