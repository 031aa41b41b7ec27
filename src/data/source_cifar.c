/* SPDX-License-Identifier: GPL-3.0-or-later
   source_cifar.c -- the sources `cifar10` and `cifar100`, in their binary version: for
   each image one label byte (two for CIFAR-100: coarse, fine), then 32 x 32 bytes of red,
   of green and of blue.  It reads no other version.
   Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009, and
   https://www.cs.toronto.edu/~kriz/cifar.html */
#include "data/source.h"

#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/text.h"
#include "data/classes.h"

enum { SIDE = 32, PIXELS = SIDE * SIDE, COLOURS = 3, IMAGE = PIXELS * COLOURS };
enum { FILES_MOST = 6, GRAIN = 256, IMAGES_MOST = 1 << 22 };

/* What tells the two apart. */
typedef struct cifar_kind {
    const data_source *source;
    const char *files[FILES_MOST]; /* the last one is the test split */
    int file_count;
    int label_bytes;
    /* For each label byte that may be asked for: */
    const char *labels[2]; /* the word of labels=, NULL where there is no choice */
    const char *names[2];  /* file of class names beside the data */
    int64_t classes[2];
} cifar_kind;

static const cifar_kind cifar10 = {
    .source = &source_cifar10,
    .files = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
              "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"},
    .file_count = 6,
    .label_bytes = 1,
    .names = {"batches.meta.txt"},
    .classes = {10},
};

static const cifar_kind cifar100 = {
    .source = &source_cifar100,
    .files = {"train.bin", "test.bin"},
    .file_count = 2,
    .label_bytes = 2,
    .labels = {"coarse", "fine"},
    .names = {"coarse_label_names.txt", "fine_label_names.txt"},
    .classes = {20, 100},
};

typedef struct cifar_reading {
    const cifar_kind *kind;
    const option_set *options;
    const char *folder;
    int which; /* label byte */
    uint8_t *bytes[FILES_MOST];
    int64_t count[FILES_MOST]; /* images */
    class_choice choice;
    /* Where each image that stays comes from, and its new label. */
    const uint8_t **from;
    int64_t *label;
    int64_t kept, kept_for_test;
} cifar_reading;

static int64_t record_bytes(const cifar_reading *r)
{
    return r->kind->label_bytes + IMAGE;
}

static status read_file(cifar_reading *r, int i, error *e)
{
    void *bytes;
    size_t length;
    const int64_t record = record_bytes(r), limit = source_limit(r->options);
    char *path = memory_format(e, "%s/%s", r->folder, r->kind->files[i]);
    if (!path)
        return E_MEMORY;
    const size_t most = (size_t)(IMAGES_MOST * record), room = memory_available() / 2;
    status result =
        file_read_regular(path, most < room ? most : room, &bytes, &length, e);
    if (result == E_FILE && !file_exists(path))
        fail_hint(e, "the binary version of %s was wanted: %s and the files beside it",
                  r->kind->source->name, r->kind->files[0]);
    if (result == E_OK) {
        r->bytes[i] = bytes;
        r->count[i] = (int64_t)length / record;
        if (length == 0 || (int64_t)length % record != 0)
            result = fail(e, E_FORMAT,
                          "%s: has %zu bytes, a multiple of %lld (%d for labels, %d for "
                          "an image) was wanted",
                          path, length, (long long)record, r->kind->label_bytes, IMAGE);
        r->count[i] = limit < r->count[i] ? limit : r->count[i];
    }
    memory_free(path);
    return result;
}

/* The labels of one file, held against the number of classes. */
static status list_images(cifar_reading *r, int i, error *e)
{
    for (int64_t j = 0; j < r->count[i]; j++) {
        const uint8_t *record = r->bytes[i] + j * record_bytes(r);
        const uint8_t label = record[r->which];
        if (label >= r->choice.known)
            return fail(e, E_FORMAT,
                        "%s/%s: image %lld has the label %d, 0 to %lld were wanted: is "
                        "it of %s?",
                        r->folder, r->kind->files[i], (long long)j, label,
                        (long long)r->choice.known - 1, r->kind->source->name);
        if (r->choice.label[label] < 0)
            continue;
        r->from[r->kept] = record + r->kind->label_bytes;
        r->label[r->kept++] = r->choice.label[label];
        r->kept_for_test += i + 1 == r->kind->file_count;
    }
    return E_OK;
}

static status read_choice(cifar_reading *r, error *e)
{
    char **names = NULL;
    int64_t count = 0;
    char *path = memory_format(e, "%s/%s", r->folder, r->kind->names[r->which]);
    if (!path)
        return E_MEMORY;
    const int64_t known = r->kind->classes[r->which];
    status result = file_exists(path) ? names_read(path, known, &names, &count, e) : E_OK;
    if (result == E_OK && names && count != known)
        result = fail(e, E_FORMAT, "%s: names %lld classes, %lld were wanted", path,
                      (long long)count, (long long)known);
    if (result == E_OK)
        result = class_choice_make(&r->choice, r->folder, r->options, names, known, e);
    names_free(names, count);
    memory_free(path);
    return result;
}

typedef struct cifar_turn {
    const uint8_t *const *from;
    uint8_t *to;
} cifar_turn;

/* Planes of colours into pixels. */
static void turn_images(void *context, int64_t begin, int64_t end, int thread)
{
    const cifar_turn *t = context;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        const uint8_t *restrict from = t->from[i];
        uint8_t *restrict to = t->to + i * IMAGE;
        for (int p = 0; p < PIXELS; p++)
            for (int c = 0; c < COLOURS; c++)
                to[p * COLOURS + c] = from[c * PIXELS + p];
    }
}

static status fill(cifar_reading *r, dataset *d, uint64_t seed, error *e)
{
    d->input = tensor_new(
        DTYPE_U8, shape_of(4, d->count, (int64_t)SIDE, (int64_t)SIDE, (int64_t)COLOURS),
        e);
    cifar_turn turn = {r->from, d->input ? tensor_write(d->input, e) : NULL};
    if (!turn.to)
        return E_MEMORY;
    parallel_range(d->count, GRAIN, turn_images, &turn);
    memset(d->split + (d->count - r->kept_for_test), SPLIT_TEST,
           (size_t)r->kept_for_test);
    TRY(class_choice_give(&r->choice, d, r->label, e));
    return dataset_split_rest(d, option_real(r->options, "val"), seed, e);
}

static status read_all(cifar_reading *r, uint64_t seed, const task *watch, dataset **out,
                       error *e)
{
    int64_t total = 0;
    TRY(read_choice(r, e));
    for (int i = 0; i < r->kind->file_count; i++) {
        if (task_cancelled(watch))
            return fail(e, E_STOPPED, "%s: stopped", r->folder);
        TRY(read_file(r, i, e));
        total += r->count[i];
    }
    r->from = memory_new(total, sizeof *r->from, e);
    r->label = r->from ? memory_new(total, sizeof *r->label, e) : NULL;
    if (!r->label)
        return E_MEMORY;
    for (int i = 0; i < r->kind->file_count; i++)
        TRY(list_images(r, i, e));
    if (r->kept == 0)
        return fail(e, E_SHAPE, "%s: has no samples of these classes", r->folder);
    *out = source_dataset(r->kind->source, r->options, r->kept, "image", "class", e);
    return *out ? fill(r, *out, seed, e) : E_MEMORY;
}

static dataset *read_cifar(const cifar_kind *kind, const option_set *set, uint64_t seed,
                           const task *watch, error *e)
{
    dataset *d = NULL;
    cifar_reading r = {
        .kind = kind, .options = set, .folder = option_words(set, "folder")};
    if (kind->labels[0])
        r.which = option_is(set, "labels", kind->labels[1]);
    const status result = read_all(&r, seed, watch, &d, e);
    for (int i = 0; i < FILES_MOST; i++)
        memory_free(r.bytes[i]);
    memory_free(r.from);
    memory_free(r.label);
    class_choice_clear(&r.choice);
    return source_finish(d, result, e);
}

static dataset *read_cifar10(const option_set *set, uint64_t seed, const task *watch,
                             error *e)
{
    return read_cifar(&cifar10, set, seed, watch, e);
}

static dataset *read_cifar100(const option_set *set, uint64_t seed, const task *watch,
                              error *e)
{
    return read_cifar(&cifar100, set, seed, watch, e);
}

static const option cifar10_options[] = {
    {"folder", OPTION_FILE, NULL, NULL, NULL, "of data_batch_1.bin and the others"},
    OPTION_CLASSES,
    OPTION_VAL,
    OPTION_LIMIT,
    {0},
};

static const option cifar100_options[] = {
    {"folder", OPTION_FILE, NULL, NULL, NULL, "of train.bin and test.bin"},
    {"labels", OPTION_WORD, "coarse|fine", "fine", NULL, "20 classes or 100"},
    OPTION_CLASSES,
    OPTION_VAL,
    OPTION_LIMIT,
    {0},
};

const data_source source_cifar10 = {
    .name = "cifar10",
    .summary = "60000 labelled photographs of 10 classes, 32 x 32 (binary version)",
    .options = cifar10_options,
    .arguments = 1,
    .required = 1,
    .example = "data d cifar10 cifar-10-batches-bin/",
    .read = read_cifar10,
    .names_test = true,
};

const data_source source_cifar100 = {
    .name = "cifar100",
    .summary = "60000 labelled photographs of 100 classes, 32 x 32 (binary version)",
    .options = cifar100_options,
    .arguments = 1,
    .required = 1,
    .example = "data d cifar100 cifar-100-binary/ classes=household",
    .read = read_cifar100,
    .names_test = true,
};
