/* SPDX-License-Identifier: GPL-3.0-or-later
   source.c -- the table of data sources: rows and their lookup.  It makes no data. */
#include "data/source.h"

#include <string.h>
#include "base/memory.h"
#include "base/text.h"

static const data_source *const sources[] = {
    &source_cifar10, &source_cifar100, &source_fashion_mnist, &source_gpe,
    &source_hdf5,    &source_idx,      &source_images,        &source_lowlight,
    &source_npy,     &source_npz,      &source_puncture,      &source_raw,
};
enum { SOURCES = sizeof sources / sizeof *sources };

const data_source *data_source_at(int i)
{
    return i >= 0 && i < SOURCES ? sources[i] : NULL;
}

const data_source *data_source_find(const char *name)
{
    for (int i = 0; i < SOURCES; i++)
        if (text_equal(sources[i]->name, name))
            return sources[i];
    return NULL;
}

char *source_origin(const data_source *source, const option_set *options, error *e)
{
    text words = {0};
    text_add(&words, source->name);
    for (int i = 0; source->options[i].name; i++) {
        const char *name = source->options[i].name;
        if (!option_given(options, name))
            continue;
        if (i < source->arguments)
            text_addf(&words, " %s", option_words(options, name));
        else
            text_addf(&words, " %s=%s", name, option_words(options, name));
    }
    char *origin = text_take(&words, e);
    text_clear(&words);
    return origin;
}

int64_t source_limit(const option_set *options)
{
    return option_given(options, "limit") ? option_integer(options, "limit") : INT64_MAX;
}

dataset *source_dataset(const data_source *source, const option_set *options,
                        int64_t count, const char *input_name, const char *target_name,
                        error *e)
{
    dataset *d = dataset_new(e);
    if (!d)
        return NULL;
    d->count = count;
    d->source = memory_text(source->name, e);
    d->origin = d->source ? source_origin(source, options, e) : NULL;
    d->input_name = d->origin ? memory_text(input_name, e) : NULL;
    if (target_name && d->input_name)
        d->target_name = memory_text(target_name, e);
    d->split = d->input_name ? memory_new(count, sizeof *d->split, e) : NULL;
    if (!d->split || (target_name && !d->target_name)) {
        dataset_free(d);
        return NULL;
    }
    memset(d->split, SPLIT_TRAIN, (size_t)count);
    return d;
}

dataset *source_finish(dataset *d, status result, error *e)
{
    if (d && result == E_OK && dataset_check(d, e) == E_OK)
        return d;
    dataset_free(d);
    return NULL;
}

status source_check_size(const char *who, dtype type, shape s, error *e)
{
    const int64_t count = shape_count(s);
    int64_t bytes;
    if (count < 0 || __builtin_mul_overflow(count, (int64_t)dtype_size(type), &bytes))
        return fail(e, E_FORMAT, "%s: more samples than can be counted", who);
    return E_OK;
}
