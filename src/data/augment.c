/* SPDX-License-Identifier: GPL-3.0-or-later
   augment.c -- shifts, flips and turns of one sample in memory.  It decides nothing about
   which samples are changed. */
#include "data/augment.h"

#include <string.h>
#include "base/text.h"

bool augmentation_is_none(const augmentation *a)
{
    return a->crop == 0 && !a->flip_x && !a->flip_y && !a->turn;
}

status augmentation_check(const augmentation *a, const dataset *d, error *e)
{
    const shape s = dataset_input_shape(d);
    if (s.rank < 3) {
        fail(e, E_SHAPE, "augment: the samples are rows of numbers, wanted pictures");
        return fail_hint(e,
                         "'input MODEL crop=0 flip=no turn=no' takes them as they are");
    }
    const int64_t height = s.dim[s.rank - 3], width = s.dim[s.rank - 2];
    if (a->turn && height != width)
        return fail(e, E_SHAPE, "augment: images of %lld x %lld pixels cannot be turned",
                    (long long)height, (long long)width);
    if (a->crop >= height || a->crop >= width)
        return fail(
            e, E_RANGE,
            "augment: crop=%lld is no less than the sides of images of %lld x %lld "
            "pixels",
            (long long)a->crop, (long long)height, (long long)width);
    return E_OK;
}

augmentation_field augmentation_input(const dataset *d)
{
    return text_equal(d->target_name, "phase gradient") ? FIELD_PERIODIC : FIELD_PICTURE;
}

augmentation_field augmentation_target(const dataset *d)
{
    return text_equal(d->target_name, "phase gradient") ? FIELD_STEPS : FIELD_PICTURE;
}

augmentation_draw augmentation_for(const augmentation *a, uint64_t seed, int64_t epoch,
                                   int64_t sample)
{
    random_stream r =
        random_new(seed, "augment", (uint64_t)epoch << 40 ^ (uint64_t)sample);
    /* Always all of them, so that each is the same with and without the others. */
    const int64_t y = random_below(&r, 2 * a->crop + 1) - a->crop;
    const int64_t x = random_below(&r, 2 * a->crop + 1) - a->crop;
    const uint32_t bits = random_bits(&r);
    return (augmentation_draw){
        .shift_x = x,
        .shift_y = y,
        .flip_x = a->flip_x && (bits & 1),
        .flip_y = a->flip_y && (bits & 2),
        .turns = a->turn ? (int)(bits >> 2 & 3) : 0,
    };
}

/* The pixel that stands for I, which may be beyond the edges of N. */
static int64_t reflect(int64_t i, int64_t n)
{
    return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i;
}

static int64_t wrap(int64_t i, int64_t n)
{
    return i < 0 ? i + n : i >= n ? i - n : i;
}

/* One plane (H, W, C): each new pixel from where the draw brings it. */
static void move_pixels(const augmentation_draw *w, augmentation_field field,
                        const float *from, float *to, int64_t height, int64_t width,
                        int64_t channels, int64_t scale)
{
    int64_t (*const beyond)(int64_t i, int64_t n) =
        field == FIELD_PICTURE ? reflect : wrap;
    for (int64_t i = 0; i < height; i++)
        for (int64_t j = 0; j < width; j++) {
            int64_t row = i, column = j;
            for (int k = 0; k < w->turns; k++) {
                const int64_t before = row;
                row = column;
                column = width - 1 - before;
            }
            row = w->flip_y ? height - 1 - row : row;
            column = w->flip_x ? width - 1 - column : column;
            row = beyond(row + w->shift_y * scale, height);
            column = beyond(column + w->shift_x * scale, width);
            memcpy(to + (i * width + j) * channels,
                   from + (row * width + column) * channels,
                   (size_t)channels * sizeof *to);
        }
}

/* A step to the next pixel that was turned round starts at that pixel: minus the step of
   the neighbour at (+DI, +DJ), the field being periodic. */
static void reverse_steps(float *x, int64_t height, int64_t width, int component,
                          int64_t di, int64_t dj, float *scratch)
{
    memcpy(scratch, x, (size_t)(height * width * 2) * sizeof *x);
    for (int64_t i = 0; i < height; i++)
        for (int64_t j = 0; j < width; j++)
            x[(i * width + j) * 2 + component] =
                -scratch[((i + di) % height * width + (j + dj) % width) * 2 + component];
}

/* One shift, flip or quarter turn of a plane of vectors. */
static void move_vectors(const augmentation_draw *one, float *x, int64_t height,
                         int64_t width, int64_t scale, float *scratch)
{
    move_pixels(one, FIELD_STEPS, x, scratch, height, width, 2, scale);
    memcpy(x, scratch, (size_t)(height * width * 2) * sizeof *x);
    if (one->flip_x)
        reverse_steps(x, height, width, 0, 0, 1, scratch);
    if (one->flip_y)
        reverse_steps(x, height, width, 1, 1, 0, scratch);
    if (one->turns == 0)
        return;
    for (int64_t i = 0; i < height * width; i++) {
        const float kept = x[2 * i];
        x[2 * i] = x[2 * i + 1];
        x[2 * i + 1] = kept;
    }
    reverse_steps(x, height, width, 1, 1, 0, scratch);
}

static void move_field(const augmentation_draw *w, float *x, int64_t height,
                       int64_t width, int64_t scale, float *scratch)
{
    const augmentation_draw flip_x = {.flip_x = true}, flip_y = {.flip_y = true},
                            quarter = {.turns = 1},
                            shift = {.shift_x = w->shift_x, .shift_y = w->shift_y};
    if (w->shift_x != 0 || w->shift_y != 0)
        move_vectors(&shift, x, height, width, scale, scratch);
    if (w->flip_x)
        move_vectors(&flip_x, x, height, width, scale, scratch);
    if (w->flip_y)
        move_vectors(&flip_y, x, height, width, scale, scratch);
    for (int k = 0; k < w->turns; k++)
        move_vectors(&quarter, x, height, width, scale, scratch);
}

void augmentation_apply(const augmentation_draw *w, float *x, shape s, int64_t scale,
                        augmentation_field field, float *scratch)
{
    const int64_t channels = s.dim[s.rank - 1];
    const int64_t height = s.dim[s.rank - 3], width = s.dim[s.rank - 2];
    const int64_t plane = height * width * channels;
    const int64_t planes = shape_count(s) / plane;
    for (int64_t k = 0; k < planes; k++, x += plane) {
        if (field == FIELD_STEPS) {
            move_field(w, x, height, width, scale, scratch);
            continue;
        }
        move_pixels(w, field, x, scratch, height, width, channels, scale);
        memcpy(x, scratch, (size_t)plane * sizeof *x);
    }
}
