/* SPDX-License-Identifier: GPL-3.0-or-later
   source_hdf5.c -- the source `hdf5`: samples out of one dataset of a file, whatever the
   order of its axes.  Reading is hdf5_file.c's. */
#include "data/source.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "base/text.h"
#include "data/hdf5_file.h"

/* Letters of axes=, and where each stands in lathe's order. */
static const char letters[] = "vndhwc";
enum { VARIABLE, SAMPLE, DEPTH, HEIGHT, WIDTH, CHANNEL, AXES };

/* At which dimension of the file each axis is, -1 where there is none. */
typedef struct axis_order {
    int at[AXES];
    int rank;
} axis_order;

static status read_axes(const char *words, axis_order *a, error *e)
{
    for (int i = 0; i < AXES; i++)
        a->at[i] = -1;
    a->rank = (int)strlen(words);
    for (int i = 0; i < a->rank; i++) {
        const char *letter = strchr(letters, words[i]);
        if (!letter || a->at[letter - letters] >= 0)
            return fail(e, E_USAGE,
                        "hdf5: axes=%s: each of v (variable), n (sample), d, h, w and c "
                        "(channel) at most once was wanted",
                        words);
        a->at[letter - letters] = i;
    }
    if (a->at[SAMPLE] < 0 || a->at[HEIGHT] < 0 || a->at[WIDTH] < 0)
        return fail(e, E_USAGE, "hdf5: axes=%s: n, h and w were wanted", words);
    return E_OK;
}

static status make_box(const option_set *set, const axis_order *a, hdf5_box *box,
                       error *e)
{
    const option_value *crop = option_get(set, "crop");
    *box = (hdf5_box){.limited = a->at[SAMPLE], .limit = source_limit(set)};
    if (a->at[VARIABLE] >= 0) {
        box->start[a->at[VARIABLE]] = option_integer(set, "variable");
        box->count[a->at[VARIABLE]] = 1;
    }
    if (!crop->present)
        return E_OK;
    const double low = crop->reals[0], high = crop->reals[1];
    if (low != rint(low) || high != rint(high) || high <= low || high > 1e9)
        return fail(e, E_RANGE,
                    "hdf5: crop=%s: whole numbers LOW:HIGH, LOW kept and "
                    "HIGH not, were wanted",
                    crop->words);
    for (int i = DEPTH; i <= WIDTH; i++)
        if (a->at[i] >= 0) {
            box->start[a->at[i]] = (int64_t)low;
            box->count[a->at[i]] = (int64_t)(high - low);
        }
    return E_OK;
}

/* What F feeds, in the order n, d, h, w, c: axes that are missing have one place, and
   blocks keep their depth. */
static tensor *take_blocks(array_feed *f, const axis_order *a, const option_set *set,
                           const task *watch, error *e)
{
    array_wish wish = {.first = INT64_MAX, .rule = ARRAY_REAL, .watch = watch};
    int rank = 0;
    shape s = {0};
    wish.least =
        option_given(set, "floor") ? (float)option_real(set, "floor") : -INFINITY;
    for (int i = SAMPLE; i < AXES; i++)
        if (a->at[i] >= 0)
            wish.order[rank++] = a->at[i];
    if (a->at[VARIABLE] >= 0)
        wish.order[rank++] = a->at[VARIABLE]; /* one place: behind all others */
    tensor *t = array_take(f, &wish, e);
    for (int i = SAMPLE; i < AXES; i++)
        if (a->at[i] >= 0)
            s.dim[s.rank++] = f->shape.dim[a->at[i]];
        else if (i == CHANNEL)
            s.dim[s.rank++] = 1;
    if (t && tensor_reshape(t, s, e) != E_OK) {
        tensor_free(t);
        return NULL;
    }
    return t;
}

/* A number for each sample. */
static status read_groups(dataset *d, const option_set *set, const task *watch, error *e)
{
    const char *file = option_words(set, "file"), *path = option_words(set, "groups");
    const hdf5_box box = {.limited = 0, .limit = d->count};
    if (!path)
        return E_OK;
    tensor *t = hdf5_read(file, path, 1, &box, watch, e);
    if (!t)
        return E_FORMAT;
    status result = E_OK;
    if (tensor_count(t) != d->count)
        result = fail(e, E_SHAPE, "%s: %s has %lld numbers for %lld samples", file, path,
                      (long long)tensor_count(t), (long long)d->count);
    d->group = memory_new(d->count, sizeof *d->group, e);
    if (!d->group)
        result = E_MEMORY;
    for (int64_t i = 0; i < d->count && result == E_OK; i++) {
        const float x = tensor_f32(t)[i];
        if (!(fabsf(x) <= 16777216.0f) || x != rintf(x))
            result = fail(e, E_RANGE,
                          "%s: %s holds %g, whole numbers below 2^24 were "
                          "wanted",
                          file, path, (double)x);
        else
            d->group[i] = (int64_t)x;
    }
    tensor_free(t);
    return result;
}

/* Without groups=, so many neighbours are one: those of a snapshot, say. */
static status make_groups(dataset *d, const option_set *set, error *e)
{
    if (d->group || !option_given(set, "together"))
        return E_OK;
    const int64_t together = option_integer(set, "together");
    d->group = memory_new(d->count, sizeof *d->group, e);
    for (int64_t i = 0; d->group && i < d->count; i++)
        d->group[i] = i / together;
    return d->group ? E_OK : E_MEMORY;
}

static status finish(dataset *d, const option_set *set, uint64_t seed, const task *watch,
                     error *e)
{
    if (option_is(set, "target", "input") && !(d->target = tensor_share(d->input, e)))
        return E_MEMORY;
    TRY(read_groups(d, set, watch, e));
    TRY(make_groups(d, set, e));
    return dataset_split_standard(d, seed, e);
}

static dataset *read_hdf5(const option_set *set, uint64_t seed, const task *watch,
                          error *e)
{
    axis_order axes;
    hdf5_box box;
    const char *file = option_words(set, "file"), *path = option_words(set, "path");
    if (read_axes(option_words(set, "axes"), &axes, e) != E_OK ||
        make_box(set, &axes, &box, e) != E_OK)
        return NULL;
    array_feed f;
    if (hdf5_feed(file, path, axes.rank, &box, watch, &f, e) != E_OK)
        return NULL;
    tensor *input = take_blocks(&f, &axes, set, watch, e);
    array_feed_close(&f);
    if (!input)
        return NULL;
    const bool target = option_is(set, "target", "input");
    dataset *d = source_dataset(&source_hdf5, set, tensor_shape(input).dim[0], path,
                                target ? path : NULL, e);
    if (!d) {
        tensor_free(input);
        return NULL;
    }
    d->input = input;
    return source_finish(d, finish(d, set, seed, watch, e), e);
}

static const option options[] = {
    {"file", OPTION_FILE, NULL, NULL, NULL, "an HDF5 file"},
    {"path", OPTION_TEXT, NULL, "var_data", NULL, "dataset in the file"},
    {"axes", OPTION_TEXT, NULL, "vndhw", NULL,
     "its dimensions in order: v variable, n sample, d, h, w, c channel"},
    {"variable", OPTION_INTEGER, "0..", "1", NULL, "which one along the axis v"},
    {"crop", OPTION_SPAN, "0..", NULL, NULL,
     "of d, h and w only the places LOW up to, not with, HIGH"},
    {"floor", OPTION_REAL, NULL, NULL, NULL, "numbers below are raised to it"},
    {"target", OPTION_WORD, "input|none", "input", NULL,
     "input: the network is to reproduce what it sees"},
    {"groups", OPTION_TEXT, NULL, NULL, NULL, "dataset of a group number a sample"},
    {"together", OPTION_INTEGER, "1..", NULL, "samples",
     "or so many neighbours are one group, as those of a snapshot are"},
    OPTION_LIMIT,
    {0},
};

const data_source source_hdf5 = {
    .name = "hdf5",
    .summary = "blocks or images out of a dataset of an HDF5 file",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "data d hdf5 chi.h5 path=var_data variable=1 crop=1:6 floor=1e-4",
    .read = read_hdf5,
};
