/* SPDX-License-Identifier: GPL-3.0-or-later
   test_streaming.c -- files larger than the budget of memory: what a reading process takes
   at most, as the system counts it, and that every number comes to its place. */
#include "support.h"
#include "support_source.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/memory.h"
#include "base/spill.h"
#include "data/npy.h"

enum { MIB = 1 << 20, COUNT = 640, SIDE = 64, CHANNELS = 2, BUDGET = 2 * MIB };
enum { PLANE = SIDE * SIDE, SAMPLE = CHANNELS * PLANE, ALL = COUNT * SAMPLE };

static char *folder;

/* What stands at a place; exact in 16 bits. */
static unsigned value(int n, int c, int p)
{
    return (unsigned)(n * 7 + c * 1001 + p * 3) % 30011;
}

/* An array file by hand: DESCR and ORDER are numpy's words, PUT writes number I. */
static void write_npy(const char *path, const char *words,
                      void (*put)(FILE *file, int64_t i))
{
    FILE *file = fopen(path, "wb");
    char header[129];
    snprintf(header, sizeof header, "%-117s\n", words);
    assert_non_null(file);
    fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, file);
    fwrite(header, 1, 118, file);
    for (int64_t i = 0; i < ALL; i++)
        put(file, i);
    assert_int_equal(fclose(file), 0);
}

/* In the order n, c, h, w. */
static void put_float(FILE *file, int64_t i)
{
    const float x =
        (float)value((int)(i / SAMPLE), (int)(i / PLANE % CHANNELS), (int)(i % PLANE));
    fwrite(&x, sizeof x, 1, file);
}

/* In the order w, h, c, n, the most significant byte first. */
static void put_big_endian(FILE *file, int64_t i)
{
    const int n = (int)(i % COUNT), c = (int)(i / COUNT % CHANNELS),
              h = (int)(i / COUNT / CHANNELS % SIDE),
              w = (int)(i / COUNT / CHANNELS / SIDE);
    const unsigned x = value(n, c, h * SIDE + w);
    putc((int)(x >> 8), file);
    putc((int)(x & 255), file);
}

static void write_archive(const char *path)
{
    error e = {0};
    const char *const names[] = {"x", "m"};
    tensor *x = tensor_new(
        DTYPE_S16,
        shape_of(4, (int64_t)COUNT, (int64_t)CHANNELS, (int64_t)SIDE, (int64_t)SIDE), &e);
    tensor *m = tensor_new(DTYPE_U8, tensor_shape(x), &e);
    int16_t *to = tensor_write(x, &e);
    uint8_t *mask = tensor_write(m, &e);
    for (int i = 0; i < ALL; i++) {
        to[i] = (int16_t)value(i / SAMPLE, i / PLANE % CHANNELS, i % PLANE);
        mask[i] = i % PLANE % 3 == 0;
    }
    const tensor *const tensors[] = {x, m};
    assert_int_equal(npz_write(path, names, tensors, 2, &e), E_OK);
    tensor_free(x);
    tensor_free(m);
}

static void put32(FILE *file, int x)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        putc(x >> shift & 255, file);
}

/* Images (n, h, w, c) of bytes and their labels; every second one will be kept. */
static void write_idx(const char *images, const char *labels)
{
    FILE *a = fopen(images, "wb"), *b = fopen(labels, "wb");
    put32(a, 0x0804);
    put32(a, 2 * COUNT), put32(a, 2 * SIDE), put32(a, 2 * SIDE), put32(a, CHANNELS);
    put32(b, 0x0801), put32(b, 2 * COUNT);
    for (int n = 0; n < 2 * COUNT; n++) {
        putc(n % 4, b);
        for (int i = 0; i < 4 * SAMPLE; i++)
            putc((int)(value(n, i % CHANNELS, i / CHANNELS) & 255), a);
    }
    assert_int_equal(fclose(a) | fclose(b), 0);
}

/* The dimensions h, w, c, n: samples lie scattered. */
static void write_hdf5(const char *path)
{
    const hsize_t size[] = {SIDE, SIDE, CHANNELS, COUNT};
    float *all = malloc(ALL * sizeof *all);
    for (int i = 0; i < ALL; i++)
        all[i] = (float)value(i % COUNT, i / COUNT % CHANNELS, i / COUNT / CHANNELS);
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t space = H5Screate_simple(4, size, NULL);
    const hid_t set = H5Dcreate2(file, "x", H5T_NATIVE_FLOAT, space, H5P_DEFAULT,
                                 H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, all) >= 0);
    H5Dclose(set);
    H5Sclose(space);
    assert_true(H5Fclose(file) >= 0);
    free(all);
}

/* What a process found out that read a file. */
typedef struct finding {
    int64_t grown; /* most resident bytes, beyond those it began with */
    bool spilled, right;
} finding;

static bool is_right(const dataset *d, bool idx)
{
    const int64_t plane = idx ? 4 * PLANE : PLANE;
    for (int64_t i = 0; i < tensor_count(d->input); i++) {
        const int n = (int)(i / CHANNELS / plane), c = (int)(i % CHANNELS),
                  p = (int)(i / CHANNELS % plane);
        const unsigned wanted = idx ? value(2 * n + 1, c, p) & 255 : value(n, c, p);
        if (idx ? ((const uint8_t *)tensor_data(d->input))[i] != wanted
                : tensor_f32(d->input)[i] != (float)wanted)
            return false;
        if (d->mask &&
            ((const uint8_t *)tensor_data(d->mask))[i / CHANNELS] != (p % 3 == 0))
            return false;
    }
    return true;
}

static int64_t resident_peak(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (int64_t)used.ru_maxrss * 1024;
}

/* In a process of its own: its peak begins with what is resident now. */
static finding read_in_child(const data_source *source, const char *path,
                             const char *words, size_t budget)
{
    int ends[2], how;
    finding found = {0};
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        error e = {0};
        const int64_t before = resident_peak();
        spill_set_budget(budget ? memory_in_use() + budget : 0);
        dataset *d = source_read_words(source, path, words, &e);
        found.grown = resident_peak() - before;
        if (!d)
            fprintf(stderr, "%s: %s\n", path, e.text);
        found.spilled = d && tensor_is_spilled(d->input);
        found.right = d && is_right(d, source == &source_idx);
        dataset_free(d);
        if (write(ends[1], &found, sizeof found) != sizeof found)
            _exit(1);
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &found, sizeof found), sizeof found);
    close(ends[0]);
    assert_int_equal(waitpid(child, &how, 0), child);
    return found;
}

/* All in memory without a budget, and with one never more than it and what streaming
   needs; the same numbers either way. */
static void check_source(const data_source *source, const char *path, const char *words,
                         int64_t bytes)
{
    const finding whole = read_in_child(source, path, words, 0);
    const finding streamed = read_in_child(source, path, words, BUDGET);
    assert_true(whole.right && !whole.spilled);
    assert_true(whole.grown > bytes * 9 / 10);
    assert_true(streamed.right && streamed.spilled);
    if (streamed.grown > BUDGET + 4 * MIB + (int64_t)SPILL_WINDOW)
        fail_msg("%s: took %lld MiB", path, (long long)(streamed.grown / MIB));
}

static void arrays_are_streamed(void **state)
{
    (void)state;
    char words[128];
    const char *path = source_path(folder, "c.npy");
    snprintf(words, sizeof words,
             "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, %d, %d), }",
             COUNT, CHANNELS, SIDE, SIDE);
    write_npy(path, words, put_float);
    check_source(&source_npy, path, "", (int64_t)ALL * 4);
    unlink(path);
}

static void scattered_arrays_are_streamed(void **state)
{
    (void)state;
    char words[128];
    const char *path = source_path(folder, "f.npy");
    snprintf(words, sizeof words,
             "{'descr': '>u2', 'fortran_order': True, 'shape': (%d, %d, %d, %d), }",
             COUNT, CHANNELS, SIDE, SIDE);
    write_npy(path, words, put_big_endian);
    check_source(&source_npy, path, "", (int64_t)ALL * 4);
    unlink(path);
}

static void archives_are_streamed(void **state)
{
    (void)state;
    const char *path = source_path(folder, "a.npz");
    write_archive(path);
    check_source(&source_npz, path, "input=x target=none mask=m", (int64_t)ALL * 4);
    unlink(path);
}

static void idx_is_streamed(void **state)
{
    (void)state;
    char labels[256];
    snprintf(labels, sizeof labels, "%s", source_path(folder, "x-labels-idx1"));
    const char *images = source_path(folder, "x-images-idx3");
    write_idx(images, labels);
    check_source(&source_idx, images, "classes=1,3", (int64_t)ALL * 4);
    unlink(images);
}

static void hdf5_is_streamed(void **state)
{
    (void)state;
    const char *path = source_path(folder, "a.h5");
    write_hdf5(path);
    check_source(&source_hdf5, path, "path=x axes=hwcn", (int64_t)ALL * 4);
    unlink(path);
}

int main(void)
{
    folder = source_folder();
    setenv("XDG_CACHE_HOME", folder, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_are_streamed),
        cmocka_unit_test(scattered_arrays_are_streamed),
        cmocka_unit_test(archives_are_streamed),
        cmocka_unit_test(idx_is_streamed),
        cmocka_unit_test(hdf5_is_streamed),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    source_folder_remove(folder);
    return failed;
}
