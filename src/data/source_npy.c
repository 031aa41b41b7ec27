/* SPDX-License-Identifier: GPL-3.0-or-later
   source_npy.c -- the source `npy`: one array a file, inputs and what belongs to them.
   The format is npy.c's, what images are dataset_file.c's. */
#include "data/dataset_file.h"
#include "data/source.h"

#include <math.h>
#include "base/memory.h"
#include "data/classes.h"

enum { CLASSES_MOST = 1 << 20 };

/* N whole numbers from 0 to MOST. */
static int64_t *read_integers(const char *path, int64_t n, int64_t limit, int64_t most,
                              error *e)
{
    char words[128];
    tensor *raw = npy_read(path, e);
    const shape s = raw ? tensor_shape(raw) : (shape){0};
    if (raw && (s.rank != 1 || s.dim[0] < n || (s.dim[0] > n && s.dim[0] < limit))) {
        fail(e, E_SHAPE,
             "%s: has the shape %s, one number for each of %lld samples was "
             "wanted",
             path, shape_text(words, s), (long long)n);
        tensor_free(raw);
        return NULL;
    }
    tensor *t = raw ? tensor_to_f32(raw, e) : NULL; /* exact up to 2^24 */
    int64_t *out = t ? memory_new(n, sizeof *out, e) : NULL;
    for (int64_t i = 0; out && i < n; i++) {
        const float x = tensor_f32(t)[i];
        if (!(x >= 0 && x <= (float)most) || x != floorf(x)) {
            fail(e, E_RANGE, "%s: holds %g, whole numbers from 0 to %lld were wanted",
                 path, (double)x, (long long)most);
            memory_free(out);
            out = NULL;
        } else
            out[i] = (int64_t)x;
    }
    tensor_free(t);
    tensor_free(raw);
    return out;
}

static status read_labels(dataset *d, const char *path, int64_t limit, error *e)
{
    class_choice all = {0};
    int64_t *label = read_integers(path, d->count, limit, CLASSES_MOST - 1, e);
    if (!label)
        return E_FORMAT;
    for (int64_t i = 0; i < d->count; i++)
        all.count = label[i] >= all.count ? label[i] + 1 : all.count;
    const status result = class_choice_give(&all, d, label, e);
    memory_free(label);
    return result;
}

static status read_target(dataset *d, const option_set *set, int64_t limit,
                          const task *watch, error *e)
{
    const char *target = option_words(set, "target"),
               *labels = option_words(set, "labels");
    if (target && labels)
        return fail(e, E_USAGE, "npy: target= and labels= exclude each other");
    if (labels)
        return read_labels(d, labels, limit, e);
    if (option_is(set, "target", "input"))
        d->target = tensor_share(d->input, e);
    else if (target)
        d->target = dataset_images(target, "target", limit, watch, e);
    return !target || d->target ? E_OK : E_FORMAT;
}

static status read_rest(dataset *d, const option_set *set, uint64_t seed,
                        const task *watch, error *e)
{
    const int64_t limit = source_limit(set), most = INT64_C(1) << 24;
    const char *groups = option_words(set, "groups");
    TRY(read_target(d, set, limit, watch, e));
    if (groups && !(d->group = read_integers(groups, d->count, limit, most, e)))
        return E_FORMAT;
    return dataset_split_standard(d, seed, e);
}

static dataset *read_npy(const option_set *set, uint64_t seed, const task *watch,
                         error *e)
{
    const char *path = option_words(set, "file");
    const bool labels = option_given(set, "labels"), target = option_given(set, "target");
    tensor *input = dataset_images(path, "input", source_limit(set), watch, e);
    dataset *d =
        input ? source_dataset(&source_npy, set, tensor_shape(input).dim[0], "input",
                               labels   ? "class"
                               : target ? "target"
                                        : NULL,
                               e)
              : NULL;
    if (!d) {
        tensor_free(input);
        return NULL;
    }
    d->input = input;
    return source_finish(d, read_rest(d, set, seed, watch, e), e);
}

static const option options[] = {
    {"file", OPTION_FILE, NULL, NULL, NULL,
     "inputs, (N,H,W), (N,C,H,W) or (N,C,D,H,W) of any number type"},
    {"target", OPTION_FILE, NULL, NULL, NULL,
     "a file of targets; input where the input is to be reproduced"},
    {"labels", OPTION_FILE, NULL, NULL, NULL, "a file of N labels from 0, instead"},
    {"groups", OPTION_FILE, NULL, NULL, NULL, "a file of N group numbers"},
    OPTION_LIMIT,
    {0},
};

const data_source source_npy = {
    .name = "npy",
    .summary = "samples from numpy's array files",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "data d npy blocks.npy target=input",
    .read = read_npy,
};
