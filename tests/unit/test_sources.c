/* SPDX-License-Identifier: GPL-3.0-or-later
   test_sources.c -- labelled images: the MNIST family's files and CIFAR's, written here
   byte by byte, read, chosen by class, and refused where they are damaged. */
#include "support.h"
#include "support_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "base/file.h"
#include "base/memory.h"

static void expect_error(dataset *d, const error *e, status code, const char *reason)
{
    assert_null(d);
    if (e->code != code || !strstr(e->text, reason))
        fail_msg("\"%s\" (%d) does not tell \"%s\" (%d)", e->text, e->code, reason, code);
}

/* COUNT images of 3 x 2 of which image i, pixel p is 10 i + p, labels i % CLASSES. */
static void write_idx(const char *folder, const char *images, const char *labels,
                      int count, int classes)
{
    uint8_t bytes[1024] = {0, 0, 8, 3, 0, 0, 0, (uint8_t)count, 0, 0, 0, 3, 0, 0, 0, 2};
    for (int i = 0; i < 6 * count; i++)
        bytes[16 + i] = (uint8_t)(10 * (i / 6) + i % 6);
    source_file(folder, images, bytes, 16 + 6 * (size_t)count);
    uint8_t of[256] = {0, 0, 8, 1, 0, 0, 0, (uint8_t)count};
    for (int i = 0; i < count; i++)
        of[8 + i] = (uint8_t)(i % classes);
    source_file(folder, labels, of, 8 + (size_t)count);
}

static void reads_a_folder_of_idx(void **state)
{
    (void)state;
    error e = {0};
    char *folder = source_folder();
    write_idx(folder, "train-images-idx3-ubyte", "train-labels-idx1-ubyte", 20, 4);
    write_idx(folder, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", 8, 4);
    dataset *d = source_read_words(&source_idx, folder, "val=0.2", &e);
    assert_non_null(d);
    assert_int_equal(d->count, 28);
    assert_int_equal(d->class_count, 4);
    assert_null(d->class_names);
    assert_int_equal(dataset_split_count(d, SPLIT_TRAIN), 16);
    assert_int_equal(dataset_split_count(d, SPLIT_VAL), 4);
    for (int i = 20; i < 28; i++)
        assert_int_equal(d->split[i], SPLIT_TEST);
    assert_true(shape_equal(dataset_input_shape(d),
                            shape_of(3, INT64_C(3), INT64_C(2), INT64_C(1))));
    float input[6], label;
    const int64_t index = 7;
    dataset_batch(d, NULL, &index, 1, input, &label, NULL, NULL);
    for (int p = 0; p < 6; p++)
        assert_true(input[p] == (float)(70 + p) * (1.0f / 255));
    assert_true(label == 3);
    dataset_free(d);
    d = source_read_words(&source_idx, folder, "classes=3,1 limit=6", &e);
    assert_non_null(d); /* of 0 1 2 3 0 1 of each file */
    assert_int_equal(d->count, 6);
    const float labels[] = {1, 0, 1, 1, 0, 1};
    assert_memory_equal(tensor_data(d->target), labels, sizeof labels);
    assert_int_equal(((const uint8_t *)tensor_data(d->input))[6], 30);
    assert_non_null(strstr(d->origin, "classes=3,1"));
    dataset_free(d);
    expect_error(source_read_words(&source_idx, folder, "classes=1,4", &e), &e, E_RANGE,
                 "has no class 4");
    expect_error(source_read_words(&source_idx, folder, "classes=1,1", &e), &e, E_USAGE,
                 "there twice");
    source_folder_remove(folder);
}

static void reads_what_is_compressed(void **state)
{
    (void)state;
    error e = {0};
    char *folder = source_folder();
    static const char names[] = "shoe\n\n  hat \nbag\n";
    write_idx(folder, "a-images-idx3", "a-labels-idx1", 9, 3);
    source_file(folder, "names", names, sizeof names - 1);
    gzFile packed = gzopen(source_path(folder, "b-images-idx3.gz"), "wb");
    void *bytes;
    size_t length;
    assert_int_equal(
        file_read(source_path(folder, "a-images-idx3"), 4096, &bytes, &length, &e), E_OK);
    assert_int_equal(gzwrite(packed, bytes, (unsigned)length), (int)length);
    assert_int_equal(gzclose(packed), Z_OK);
    memory_free(bytes);
    char words[300];
    snprintf(words, sizeof words, "labels=%s/a-labels-idx1 names=%s/names classes=bag,0",
             folder, folder);
    dataset *d = source_read_words(&source_idx, source_path(folder, "b-images-idx3.gz"),
                                   words, &e);
    assert_non_null(d);
    assert_int_equal(d->count, 6);
    assert_string_equal(dataset_class_name(d, 0), "bag");
    assert_string_equal(dataset_class_name(d, 1), "shoe");
    dataset_free(d);
    snprintf(words, sizeof words, "names=%s/names classes=bags,hat", folder);
    expect_error(
        source_read_words(&source_idx, source_path(folder, "a-images-idx3"), words, &e),
        &e, E_NAME, "has no class 'bags'");
    assert_non_null(strstr(e.hint, "'bag'"));
    source_folder_remove(folder);
}

static void refuses_damaged_idx(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[24];
        size_t length;
        status code;
        const char *reason;
    } rows[] = {
        {{0}, 0, E_FORMAT, "is truncated"},
        {{0, 0, 8}, 3, E_FORMAT, "is truncated"},
        {{0, 0, 8, 3, 0, 0}, 6, E_FORMAT, "is truncated"},
        {{1, 2, 3, 4, 5}, 5, E_FORMAT, "is no idx file"},
        {{0, 0, 7, 1, 0, 0, 0, 1, 5}, 9, E_FORMAT, "is no idx file"},
        {{0, 0, 8, 0, 0}, 5, E_FORMAT, "0 dimensions"},
        {{0, 0, 8, 9, 0}, 5, E_FORMAT, "9 dimensions"},
        {{0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
         16,
         E_FORMAT,
         "more than its 16 bytes"},
        {{0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3},
         19,
         E_FORMAT,
         "is truncated"},
        {{0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3},
         19,
         E_FORMAT,
         "goes on behind"},
        {{0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}, 16, E_SHAPE, "is empty"},
        {{0, 0, 8, 1, 0, 0, 0, 1, 5}, 9, E_SHAPE, "images (N,H,W)"},
        {{0, 0, 9, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1},
         17,
         E_FORMAT,
         "images of bytes"},
        {{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2},
         18,
         E_SHAPE,
         "has 1 labels"},
    };
    static const uint8_t label[] = {0, 0, 8, 1, 0, 0, 0, 1, 0};
    char *folder = source_folder();
    source_file(folder, "x-labels-idx1", label, sizeof label);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        error e = {0};
        source_file(folder, "x-images-idx3", rows[i].bytes, rows[i].length);
        dataset *d =
            source_read_words(&source_idx, source_path(folder, "x-images-idx3"), "", &e);
        expect_error(d, &e, rows[i].code, rows[i].reason);
    }
    error e = {0};
    expect_error(source_read_words(&source_idx, folder, "", &e), &e, E_FILE,
                 "train-images-idx3-ubyte");
    expect_error(source_read_words(&source_idx, "/dev/zero", "labels=/dev/zero", &e), &e,
                 E_FILE, "no regular file");
    source_folder_remove(folder);
}

/* A compressed file of 64 MiB of zeros that says it holds four images: what lies behind is
   found by one byte, not by unpacking it. */
static void a_bomb_is_not_unpacked(void **state)
{
    (void)state;
    static const uint8_t head[] = {0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 1};
    static uint8_t zeros[1 << 20];
    static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 2, 3};
    error e = {0};
    char *folder = source_folder();
    source_file(folder, "x-labels-idx1", labels, sizeof labels);
    gzFile packed = gzopen(source_path(folder, "x-images-idx3"), "wb9");
    gzwrite(packed, head, sizeof head);
    for (int i = 0; i < 64; i++)
        gzwrite(packed, zeros, sizeof zeros);
    gzclose(packed);
    memory_peak_reset();
    const size_t before = memory_peak();
    expect_error(
        source_read_words(&source_idx, source_path(folder, "x-images-idx3"), "", &e), &e,
        E_FORMAT, "goes on behind");
    assert_true(memory_peak() - before < 1 << 20);
    source_folder_remove(folder);
}

/* COUNT records of CIFAR: label bytes, then plane c of image i holds (i + c) % 256. */
static void write_cifar(const char *folder, const char *name, int count, int label_bytes,
                        int classes)
{
    const size_t record = (size_t)label_bytes + 3072;
    uint8_t *bytes = malloc(record * (size_t)count);
    assert_non_null(bytes);
    for (int i = 0; i < count; i++) {
        uint8_t *at = bytes + record * (size_t)i;
        at[0] = (uint8_t)(label_bytes == 2 ? i % 20 : i % classes);
        at[label_bytes - 1] = (uint8_t)(i % classes);
        for (int p = 0; p < 3072; p++)
            at[label_bytes + p] = (uint8_t)(i + p / 1024 + p % 1024 / 32);
    }
    source_file(folder, name, bytes, record * (size_t)count);
    free(bytes);
}

static void reads_cifar10(void **state)
{
    (void)state;
    error e = {0};
    char *folder = source_folder(), name[32];
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "data_batch_%d.bin", i);
        write_cifar(folder, name, 10 + i, 1, 10);
    }
    write_cifar(folder, "test_batch.bin", 7, 1, 10);
    dataset *d = source_read_words(&source_cifar10, folder, "val=0", &e);
    assert_non_null(d);
    assert_int_equal(d->count, 65 + 7);
    assert_int_equal(dataset_split_count(d, SPLIT_TEST), 7);
    assert_int_equal(dataset_split_count(d, SPLIT_VAL), 0);
    assert_int_equal(d->class_count, 10);
    /* Image 2 of the second file, which comes behind 11 others: row 5, blue. */
    const uint8_t *image = (const uint8_t *)tensor_data(d->input) + 13 * 3072;
    assert_int_equal(image[(5 * 32 + 9) * 3 + 2], 2 + 2 + 5);
    assert_int_equal(image[(5 * 32 + 9) * 3 + 0], 2 + 0 + 5);
    assert_true(tensor_f32(d->target)[13] == 2);
    dataset_free(d);
    d = source_read_words(&source_cifar10, folder, "classes=9,0", &e);
    assert_non_null(d);
    assert_int_equal(d->class_count, 2);
    assert_int_equal(d->count, 5 * 3 + 1); /* 0, 9 and 0 again; the test's 0 */
    dataset_free(d);
    source_folder_remove(folder);
}

static const char fine_names[] =
    "apple\naquarium_fish\nbaby\nbear\nbeaver\nbed\nbee\nbeetle\nbicycle\nbottle\nbowl\n"
    "boy\nbridge\nbus\nbutterfly\ncamel\ncan\ncastle\ncaterpillar\ncattle\nchair\n"
    "chimpanzee\nclock\ncloud\ncockroach\ncouch\ncrab\ncrocodile\ncup\ndinosaur\ndolphin"
    "\n"
    "elephant\nflatfish\nforest\nfox\ngirl\nhamster\nhouse\nkangaroo\nkeyboard\nlamp\n"
    "lawn_mower\nleopard\nlion\nlizard\nlobster\nman\nmaple_tree\nmotorcycle\nmountain\n"
    "mouse\nmushroom\noak_tree\norange\norchid\notter\npalm_tree\npear\npickup_truck\n"
    "pine_tree\nplain\nplate\npoppy\nporcupine\npossum\nrabbit\nraccoon\nray\nroad\n"
    "rocket\nrose\nsea\nseal\nshark\nshrew\nskunk\nskyscraper\nsnail\nsnake\nspider\n"
    "squirrel\nstreetcar\nsunflower\nsweet_pepper\ntable\ntank\ntelephone\ntelevision\n"
    "tiger\ntractor\ntrain\ntrout\ntulip\nturtle\nwardrobe\nwhale\nwillow_tree\nwolf\n"
    "woman\nworm\n";

static void reads_the_household_of_cifar100(void **state)
{
    (void)state;
    /* The fine labels of the ten classes, in the order of their new labels. */
    static const int fine[] = {22, 39, 40, 86, 87, 5, 20, 25, 84, 94};
    error e = {0};
    char *folder = source_folder();
    write_cifar(folder, "train.bin", 200, 2, 100);
    write_cifar(folder, "test.bin", 100, 2, 100);
    source_file(folder, "fine_label_names.txt", fine_names, sizeof fine_names - 1);
    dataset *d = source_read_words(&source_cifar100, folder, "classes=household", &e);
    assert_non_null(d);
    assert_int_equal(d->class_count, 10);
    assert_int_equal(d->count, 30);
    assert_int_equal(dataset_split_count(d, SPLIT_TEST), 10);
    assert_string_equal(dataset_class_name(d, 0), "clock");
    assert_string_equal(dataset_class_name(d, 9), "wardrobe");
    for (int64_t i = 0; i < d->count; i++) {
        const int number = fine[(int)tensor_f32(d->target)[i]];
        const uint8_t *image = (const uint8_t *)tensor_data(d->input) + i * 3072;
        assert_int_equal(image[0] % 100, number);
    }
    dataset_free(d);
    d = source_read_words(&source_cifar100, folder, "labels=coarse", &e);
    assert_non_null(d);
    assert_int_equal(d->class_count, 20);
    assert_true(tensor_f32(d->target)[21] == 1);
    dataset_free(d);
    source_folder_remove(folder);
}

static void refuses_damaged_cifar(void **state)
{
    (void)state;
    error e = {0};
    char *folder = source_folder();
    expect_error(source_read_words(&source_cifar100, folder, "", &e), &e, E_FILE,
                 "train.bin");
    assert_non_null(strstr(e.hint, "binary version"));
    write_cifar(folder, "train.bin", 3, 2, 100);
    source_file(folder, "test.bin", "x", 1);
    expect_error(source_read_words(&source_cifar100, folder, "", &e), &e, E_FORMAT,
                 "has 1 bytes, a multiple of 3074");
    source_file(folder, "test.bin", "", 0);
    expect_error(source_read_words(&source_cifar100, folder, "", &e), &e, E_FORMAT,
                 "has 0 bytes");
    write_cifar(folder, "test.bin", 130, 2, 130);
    expect_error(source_read_words(&source_cifar100, folder, "", &e), &e, E_FORMAT,
                 "test.bin: image 100 has the label 100, 0 to 99 were wanted");
    source_file(folder, "fine_label_names.txt", "one\ntwo\n", 8);
    expect_error(source_read_words(&source_cifar100, folder, "", &e), &e, E_FORMAT,
                 "names 2 classes, 100 were wanted");
    source_folder_remove(folder);
}

/* Debian's files, where they are installed. */
static void reads_fashion_mnist(void **state)
{
    (void)state;
    error e = {0};
    if (!folder_exists("/usr/share/datasets/fashion-mnist"))
        skip();
    dataset *d = source_read_words(&source_fashion_mnist, NULL, "", &e);
    assert_non_null(d);
    assert_int_equal(d->count, 70000);
    int64_t of_class[10] = {0};
    for (int64_t i = 0; i < d->count; i++)
        of_class[(int)tensor_f32(d->target)[i]]++;
    for (int i = 0; i < 10; i++)
        assert_int_equal(of_class[i], 7000);
    assert_string_equal(dataset_class_name(d, 9), "ankle-boot");
    assert_true(tensor_f32(d->target)[0] == 9); /* the first image is one */
    dataset_free(d);
    expect_error(source_read_words(&source_fashion_mnist, NULL, "folder=/nowhere", &e),
                 &e, E_FILE, "there is no folder /nowhere");
    assert_non_null(strstr(e.hint, "dataset-fashion-mnist"));
}

/* Bytes, labels and class counts survive export and reading. */
static void comes_back_from_an_archive(void **state)
{
    (void)state;
    error e = {0};
    char *folder = source_folder();
    write_idx(folder, "a-images-idx3", "a-labels-idx1", 20, 4);
    dataset *d =
        source_read_words(&source_idx, source_path(folder, "a-images-idx3"), "", &e);
    assert_non_null(d);
    const char *path = source_path(folder, "a.npz");
    assert_int_equal(dataset_write_npz(d, path, &e), E_OK);
    dataset *back = dataset_read_npz(path, &e);
    assert_non_null(back);
    assert_true(tensor_equal(d->input, back->input));
    assert_true(tensor_equal(d->target, back->target));
    assert_int_equal(back->class_count, 4);
    assert_memory_equal(d->split, back->split, 20);
    dataset_free(back);
    dataset_free(d);
    source_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_folder_of_idx),
        cmocka_unit_test(reads_what_is_compressed),
        cmocka_unit_test(refuses_damaged_idx),
        cmocka_unit_test(a_bomb_is_not_unpacked),
        cmocka_unit_test(reads_cifar10),
        cmocka_unit_test(reads_the_household_of_cifar100),
        cmocka_unit_test(refuses_damaged_cifar),
        cmocka_unit_test(reads_fashion_mnist),
        cmocka_unit_test(comes_back_from_an_archive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
