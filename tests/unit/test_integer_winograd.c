/* SPDX-License-Identifier: GPL-3.0-or-later
   test_integer_winograd.c -- Winograd's algorithm on codes beside plain sums: the same
   bits for drawn shapes, pitches and zero points, for codes at the ends of their range
   and sums just below the largest that a piece of the channels may have, at one thread
   and at two; and what it does not take. */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "base/random.h"
#include "kernel/integer_method.h"

typedef struct trial {
    integer_conv c;
    int8_t *x, *weight;
    int32_t *bias, *weight_zero;
    float *weight_scale;
    int8_t map[256];
} trial;

static int64_t between(random_stream *r, int64_t low, int64_t high)
{
    return low + random_below(r, high - low + 1);
}

/* Codes of all kinds, or of the two ends alone. */
static int8_t *codes(random_stream *r, int64_t n, bool ends)
{
    int8_t *to = memory_new(n + 1, 1, NULL);
    assert_non_null(to);
    for (int64_t i = 0; i < n; i++)
        to[i] = (int8_t)(ends ? (random_below(r, 2) ? 127 : -128)
                              : random_below(r, 256) - 128);
    return to;
}

static void trial_make(trial *t, random_stream *r, int64_t channels, bool ends)
{
    *t = (trial){0};
    integer_conv *c = &t->c;
    *c = (integer_conv){.batch = between(r, 1, 3),
                        .height = between(r, 1, 19),
                        .width = between(r, 1, 19),
                        .channels = channels,
                        .out_channels = 16 * between(r, 1, 5),
                        .groups = 1,
                        .kernel = {3, 3},
                        .stride = {1, 1},
                        .padding = {between(r, 1, 3), between(r, 1, 2)},
                        .dilation = {1, 1},
                        .in = {0.02f, (int32_t)between(r, -128, 127), -128, 127},
                        .out = {0.5f, (int32_t)between(r, -20, 20), -128, 127}};
    c->out_height = c->height + 2 * c->padding[0] - 2;
    c->out_width = c->width + 2 * c->padding[1] - 2;
    c->x_pitch = channels + between(r, 0, 9);
    c->y_pitch = c->out_channels + between(r, 0, 9);
    t->x = codes(r, c->batch * c->height * c->width * c->x_pitch, ends);
    t->weight = codes(r, c->out_channels * 9 * channels, ends);
    t->bias = memory_new(c->out_channels, sizeof *t->bias, NULL);
    t->weight_zero = memory_new(c->out_channels, sizeof *t->weight_zero, NULL);
    t->weight_scale = memory_new(c->out_channels, sizeof *t->weight_scale, NULL);
    assert_true(t->bias && t->weight_zero && t->weight_scale);
    for (int64_t o = 0; o < c->out_channels; o++) {
        t->bias[o] = (int32_t)between(r, -100000, 100000);
        t->weight_scale[o] = (float)random_between(r, 1e-4, 1e-2);
    }
    for (int i = 0; i < 256; i++)
        t->map[i] = (int8_t)(random_below(r, 256) - 128);
    c->weight = t->weight;
    c->bias = random_below(r, 2) ? t->bias : NULL;
    c->weight_scale = t->weight_scale;
    c->weight_zero = t->weight_zero;
    c->weight_channels = c->out_channels;
    c->map = random_below(r, 2) ? t->map : NULL;
    c->x = t->x;
}

static void trial_clear(trial *t)
{
    memory_free(t->x);
    memory_free(t->weight);
    memory_free(t->bias);
    memory_free(t->weight_zero);
    memory_free(t->weight_scale);
}

/* What METHOD leaves in y, which held 77 before; owned. */
static int8_t *answer(const trial *t, const integer_method *m, int threads)
{
    integer_conv c = t->c;
    int64_t count = c.batch * c.out_height * c.out_width * c.y_pitch;
    cpu_set_threads(threads);
    c.y = memory_new(count + 1, 1, NULL);
    void *prepared = memory_new_raw((int64_t)m->prepared_bytes(&c) + 1, 1, NULL);
    void *block = memory_new_raw((int64_t)m->scratch_bytes(&c) + 1, 1, NULL);
    assert_true(c.y && prepared && block);
    memset(c.y, 77, (size_t)count + 1);
    m->prepare(&c, prepared);
    m->run(&c, prepared, block);
    memory_free(prepared);
    memory_free(block);
    cpu_set_threads(0);
    return c.y;
}

static void check(const trial *t)
{
    const integer_conv *c = &t->c;
    int64_t count = c->batch * c->out_height * c->out_width * c->y_pitch + 1;
    int8_t *wanted = answer(t, integer_method_find("scalar"), 1);
    for (int threads = 1; threads <= 2; threads++) {
        int8_t *have = answer(t, &integer_method_winograd, threads);
        for (int64_t i = 0; i < count; i++)
            if (have[i] != wanted[i])
                fail_msg("%d threads, %dx%dx%dx%d to %d: code %d is %d, wanted %d",
                         threads, (int)c->batch, (int)c->height, (int)c->width,
                         (int)c->channels, (int)c->out_channels, (int)i, have[i],
                         wanted[i]);
        memory_free(have);
    }
    memory_free(wanted);
}

/* Where the processor has no such method there is nothing to compare. */
static bool is_there(void)
{
    return cpu_get_level() >= CPU_VNNI;
}

static void drawn_shapes_have_the_same_bits(void **state)
{
    random_stream r = random_new(1, "winograd on codes", 0);
    (void)state;
    for (int i = 0; is_there() && i < 60; i++) {
        trial t;
        trial_make(&t, &r, 32 * between(&r, 1, 4), i % 3 == 0);
        assert_true(integer_method_winograd.suits(&t.c));
        check(&t);
        trial_clear(&t);
    }
}

/* 224 channels are 2016 taps: with all weights at an end, sums reach 2016 * 127 * 128,
   which is 0.98 of 2^25, where x is there too.  More channels are computed in pieces: 256
   and 448 in two, 512 in three. */
static void the_largest_sums_are_right(void **state)
{
    const int64_t sizes[] = {224, 448, 256, 512};
    random_stream r = random_new(2, "winograd on codes", 0);
    (void)state;
    for (int i = 0; is_there() && i < 16; i++) {
        const int64_t channels = sizes[i / 2 % 4], each = 9 * channels;
        trial t;
        trial_make(&t, &r, channels, true);
        t.c.out.scale = 1e4f; /* nothing is cut off */
        for (int64_t k = 0; k < t.c.out_channels * each; k++)
            t.weight[k] = t.weight[k] < 0 ? -127 : 127;
        for (int64_t k = 0; i % 2 && k < t.c.out_channels * each; k++)
            t.weight[k] = k / each % 2 ? -127 : 127;
        for (int64_t k = 0; k < t.c.batch * t.c.height * t.c.width * t.c.x_pitch; k++)
            t.x[k] = i % 2 ? -128 : t.x[k];
        assert_true(integer_method_winograd.suits(&t.c));
        check(&t);
        trial_clear(&t);
    }
}

static void others_are_left_to_others(void **state)
{
    random_stream r = random_new(3, "winograd on codes", 0);
    trial t;
    (void)state;
    trial_make(&t, &r, 256, false);
    integer_conv c = t.c;
    const integer_method *m = &integer_method_winograd;
    assert_true(m->suits(&c) == is_there());
    c.stride[1] = 2;
    assert_false(m->suits(&c));
    c = t.c;
    c.to_sums = true;
    assert_false(m->suits(&c));
    c = t.c;
    c.channels = 250;
    assert_false(m->suits(&c));
    t.weight_zero[3] = 1;
    assert_false(m->suits(&t.c));
    trial_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drawn_shapes_have_the_same_bits),
        cmocka_unit_test(the_largest_sums_are_right),
        cmocka_unit_test(others_are_left_to_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
