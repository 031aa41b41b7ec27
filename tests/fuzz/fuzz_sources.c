/* SPDX-License-Identifier: GPL-3.0-or-later
   fuzz_sources.c -- what data sources read from strangers: any bytes give a dataset that
   is sound, or an error with words, and nothing else.  As it stands it replays the files
   that are its arguments, the reader by their ending; with -DFUZZ_SEARCH there is no main,
   and the environment's LATHE_FUZZ is the ending:
   clang -DFUZZ_SEARCH -fsanitize=fuzzer,address,undefined. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/memory.h"
#include "data/dataset.h"
#include "data/idx.h"
#include "data/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Files of one name each time, in memory where the system has such a folder. */
static char folder[64];

static void put_file(const char *name, const void *bytes, size_t length)
{
    char path[128];
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "%s/lathe-fuzz-%ld",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (long)getpid());
        mkdir(folder, 0700);
    }
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, length, f) != length || fclose(f) != 0)
        abort();
}

static void remove_files(void)
{
    static const char *const names[] = {"a-images-idx3",
                                        "a-labels-idx1",
                                        "train.bin",
                                        "test.bin",
                                        "data_batch_1.bin",
                                        "data_batch_2.bin",
                                        "data_batch_3.bin",
                                        "data_batch_4.bin",
                                        "data_batch_5.bin",
                                        "test_batch.bin",
                                        "a.png",
                                        "a.h5",
                                        "names"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
    folder[0] = 0;
}

/* `data d SOURCE FIRST KEY=VALUE`; what comes out is sound, or there is a reason. */
static void read_source(const data_source *source, const char *first, const char *key,
                        const char *value)
{
    error e = {0}, why = {0};
    option_set set;
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, first);
    if (option_set_init(&set, source->options, NULL, &e) != E_OK ||
        option_set_put(&set, source->options[0].name, path, &e) != E_OK ||
        (key && option_set_put(&set, key, value, &e) != E_OK))
        abort();
    dataset *d = source->read(&set, 1, NULL, &e);
    option_set_clear(&set);
    assert(d || (e.code != E_OK && e.text[0]));
    assert(!d || dataset_check(d, &why) == E_OK);
    dataset_free(d);
}

static void fuzz_idx(const uint8_t *bytes, size_t length)
{
    static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 2};
    error e = {0};
    put_file("a-images-idx3", bytes, length);
    put_file("a-labels-idx1", labels, sizeof labels);
    read_source(&source_idx, "a-images-idx3", NULL, NULL);
    char path[128];
    snprintf(path, sizeof path, "%s/a-images-idx3", folder);
    tensor_free(idx_read(path, 2, &e));
    read_source(&source_idx, "a-labels-idx1", "labels", path);
}

static void fuzz_cifar10(const uint8_t *bytes, size_t length)
{
    static const uint8_t good[3073];
    char name[32];
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "data_batch_%d.bin", i);
        put_file(name, i == 3 ? bytes : good, i == 3 ? length : sizeof good);
    }
    put_file("test_batch.bin", bytes, length);
    read_source(&source_cifar10, "", "classes", "1,9");
}

static void fuzz_cifar100(const uint8_t *bytes, size_t length)
{
    const size_t half = length / 6148 * 3074;
    put_file("train.bin", bytes, half);
    put_file("test.bin", bytes + half, length - half);
    read_source(&source_cifar100, "", "labels", length % 2 ? "coarse" : "fine");
}

static void fuzz_png(const uint8_t *bytes, size_t length)
{
    error e = {0};
    for (picture_colour colour = COLOUR_ANY; colour <= COLOUR_RGB; colour++) {
        tensor *t = picture_parse(bytes, length, "bytes", colour, &e);
        tensor *small = t && tensor_count(t) < 65536 ? picture_resize(t, 3, 5, &e) : NULL;
        tensor_free(small);
        tensor_free(t);
    }
    if (length > 4096 || length % 3 != 0) /* folders are slow to read */
        return;
    put_file("a.png", bytes, length);
    read_source(&source_images, "", NULL, NULL);
    read_source(&source_raw, "", NULL, NULL);
}

static void fuzz_hdf5(const uint8_t *bytes, size_t length)
{
    put_file("a.h5", bytes, length);
    read_source(&source_hdf5, "a.h5", "variable", "1");
}

static const struct {
    const char *ending;
    void (*read)(const uint8_t *bytes, size_t length);
} readers[] = {
    {"idx", fuzz_idx}, {"cifar10", fuzz_cifar10}, {"cifar100", fuzz_cifar100},
    {"png", fuzz_png}, {"h5", fuzz_hdf5},
};

static void read_as(const char *ending, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (strcmp(readers[i].ending, ending) == 0)
            readers[i].read(bytes, length);
    if (strcmp(ending, "png") == 0 && folder[0])
        remove_files(); /* the next is read out of the folder, too */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const char *ending = getenv("LATHE_FUZZ");
    read_as(ending ? ending : "idx", bytes, length);
    return 0;
}

#ifndef FUZZ_SEARCH
static int replay(const char *path)
{
    char ending[16];
    /* "NAME.png-cut-7" is of a damaged copy */
    const char *name = strrchr(path, '/');
    const char *dot = strchr(name ? name : path, '.');
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(1 << 20);
    const size_t length = file && bytes ? fread(bytes, 1, 1 << 20, file) : 0;
    if (!dot || !file || !bytes || ferror(file)) {
        fprintf(stderr, "fuzz_sources: %s: cannot be read\n", path);
        return 1;
    }
    fclose(file);
    snprintf(ending, sizeof ending, "%.*s", (int)strcspn(dot + 1, "-"), dot + 1);
    uint8_t *exact = malloc(length ? length : 1); /* sanitizers see one byte too many */
    if (!exact)
        return 1;
    memcpy(exact, bytes, length);
    read_as(ending, exact, length);
    free(exact);
    free(bytes);
    return 0;
}

int main(int count, char **paths)
{
    int failed = 0;
    for (int i = 1; i < count; i++)
        failed |= replay(paths[i]);
    remove_files();
    printf("%d files replayed\n", count - 1);
    return failed;
}
#endif
