/* SPDX-License-Identifier: GPL-3.0-or-later
   test_pictures.c -- PNG files and the sources that read folders of them: what libpng
   wrote comes back, damage and links that lead out are refused. */
#include "support.h"
#include "support_source.h"

#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "base/file.h"
#include "base/memory.h"
#include "data/bayer.h"
#include "data/npy.h"
#include "data/picture.h"

static void expect_error(dataset *d, const error *e, status code, const char *reason)
{
    assert_null(d);
    if (e->code != code || !strstr(e->text, reason))
        fail_msg("\"%s\" (%d) does not tell \"%s\" (%d)", e->text, e->code, reason, code);
}

/* A PNG file of BITS a channel, channels by TYPE, pixel bytes PIXELS as libpng wants. */
static void write_png(const char *folder, const char *name, int width, int height,
                      int type, int bits, const uint8_t *pixels)
{
    FILE *f = fopen(source_path(folder, name), "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    assert_true(f && png && info && setjmp(png_jmpbuf(png)) == 0);
    png_init_io(png, f);
    png_set_IHDR(png, info, (unsigned)width, (unsigned)height, bits, type,
                 width > 5 ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, 0, 0);
    static png_color palette[2] = {{1, 2, 3}, {200, 100, 50}};
    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, palette, 2);
    png_write_info(png, info);
    const size_t row = png_get_rowbytes(png, info);
    const int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < height; y++)
            png_write_row(png, pixels + (size_t)y * row);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    assert_int_equal(fclose(f), 0);
}

/* A grey picture of one value. */
static void write_grey(const char *folder, const char *name, int side, uint8_t value)
{
    uint8_t pixels[64 * 64];
    memset(pixels, value, sizeof pixels);
    write_png(folder, name, side, side, PNG_COLOR_TYPE_GRAY, 8, pixels);
}

static void reads_every_kind(void **state)
{
    (void)state;
    error e = {0};
    char *folder = source_folder();
    const uint8_t grey[6] = {0, 50, 100, 150, 200, 255};
    const uint8_t colours[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    const uint8_t clear[16] = {1, 2, 3, 0, 4, 5, 6, 99, 7, 8, 9, 255, 10, 11, 12, 1};
    const uint8_t wide[8] = {0x12, 0x34, 0, 1, 0xff, 0xff, 0, 0};
    const uint8_t bits[2] = {0xa0, 0x40}; /* 1 0 1 / 0 1 0 */
    write_png(folder, "grey.png", 3, 2, PNG_COLOR_TYPE_GRAY, 8, grey);
    tensor *t = picture_read(source_path(folder, "grey.png"), COLOUR_ANY, &e);
    assert_non_null(t);
    assert_true(
        shape_equal(tensor_shape(t), shape_of(3, INT64_C(2), INT64_C(3), INT64_C(1))));
    assert_memory_equal(tensor_data(t), grey, 6);
    tensor_free(t);
    t = picture_read(source_path(folder, "grey.png"), COLOUR_RGB, &e);
    assert_int_equal(((const uint8_t *)tensor_data(t))[5], 50);
    tensor_free(t);
    write_png(folder, "rgb.png", 2, 2, PNG_COLOR_TYPE_RGB, 8, colours);
    t = picture_read(source_path(folder, "rgb.png"), COLOUR_ANY, &e);
    assert_memory_equal(tensor_data(t), colours, 12);
    tensor_free(t);
    t = picture_read(source_path(folder, "rgb.png"), COLOUR_GREY, &e);
    assert_int_equal(tensor_shape(t).dim[2], 1);
    assert_in_range(((const uint8_t *)tensor_data(t))[3], 10, 11); /* of 10 11 12 */
    tensor_free(t);
    write_png(folder, "clear.png", 2, 2, PNG_COLOR_TYPE_RGB_ALPHA, 8, clear);
    t = picture_read(source_path(folder, "clear.png"), COLOUR_ANY, &e);
    assert_memory_equal(tensor_data(t), colours, 12);
    tensor_free(t);
    write_png(folder, "wide.png", 2, 2, PNG_COLOR_TYPE_GRAY, 16, wide);
    t = picture_read(source_path(folder, "wide.png"), COLOUR_ANY, &e);
    assert_int_equal(tensor_dtype(t), DTYPE_U16);
    assert_int_equal(((const uint16_t *)tensor_data(t))[0], 0x1234);
    float real[4];
    picture_to_f32(t, real);
    assert_true(real[2] == 1 && real[1] == 1 / 65535.0f);
    tensor_free(t);
    write_png(folder, "bits.png", 3, 2, PNG_COLOR_TYPE_PALETTE, 1, bits);
    t = picture_read(source_path(folder, "bits.png"), COLOUR_ANY, &e);
    assert_int_equal(tensor_shape(t).dim[2], 3);
    assert_int_equal(((const uint8_t *)tensor_data(t))[0], 200);
    assert_int_equal(((const uint8_t *)tensor_data(t))[5], 3);
    tensor_free(t);
    source_folder_remove(folder);
}

/* Constant stays constant, a ramp stays a ramp inside, halves are means of four. */
static void resizes(void **state)
{
    (void)state;
    error e = {0};
    tensor *t = tensor_new(DTYPE_U8, shape_of(3, INT64_C(8), INT64_C(8), INT64_C(1)), &e);
    uint8_t *x = tensor_write(t, &e);
    for (int i = 0; i < 64; i++)
        x[i] = (uint8_t)(16 * (i % 8) + 2 * (i / 8));
    tensor *twice = picture_resize(t, 16, 16, &e);
    const uint8_t *y = tensor_data(twice);
    for (int i = 1; i < 15; i++)
        for (int j = 1; j < 15; j++) /* the old field at (i + 1/2) / 2 - 1/2 */
            assert_true(fabs(y[i * 16 + j] - (16 * (j / 2.0 - 0.25) + i - 0.5)) <= 0.5);
    assert_int_equal(y[0], 0);
    assert_int_equal(y[255], 7 * 18);
    tensor_free(twice);
    tensor *half = picture_resize(t, 4, 4, &e);
    y = tensor_data(half);
    for (int i = 1; i < 3; i++)
        for (int j = 1; j < 3; j++)
            assert_true(fabs(1.0 * y[i * 4 + j] - (32 * j + 8 + 4 * i + 1)) <= 0.5);
    tensor_free(half);
    tensor *same = picture_resize(t, 8, 8, &e);
    assert_true(tensor_equal(t, same));
    tensor_free(same);
    tensor_free(t);
}

static void refuses_damage(void **state)
{
    (void)state;
    error e = {0};
    void *bytes;
    size_t length;
    char *folder = source_folder();
    uint8_t pixels[64 * 3];
    for (int i = 0; i < 192; i++)
        pixels[i] = (uint8_t)(i * 7);
    write_png(folder, "a.png", 8, 8, PNG_COLOR_TYPE_RGB, 8, pixels);
    assert_int_equal(file_read(source_path(folder, "a.png"), 4096, &bytes, &length, &e),
                     E_OK);
    for (size_t cut = 0; cut < length; cut++) {
        error why = {0};
        assert_null(picture_parse(bytes, cut, "cut", COLOUR_ANY, &why));
        assert_int_equal(why.code, E_FORMAT);
        assert_non_null(strstr(why.text, "cut: "));
    }
    /* 60000 x 60000 pixels in a file of some hundred bytes, with a right checksum. */
    uint8_t *huge = bytes;
    huge[16] = huge[17] = huge[20] = huge[21] = 0;
    huge[18] = huge[22] = 0xea;
    huge[19] = huge[23] = 0x60;
    const uint32_t sum = (uint32_t)crc32(0, huge + 12, 17);
    for (int i = 0; i < 4; i++)
        huge[29 + i] = (uint8_t)(sum >> (24 - 8 * i));
    memory_peak_reset();
    const size_t before = memory_peak();
    assert_null(picture_parse(huge, length, "huge", COLOUR_ANY, &e));
    assert_non_null(strstr(e.text, "60000 x 60000 pixels, more than its"));
    assert_true(memory_peak() - before < 1 << 20);
    memory_free(bytes);
    /* A text that says it has 1.5 GB. */
    static const uint8_t text[] = {0x5d, 0, 0, 3, 't', 'E', 'X', 't', 'a', 0, 'b'};
    uint8_t file[33 + sizeof text];
    write_png(folder, "b.png", 2, 2, PNG_COLOR_TYPE_GRAY, 8, pixels);
    assert_int_equal(file_read(source_path(folder, "b.png"), 4096, &bytes, &length, &e),
                     E_OK);
    memcpy(file, bytes, 33);
    memcpy(file + 33, text, sizeof text);
    memory_free(bytes);
    memory_peak_reset();
    const size_t base = memory_peak();
    assert_null(picture_parse(file, sizeof file, "text", COLOUR_ANY, &e));
    assert_int_equal(e.code, E_FORMAT);
    assert_true(memory_peak() - base < 16 << 20);
    e = (error){0};
    assert_null(picture_read("/dev/zero", COLOUR_ANY, &e));
    assert_non_null(strstr(e.text, "no regular file"));
    source_folder_remove(folder);
}

static void make_folder(const char *folder, const char *name)
{
    assert_int_equal(mkdir(source_path(folder, name), 0700), 0);
}

static void a_class_is_a_folder(void **state)
{
    (void)state;
    error e = {0};
    char *folder = source_folder(), *test = source_folder(), words[300];
    static const char *const classes[] = {"cat", "dog", "emu"};
    for (int c = 0; c < 3; c++) {
        make_folder(folder, classes[c]);
        make_folder(test, classes[c]);
        for (int i = 0; i < 4; i++) {
            char name[40];
            snprintf(name, sizeof name, "%s/%d.png", classes[c], i);
            write_grey(folder, name, 6, (uint8_t)(10 * c + i));
            if (i < 2)
                write_grey(test, name, 6, (uint8_t)(100 + 10 * c + i));
        }
        source_file(folder, "cat/notes.txt", "x", 1);
    }
    snprintf(words, sizeof words, "test=%s classes=emu,cat val=0.25", test);
    dataset *d = source_read_words(&source_images, folder, words, &e);
    assert_non_null(d);
    assert_int_equal(d->count, 12);
    assert_int_equal(dataset_split_count(d, SPLIT_TEST), 4);
    assert_int_equal(dataset_split_count(d, SPLIT_VAL), 2);
    assert_string_equal(dataset_class_name(d, 0), "emu");
    for (int64_t i = 0; i < d->count; i++) {
        const int value = ((const uint8_t *)tensor_data(d->input))[i * 36];
        assert_int_equal(d->split[i] == SPLIT_TEST, value >= 100);
        assert_int_equal(value % 100 / 10, tensor_f32(d->target)[i] == 0 ? 2 : 0);
    }
    dataset_free(d);
    d = source_read_words(&source_images, folder, "size=3 colour=rgb", &e);
    assert_non_null(d);
    assert_true(shape_equal(dataset_input_shape(d),
                            shape_of(3, INT64_C(3), INT64_C(3), INT64_C(3))));
    dataset_free(d);
    write_grey(folder, "dog/odd.png", 7, 1);
    expect_error(source_read_words(&source_images, folder, "", &e), &e, E_SHAPE,
                 "dog/odd.png: is 7x7x1, the first picture 6x6x1");
    source_file(folder, "dog/odd.png", "no picture", 10);
    e = (error){0};
    expect_error(source_read_words(&source_images, folder, "", &e), &e, E_FORMAT,
                 "dog/odd.png: is no PNG picture");
    source_folder_remove(folder);
    source_folder_remove(test);
}

static void links_do_not_lead_out(void **state)
{
    (void)state;
    error e = {0};
    char *folder = source_folder(), *other = source_folder();
    write_grey(folder, "a.png", 6, 1);
    write_grey(other, "b.png", 6, 2);
    assert_int_equal(symlink("a.png", source_path(folder, "within.png")), 0);
    assert_int_equal(symlink("nowhere.png", source_path(folder, "dangling.png")), 0);
    assert_int_equal(mkfifo(source_path(folder, "pipe.png"), 0600), 0);
    dataset *d = source_read_words(&source_images, folder, "", &e);
    assert_non_null(d); /* what is no file is left out, a pipe not waited for */
    assert_int_equal(d->count, 2);
    assert_null(d->target);
    dataset_free(d);
    char *out = memory_text(source_path(other, "b.png"), &e);
    assert_int_equal(symlink(out, source_path(folder, "out.png")), 0);
    expect_error(source_read_words(&source_images, folder, "", &e), &e, E_FORMAT,
                 "out.png: is a link that leads out of the folder");
    memory_free(out);
    assert_int_equal(unlink(source_path(folder, "out.png")), 0);
    assert_int_equal(symlink(other, source_path(folder, "class")), 0);
    expect_error(source_read_words(&source_images, folder, "", &e), &e, E_FORMAT,
                 "leads out of the folder");
    expect_error(source_read_words(&source_images, "/nowhere", "", &e), &e, E_FILE,
                 "/nowhere: cannot be opened");
    source_folder_remove(folder);
    source_folder_remove(other);
}

static void pairs_go_by_name(void **state)
{
    (void)state;
    error e = {0};
    char *folder = source_folder(), *targets = source_folder(), words[200];
    for (int i = 0; i < 5; i++) {
        char name[20];
        snprintf(name, sizeof name, "%d.png", i);
        write_grey(folder, name, 6, (uint8_t)i);
        write_grey(targets, name, 12, (uint8_t)(10 * i));
    }
    snprintf(words, sizeof words, "target=%s", targets);
    dataset *d = source_read_words(&source_images, folder, words, &e);
    assert_non_null(d);
    assert_true(shape_equal(dataset_target_shape(d),
                            shape_of(3, INT64_C(12), INT64_C(12), INT64_C(1))));
    for (int i = 0; i < 5; i++) {
        assert_int_equal(((const uint8_t *)tensor_data(d->input))[i * 36], i);
        assert_true(tensor_f32(d->target)[i * 144] == (float)(10 * i) / 255.0f);
    }
    dataset_free(d);
    assert_int_equal(unlink(source_path(targets, "3.png")), 0);
    expect_error(source_read_words(&source_images, folder, words, &e), &e, E_FILE,
                 "3.png: has no picture of its name");
    source_folder_remove(folder);
    source_folder_remove(targets);
}

/* The published packing, worked out by hand: black 512, white 16383. */
static void packs_bayer(void **state)
{
    (void)state;
    /* Two rows of two squares; the first square is R=512, G=16383, G=1000, B=100. */
    static const uint16_t frame[8] = {512, 16383, 612, 712, 1000, 100, 812, 912};
    const bayer_level level = {512, 16383, 100};
    float planes[8];
    bayer_pack(frame, 4, 1, 2, &level, planes);
    assert_true(planes[0] == 0); /* R: black */
    assert_true(planes[1] == 1); /* G: white, clipped */
    assert_true(planes[2] == 0); /* B: below black */
    assert_true(planes[3] == 1); /* G: 488/15871 * 100 */
    assert_true(fabs((double)planes[4] - 10000.0 / 15871) < 1e-7);
    assert_true(fabs((double)planes[6] - 1) < 1e-7); /* 400/15871 * 100 > 1 */
}

static void reads_raw_frames(void **state)
{
    (void)state;
    error e = {0};
    char *folder = source_folder(), *targets = source_folder(), words[300];
    uint8_t pixels[8 * 8 * 2], picture[8 * 8 * 3];
    for (int k = 0; k < 4; k++) {
        char name[20];
        for (int i = 0; i < 64; i++) {
            const int value = 512 + 10 * i + k;
            pixels[2 * i] = (uint8_t)(value >> 8);
            pixels[2 * i + 1] = (uint8_t)value;
            for (int c = 0; c < 3; c++)
                picture[3 * i + c] = (uint8_t)(3 * i + c + k);
        }
        snprintf(name, sizeof name, "%d.png", k);
        if (k < 3)
            write_png(folder, name, 8, 8, PNG_COLOR_TYPE_GRAY, 16, pixels);
        else {
            tensor *t = tensor_new(DTYPE_U16, shape_of(2, INT64_C(8), INT64_C(8)), &e);
            for (int i = 0; i < 64; i++)
                ((uint16_t *)tensor_write(t, &e))[i] = (uint16_t)(512 + 10 * i + k);
            assert_int_equal(npy_write(source_path(folder, "3.npy"), t, &e), E_OK);
            tensor_free(t);
        }
        write_png(targets, name, 8, 8, PNG_COLOR_TYPE_RGB, 8, picture);
    }
    snprintf(words, sizeof words, "target=%s ratio=2 tile=2", targets);
    dataset *d = source_read_words(&source_raw, folder, words, &e);
    assert_non_null(d);
    assert_int_equal(d->count, 16); /* four tiles of 2 x 2 squares a frame */
    assert_true(shape_equal(dataset_target_shape(d),
                            shape_of(3, INT64_C(4), INT64_C(4), INT64_C(3))));
    for (int64_t i = 0; i < 16; i++)
        assert_int_equal(d->group[i], i / 4);
    /* Tile 3 of frame 3 starts at row 4, column 4; B of its square (1, 0) is (7, 5). */
    const double wanted = (10.0 * (7 * 8 + 5) + 3) / (16383 - 512) * 2;
    const float *tile = tensor_f32(d->input) + 15 * 16;
    assert_true(fabs((double)tile[(1 * 2 + 0) * 4 + 2] - wanted) < 1e-7);
    const float *part = tensor_f32(d->target) + 15 * 48;
    assert_true(part[(3 * 4 + 1) * 3 + 2] ==
                (float)(uint8_t)(3 * (7 * 8 + 5) + 2 + 3) / 255.0f);
    dataset_free(d);
    expect_error(source_read_words(&source_raw, folder, "black=600 white=600", &e), &e,
                 E_RANGE, "white=600 is not above black=600");
    expect_error(source_read_words(&source_raw, targets, "", &e), &e, E_SHAPE,
                 "a frame (H,W) of u16 was wanted");
    expect_error(source_read_words(&source_raw, folder, "tile=9", &e), &e, E_RANGE,
                 "fewer than a tile");
    source_folder_remove(folder);
    source_folder_remove(targets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_kind),      cmocka_unit_test(resizes),
        cmocka_unit_test(refuses_damage),        cmocka_unit_test(a_class_is_a_folder),
        cmocka_unit_test(links_do_not_lead_out), cmocka_unit_test(pairs_go_by_name),
        cmocka_unit_test(packs_bayer),           cmocka_unit_test(reads_raw_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
