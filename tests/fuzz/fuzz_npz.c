/* SPDX-License-Identifier: GPL-3.0-or-later
   fuzz_npz.c -- numpy's files from strangers: any bytes give an array or an error, and
   nothing else.  As it stands it replays the files it is given; with libFuzzer:
   clang -DFUZZ_SEARCH -fsanitize=fuzzer,address,undefined. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/memory.h"
#include "data/dataset_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Every entry, whole and in part. */
static void read_entries(const char *path)
{
    npz *z = npz_open(path, NULL);
    for (int64_t i = 0; z && i < npz_count(z); i++) {
        error e = {0};
        tensor *whole = npz_read(z, npz_name(z, i), &e);
        tensor *part = npz_read_first(z, npz_name(z, i), 2, &e);
        tensor_free(whole);
        tensor_free(part);
    }
    npz_close(z);
}

static void read_samples(const char *path)
{
    error e = {0};
    dataset_layout layout = {.input = ENTRY_DENSITY, .limit = 3};
    dataset_free(dataset_read_npz(path, &e));
    dataset_free(dataset_read_layout(path, &layout, 1, NULL, &e));
    tensor_free(dataset_images(path, "input", INT64_MAX, NULL, &e));
    tensor_free(dataset_images(path, "input", 1, NULL, &e));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    error e = {0};
    char path[64];
    tensor_free(npy_parse(bytes, length, "bytes", &e));
    const int file = memfd_create("fuzz", MFD_CLOEXEC);
    if (file < 0)
        return 0;
    if (write(file, bytes, length) == (ssize_t)length) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
        read_entries(path);
        read_samples(path);
    }
    close(file);
    return 0;
}

#ifndef FUZZ_SEARCH
int main(int count, char **paths)
{
    for (int i = 1; i < count; i++) {
        FILE *file = fopen(paths[i], "rb");
        uint8_t *bytes = malloc(1 << 20);
        const size_t length = file && bytes ? fread(bytes, 1, 1 << 20, file) : 0;
        if (!file || !bytes || ferror(file)) {
            fprintf(stderr, "fuzz_npz: %s: cannot be read\n", paths[i]);
            return 1;
        }
        fclose(file);
        uint8_t *exact =
            malloc(length ? length : 1); /* sanitizers see one byte too many */
        if (!exact)
            return 1;
        for (size_t j = 0; j < length; j++)
            exact[j] = bytes[j];
        LLVMFuzzerTestOneInput(exact, length);
        free(exact);
        free(bytes);
    }
    printf("%d files replayed\n", count - 1);
    return 0;
}
#endif
