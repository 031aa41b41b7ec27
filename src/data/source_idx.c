/* SPDX-License-Identifier: GPL-3.0-or-later
   source_idx.c -- the sources `idx` and `fashion-mnist`: images and labels of the MNIST
   family.  The format is idx.c's. */
#include "data/source.h"

#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/spill.h"
#include "base/text.h"
#include "data/classes.h"
#include "data/idx.h"

#define LABELS_MOST 65536

static const char fashion_folder[] = "/usr/share/datasets/fashion-mnist";

/* In the order of their labels.  Source: Xiao, Rasul, Vollgraf, "Fashion-MNIST: a novel
   image dataset for benchmarking machine learning algorithms", arXiv:1708.07747. */
static const char *const fashion_names[] = {
    "t-shirt", "trouser", "pullover", "dress", "coat",
    "sandal",  "shirt",   "sneaker",  "bag",   "ankle-boot",
};

/* Images and their labels, in a file each; train and test. */
enum { PARTS = 2 };
static const char *const image_files[PARTS] = {"train-images-idx3-ubyte",
                                               "t10k-images-idx3-ubyte"};

typedef struct idx_part {
    idx_file *images; /* not read yet but for its header */
    tensor *labels;
} idx_part;

typedef struct idx_reading {
    const data_source *source;
    const option_set *options;
    const char *who;
    idx_part part[PARTS];
    char *const *names;
    int64_t names_count;
    class_choice choice;
    const task *watch;
} idx_reading;

/* FOLDER/NAME, or with .gz behind it where only that is there. */
static char *file_in(const char *folder, const char *name, error *e)
{
    char *path = memory_format(e, "%s/%s", folder, name);
    if (!path || file_exists(path))
        return path;
    char *packed = memory_format(e, "%s.gz", path);
    if (packed && file_exists(packed)) {
        memory_free(path);
        return packed;
    }
    memory_free(packed);
    return path;
}

/* The labels' file beside the images': "images-idx3" becomes "labels-idx1". */
static char *labels_beside(const char *images, error *e)
{
    static const char from[] = "images-idx3", to[] = "labels-idx1";
    const char *name = strrchr(images, '/');
    const char *at = strstr(name ? name : images, from);
    if (!at) {
        fail(e, E_USAGE, "%s: no labels beside it: its name has no '%s'", images, from);
        fail_hint(e, "name their file with labels=");
        return NULL;
    }
    return memory_format(e, "%.*s%s%s", (int)(at - images), images, to,
                         at + strlen(from));
}

static status check_part(const idx_part *p, const char *images, const char *labels,
                         int64_t limit, error *e)
{
    char words[128];
    const shape s = idx_shape(p->images), l = tensor_shape(p->labels);
    if (s.rank != 3 && s.rank != 4)
        return fail(e, E_SHAPE, "%s: holds %s, images (N,H,W) or (N,H,W,C) were wanted",
                    images, shape_text(words, s));
    if (idx_type(p->images) != DTYPE_U8)
        return fail(e, E_FORMAT, "%s: holds %s, images of bytes were wanted", images,
                    dtype_name(idx_type(p->images)));
    if (l.rank != 1 || tensor_dtype(p->labels) != DTYPE_U8)
        return fail(e, E_SHAPE, "%s: holds %s of %s, a byte for each image was wanted",
                    labels, shape_text(words, l), dtype_name(tensor_dtype(p->labels)));
    if (l.dim[0] != (s.dim[0] < limit ? s.dim[0] : limit))
        return fail(e, E_SHAPE, "%s: has %lld labels, %s has %lld images", labels,
                    (long long)l.dim[0], images, (long long)s.dim[0]);
    return E_OK;
}

/* IMAGES and LABELS (NULL: the file beside) as one part. */
static status read_part(idx_reading *r, idx_part *p, const char *images,
                        const char *labels, error *e)
{
    const int64_t limit = source_limit(r->options);
    char *beside = labels ? NULL : labels_beside(images, e);
    labels = labels ? labels : beside;
    p->images = labels ? idx_open(images, e) : NULL;
    p->labels = p->images ? idx_read(labels, limit, e) : NULL;
    const status result = p->labels ? check_part(p, images, labels, limit, e) : E_FORMAT;
    memory_free(beside);
    return result;
}

static status read_folder(idx_reading *r, const char *folder, error *e)
{
    status result = E_OK;
    for (int i = 0; i < PARTS && result == E_OK; i++) {
        char *images = file_in(folder, image_files[i], e);
        result = images ? read_part(r, &r->part[i], images, NULL, e) : E_MEMORY;
        memory_free(images);
    }
    return result;
}

/* Which label each sample will have, -1 where it is left out; how many stay. */
static int64_t *relabel(const idx_reading *r, int64_t *total, int64_t *kept, error *e)
{
    *total = *kept = 0;
    for (int i = 0; i < PARTS; i++)
        *total += r->part[i].labels ? tensor_count(r->part[i].labels) : 0;
    int64_t *label = memory_new(*total, sizeof *label, e);
    for (int64_t i = 0, at = 0; label && i < PARTS; i++) {
        const tensor *t = r->part[i].labels;
        for (int64_t j = 0; t && j < tensor_count(t); j++, at++) {
            label[at] = r->choice.label[((const uint8_t *)tensor_data(t))[j]];
            *kept += label[at] >= 0;
        }
    }
    return label;
}

/* The samples of a part whose LABEL is not negative, TO the places from *NEXT on. */
static status read_kept(idx_reading *r, int part, dataset *d, uint8_t *to, int64_t *label,
                        const int64_t *of_part, int64_t *next, error *e)
{
    const idx_part *p = &r->part[part];
    const int64_t count = tensor_count(p->labels), all = idx_shape(p->images).dim[0];
    const int64_t size = shape_count(idx_shape(p->images)) / all;
    const int64_t every = (int64_t)SPILL_WINDOW / size + 1;
    uint8_t *left_out = memory_new_raw(size, 1, e);
    status result = left_out ? E_OK : E_MEMORY;
    for (int64_t i = 0; i < count && result == E_OK; i++) {
        const bool kept = of_part[i] >= 0;
        if (task_cancelled(r->watch))
            result = fail(e, E_STOPPED, "%s: stopped", r->who);
        else
            result = idx_take(p->images, kept ? to + *next * size : left_out, size, e);
        if (result != E_OK || !kept)
            continue;
        d->split[*next] = part == 0 ? SPLIT_TRAIN : SPLIT_TEST;
        label[(*next)++] = of_part[i];
        if (*next % every == 0)
            tensor_settle(d->input, (*next - every) * size, *next * size);
    }
    memory_free(left_out);
    return result == E_OK && count == all ? idx_expect_end(p->images, e) : result;
}

/* Images come together in D; LABEL loses what is left out. */
static status gather(idx_reading *r, dataset *d, int64_t *label, error *e)
{
    shape s = idx_shape(r->part[0].images);
    if (s.rank == 3)
        s = shape_of(4, d->count, s.dim[1], s.dim[2], INT64_C(1));
    s.dim[0] = d->count;
    d->input = tensor_new(DTYPE_U8, s, e);
    uint8_t *to = d->input ? tensor_write(d->input, e) : NULL;
    if (!to)
        return E_MEMORY;
    const int64_t *of_part = label;
    for (int64_t i = 0, next = 0; i < PARTS && r->part[i].labels; i++) {
        TRY(read_kept(r, (int)i, d, to, label, of_part, &next, e));
        of_part += tensor_count(r->part[i].labels);
    }
    return E_OK;
}

static status check_sizes(const idx_reading *r, error *e)
{
    if (!r->part[1].images)
        return E_OK;
    const shape a = idx_shape(r->part[0].images), b = idx_shape(r->part[1].images);
    bool same = a.rank == b.rank;
    for (int i = 1; i < a.rank; i++)
        same = same && a.dim[i] == b.dim[i];
    return same ? E_OK
                : fail(e, E_SHAPE, "%s: images for training and for test differ in size",
                       r->who);
}

/* As many classes as the largest label says, at least as many as have names. */
static status choose(idx_reading *r, error *e)
{
    int64_t known = r->names_count;
    for (int i = 0; i < PARTS; i++) {
        const tensor *t = r->part[i].labels;
        for (int64_t j = 0; t && j < tensor_count(t); j++) {
            const int64_t label = ((const uint8_t *)tensor_data(t))[j];
            known = label >= known ? label + 1 : known;
        }
    }
    char *const *names = known == r->names_count ? r->names : NULL;
    return class_choice_make(&r->choice, r->who, r->options, names, known, e);
}

static status put_together(idx_reading *r, uint64_t seed, dataset **out, error *e)
{
    int64_t total, kept;
    TRY(check_sizes(r, e));
    TRY(choose(r, e));
    int64_t *label = relabel(r, &total, &kept, e);
    if (!label)
        return E_MEMORY;
    status result =
        kept > 0 ? E_OK : fail(e, E_SHAPE, "%s: has no samples of these classes", r->who);
    if (result == E_OK) {
        *out = source_dataset(r->source, r->options, kept, "image", "class", e);
        result = *out ? gather(r, *out, label, e) : E_MEMORY;
    }
    if (result == E_OK)
        result = class_choice_give(&r->choice, *out, label, e);
    memory_free(label);
    if (result != E_OK)
        return result;
    if (!r->part[1].images)
        return dataset_split_standard(*out, seed, e);
    return dataset_split_rest(*out, option_real(r->options, "val"), seed, e);
}

static dataset *finish(idx_reading *r, status result, uint64_t seed, error *e)
{
    dataset *d = NULL;
    if (result == E_OK)
        result = put_together(r, seed, &d, e);
    for (int i = 0; i < PARTS; i++) {
        idx_close(r->part[i].images);
        tensor_free(r->part[i].labels);
    }
    class_choice_clear(&r->choice);
    return source_finish(d, result, e);
}

static status read_files(idx_reading *r, error *e)
{
    const char *test = option_words(r->options, "test");
    TRY(read_part(r, &r->part[0], r->who, option_words(r->options, "labels"), e));
    return test ? read_part(r, &r->part[1], test, option_words(r->options, "test_labels"),
                            e)
                : E_OK;
}

static status read_names(idx_reading *r, char ***names, error *e)
{
    const char *path = option_words(r->options, "names");
    if (!path)
        return E_OK;
    TRY(names_read(path, LABELS_MOST, names, &r->names_count, e));
    r->names = *names;
    return E_OK;
}

static dataset *read_idx(const option_set *set, uint64_t seed, const task *watch,
                         error *e)
{
    char **names = NULL;
    idx_reading r = {.source = &source_idx,
                     .options = set,
                     .who = option_words(set, "file"),
                     .watch = watch};
    status result = read_names(&r, &names, e);
    if (result == E_OK)
        result = folder_exists(r.who) ? read_folder(&r, r.who, e) : read_files(&r, e);
    dataset *d = finish(&r, result, seed, e);
    names_free(names, r.names_count);
    return d;
}

static dataset *read_fashion(const option_set *set, uint64_t seed, const task *watch,
                             error *e)
{
    const char *folder = option_words(set, "folder");
    folder = folder ? folder : fashion_folder;
    idx_reading r = {
        .source = &source_fashion_mnist, .options = set, .who = folder, .watch = watch};
    char *names[sizeof fashion_names / sizeof *fashion_names];
    status result = E_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!(names[i] = memory_text(fashion_names[i], e)))
            result = E_MEMORY;
    r.names = names;
    r.names_count = sizeof names / sizeof *names;
    if (result == E_OK && !folder_exists(folder)) {
        result = fail(e, E_FILE, "fashion-mnist: there is no folder %s", folder);
        fail_hint(e, "install Debian's package dataset-fashion-mnist, or name the folder "
                     "of the four files with folder=");
    }
    if (result == E_OK)
        result = read_folder(&r, folder, e);
    dataset *d = finish(&r, result, seed, e);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        memory_free(names[i]);
    return d;
}

static const option idx_options[] = {
    {"file", OPTION_FILE, NULL, NULL, NULL,
     "a folder with the four files of MNIST, or one file of images"},
    {"labels", OPTION_FILE, NULL, NULL, NULL,
     "their labels (default: the file beside, labels-idx1 for images-idx3)"},
    {"test", OPTION_FILE, NULL, NULL, NULL, "a file of images for the test split"},
    {"test_labels", OPTION_FILE, NULL, NULL, NULL, "and its labels"},
    {"names", OPTION_FILE, NULL, NULL, NULL, "names of the classes, one a line"},
    OPTION_CLASSES,
    OPTION_VAL,
    OPTION_LIMIT,
    {0},
};

const data_source source_idx = {
    .name = "idx",
    .summary = "labelled images in the files of the MNIST family, also compressed",
    .options = idx_options,
    .arguments = 1,
    .required = 1,
    .example = "data d idx mnist/",
    .read = read_idx,
    .names_test = true,
};

static const option fashion_options[] = {
    OPTION_CLASSES,
    OPTION_VAL,
    OPTION_LIMIT,
    {"folder", OPTION_FILE, NULL, NULL, NULL,
     "of the four files (default: that of Debian's package)"},
    {0},
};

const data_source source_fashion_mnist = {
    .name = "fashion-mnist",
    .summary =
        "70000 labelled images of clothes, 28 x 28 (Debian: dataset-fashion-mnist)",
    .options = fashion_options,
    .example = "data d fashion-mnist",
    .read = read_fashion,
    .names_test = true,
};
