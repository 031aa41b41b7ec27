/* SPDX-License-Identifier: GPL-3.0-or-later
   picture.c -- PNG by libpng.  It trusts no size that the file tells beyond what its
   bytes can stand for. */
#include "data/picture.h"

#include <png.h>
#include <setjmp.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

enum {
    DEFLATE_MOST = 1032, /* bytes that one byte of deflate can stand for, RFC 1951 */
    SIDE_MOST = 1 << 16,
    CHUNK_MOST = 1 << 22, /* of what is no picture: texts, profiles */
    BLOCK_MOST = 1 << 23 /* of libpng's own memory: a row of 2^16 pixels has 2^19 bytes */
};
#define FILE_MOST ((size_t)1 << 30)

typedef struct decoding {
    const uint8_t *bytes;
    size_t length, at;
    const char *who;
    error *e;
    png_structp png;
    png_infop info;
    picture_colour colour;
    tensor *out;
    png_bytep *rows;
} decoding;

/* libpng wants these two never to return. */
static void on_error(png_structp png, png_const_charp words)
{
    const decoding *d = png_get_error_ptr(png);
    if (d->e && d->e->code == E_OK)
        fail(d->e, E_FORMAT, "%s: damaged picture: %s", d->who, words);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp words)
{
    (void)png;
    (void)words;
}

/* For libpng, which would take the length of a chunk at its word. */
static png_voidp take_memory(png_structp png, png_alloc_size_t bytes)
{
    (void)png;
    return bytes <= BLOCK_MOST ? memory_new_raw((int64_t)bytes, 1, NULL) : NULL;
}

static void give_memory(png_structp png, png_voidp block)
{
    (void)png;
    memory_free(block);
}

static void take_bytes(png_structp png, png_bytep to, size_t bytes)
{
    decoding *d = png_get_io_ptr(png);
    if (bytes > d->length - d->at)
        png_error(png, "it is truncated");
    memcpy(to, d->bytes + d->at, bytes);
    d->at += bytes;
}

/* Before anything of the picture's size is allocated, here or by libpng. */
static status check_size(const decoding *d)
{
    const int64_t width = png_get_image_width(d->png, d->info);
    const int64_t height = png_get_image_height(d->png, d->info);
    const int64_t bits =
        (int64_t)png_get_bit_depth(d->png, d->info) * png_get_channels(d->png, d->info);
    const int64_t bytes = (width * bits + 7) / 8 * height; /* sides are below 2^16 */
    if (bytes / DEFLATE_MOST > (int64_t)d->length)
        return fail(d->e, E_FORMAT,
                    "%s: says it has %lld x %lld pixels, more than its %zu bytes can "
                    "stand for",
                    d->who, (long long)width, (long long)height, d->length);
    if ((size_t)(width * height * 8) > memory_available() / 2)
        return fail(d->e, E_MEMORY, "%s: no memory for %lld x %lld pixels", d->who,
                    (long long)width, (long long)height);
    return E_OK;
}

/* Whatever the file has becomes 8 or 16 bits of grey or RGB, in this machine's order. */
static void set_conversions(const decoding *d)
{
    const int type = png_get_color_type(d->png, d->info);
    const bool grey = !(type & PNG_COLOR_MASK_COLOR);
    png_set_expand(d->png);
    png_set_strip_alpha(d->png);
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
        png_set_swap(d->png);
    if (grey && d->colour == COLOUR_RGB)
        png_set_gray_to_rgb(d->png);
    if (!grey && d->colour == COLOUR_GREY)
        png_set_rgb_to_gray_fixed(d->png, PNG_ERROR_ACTION_NONE, -1, -1);
    png_set_interlace_handling(d->png);
    png_read_update_info(d->png, d->info);
}

static status make_rows(decoding *d)
{
    const int64_t height = png_get_image_height(d->png, d->info);
    const int64_t width = png_get_image_width(d->png, d->info);
    const int64_t channels = png_get_channels(d->png, d->info);
    const dtype type = png_get_bit_depth(d->png, d->info) == 16 ? DTYPE_U16 : DTYPE_U8;
    const size_t row = png_get_rowbytes(d->png, d->info);
    if (row != (size_t)(width * channels) * dtype_size(type))
        return fail(d->e, E_FORMAT, "%s: damaged picture: rows of %zu bytes", d->who,
                    row);
    d->out = tensor_new(type, shape_of(3, height, width, channels), d->e);
    d->rows = d->out ? memory_new(height, sizeof *d->rows, d->e) : NULL;
    uint8_t *to = d->rows ? tensor_write(d->out, d->e) : NULL;
    for (int64_t i = 0; to && i < height; i++)
        d->rows[i] = to + (size_t)i * row;
    return to ? E_OK : E_MEMORY;
}

/* What libpng throws lands here; D lives in the caller, so nothing of it is lost. */
static bool decode(decoding *d)
{
    if (setjmp(png_jmpbuf(d->png)))
        return false;
    png_set_read_fn(d->png, d, take_bytes);
    png_set_user_limits(d->png, SIDE_MOST, SIDE_MOST);
    png_set_chunk_malloc_max(d->png, CHUNK_MOST);
    png_set_chunk_cache_max(d->png, 64);
    png_set_keep_unknown_chunks(d->png, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
    png_read_info(d->png, d->info);
    if (check_size(d) != E_OK)
        return false;
    set_conversions(d);
    if (make_rows(d) != E_OK)
        return false;
    png_read_image(d->png, d->rows);
    png_read_end(d->png, NULL);
    return true;
}

tensor *picture_parse(const void *bytes, size_t length, const char *who,
                      picture_colour colour, error *e)
{
    error why = {0};
    decoding d = {.bytes = bytes, .length = length, .who = who, .e = &why};
    d.colour = colour;
    if (length < 8 || png_sig_cmp(bytes, 0, 8) != 0) {
        fail(e, E_FORMAT, "%s: is no PNG picture", who);
        return NULL;
    }
    d.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &d, on_error, on_warning,
                                     NULL, take_memory, give_memory);
    d.info = d.png ? png_create_info_struct(d.png) : NULL;
    if (!d.info)
        fail(&why, E_MEMORY, "%s: no memory to read it", who);
    if (!d.info || !decode(&d)) {
        tensor_free(d.out);
        d.out = NULL;
        if (e)
            *e = why;
    }
    png_destroy_read_struct(&d.png, &d.info, NULL);
    memory_free(d.rows);
    return d.out;
}

tensor *picture_read(const char *path, picture_colour colour, error *e)
{
    void *bytes;
    size_t length;
    if (file_read_regular(path, FILE_MOST, &bytes, &length, e) != E_OK)
        return NULL;
    tensor *t = picture_parse(bytes, length, path, colour, e);
    memory_free(bytes);
    return t;
}

void picture_to_f32(const tensor *t, float *to)
{
    const int64_t count = tensor_count(t);
    if (tensor_dtype(t) == DTYPE_U16) {
        const uint16_t *from = tensor_data(t);
        for (int64_t i = 0; i < count; i++)
            to[i] = (float)from[i] / 65535.0f;
        return;
    }
    const uint8_t *from = tensor_data(t);
    for (int64_t i = 0; i < count; i++)
        to[i] = (float)from[i] / 255.0f;
}
