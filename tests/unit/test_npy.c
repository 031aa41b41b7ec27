/* SPDX-License-Identifier: GPL-3.0-or-later
   test_npy.c -- numpy's files: what numpy writes is read, what lathe writes numpy opens,
   and damaged files are refused with the reason.  It asks numpy where there is one. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "data/npy.h"

/* An .npy file by hand: a header of VERSION that says WORDS, then the bytes of DATA. */
static unsigned char *make_file(int version, const char *words, const void *data,
                                size_t bytes, size_t *length)
{
    const size_t start = version == 1 ? 10 : 12, text_length = strlen(words) + 1;
    unsigned char *file = malloc(start + text_length + bytes + 1);
    assert_non_null(file);
    memset(file, 0, start);
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (unsigned char)version;
    file[8] = (unsigned char)(text_length & 0xff);
    file[9] = (unsigned char)(text_length >> 8);
    memcpy(file + start, words, text_length - 1);
    file[start + text_length - 1] = '\n';
    if (bytes)
        memcpy(file + start + text_length, data, bytes);
    *length = start + text_length + bytes;
    return file;
}

static tensor *parse(int version, const char *words, const void *data, size_t bytes,
                     error *e)
{
    size_t length;
    unsigned char *file = make_file(version, words, data, bytes, &length);
    tensor *t = npy_parse(file, length, "x.npy", e);
    free(file);
    return t;
}

static void reads_every_type(void **state)
{
    (void)state;
    /* The number 3 in each type, little-endian, with its dtype. */
    static const struct {
        const char *description;
        dtype type;
        unsigned char bytes[8];
    } rows[] = {
        {"|b1", DTYPE_BOOL, {1}},
        {"|i1", DTYPE_S8, {3}},
        {"|u1", DTYPE_U8, {3}},
        {"<i2", DTYPE_S16, {3}},
        {"<u2", DTYPE_U16, {3}},
        {"<i4", DTYPE_S32, {3}},
        {"<u4", DTYPE_U32, {3}},
        {"<i8", DTYPE_S64, {3}},
        {"<u8", DTYPE_U64, {3}},
        {"<f2", DTYPE_F16, {0, 0x42}},
        {"<f4", DTYPE_F32, {0, 0, 0x40, 0x40}},
        {"<f8", DTYPE_F64, {0, 0, 0, 0, 0, 0, 8, 0x40}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const size_t size = dtype_size(rows[i].type);
        unsigned char swapped[8];
        for (size_t j = 0; j < size; j++)
            swapped[j] = rows[i].bytes[size - 1 - j];
        for (int big = 0; big < 2; big++) {
            char words[128], description[8];
            snprintf(description, sizeof description, "%s", rows[i].description);
            if (big && size > 1)
                description[0] = '>';
            snprintf(words, sizeof words,
                     "{'descr': '%s', 'fortran_order': False, 'shape': (1,), }",
                     description);
            error e = {0};
            tensor *t =
                parse(1 + (int)(i % 3), words, big ? swapped : rows[i].bytes, size, &e);
            assert_non_null(t);
            assert_int_equal(tensor_dtype(t), rows[i].type);
            tensor *f = tensor_to_f32(t, &e);
            assert_true(tensor_f32(f)[0] == (rows[i].type == DTYPE_BOOL ? 1.0f : 3.0f));
            tensor_free(f);
            tensor_free(t);
        }
    }
}

static void reads_fortran_order(void **state)
{
    (void)state;
    /* [[1, 2, 3], [4, 5, 6]] column by column, as numpy.asfortranarray is saved. */
    static const int16_t data[] = {1, 4, 2, 5, 3, 6}, wanted[] = {1, 2, 3, 4, 5, 6};
    error e = {0};
    tensor *t = parse(1, "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3), }",
                      data, sizeof data, &e);
    assert_non_null(t);
    assert_true(shape_equal(tensor_shape(t), shape_of(2, INT64_C(2), INT64_C(3))));
    assert_memory_equal(tensor_data(t), wanted, sizeof wanted);
    tensor_free(t);
    t = parse(1, "{\"shape\": (), \"descr\": \"<i2\", \"fortran_order\": True}", data, 2,
              &e);
    assert_non_null(t);
    assert_int_equal(tensor_shape(t).rank, 0);
    tensor_free(t);
}

static void refuses_damage(void **state)
{
    (void)state;
    static const char good[] =
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }";
    static const struct {
        const char *words, *reason;
        size_t bytes;
    } rows[] = {
        {good, "truncated", 15},
        {good, "take 16 bytes, the file has 17", 17},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", "Python objects",
         16},
        {"{'descr': '<U5', 'fortran_order': False, 'shape': (2,), }", "unicode", 40},
        {"{'descr': '|S3', 'fortran_order': False, 'shape': (2,), }", "text", 6},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (2,), }", "complex", 16},
        {"{'descr': '<f16', 'fortran_order': False, 'shape': (2,), }", "long floating",
         32},
        {"{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (2,), }", "dates", 16},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", "records",
         8},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1), }",
         "more than 6 dimensions", 4},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }",
         "larger than any memory", 4},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
         "more elements than", 4},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952,), }",
         "more elements than", 4},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }",
         "truncated", 4},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "dimension", 4},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 2), }", "comma", 16},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 2), }", "True or False", 16},
        {"{'descr': '<f4', 'shape': (2, 2), }", "no fortran_order", 16},
        {"{'descr': '<f4', 'descr': '<f4', 'shape': (2, 2), }", "one each", 16},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), } x", "end of", 16},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)", "comma", 16},
        {"(1, 2)", "dictionary", 16},
    };
    char zeros[64] = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        error e = {0};
        tensor *t = parse(1, rows[i].words, zeros, rows[i].bytes, &e);
        if (t || !strstr(e.text, rows[i].reason) || !strstr(e.text, "x.npy"))
            fail_msg("%s: \"%s\" does not tell \"%s\"", rows[i].words, e.text,
                     rows[i].reason);
        assert_int_equal(e.code, E_FORMAT);
    }
    size_t length;
    unsigned char *file = make_file(1, good, zeros, 16, &length);
    for (size_t cut = 0; cut < length; cut++) { /* every truncation is an error */
        error e = {0};
        unsigned char *part =
            malloc(cut ? cut : 1); /* exactly as large: sanitizers watch */
        memcpy(part, file, cut);
        assert_null(npy_parse(part, cut, "x.npy", &e));
        assert_int_equal(e.code, E_FORMAT);
        free(part);
    }
    free(file);
}

static char *temporary(const char *ending)
{
    error e = {0};
    char *path = file_temporary(ending, &e);
    assert_non_null(path);
    return path;
}

static tensor *counting(dtype type, shape s)
{
    error e = {0};
    tensor *t = tensor_new(type, s, &e);
    assert_non_null(t);
    unsigned char *bytes = tensor_write(t, &e);
    for (size_t i = 0; i < tensor_bytes(t); i++)
        bytes[i] = type == DTYPE_BOOL ? i & 1 : (unsigned char)(i * 7 % 61);
    return t;
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    error e = {0};
    char *path = temporary(".npy");
    for (int type = 0; type < DTYPE_COUNT; type++) {
        tensor *t =
            counting((dtype)type, shape_of(3, INT64_C(2), INT64_C(3), INT64_C(5)));
        if (type == DTYPE_BF16) {
            assert_int_equal(npy_write(path, t, &e), E_FORMAT);
        } else {
            assert_int_equal(npy_write(path, t, &e), E_OK);
            tensor *back = npy_read(path, &e);
            assert_non_null(back);
            assert_true(tensor_equal(t, back));
            tensor_free(back);
        }
        tensor_free(t);
    }
    unlink(path);
    memory_free(path);
    assert_null(npy_read("/dev/null/x.npy", &e));
    assert_int_equal(e.code, E_FILE);
    tensor *t = counting(DTYPE_F32, shape_of(1, INT64_C(4)));
    assert_int_equal(npy_write("/dev/null/x.npy", t, &e), E_FILE);
    assert_int_equal(npy_write("/dev/full", t, &e), E_FILE);
    tensor_free(t);
}

static char *write_archive(void)
{
    static const char *const names[] = {"a", "some b", "empty"};
    error e = {0};
    const tensor *const tensors[] = {
        counting(DTYPE_F32, shape_of(2, INT64_C(50), INT64_C(20))),
        counting(DTYPE_S64, shape_of(1, INT64_C(7))),
        counting(DTYPE_U8, shape_of(1, INT64_C(0))),
    };
    char *path = temporary(".npz");
    assert_int_equal(npz_write(path, names, tensors, 3, &e), E_OK);
    for (int i = 0; i < 3; i++)
        tensor_free((tensor *)tensors[i]);
    return path;
}

static void archive_round_trip(void **state)
{
    (void)state;
    error e = {0};
    char *path = write_archive();
    npz *z = npz_open(path, &e);
    assert_non_null(z);
    assert_int_equal(npz_count(z), 3);
    assert_string_equal(npz_name(z, 1), "some b");
    assert_true(npz_has(z, "a"));
    tensor *a = npz_read(z, "a", &e), *first = npz_read_first(z, "a", 3, &e);
    tensor *empty = npz_read(z, "empty", &e);
    tensor *made = counting(DTYPE_F32, shape_of(2, INT64_C(50), INT64_C(20)));
    assert_true(tensor_equal(a, made));
    assert_true(shape_equal(tensor_shape(first), shape_of(2, INT64_C(3), INT64_C(20))));
    assert_memory_equal(tensor_data(first), tensor_data(a), tensor_bytes(first));
    assert_int_equal(tensor_count(empty), 0);
    npy_header h;
    assert_int_equal(npz_describe(z, "some b", &h, &e), E_OK);
    assert_int_equal(h.type, DTYPE_S64);
    assert_null(npz_read(z, "c", &e));
    assert_int_equal(e.code, E_NAME);
    assert_non_null(strstr(e.text, "a, some b, empty"));
    tensor_free(a);
    tensor_free(first);
    tensor_free(empty);
    tensor_free(made);
    npz_close(z);
    unlink(path);
    memory_free(path);
}

/* Reads entry "a" of the archive in BYTES; its error, or E_OK. */
static status try_archive(const char *path, const void *bytes, size_t length, error *e)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
    error_clear(e);
    npz *z = npz_open(path, e);
    tensor *t = z ? npz_read(z, "a", e) : NULL;
    npz_close(z);
    if (t)
        e->code = E_OK;
    tensor_free(t);
    return e->code;
}

/* Puts VALUE into four little-endian bytes. */
static void put32(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

static void refuses_damaged_archives(void **state)
{
    (void)state;
    error e = {0};
    char *path = write_archive();
    void *read = NULL;
    size_t length = 0;
    assert_int_equal(file_read(path, 1 << 20, &read, &length, &e), E_OK);
    unsigned char *bytes = read;
    assert_int_equal(try_archive(path, bytes, length, &e), E_OK);
    for (size_t cut = 0; cut < length; cut += 97) {
        assert_int_equal(try_archive(path, bytes, cut, &e), E_FORMAT);
        assert_non_null(strstr(e.text, path));
    }
    bytes[300] ^= 1; /* a bit of the data: the checksum tells */
    assert_int_equal(try_archive(path, bytes, length, &e), E_FORMAT);
    assert_non_null(strstr(e.text, "a: damaged"));
    bytes[300] ^= 1;
    /* The directory's first row says that the entry holds 4 GB less a bit. */
    unsigned char *row = memmem(bytes, length, "PK\1\2", 4);
    assert_non_null(row);
    put32(row + 24, 0xfffffff0);
    assert_int_equal(try_archive(path, bytes, length, &e), E_FORMAT);
    put32(row + 20, 0xfffffff0);
    assert_int_equal(try_archive(path, bytes, length, &e), E_FORMAT);
    assert_int_equal(try_archive(path, "PK\5\6", 4, &e), E_FORMAT);
    assert_null(npz_open("/dev/null/x.npz", &e));
    assert_int_equal(e.code, E_FILE);
    assert_null(npz_open("/", &e));
    assert_int_equal(e.code, E_FILE);
    unlink(path);
    memory_free(path);
    memory_free(read);
}

/* Runs Python with numpy; -1 where there is none. */
static int python(const char *script, const char *path)
{
    char command[1024];
    if (system("/usr/bin/python3 -c 'import numpy' 2>/dev/null") != 0)
        return -1;
    snprintf(command, sizeof command, "/usr/bin/python3 -c \"%s\" %s", script, path);
    return system(command);
}

static void numpy_opens_the_archive(void **state)
{
    (void)state;
    char *path = write_archive();
    const int result = python(
        "import sys, numpy as np\n"
        "z = np.load(sys.argv[1])\n"
        "assert sorted(z.files) == ['a', 'empty', 'some b']\n"
        "assert z['a'].shape == (50, 20) and z['a'].dtype == np.float32\n"
        "assert (z['a'].view(np.uint8).ravel() == np.arange(4000) * 7 % 61).all()\n"
        "assert z['some b'].shape == (7,) and z['empty'].size == 0\n",
        path);
    unlink(path);
    memory_free(path);
    if (result < 0)
        skip();
    assert_int_equal(result, 0);
}

static void reads_what_numpy_writes(void **state)
{
    (void)state;
    error e = {0};
    char *path = temporary(".npz");
    const int result =
        python("import sys, numpy as np\n"
               "x = np.arange(24).reshape(2, 3, 4)\n"
               "np.savez_compressed(sys.argv[1], a=x.astype('f4'), b=x.astype('>f8'),\n"
               "    c=np.asfortranarray(x.astype('i2')), d=x.astype('f2'), e=x > 11,\n"
               "    f=np.array(['x']))\n",
               path);
    if (result == 0) {
        npz *z = npz_open(path, &e);
        assert_non_null(z);
        for (int i = 0; i < 5; i++) {
            const char name[] = {(char)('a' + i), 0};
            tensor *t = npz_read(z, name, &e), *f = t ? tensor_to_f32(t, &e) : NULL;
            assert_non_null(f);
            for (int j = 0; j < 24; j++)
                assert_true(tensor_f32(f)[j] == (float)(i == 4 ? j > 11 : j));
            tensor_free(f);
            tensor_free(t);
        }
        assert_null(npz_read(z, "f", &e));
        assert_non_null(strstr(e.text, "f: holds unicode text"));
        npz_close(z);
    }
    unlink(path);
    memory_free(path);
    if (result < 0)
        skip();
    assert_int_equal(result, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_type),
        cmocka_unit_test(reads_fortran_order),
        cmocka_unit_test(refuses_damage),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(archive_round_trip),
        cmocka_unit_test(refuses_damaged_archives),
        cmocka_unit_test(numpy_opens_the_archive),
        cmocka_unit_test(reads_what_numpy_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
