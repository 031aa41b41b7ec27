/* SPDX-License-Identifier: GPL-3.0-or-later
   dataset.c -- life of a dataset, its checks, and batches out of it.  It reads and draws
   nothing: sources do. */
#include "data/dataset.h"

#include <string.h>
#include "base/memory.h"
#include "base/parallel.h"

dataset *dataset_new(error *e)
{
    return memory_new(1, sizeof(dataset), e);
}

void dataset_free(dataset *d)
{
    if (!d)
        return;
    memory_free(d->source);
    memory_free(d->origin);
    tensor_free(d->input);
    tensor_free(d->target);
    tensor_free(d->mask);
    memory_free(d->group);
    memory_free(d->split);
    table_free(d->facts);
    memory_free(d->input_name);
    memory_free(d->target_name);
    memory_free(d);
}

/* Copies that remember whether one failed; NULL stays NULL. */
static char *copy_text(const char *words, bool *whole, error *e)
{
    char *copy = words && *whole ? memory_text(words, e) : NULL;
    *whole = *whole && (!words || copy);
    return copy;
}

static tensor *copy_tensor(const tensor *t, bool *whole, error *e)
{
    tensor *copy = t && *whole ? tensor_share(t, e) : NULL;
    *whole = *whole && (!t || copy);
    return copy;
}

static void *copy_items(const void *items, int64_t count, size_t size, bool *whole,
                        error *e)
{
    void *copy = items && *whole ? memory_new_raw(count, size, e) : NULL;
    *whole = *whole && (!items || copy);
    if (copy)
        memcpy(copy, items, (size_t)count * size);
    return copy;
}

dataset *dataset_copy(const dataset *d, error *e)
{
    dataset *copy = dataset_new(e);
    if (!copy)
        return NULL;
    bool whole = true;
    copy->count = d->count;
    copy->source = copy_text(d->source, &whole, e);
    copy->origin = copy_text(d->origin, &whole, e);
    copy->input_name = copy_text(d->input_name, &whole, e);
    copy->target_name = copy_text(d->target_name, &whole, e);
    copy->input = copy_tensor(d->input, &whole, e);
    copy->target = copy_tensor(d->target, &whole, e);
    copy->mask = copy_tensor(d->mask, &whole, e);
    copy->group = copy_items(d->group, d->count, sizeof *d->group, &whole, e);
    copy->split = copy_items(d->split, d->count, sizeof *d->split, &whole, e);
    if (d->facts && whole) {
        copy->facts = table_copy(d->facts, e);
        whole = copy->facts != NULL;
    }
    if (!whole) {
        dataset_free(copy);
        return NULL;
    }
    return copy;
}

/* T holds (N, H, W, C) of TYPE for the N, H and W of D's input. */
static status check_image(const dataset *d, const tensor *t, dtype type, const char *what,
                          error *e)
{
    char found[128], wanted[128];
    const shape a = tensor_shape(t), b = tensor_shape(d->input);
    if (tensor_dtype(t) != type)
        return fail(e, E_SHAPE, "dataset: the %s holds %s, %s was wanted", what,
                    dtype_name(tensor_dtype(t)), dtype_name(type));
    if (a.rank != 4 || a.dim[0] != d->count || a.dim[1] != b.dim[1] ||
        a.dim[2] != b.dim[2] || a.dim[3] < 1)
        return fail(e, E_SHAPE,
                    "dataset: the %s has the shape %s, the input %s; samples, "
                    "height and width must agree",
                    what, shape_text(found, a), shape_text(wanted, b));
    return E_OK;
}

status dataset_check(const dataset *d, error *e)
{
    if (d->count < 1 || !d->input || !d->split)
        return fail(e, E_SHAPE, "dataset: %lld samples, at least one was wanted",
                    (long long)d->count);
    TRY(check_image(d, d->input, DTYPE_F32, "input", e));
    if (tensor_count(d->input) < 1)
        return fail(e, E_SHAPE, "dataset: the images of the input have no pixels");
    if (d->target)
        TRY(check_image(d, d->target, DTYPE_F32, "target", e));
    if (d->mask) {
        TRY(check_image(d, d->mask, DTYPE_U8, "mask", e));
        const int64_t channels = tensor_shape(d->mask).dim[3];
        const int64_t wanted = d->target ? tensor_shape(d->target).dim[3] : 1;
        if (channels != 1 && channels != wanted)
            return fail(e, E_SHAPE,
                        "dataset: the mask has %lld channels, 1 or the target's "
                        "%lld were wanted",
                        (long long)channels, (long long)wanted);
    }
    if (d->facts && d->facts->row_count != d->count)
        return fail(e, E_SHAPE, "dataset: facts of %lld samples, there are %lld",
                    (long long)d->facts->row_count, (long long)d->count);
    return E_OK;
}

size_t dataset_bytes(const dataset *d)
{
    size_t bytes = sizeof *d + (size_t)d->count * (d->group ? sizeof *d->group : 0) +
                   (size_t)d->count * (d->split ? sizeof *d->split : 0);
    const tensor *const tensors[] = {d->input, d->target, d->mask};
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        if (tensors[i])
            bytes += tensor_bytes(tensors[i]);
    if (d->facts)
        bytes += (size_t)(d->facts->row_count * d->facts->column_count) * sizeof(cell);
    return bytes;
}

static shape sample_shape(const tensor *t)
{
    const shape whole = tensor_shape(t);
    shape s = {.rank = whole.rank - 1};
    for (int i = 0; i < s.rank; i++)
        s.dim[i] = whole.dim[i + 1];
    return s;
}

shape dataset_input_shape(const dataset *d)
{
    return sample_shape(d->input);
}

shape dataset_target_shape(const dataset *d)
{
    return d->target ? sample_shape(d->target) : (shape){0};
}

/* What one batch is made of. */
typedef struct batch {
    const dataset *d;
    const transform *transform;
    const int64_t *index;
    float *input, *target, *valid;
} batch;

static void fill_valid(const batch *b, int64_t sample, int64_t slot)
{
    const shape s = b->d->target ? dataset_target_shape(b->d)
                    : b->d->mask ? sample_shape(b->d->mask)
                                 : dataset_input_shape(b->d);
    const int64_t channels = s.dim[s.rank - 1], count = shape_count(s);
    float *valid = b->valid + slot * count;
    if (!b->d->mask) {
        for (int64_t i = 0; i < count; i++)
            valid[i] = 1;
        return;
    }
    const int64_t in_mask = tensor_shape(b->d->mask).dim[3];
    const uint8_t *mask = tensor_data(b->d->mask);
    mask += sample * (count / channels) * in_mask;
    for (int64_t i = 0; i < count; i++)
        valid[i] = mask[in_mask == channels ? i : i / channels] ? 0 : 1;
}

static void fill_sample(void *context, int64_t slot, int thread)
{
    const batch *b = context;
    const int64_t sample = b->index[slot];
    (void)thread;
    if (b->input) {
        const shape s = dataset_input_shape(b->d);
        const int64_t count = shape_count(s), channels = s.dim[s.rank - 1];
        float *input = b->input + slot * count;
        memcpy(input, tensor_f32(b->d->input) + sample * count,
               (size_t)count * sizeof *input);
        transform_apply(b->transform, input, count / channels, channels);
    }
    if (b->target && b->d->target) {
        const int64_t count = shape_count(dataset_target_shape(b->d));
        memcpy(b->target + slot * count, tensor_f32(b->d->target) + sample * count,
               (size_t)count * sizeof *b->target);
    }
    if (b->valid)
        fill_valid(b, sample, slot);
}

void dataset_batch(const dataset *d, const transform *t, const int64_t *index, int64_t n,
                   float *input, float *target, float *valid)
{
    batch b = {d, t, index, input, target, valid};
    parallel_for(n, fill_sample, &b);
}
