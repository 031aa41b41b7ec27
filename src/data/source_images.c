/* SPDX-License-Identifier: GPL-3.0-or-later
   source_images.c -- the source `images`: folders of PNG pictures, a class a sub-folder,
   or inputs in one folder and targets of the same names in another, or neither.  Decoding
   is picture.c's. */
#include "data/source.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include "base/memory.h"
#include "base/parallel.h"
#include "base/text.h"
#include "data/classes.h"
#include "data/listing.h"
#include "data/picture.h"

enum { CLASSES_MOST = 65536 };

/* One sample: where it is read from, its label (-1: none), and its split. */
typedef struct image_entry {
    char *path, *target; /* target NULL where there is none */
    int64_t label;
    split_kind split;
} image_entry;

typedef struct image_reading {
    const option_set *options;
    picture_colour colour;
    int64_t size; /* pixels a side, 0: as in the file */
    image_entry *entries;
    int64_t count, capacity;
    class_choice choice;
    const task *watch;
    /* Of the decoding, which threads share: */
    tensor *const *to; /* input and, where there is one, target */
    void *data[2];
    atomic_bool failed;
    atomic_llong failed_entry;
    pthread_mutex_t lock; /* for what is below */
    error why;
} image_reading;

static status add_entry(image_reading *r, char *path, char *target, int64_t label,
                        split_kind split, error *e)
{
    if (!path || memory_grow((void **)&r->entries, &r->capacity, r->count + 1,
                             sizeof *r->entries, e) != E_OK) {
        memory_free(path);
        memory_free(target);
        return E_MEMORY;
    }
    r->entries[r->count++] = (image_entry){path, target, label, split};
    return E_OK;
}

/* The pictures of FOLDER, all with one label. */
static status list_pictures(image_reading *r, const char *root, const char *folder,
                            int64_t label, split_kind split, error *e)
{
    listing files;
    const int64_t limit = source_limit(r->options);
    TRY(listing_read(&files, root, folder, "png", e));
    status result = E_OK;
    for (int64_t i = 0; i < files.count && i < limit && result == E_OK; i++)
        result = add_entry(r, memory_format(e, "%s/%s", folder, files.names[i]), NULL,
                           label, split, e);
    listing_clear(&files);
    return result;
}

/* Pictures of FOLDER, each with that of the same name in TARGETS. */
static status list_pairs(image_reading *r, const char *folder, const char *targets,
                         split_kind split, error *e)
{
    listing files, wanted;
    const int64_t limit = source_limit(r->options);
    TRY(listing_read(&files, folder, folder, "png", e));
    status result = listing_read(&wanted, targets, targets, "png", e);
    for (int64_t i = 0; i < files.count && i < limit && result == E_OK; i++) {
        const char *name = files.names[i];
        int64_t j = 0;
        while (j < wanted.count && !text_equal(wanted.names[j], name))
            j++; /* the two lists are nearly the same: it is found soon */
        if (j == wanted.count) {
            result = fail(e, E_FILE, "%s/%s: has no picture of its name in %s", folder,
                          name, targets);
            break;
        }
        char *target = memory_format(e, "%s/%s", targets, name);
        result = target ? add_entry(r, memory_format(e, "%s/%s", folder, name), target,
                                    -1, split, e)
                        : E_MEMORY;
    }
    listing_clear(&files);
    listing_clear(&wanted);
    return result;
}

/* The classes of FOLDER: its sub-folders.  TEST must have the same ones. */
static status list_classes(image_reading *r, const char *folder, listing *classes,
                           split_kind split, error *e)
{
    for (int64_t i = 0; i < classes->count; i++) {
        if (r->choice.label[i] < 0)
            continue;
        char *inner = memory_format(e, "%s/%s", folder, classes->names[i]);
        if (!inner)
            return E_MEMORY;
        const status result =
            list_pictures(r, folder, inner, r->choice.label[i], split, e);
        memory_free(inner);
        TRY(result);
    }
    return E_OK;
}

static status list_labelled(image_reading *r, const char *folder, const char *test,
                            listing *classes, error *e)
{
    if (classes->count > CLASSES_MOST)
        return fail(e, E_FORMAT, "%s: has %lld sub-folders, at most %d classes are read",
                    folder, (long long)classes->count, CLASSES_MOST);
    TRY(class_choice_make(&r->choice, folder, r->options, classes->names, classes->count,
                          e));
    TRY(list_classes(r, folder, classes, SPLIT_TRAIN, e));
    return test ? list_classes(r, test, classes, SPLIT_TEST, e) : E_OK;
}

static status list_all(image_reading *r, error *e)
{
    listing classes;
    const char *folder = option_words(r->options, "folder");
    const char *test = option_words(r->options, "test");
    const char *target = option_words(r->options, "target");
    const char *test_target = option_words(r->options, "test_target");
    if (target) {
        TRY(list_pairs(r, folder, target, SPLIT_TRAIN, e));
        if (test && !test_target)
            return fail(e, E_USAGE, "images: test= wants test_target=, its targets");
        return test ? list_pairs(r, test, test_target, SPLIT_TEST, e) : E_OK;
    }
    TRY(listing_read(&classes, folder, folder, NULL, e));
    status result;
    if (classes.count > 0)
        result = list_labelled(r, folder, test, &classes, e);
    else {
        result = list_pictures(r, folder, folder, -1, SPLIT_TRAIN, e);
        if (result == E_OK && test)
            result = list_pictures(r, test, test, -1, SPLIT_TEST, e);
    }
    listing_clear(&classes);
    return result;
}

static tensor *read_picture(const image_reading *r, const char *path, error *e)
{
    tensor *t = picture_read(path, r->colour, e);
    if (!t || r->size == 0)
        return t;
    tensor *resized = picture_resize(t, r->size, r->size, e);
    tensor_free(t);
    return resized;
}

/* A picture into slot I of TO. */
static status put_picture(const image_reading *r, const char *path, const tensor *to,
                          void *data, int64_t i, error *e)
{
    char found[128], wanted[128];
    shape sample = tensor_shape(to);
    sample.rank = 3;
    for (int k = 0; k < 3; k++)
        sample.dim[k] = sample.dim[k + 1];
    tensor *t = read_picture(r, path, e);
    if (!t)
        return E_FORMAT;
    const int64_t count = shape_count(sample);
    status result = E_OK;
    if (!shape_equal(tensor_shape(t), sample)) {
        result = fail(e, E_SHAPE, "%s: is %s, the first picture %s", path,
                      shape_text(found, tensor_shape(t)), shape_text(wanted, sample));
        fail_hint(e, "size= makes all pictures of one size, colour= of one kind");
    } else if (tensor_dtype(to) == DTYPE_F32)
        picture_to_f32(t, (float *)data + i * count);
    else if (tensor_dtype(t) == DTYPE_U8)
        memcpy((uint8_t *)data + i * count, tensor_data(t), (size_t)count);
    else
        result = fail(e, E_SHAPE, "%s: has 16 bits, the first picture 8", path);
    tensor_free(t);
    return result;
}

/* The first entry that fails says why, whichever thread was first. */
static void decode_entry(void *context, int64_t i, int thread)
{
    image_reading *r = context;
    const image_entry *entry = &r->entries[i];
    error e = {0};
    (void)thread;
    if (atomic_load(&r->failed) && i > atomic_load(&r->failed_entry))
        return;
    status result = put_picture(r, entry->path, r->to[0], r->data[0], i, &e);
    if (result == E_OK && r->to[1])
        result = put_picture(r, entry->target, r->to[1], r->data[1], i, &e);
    if (result == E_OK && task_cancelled(r->watch))
        fail(&e, E_STOPPED, "images: stopped");
    if (e.code == E_OK)
        return;
    pthread_mutex_lock(&r->lock);
    if (!atomic_load(&r->failed) || i < atomic_load(&r->failed_entry)) {
        atomic_store(&r->failed_entry, i);
        r->why = e;
    }
    atomic_store(&r->failed, true);
    pthread_mutex_unlock(&r->lock);
}

/* Room for pictures like the one at PATH. */
static tensor *make_room(const image_reading *r, const char *path, bool bytes, error *e)
{
    tensor *first = read_picture(r, path, e);
    if (!first)
        return NULL;
    const shape s = tensor_shape(first);
    const shape all = shape_of(4, r->count, s.dim[0], s.dim[1], s.dim[2]);
    const dtype type = bytes && tensor_dtype(first) == DTYPE_U8 ? DTYPE_U8 : DTYPE_F32;
    tensor_free(first);
    return source_check_size("images", type, all, e) == E_OK ? tensor_new(type, all, e)
                                                             : NULL;
}

static status decode_all(image_reading *r, dataset *d, error *e)
{
    tensor *to[2] = {NULL, NULL};
    d->input = to[0] = make_room(r, r->entries[0].path, true, e);
    if (d->input && r->entries[0].target)
        d->target = to[1] = make_room(r, r->entries[0].target, false, e);
    if (!to[0] || (r->entries[0].target && !to[1]))
        return E_FORMAT;
    r->to = to;
    for (int i = 0; i < 2; i++)
        if (to[i] && !(r->data[i] = tensor_write(to[i], e)))
            return E_MEMORY;
    parallel_for(r->count, decode_entry, r);
    if (atomic_load(&r->failed)) {
        if (e)
            *e = r->why;
        return r->why.code;
    }
    return E_OK;
}

static status put_labels(image_reading *r, dataset *d, error *e)
{
    if (r->choice.count == 0)
        return E_OK;
    int64_t *label = memory_new(r->count, sizeof *label, e);
    for (int64_t i = 0; label && i < r->count; i++)
        label[i] = r->entries[i].label;
    const status result = label ? class_choice_give(&r->choice, d, label, e) : E_MEMORY;
    memory_free(label);
    return result;
}

static status read_all(image_reading *r, uint64_t seed, dataset **out, error *e)
{
    bool test = false;
    TRY(list_all(r, e));
    if (r->count == 0) {
        fail(e, E_FILE, "%s: has no pictures", option_words(r->options, "folder"));
        return fail_hint(e, "PNG files were wanted, in it or in its sub-folders");
    }
    const bool labels = r->choice.count > 0, pairs = r->entries[0].target != NULL;
    *out = source_dataset(&source_images, r->options, r->count, "image",
                          labels  ? "class"
                          : pairs ? "picture"
                                  : NULL,
                          e);
    if (!*out)
        return E_MEMORY;
    TRY(decode_all(r, *out, e));
    TRY(put_labels(r, *out, e));
    for (int64_t i = 0; i < r->count; i++) {
        (*out)->split[i] = (uint8_t)r->entries[i].split;
        test = test || r->entries[i].split == SPLIT_TEST;
    }
    return test ? dataset_split_rest(*out, option_real(r->options, "val"), seed, e)
                : dataset_split_standard(*out, seed, e);
}

static dataset *read_images(const option_set *set, uint64_t seed, const task *watch,
                            error *e)
{
    dataset *d = NULL;
    image_reading r = {
        .options = set,
        .colour = option_is(set, "colour", "grey")  ? COLOUR_GREY
                  : option_is(set, "colour", "rgb") ? COLOUR_RGB
                                                    : COLOUR_ANY,
        .size = option_given(set, "size") ? option_integer(set, "size") : 0,
        .watch = watch,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
    const status result = read_all(&r, seed, &d, e);
    for (int64_t i = 0; i < r.count; i++) {
        memory_free(r.entries[i].path);
        memory_free(r.entries[i].target);
    }
    memory_free(r.entries);
    class_choice_clear(&r.choice);
    return source_finish(d, result, e);
}

static const option options[] = {
    {"folder", OPTION_FILE, NULL, NULL, NULL,
     "of PNG files, or of a folder of them for each class"},
    {"target", OPTION_FILE, NULL, NULL, NULL,
     "a folder of pictures with the same names: what the network should make"},
    {"test", OPTION_FILE, NULL, NULL, NULL, "a folder for the test split"},
    {"test_target", OPTION_FILE, NULL, NULL, NULL, "and of its targets"},
    {"size", OPTION_INTEGER, "1..4096", NULL, "pixels",
     "width and height that every picture is resized to"},
    {"colour", OPTION_WORD, "any|grey|rgb", "any", NULL, "channels: the file's, 1 or 3"},
    OPTION_CLASSES,
    OPTION_VAL,
    OPTION_LIMIT,
    {0},
};

const data_source source_images = {
    .name = "images",
    .summary = "PNG pictures: a class a sub-folder, or inputs and targets by name",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "data d images pictures/ size=64",
    .read = read_images,
    .names_test = true,
};
