/* SPDX-License-Identifier: GPL-3.0-or-later
   support_phase.c -- a small problem like the phase system's, made from a seed. */
#include "support_phase.h"

#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "zoo/architecture.h"

/* ln n = two waves of random direction, length and phase. */
static double logarithm(const double wave[6], int64_t x, int64_t y)
{
    return 0.8 * sin(wave[0] * (double)x + wave[1] * (double)y + wave[2]) +
           0.6 * sin(wave[3] * (double)x + wave[4] * (double)y + wave[5]);
}

static void fill_sample(float *input, float *target, uint8_t *mask, int64_t size,
                        random_stream *r)
{
    double wave[6];
    for (int k = 0; k < 6; k++)
        wave[k] = k % 3 == 2 ? random_between(r, 0, 6) : random_between(r, -0.7, 0.7);
    for (int64_t y = 0; y < size; y++)
        for (int64_t x = 0; x < size; x++) {
            int64_t at = y * size + x;
            double here = logarithm(wave, x, y);
            input[at] = (float)exp(here);
            target[2 * at] = (float)(logarithm(wave, x + 1, y) - here);
            target[2 * at + 1] = (float)(logarithm(wave, x, y + 1) - here);
            mask[at] = x == 0 || y == 0 || x == size - 1 || y == size - 1;
        }
}

static split_kind split_of(int64_t i)
{
    return i % 10 < 6 ? SPLIT_TRAIN : i % 10 < 8 ? SPLIT_VAL : SPLIT_TEST;
}

dataset *support_phase_data(int64_t count, int64_t size, uint64_t seed)
{
    dataset *d = dataset_new(NULL);
    assert_non_null(d);
    d->source = memory_text("test", NULL);
    d->origin = memory_text("test", NULL);
    d->input_name = memory_text("density", NULL);
    d->target_name = memory_text("phase gradient", NULL);
    d->count = count;
    d->input = tensor_new(DTYPE_F32, shape_of(4, count, size, size, (int64_t)1), NULL);
    d->target = tensor_new(DTYPE_F32, shape_of(4, count, size, size, (int64_t)2), NULL);
    d->mask = tensor_new(DTYPE_U8, shape_of(4, count, size, size, (int64_t)1), NULL);
    d->split = memory_new(count, sizeof *d->split, NULL);
    float *input = tensor_write_f32(d->input, NULL);
    float *target = tensor_write_f32(d->target, NULL);
    uint8_t *mask = tensor_write(d->mask, NULL);
    for (int64_t i = 0; i < count; i++) {
        random_stream r = random_new(seed, "sample", (uint64_t)i);
        int64_t at = i * size * size;
        fill_sample(input + at, target + 2 * at, mask + at, size, &r);
        d->split[i] = (uint8_t)split_of(i);
    }
    assert_int_equal(dataset_check(d, NULL), E_OK);
    return d;
}

model *support_phase_model(const char *options, uint64_t seed)
{
    error e = {0};
    char words[200], *rest = words;
    option_set set;
    assert_int_equal(option_set_init(&set, arch_unet_phase.options, NULL, &e), E_OK);
    snprintf(words, sizeof words, "%s", options);
    for (char *key = strtok_r(words, " ", &rest); key; key = strtok_r(NULL, " ", &rest)) {
        char *words_of = strchr(key, '=');
        assert_non_null(words_of);
        *words_of++ = '\0';
        if (option_set_put(&set, key, words_of, &e) != E_OK)
            fail_msg("%s", e.text);
    }
    model *m = architecture_build(&arch_unet_phase, &set, seed, &e);
    if (!m)
        fail_msg("%s", e.text);
    option_set_clear(&set);
    return m;
}
