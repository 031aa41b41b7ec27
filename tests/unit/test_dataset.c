/* SPDX-License-Identifier: GPL-3.0-or-later
   test_dataset.c -- splits, batches and transforms; the published layout in, and out
   again; refusals that say file, array and reason. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "data/npy.h"

enum { N = 10, H = 3, W = 4 };

/* Input 1000 n + 10 y + x, target the same + 0.5 c, mask at x = 0, groups of two. */
static dataset *make_dataset(void)
{
    error e = {0};
    dataset *d = dataset_new(&e);
    d->count = N;
    d->source = memory_text("test", &e);
    d->origin = memory_text("test", &e);
    d->input_name = memory_text("density", &e);
    d->target_name = memory_text("phase gradient", &e);
    d->input = tensor_new(
        DTYPE_F32, shape_of(4, INT64_C(10), INT64_C(3), INT64_C(4), INT64_C(1)), &e);
    d->target = tensor_new(
        DTYPE_F32, shape_of(4, INT64_C(10), INT64_C(3), INT64_C(4), INT64_C(2)), &e);
    d->mask = tensor_new(
        DTYPE_U8, shape_of(4, INT64_C(10), INT64_C(3), INT64_C(4), INT64_C(1)), &e);
    d->group = memory_new(N, sizeof *d->group, &e);
    d->split = memory_new(N, sizeof *d->split, &e);
    d->facts = table_new(&e);
    float *input = tensor_write_f32(d->input, &e),
          *target = tensor_write_f32(d->target, &e);
    uint8_t *mask = tensor_write(d->mask, &e);
    for (int i = 0; i < N * H * W; i++) {
        input[i] = (float)(1000 * (i / (H * W)) + 10 * (i / W % H) + i % W);
        target[2 * i] = input[i];
        target[2 * i + 1] = input[i] + 0.5f;
        mask[i] = i % W == 0;
    }
    for (int i = 0; i < N; i++) {
        d->group[i] = 100 - i / 2;
        d->split[i] = SPLIT_TRAIN;
        table_row(d->facts);
        table_integer(d->facts, "group", d->group[i]);
        table_real(d->facts, "energy", 0.1 * i);
        table_integer(d->facts, "vortices", i);
        if (i != 3)
            table_real(d->facts, "gap", 1.5);
        table_text(d->facts, "note", "text stays behind");
    }
    assert_int_equal(dataset_check(d, &e), E_OK);
    return d;
}

static void splits_by_group(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = make_dataset(), *same = dataset_copy(d, &e),
            *other = dataset_copy(d, &e);
    assert_int_equal(dataset_split(d, .6, .2, .2, true, 1, &e), E_OK);
    assert_int_equal(dataset_split_count(d, SPLIT_TRAIN), 6);
    assert_int_equal(dataset_split_count(d, SPLIT_VAL), 2);
    assert_int_equal(dataset_split_count(d, SPLIT_TEST), 2);
    assert_int_equal(dataset_split_count(d, SPLIT_ALL), N);
    for (int i = 0; i < N; i += 2)
        assert_int_equal(d->split[i], d->split[i + 1]);
    assert_int_equal(dataset_split(same, .6, .2, .2, true, 1, &e), E_OK);
    assert_memory_equal(d->split, same->split, N);
    int different = 0;
    for (uint64_t seed = 2; seed < 6; seed++) {
        assert_int_equal(dataset_split(other, .6, .2, .2, true, seed, &e), E_OK);
        different += memcmp(d->split, other->split, N) != 0;
    }
    assert_true(different > 0);
    int64_t *index, count;
    assert_int_equal(dataset_split_index(d, SPLIT_TRAIN, &index, &count, &e), E_OK);
    assert_int_equal(count, 6);
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(d->split[index[i]], SPLIT_TRAIN);
        assert_true(i == 0 || index[i] > index[i - 1]);
    }
    memory_free(index);
    dataset_free(d);
    dataset_free(same);
    dataset_free(other);
}

static void splits_by_fraction(void **state)
{
    (void)state;
    static const struct {
        double train, val, test;
        int64_t samples[3];
        bool by_group;
        status result;
    } rows[] = {
        {.6, .2, .2, {6, 2, 2}, false, E_OK},    {.34, .33, .33, {4, 3, 3}, false, E_OK},
        {.98, .01, .01, {8, 1, 1}, false, E_OK}, {.02, .49, .49, {1, 4, 5}, false, E_OK},
        {1, 0, 0, {10, 0, 0}, true, E_OK},       {0, 0, 1, {0, 0, 10}, true, E_OK},
        {.5, .2, 0, {5, 2, 0}, false, E_OK},     {.5, .5, .5, {0}, false, E_RANGE},
        {0, 0, 0, {0}, false, E_RANGE},          {-1, 1, 1, {0}, false, E_RANGE},
        {NAN, .5, .5, {0}, false, E_RANGE},      {0, .5, .5, {0, 5, 5}, false, E_OK},
    };
    error e = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dataset *d = make_dataset();
        assert_int_equal(dataset_split(d, rows[i].train, rows[i].val, rows[i].test,
                                       rows[i].by_group, 7, &e),
                         rows[i].result);
        if (rows[i].result == E_OK) {
            int64_t found[] = {dataset_split_count(d, SPLIT_TRAIN),
                               dataset_split_count(d, SPLIT_VAL),
                               dataset_split_count(d, SPLIT_TEST)};
            assert_int_equal(found[0], rows[i].samples[0]);
            assert_int_equal(found[1] + found[2],
                             rows[i].samples[1] + rows[i].samples[2]);
            assert_true(llabs(found[1] - rows[i].samples[1]) <= 1);
        }
        dataset_free(d);
    }
    dataset *d = make_dataset();
    for (int i = 0; i < N; i++)
        d->group[i] = i < 4; /* two groups cannot fill three splits */
    assert_int_equal(dataset_split(d, .6, .2, .2, true, 7, &e), E_RANGE);
    assert_string_equal(e.text, "split: 2 groups cannot fill 3 splits");
    dataset_free(d);
    assert_int_equal(split_find("val"), SPLIT_VAL);
    assert_int_equal(split_find("vale"), SPLIT_NONE);
    assert_string_equal(split_name(SPLIT_TEST), "test");
}

static void batches(void **state)
{
    (void)state;
    const int64_t index[] = {7, 2};
    const transform log_of = {.kind = TRANSFORM_LOG, .epsilon = 1e-9};
    const transform normal = {
        .kind = TRANSFORM_NORMALIZE, .channels = 1, .mean = {5}, .deviation = {2}};
    float input[2 * H * W], target[4 * H * W], valid[4 * H * W];
    dataset *d = make_dataset();
    dataset_batch(d, NULL, index, 2, input, target, valid, NULL);
    for (int i = 0; i < 2 * H * W; i++) {
        const float wanted =
            (float)(1000 * index[i / (H * W)] + 10 * (i / W % H) + i % W);
        assert_true(input[i] == wanted && target[2 * i] == wanted);
        assert_true(target[2 * i + 1] == wanted + 0.5f);
        assert_true(valid[2 * i] == (float)(i % W != 0) &&
                    valid[2 * i + 1] == valid[2 * i]);
    }
    dataset_batch(d, &log_of, index, 2, input, NULL, NULL, NULL);
    assert_true(input[0] == (float)log(7000 + 1e-9));
    dataset_batch(d, &normal, index, 2, input, NULL, NULL, NULL);
    assert_true(input[1] == (float)((7001 - 5) / 2.0));
    tensor_free(d->mask);
    d->mask = NULL;
    dataset_batch(d, NULL, index, 2, NULL, NULL, valid, NULL);
    for (int i = 0; i < 4 * H * W; i++)
        assert_true(valid[i] == 1);
    dataset_free(d);
    float zero = 0;
    transform_apply(&log_of, &zero, 1, 1);
    assert_true(zero == (float)log(1e-9));
}

static void copies_share(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = make_dataset(), *copy = dataset_copy(d, &e);
    assert_true(tensor_is_shared(d->input, copy->input));
    copy->split[0] = SPLIT_TEST;
    assert_int_equal(d->split[0], SPLIT_TRAIN);
    assert_int_equal(copy->facts->row_count, N);
    assert_true(dataset_bytes(d) > N * H * W * 13);
    assert_true(shape_equal(dataset_input_shape(d),
                            shape_of(3, INT64_C(3), INT64_C(4), INT64_C(1))));
    tensor_free(copy->mask);
    copy->mask = tensor_new(
        DTYPE_U8, shape_of(4, INT64_C(10), INT64_C(3), INT64_C(4), INT64_C(3)), &e);
    assert_int_equal(dataset_check(copy, &e), E_SHAPE);
    dataset_free(copy);
    dataset_free(d);
}

static char *temporary(void)
{
    error e = {0};
    char *path = file_temporary(".npz", &e);
    assert_non_null(path);
    return path;
}

static void comes_back_from_a_file(void **state)
{
    (void)state;
    error e = {0};
    char *path = temporary();
    for (int published = 0; published < 2; published++) {
        dataset *d = make_dataset();
        if (!published) {
            memory_free(d->input_name);
            d->input_name = memory_text("something else", &e);
        }
        assert_int_equal(dataset_split(d, .6, .2, .2, true, 3, &e), E_OK);
        assert_int_equal(dataset_write_npz(d, path, &e), E_OK);
        dataset *back = dataset_read_npz(path, &e);
        assert_non_null(back);
        assert_true(tensor_equal(d->input, back->input));
        assert_true(tensor_equal(d->target, back->target));
        assert_true(tensor_equal(d->mask, back->mask));
        assert_memory_equal(d->split, back->split, N);
        assert_memory_equal(d->group, back->group, N * sizeof *d->group);
        assert_int_equal(back->facts->row_count, N);
        assert_int_equal(table_column(back->facts, "note"), -1);
        for (int64_t i = 0; i < N; i++) {
            double energy, gap;
            assert_true(table_number(back->facts, i, "energy", &energy));
            assert_true(energy == 0.1 * (double)i);
            assert_int_equal(table_get(back->facts, i, 0)->integer, d->group[i]);
            assert_int_equal(table_number(back->facts, i, "gap", &gap), i != 3);
            const int64_t vortices = table_column(back->facts, "vortices");
            assert_int_equal(table_get(back->facts, i, vortices)->kind, CELL_INTEGER);
        }
        dataset_free(back);
        dataset_free(d);
    }
    unlink(path);
    memory_free(path);
}

/* A file of arrays by name, all f32 and zero but for one value. */
typedef struct array {
    const char *name;
    shape shape;
    int64_t at;
    float value;
} array;

static void write_arrays(const char *path, const array *arrays, int count)
{
    error e = {0};
    const char *names[8] = {NULL};
    tensor *tensors[8] = {NULL};
    for (int i = 0; i < count; i++) {
        names[i] = arrays[i].name;
        tensors[i] = tensor_new(DTYPE_F32, arrays[i].shape, &e);
        if (tensor_count(tensors[i]) > 0)
            tensor_write_f32(tensors[i], &e)[arrays[i].at] = arrays[i].value;
    }
    assert_int_equal(npz_write(path, names, (const tensor *const *)tensors, count, &e),
                     E_OK);
    for (int i = 0; i < count; i++)
        tensor_free(tensors[i]);
}

/* `data d npz PATH WORDS...`; WORDS are "key=value key=value". */
static dataset *read_with(const char *path, const char *words, error *e)
{
    option_set set;
    char buffer[200];
    assert_int_equal(option_set_init(&set, source_npz.options, NULL, e), E_OK);
    assert_int_equal(option_set_put(&set, "file", path, e), E_OK);
    snprintf(buffer, sizeof buffer, "%s", words);
    for (char *save, *word = strtok_r(buffer, " ", &save); word;
         word = strtok_r(NULL, " ", &save)) {
        char *value = strchr(word, '=');
        *value++ = 0;
        assert_int_equal(option_set_put(&set, word, value, e), E_OK);
    }
    dataset *d = source_npz.read(&set, 5, NULL, e);
    option_set_clear(&set);
    return d;
}

#define IMAGES(n)    shape_of(3, INT64_C(n), INT64_C(3), INT64_C(4))
#define PLANES(n, c) shape_of(4, INT64_C(n), INT64_C(c), INT64_C(3), INT64_C(4))

static void reads_the_published_layout(void **state)
{
    (void)state;
    error e = {0};
    char *path = temporary();
    const array arrays[] = {{"densities", PLANES(8, 1), 17, 2},
                            {"phase_gradients", PLANES(8, 2), 24 + 12 + 7, 3},
                            {"masks", PLANES(8, 2), 24 + 12 + 7, 1},
                            {"pair", shape_of(1, INT64_C(8)), 3, 9}};
    write_arrays(path, arrays, 4);
    dataset *d = read_with(path, "", &e);
    assert_non_null(d);
    assert_string_equal(d->input_name, "density");
    assert_string_equal(d->target_name, "phase gradient");
    assert_null(d->group);
    /* Sample 1, channel 1, row 1, column 3 in the outside's order. */
    assert_true(tensor_f32(d->input)[17] == 2);
    assert_true(tensor_f32(d->target)[((1 * 3 + 1) * 4 + 3) * 2 + 1] == 3);
    assert_int_equal(
        ((const uint8_t *)tensor_data(d->mask))[((1 * 3 + 1) * 4 + 3) * 2 + 1], 1);
    assert_int_equal(dataset_split_count(d, SPLIT_TEST), 2);
    assert_int_equal(dataset_split_count(d, SPLIT_TRAIN), 4);
    assert_int_equal(table_column(d->facts, "pair"), 0);
    dataset_free(d);
    d = read_with(path, "groups=pair limit=5 mask=none", &e);
    assert_non_null(d);
    assert_int_equal(d->count, 5);
    assert_null(d->mask);
    assert_int_equal(d->group[3], 9);
    assert_int_equal(dataset_split_count(d, SPLIT_TRAIN), 5); /* two groups */
    assert_non_null(strstr(d->origin, " mask=none groups=pair limit=5"));
    dataset_free(d);
    unlink(path);
    memory_free(path);
}

static void reads_labels_of_an_archive(void **state)
{
    (void)state;
    error e = {0};
    char *path = temporary();
    const array arrays[] = {{"x", PLANES(4, 3), 5, 2},
                            {"y", shape_of(1, INT64_C(4)), 2, 7}};
    write_arrays(path, arrays, 2);
    dataset *d = read_with(path, "input=x labels=y", &e);
    assert_non_null(d);
    assert_int_equal(d->class_count, 8);
    assert_null(d->mask);
    assert_true(tensor_f32(d->target)[2] == 7 && tensor_f32(d->target)[3] == 0);
    dataset_free(d);
    assert_null(read_with(path, "input=x labels=y target=x", &e));
    assert_int_equal(e.code, E_USAGE);
    assert_null(read_with(path, "input=x labels=x", &e));
    assert_int_equal(e.code, E_SHAPE);
    unlink(path);
    memory_free(path);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    const struct {
        array arrays[3];
        const char *words, *reason;
        status result;
    } rows[] = {
        {{{"densities", IMAGES(4), 30, NAN}},
         "target=none mask=none",
         "densities: NaN at [2, 1, 2]",
         E_NUMERIC},
        {{{"densities", IMAGES(4), 0, INFINITY}},
         "target=none mask=none",
         "densities: infinity at [0, 0, 0]",
         E_NUMERIC},
        {{{"densities", IMAGES(4), 0, 1}},
         "mask=none",
         "no array 'phase_gradients'",
         E_NAME},
        {{{"densities", IMAGES(0), 0, 1}}, "target=none mask=none", "is empty", E_SHAPE},
        {{{"densities", shape_of(2, INT64_C(4), INT64_C(4)), 0, 1}},
         "target=none mask=none",
         "4x4, (N,H,W)",
         E_SHAPE},
        {{{"densities", IMAGES(4), 0, 1}, {"phase_gradients", PLANES(5, 2), 0, 1}},
         "mask=none",
         "5x2x3x4, densities has 4 samples of 3x4",
         E_SHAPE},
        {{{"densities", IMAGES(4), 0, 1}, {"masks", IMAGES(4), 5, 2}},
         "target=none",
         "masks: holds the value 2",
         E_RANGE},
        {{{"densities", IMAGES(4), 0, 1},
          {"phase_gradients", PLANES(4, 2), 0, 1},
          {"masks", PLANES(4, 3), 0, 1}},
         "",
         "3 channels",
         E_SHAPE},
        {{{"densities", IMAGES(4), 0, 1}, {"k", shape_of(1, INT64_C(4)), 0, .5}},
         "target=none mask=none groups=k",
         "k: holds 0.5",
         E_RANGE},
        {{{"densities", IMAGES(4), 0, 1}, {"k", shape_of(1, INT64_C(3)), 0, 1}},
         "target=none mask=none groups=k",
         "k: has the shape 3",
         E_SHAPE},
        {{{"densities", IMAGES(4), 0, 1}, {"splits", shape_of(1, INT64_C(4)), 0, 9}},
         "target=none mask=none",
         "splits: holds 9",
         E_RANGE},
    };
    char *path = temporary();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        error e = {0};
        int count = 0;
        while (count < 3 && rows[i].arrays[count].name)
            count++;
        write_arrays(path, rows[i].arrays, count);
        assert_null(read_with(path, rows[i].words, &e));
        assert_int_equal(e.code, rows[i].result);
        if (!strstr(e.text, rows[i].reason) || !strstr(e.text, path))
            fail_msg("\"%s\" does not tell \"%s\"", e.text, rows[i].reason);
    }
    unlink(path);
    memory_free(path);
}

static void sources_are_a_table(void **state)
{
    (void)state;
    int count = 0;
    for (; data_source_at(count); count++) {
        assert_ptr_equal(data_source_find(data_source_at(count)->name),
                         data_source_at(count));
        assert_true(data_source_at(count)->required <= data_source_at(count)->arguments);
    }
    assert_int_equal(count, 12);
    assert_null(data_source_find("nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_by_group),
        cmocka_unit_test(splits_by_fraction),
        cmocka_unit_test(batches),
        cmocka_unit_test(copies_share),
        cmocka_unit_test(comes_back_from_a_file),
        cmocka_unit_test(reads_the_published_layout),
        cmocka_unit_test(reads_labels_of_an_archive),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(sources_are_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
