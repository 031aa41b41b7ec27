/* SPDX-License-Identifier: GPL-3.0-or-later
   batch.c -- samples of a dataset brought together for a network: bytes into numbers,
   augmentation, the model's transform.  It never changes the dataset. */
#include "data/augment.h"

#include <string.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "data/resample.h"

/* What one batch is made of. */
typedef struct batch {
    const dataset *d;
    const transform *transform;
    const int64_t *index;
    float *input, *target, *valid;
    const augmentation *augment; /* NULL: none */
    uint64_t seed;
    int64_t epoch;
    float *scratch; /* ROOM numbers for each thread, where there is an augmentation */
    int64_t room;
    bool resizes; /* then each thread has a picture of the old size, and scratch memory */
    resampler resampler;
    float *pictures;
    double *middles;
} batch;

shape batch_input_shape(const dataset *d, const transform *t)
{
    return transform_shape(t, dataset_input_shape(d));
}

shape batch_target_shape(const dataset *d, const transform *t)
{
    return dataset_is_reproduced(d) ? batch_input_shape(d, t) : dataset_target_shape(d);
}

static shape valid_shape(const dataset *d)
{
    shape s = dataset_input_shape(d);
    if (d->target)
        return dataset_target_shape(d);
    if (d->mask)
        s.dim[s.rank - 1] = tensor_shape(d->mask).dim[s.rank];
    return s;
}

/* X, one sample of shape S, as was drawn for it. */
static void augment(const batch *b, int64_t sample, float *x, shape s,
                    augmentation_field field, int thread)
{
    const shape in = dataset_input_shape(b->d);
    if (!b->augment || s.rank < 3)
        return;
    const augmentation_draw drawn =
        augmentation_for(b->augment, b->seed, b->epoch, sample);
    const int64_t scale = s.dim[s.rank - 3] / in.dim[in.rank - 3];
    augmentation_apply(&drawn, x, s, scale > 0 ? scale : 1, field,
                       b->scratch + thread * b->room);
}

static void fill_valid(const batch *b, int64_t sample, int64_t slot)
{
    const shape s = valid_shape(b->d);
    const int64_t channels = s.dim[s.rank - 1], count = shape_count(s);
    float *valid = b->valid + slot * count;
    if (!b->d->mask) {
        for (int64_t i = 0; i < count; i++)
            valid[i] = 1;
        return;
    }
    const shape of_mask = tensor_shape(b->d->mask);
    const int64_t in_mask = of_mask.dim[of_mask.rank - 1];
    const uint8_t *mask = tensor_data(b->d->mask);
    mask += sample * (count / channels) * in_mask;
    for (int64_t i = 0; i < count; i++)
        valid[i] = mask[in_mask == channels ? i : i / channels] ? 0 : 1;
}

/* The picture FROM in the new size. */
static void resize(const batch *b, const float *from, float *to, int thread)
{
    const shape s = batch_input_shape(b->d, b->transform);
    const int64_t row = s.dim[1] * s.dim[2];
    double *middle = b->middles + thread * resampler_room(&b->resampler);
    resampler_begin(&b->resampler, from, middle);
    for (int64_t i = 0; i < s.dim[0]; i++, to += row) {
        const double *line = resampler_row(&b->resampler, i, middle);
        for (int64_t j = 0; j < row; j++)
            to[j] = (float)line[j];
    }
}

/* Sample SAMPLE of the input, augmented and transformed, TO memory. */
static void fill_input(const batch *b, int64_t sample, float *to, int thread)
{
    const shape s = dataset_input_shape(b->d);
    const int64_t count = shape_count(s), channels = s.dim[s.rank - 1];
    float *x = b->resizes ? b->pictures + thread * count : to;
    if (tensor_dtype(b->d->input) == DTYPE_U8) {
        const uint8_t *from = (const uint8_t *)tensor_data(b->d->input) + sample * count;
        for (int64_t i = 0; i < count; i++)
            x[i] = (float)from[i] * BYTE_SCALE;
    } else
        memcpy(x, tensor_f32(b->d->input) + sample * count, (size_t)count * sizeof *x);
    augment(b, sample, x, s, augmentation_input(b->d), thread);
    if (b->resizes)
        resize(b, x, to, thread);
    const int64_t now = shape_count(batch_input_shape(b->d, b->transform));
    transform_apply(b->transform, to, now / channels, channels);
}

static void fill_target(const batch *b, int64_t sample, float *to, int thread)
{
    const shape s = dataset_target_shape(b->d);
    const int64_t count = shape_count(s);
    if (dataset_is_reproduced(b->d)) {
        fill_input(b, sample, to, thread);
        return;
    }
    memcpy(to, tensor_f32(b->d->target) + sample * count, (size_t)count * sizeof *to);
    augment(b, sample, to, s, augmentation_target(b->d), thread);
}

static void fill_sample(void *context, int64_t slot, int thread)
{
    const batch *b = context;
    const int64_t sample = b->index[slot];
    if (b->input)
        fill_input(b, sample,
                   b->input + slot * shape_count(batch_input_shape(b->d, b->transform)),
                   thread);
    if (b->target && b->d->target)
        fill_target(b, sample,
                    b->target +
                        slot * shape_count(batch_target_shape(b->d, b->transform)),
                    thread);
    if (b->valid) {
        const shape s = valid_shape(b->d);
        fill_valid(b, sample, slot);
        augment(b, sample, b->valid + slot * shape_count(s), s, augmentation_input(b->d),
                thread);
    }
}

/* What resizing wants. */
static status prepare_sizes(batch *b, error *e)
{
    const shape s = dataset_input_shape(b->d), to = batch_input_shape(b->d, b->transform);
    if (!b->transform || b->transform->height == 0)
        return E_OK;
    if (s.rank != 3)
        return fail(e, E_SHAPE, "resize: the samples are blocks, pictures were wanted");
    if (shape_equal(s, to))
        return E_OK;
    if (b->d->mask && dataset_is_reproduced(b->d))
        return fail(e, E_SHAPE, "resize: the samples have masks, which would not fit");
    TRY(resampler_make(&b->resampler, s.dim[0], s.dim[1], to.dim[0], to.dim[1], s.dim[2],
                       e));
    b->resizes = true;
    b->pictures = memory_new_raw(cpu_threads() * shape_count(s), sizeof *b->pictures, e);
    b->middles = b->pictures
                     ? memory_new_raw(cpu_threads() * resampler_room(&b->resampler),
                                      sizeof *b->middles, e)
                     : NULL;
    return b->middles ? E_OK : E_MEMORY;
}

static status prepare_augmentation(batch *b, error *e)
{
    if (!b->augment)
        return E_OK;
    const int64_t in = shape_count(dataset_input_shape(b->d));
    const int64_t out = b->d->target ? shape_count(dataset_target_shape(b->d)) : 0;
    b->room = in > out ? in : out;
    b->scratch = memory_new_raw(cpu_threads() * b->room, sizeof *b->scratch, e);
    return b->scratch ? E_OK : E_MEMORY;
}

static status run(batch *b, int64_t n, error *e)
{
    status result = prepare_sizes(b, e);
    if (result == E_OK)
        result = prepare_augmentation(b, e);
    if (result == E_OK)
        parallel_for(n, fill_sample, b);
    memory_free(b->scratch);
    memory_free(b->pictures);
    memory_free(b->middles);
    resampler_clear(&b->resampler);
    return result;
}

status dataset_batch(const dataset *d, const transform *t, const int64_t *index,
                     int64_t n, float *input, float *target, float *valid, error *e)
{
    batch b = {
        .d = d,
        .transform = t,
        .index = index,
        .input = input,
        .target = target,
        .valid = valid,
    };
    return run(&b, n, e);
}

status dataset_batch_augmented(const dataset *d, const transform *t,
                               const augmentation *a, uint64_t seed, int64_t epoch,
                               const int64_t *index, int64_t n, float *input,
                               float *target, float *valid, error *e)
{
    batch b = {
        .d = d,
        .transform = t,
        .index = index,
        .input = input,
        .target = target,
        .valid = valid,
        .augment = a,
        .seed = seed,
        .epoch = epoch,
    };
    return run(&b, n, e);
}
