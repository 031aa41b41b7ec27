/* SPDX-License-Identifier: GPL-3.0-or-later
   test_hdf5.c -- the sources `hdf5` and `npy`: blocks that libhdf5 and numpy's format hold,
   any order of axes, and files that are damaged. */
#include "support.h"
#include "support_source.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "data/npy.h"

enum { VARIABLES = 3, BLOCKS = 10, SIDE = 7 };

static void expect_error(dataset *d, const error *e, status code, const char *reason)
{
    assert_null(d);
    if (e->code != code || !strstr(e->text, reason))
        fail_msg("\"%s\" (%d) does not tell \"%s\" (%d)", e->text, e->code, reason, code);
}

/* What stands at a place of the test's file. */
static float value(int v, int n, int d, int h, int w)
{
    return (float)(v + n * 0.001 + d * 10 + h * 100 + w * 1000);
}

/* The published layout (variable, block, 7, 7, 7), big-endian doubles in deflated chunks,
   with a group number a block. */
static void write_blocks(const char *path)
{
    const hsize_t size[] = {VARIABLES, BLOCKS, SIDE, SIDE, SIDE};
    const hsize_t chunk[] = {1, 4, SIDE, SIDE, SIDE}, blocks[] = {BLOCKS};
    static float all[VARIABLES * BLOCKS * SIDE * SIDE * SIDE];
    int at = 0, group[BLOCKS];
    for (int v = 0; v < VARIABLES; v++)
        for (int n = 0; n < BLOCKS; n++)
            for (int i = 0; i < SIDE * SIDE * SIDE; i++)
                all[at++] = value(v, n, i / (SIDE * SIDE), i / SIDE % SIDE, i % SIDE);
    for (int n = 0; n < BLOCKS; n++)
        group[n] = n / 3;
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t space = H5Screate_simple(5, size, NULL);
    const hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Pset_chunk(list, 5, chunk) >= 0 && H5Pset_deflate(list, 4) >= 0);
    const hid_t set = H5Dcreate2(file, "var_data", H5T_IEEE_F64BE, space, H5P_DEFAULT,
                                 list, H5P_DEFAULT);
    assert_true(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, all) >= 0);
    const hid_t line = H5Screate_simple(1, blocks, NULL);
    const hid_t groups = H5Dcreate2(file, "snapshot", H5T_NATIVE_INT, line, H5P_DEFAULT,
                                    H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Dwrite(groups, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, group) >=
                0);
    H5Dclose(groups);
    H5Sclose(line);
    H5Dclose(set);
    H5Pclose(list);
    H5Sclose(space);
    assert_true(H5Fclose(file) >= 0);
}

static void reads_the_published_layout(void **state)
{
    (void)state;
    error e = {0};
    char *folder = source_folder();
    const char *path = source_path(folder, "a.h5");
    write_blocks(path);
    dataset *d = source_read_words(&source_hdf5, path, "crop=1:6 groups=snapshot", &e);
    if (!d)
        fail_msg("%s", e.text);
    assert_int_equal(d->count, BLOCKS);
    assert_true(dataset_is_reproduced(d));
    assert_true(shape_equal(dataset_input_shape(d),
                            shape_of(4, INT64_C(5), INT64_C(5), INT64_C(5), INT64_C(1))));
    for (int n = 0; n < BLOCKS; n++) {
        assert_int_equal(d->group[n], n / 3);
        const float *block = tensor_f32(d->input) + n * 125;
        for (int i = 0; i < 125; i++)
            assert_true(block[i] == value(1, n, 1 + i / 25, 1 + i / 5 % 5, 1 + i % 5));
    }
    /* The groups stay together: 4 groups into 3 splits. */
    for (int n = 1; n < BLOCKS; n++)
        assert_true(d->group[n] != d->group[n - 1] || d->split[n] == d->split[n - 1]);
    dataset_free(d);
    /* The same numbers with the axes called otherwise: variables as channels, and block
       numbers as the depth, so that one sample is left for each place of `d`. */
    d = source_read_words(&source_hdf5, path, "axes=cdnhw limit=2 target=none together=2",
                          &e);
    if (!d)
        fail_msg("%s", e.text);
    assert_int_equal(d->count, 2);
    assert_null(d->target);
    assert_true(
        shape_equal(dataset_input_shape(d), shape_of(4, (int64_t)BLOCKS, (int64_t)SIDE,
                                                     (int64_t)SIDE, (int64_t)VARIABLES)));
    const int64_t at = ((((1 * BLOCKS + 8) * SIDE) + 3) * SIDE + 4) * VARIABLES + 2;
    assert_true(tensor_f32(d->input)[at] == value(2, 8, 1, 3, 4));
    dataset_free(d);
    d = source_read_words(&source_hdf5, path, "variable=2 floor=3.5", &e);
    assert_non_null(d);
    assert_true(tensor_f32(d->input)[0] == 3.5f);
    dataset_free(d);
    source_folder_remove(folder);
}

static void says_what_does_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        status code;
        const char *reason;
    } rows[] = {
        {"path=vardata", E_NAME, "has no dataset 'vardata'"},
        {"variable=3", E_RANGE, "dimension 0 has 3 places, 1 from 3 on"},
        {"crop=1:9", E_RANGE, "dimension 2 has 7 places, 8 from 1 on"},
        {"crop=2:2", E_RANGE, "LOW kept and HIGH not"},
        {"axes=nhw", E_SHAPE, "has 5 dimensions, 3 were wanted"},
        {"axes=vndhx", E_USAGE, "axes=vndhx"},
        {"axes=vndhh", E_USAGE, "at most once"},
        {"axes=vcdhw", E_USAGE, "n, h and w were wanted"},
        {"groups=var_data", E_SHAPE, "has 5 dimensions, 1 were wanted"},
    };
    char *folder = source_folder();
    char *path = memory_text(source_path(folder, "a.h5"), NULL);
    write_blocks(path);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        error e = {0};
        dataset *d = source_read_words(&source_hdf5, path, rows[i].words, &e);
        expect_error(d, &e, rows[i].code, rows[i].reason);
        if (rows[i].code == E_NAME)
            assert_non_null(strstr(e.hint, "it has: snapshot, var_data"));
    }
    error e = {0};
    expect_error(source_read_words(&source_hdf5, "/nowhere.h5", "", &e), &e, E_FILE,
                 "cannot be opened");
    expect_error(source_read_words(&source_hdf5, "/dev/zero", "", &e), &e, E_FILE,
                 "no regular file");
    memory_free(path);
    source_folder_remove(folder);
}

/* Whatever is cut off or changed, an answer comes. */
static void survives_damage(void **state)
{
    (void)state;
    error e = {0};
    void *bytes;
    size_t length;
    char *folder = source_folder();
    write_blocks(source_path(folder, "a.h5"));
    assert_int_equal(file_read(source_path(folder, "a.h5"), 1 << 20, &bytes, &length, &e),
                     E_OK);
    for (int i = 0; i < 12; i++) {
        const size_t cut = length * (size_t)i / 12;
        error why = {0};
        source_file(folder, "cut.h5", bytes, cut);
        dataset *d =
            source_read_words(&source_hdf5, source_path(folder, "cut.h5"), "", &why);
        expect_error(d, &why, E_FORMAT, "cut.h5: is ");
    }
    for (size_t at = 8; at < 2000; at += 83) {
        error why = {0};
        uint8_t *byte = (uint8_t *)bytes + at, kept = *byte;
        *byte = 0xff;
        source_file(folder, "bad.h5", bytes, length);
        *byte = kept;
        dataset *d =
            source_read_words(&source_hdf5, source_path(folder, "bad.h5"), "", &why);
        assert_true(d || why.text[0]);
        dataset_free(d);
    }
    memory_free(bytes);
    source_folder_remove(folder);
}

static void write_npy(const char *path, const char *order, const char *shape_words,
                      const void *data, size_t bytes)
{
    char header[118];
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    memset(header, ' ', sizeof header);
    const int n = snprintf(header, sizeof header, "{'descr': %s, 'shape': (%s), }", order,
                           shape_words);
    header[n] = ' ';
    header[117] = '\n';
    fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, f);
    fwrite(header, 1, sizeof header, f);
    fwrite(data, 1, bytes, f);
    assert_int_equal(fclose(f), 0);
}

/* Big-endian, Fortran order, half precision, no samples: numpy has them all. */
static void reads_odd_arrays(void **state)
{
    (void)state;
    error e = {0};
    char *folder = source_folder(), words[300];
    const uint8_t big[] = {0, 1, 0, 2, 0, 3, 0, 4,  0, 5,  0, 6,
                           0, 7, 0, 8, 0, 9, 0, 10, 0, 11, 1, 0};
    write_npy(source_path(folder, "big.npy"), "'>u2', 'fortran_order': False", "3, 2, 2",
              big, sizeof big);
    dataset *d = source_read_words(&source_npy, source_path(folder, "big.npy"),
                                   "target=input", &e);
    assert_non_null(d);
    assert_int_equal(d->count, 3);
    assert_true(dataset_is_reproduced(d));
    assert_true(tensor_f32(d->input)[1] == 2 && tensor_f32(d->input)[11] == 256);
    dataset_free(d);
    const float columns[] = {0, 6,  3, 9, 1, 7,
                             4, 10, 2, 8, 5, 11}; /* (2,2,3) by Fortran */
    write_npy(source_path(folder, "fortran.npy"), "'<f4', 'fortran_order': True",
              "2, 2, 3", columns, sizeof columns);
    d = source_read_words(&source_npy, source_path(folder, "fortran.npy"), "", &e);
    assert_non_null(d);
    for (int i = 0; i < 12; i++)
        assert_true(tensor_f32(d->input)[i] == (float)i);
    dataset_free(d);
    const uint16_t halves[] = {0x3c00, 0x4000, 0x3800, 0};
    write_npy(source_path(folder, "half.npy"), "'<f2', 'fortran_order': False", "4, 1, 1",
              halves, sizeof halves);
    const uint8_t labels[] = {0, 2, 1, 2};
    write_npy(source_path(folder, "labels.npy"), "'|u1', 'fortran_order': False", "4,",
              labels, sizeof labels);
    snprintf(words, sizeof words, "labels=%s/labels.npy groups=%s/labels.npy", folder,
             folder);
    d = source_read_words(&source_npy, source_path(folder, "half.npy"), words, &e);
    assert_non_null(d);
    assert_true(tensor_f32(d->input)[2] == 0.5f);
    assert_int_equal(d->class_count, 3);
    assert_int_equal(d->group[3], 2);
    dataset_free(d);
    write_npy(source_path(folder, "none.npy"), "'<f4', 'fortran_order': False", "0, 2, 2",
              "", 0);
    expect_error(source_read_words(&source_npy, source_path(folder, "none.npy"), "", &e),
                 &e, E_SHAPE, "is empty");
    write_npy(source_path(folder, "far.npy"), "'<f4', 'fortran_order': False",
              "4611686018427387904, 2, 2", "", 0);
    expect_error(source_read_words(&source_npy, source_path(folder, "far.npy"), "", &e),
                 &e, E_FORMAT, "more elements than can be counted");
    expect_error(source_read_words(&source_npy, "/dev/zero", "", &e), &e, E_FILE,
                 "no regular file");
    source_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_published_layout),
        cmocka_unit_test(says_what_does_not_fit),
        cmocka_unit_test(survives_damage),
        cmocka_unit_test(reads_odd_arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
