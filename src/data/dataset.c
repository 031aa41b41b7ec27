/* SPDX-License-Identifier: GPL-3.0-or-later
   dataset.c -- life of a dataset and its checks.  It reads and draws nothing: sources do;
   batch.c makes batches out of it. */
#include "data/dataset.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"

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
    for (int64_t i = 0; d->class_names && i < d->class_count; i++)
        memory_free(d->class_names[i]);
    memory_free(d->class_names);
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

static void copy_classes(const dataset *d, dataset *copy, bool *whole, error *e)
{
    copy->class_count = d->class_count;
    if (!d->class_names || !*whole)
        return;
    copy->class_names = memory_new(d->class_count, sizeof *copy->class_names, e);
    *whole = copy->class_names != NULL;
    for (int64_t i = 0; *whole && i < d->class_count; i++)
        copy->class_names[i] = copy_text(d->class_names[i], whole, e);
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
    copy_classes(d, copy, &whole, e);
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
    bool same = a.rank == b.rank && a.rank >= 4 && a.dim[0] == d->count;
    for (int i = 1; same && i < a.rank - 1; i++)
        same = a.dim[i] == b.dim[i];
    if (!same || a.dim[a.rank - 1] < 1)
        return fail(e, E_SHAPE,
                    "dataset: the %s has the shape %s, the input %s; samples, "
                    "height and width must agree",
                    what, shape_text(found, a), shape_text(wanted, b));
    return E_OK;
}

/* A target may have another size than the input (a camera's packed pixels give pictures
   twice as large), but not with a mask, which has the size of both. */
static status check_target(const dataset *d, error *e)
{
    char found[128];
    const shape s = tensor_shape(d->target);
    if (d->mask)
        return check_image(d, d->target, DTYPE_F32, "target", e);
    if (tensor_dtype(d->target) != DTYPE_F32 && !dataset_is_reproduced(d))
        return fail(e, E_SHAPE, "dataset: the target holds %s, f32 was wanted",
                    dtype_name(tensor_dtype(d->target)));
    if (s.rank < 2 || s.dim[0] != d->count || tensor_count(d->target) < 1)
        return fail(e, E_SHAPE,
                    "dataset: the target has the shape %s, one for each of %lld "
                    "samples was wanted",
                    shape_text(found, s), (long long)d->count);
    return E_OK;
}

static status check_labels(const dataset *d, error *e)
{
    char found[128];
    const shape s = d->target ? tensor_shape(d->target) : (shape){0};
    if (d->mask || s.rank != 2 || s.dim[1] != 1)
        return fail(e, E_SHAPE,
                    "dataset: %lld classes with a target of %s, one label a sample and "
                    "no mask were wanted",
                    (long long)d->class_count, shape_text(found, s));
    const float *label = tensor_f32(d->target);
    for (int64_t i = 0; i < d->count; i++)
        if (!(label[i] >= 0 && label[i] < (float)d->class_count) ||
            label[i] != floorf(label[i]))
            return fail(e, E_RANGE,
                        "dataset: sample %lld has the label %g, whole numbers below %lld "
                        "were wanted",
                        (long long)i, (double)label[i], (long long)d->class_count);
    return E_OK;
}

status dataset_check(const dataset *d, error *e)
{
    if (d->count < 1 || !d->input || !d->split)
        return fail(e, E_SHAPE, "dataset: %lld samples, at least one was wanted",
                    (long long)d->count);
    TRY(check_image(d, d->input,
                    tensor_dtype(d->input) == DTYPE_U8 ? DTYPE_U8 : DTYPE_F32, "input",
                    e));
    if (tensor_count(d->input) < 1)
        return fail(e, E_SHAPE, "dataset: the images of the input have no pixels");
    if (d->target)
        TRY(check_target(d, e));
    if (d->class_count > 0)
        TRY(check_labels(d, e));
    if (d->mask) {
        TRY(check_image(d, d->mask, DTYPE_U8, "mask", e));
        const int channel = tensor_shape(d->mask).rank - 1;
        const int64_t channels = tensor_shape(d->mask).dim[channel];
        const int64_t wanted = d->target ? tensor_shape(d->target).dim[channel] : 1;
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
    const tensor *const tensors[] = {
        d->input, dataset_is_reproduced(d) ? NULL : d->target, d->mask};
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

bool dataset_is_reproduced(const dataset *d)
{
    return d->target && tensor_is_shared(d->input, d->target);
}

const char *dataset_class_name(const dataset *d, int64_t label)
{
    return d->class_names && label >= 0 && label < d->class_count ? d->class_names[label]
                                                                  : NULL;
}
