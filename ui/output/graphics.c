/* SPDX-License-Identifier: GPL-3.0-or-later
   graphics.c -- pixels by kitty's protocol and by half blocks; sixels have a file of their
   own.  It writes to no terminal. */
#include "ui/output/graphics.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

static const char *const names[GRAPHICS_FORMS] = {
    [GRAPHICS_AUTO] = "auto",
    [GRAPHICS_KITTY] = "kitty",
    [GRAPHICS_SIXEL] = "sixel",
    [GRAPHICS_BLOCKS] = "blocks",
    [GRAPHICS_CHARACTERS] = "characters",
    [GRAPHICS_OFF] = "off",
};

const char *graphics_form_name(graphics_form f)
{
    return names[f];
}

bool graphics_form_find(const char *name, graphics_form *f)
{
    for (int i = 0; i < GRAPHICS_FORMS; i++) {
        if (text_equal(names[i], name)) {
            *f = (graphics_form)i;
            return true;
        }
    }
    return false;
}

/* ---- half blocks ---- */

static int square(int a)
{
    return a * a;
}

static int distance(const uint8_t *a, const uint8_t *b)
{
    return square(a[0] - b[0]) + square(a[1] - b[1]) + square(a[2] - b[2]);
}

/* The nearest of the 6 x 6 x 6 colours and the 24 greys that xterm has from 16 on. */
static int nearest_of_256(const uint8_t *c)
{
    static const uint8_t levels[6] = {0, 95, 135, 175, 215, 255};
    uint8_t cube[3], grey[3];
    int index = 16, step = 36;
    for (int k = 0; k < 3; k++, step /= 6) {
        int best = 0;
        for (int i = 1; i < 6; i++)
            if (abs(levels[i] - c[k]) < abs(levels[best] - c[k]))
                best = i;
        cube[k] = levels[best];
        index += step * best;
    }
    int shade = ((c[0] + c[1] + c[2]) / 3 - 3) / 10;
    shade = shade < 0 ? 0 : shade > 23 ? 23 : shade;
    memset(grey, 8 + 10 * shade, sizeof grey);
    return distance(c, grey) < distance(c, cube) ? 232 + shade : index;
}

/* The nearest of the sixteen as xterm has them; what a user has made of them is not
   known. */
static int nearest_of_16(const uint8_t *c)
{
    static const uint8_t colours[16][3] = {
        {0, 0, 0},       {205, 0, 0},   {0, 205, 0},   {205, 205, 0},
        {0, 0, 238},     {205, 0, 205}, {0, 205, 205}, {229, 229, 229},
        {127, 127, 127}, {255, 0, 0},   {0, 255, 0},   {255, 255, 0},
        {92, 92, 255},   {255, 0, 255}, {0, 255, 255}, {255, 255, 255}};
    int best = 0;
    for (int i = 1; i < 16; i++)
        if (distance(c, colours[i]) < distance(c, colours[best]))
            best = i;
    return best;
}

/* The parameters that set colour C, of the ground or of what stands on it. */
static void add_colour(const uint8_t *c, graphics_depth depth, bool ground, text *out)
{
    if (depth == DEPTH_TRUE) {
        text_addf(out, "%d;2;%d;%d;%d", ground ? 48 : 38, c[0], c[1], c[2]);
    } else if (depth == DEPTH_256) {
        text_addf(out, "%d;5;%d", ground ? 48 : 38, nearest_of_256(c));
    } else {
        const int i = nearest_of_16(c);
        text_addf(out, "%d", (i < 8 ? 30 + i : 82 + i) + (ground ? 10 : 0));
    }
}

static void set_colours(const uint8_t *front, const uint8_t *ground, graphics_depth depth,
                        text *out)
{
    text_add(out, "\033[");
    add_colour(front, depth, false, out);
    text_add(out, ";");
    add_colour(ground, depth, true, out);
    text_add(out, "m");
}

/* Black on what is light, white on what is dark. */
static const uint8_t *ink_on(const uint8_t *c)
{
    static const uint8_t black[3] = {0, 0, 0}, white[3] = {255, 255, 255};
    return 2 * c[0] + 5 * c[1] + c[2] > 8 * 110 ? black : white;
}

status graphics_blocks(const tensor *t, const graphics_cell *cells, graphics_depth depth,
                       text *out, error *e)
{
    const int64_t rows = tensor_shape(t).dim[0] / 2, columns = tensor_shape(t).dim[1];
    const uint8_t *pixels = tensor_data(t);
    for (int64_t y = 0; y < rows; y++) {
        const uint8_t *front = NULL, *ground = NULL;
        for (int64_t x = 0; x < columns; x++) {
            const uint8_t *a = pixels + (2 * y * columns + x) * 3, *b = a + columns * 3;
            const graphics_cell *c = cells ? &cells[y * columns + x] : NULL;
            const bool word = c && c->sign;
            a = word ? ink_on(c->ground) : a;
            b = word ? c->ground : b;
            if (!front || distance(a, front) || distance(b, ground))
                set_colours(a, b, depth, out);
            text_add_bytes(out, word ? c->sign : "\u2580",
                           word ? (size_t)c->length : strlen("\u2580"));
            front = a;
            ground = b;
        }
        text_add(out, "\033[0m\n");
    }
    return text_ok(out, e);
}

/* ---- kitty ---- */

/* Source: RFC 4648, section 4. */
static void add_base64(const uint8_t *bytes, size_t length, text *out)
{
    static const char signs[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        const size_t rest = length - i;
        const uint32_t group = (uint32_t)bytes[i] << 16 |
                               (rest > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                               (rest > 2 ? bytes[i + 2] : 0);
        const char four[4] = {signs[group >> 18], signs[group >> 12 & 63],
                              rest > 1 ? signs[group >> 6 & 63] : '=',
                              rest > 2 ? signs[group & 63] : '='};
        text_add_bytes(out, four, 4);
    }
}

status graphics_kitty(const void *png, size_t length, int rows, int columns, text *out,
                      error *e)
{
    enum { PIECE = 3072 }; /* 4096 signs of base64, which is the most of one piece */
    const uint8_t *bytes = png;
    for (size_t at = 0; at < length; at += PIECE) {
        const size_t rest = length - at;
        text_add(out, "\033_G");
        if (at == 0) /* q=2: it answers nothing */
            text_addf(out, "a=T,f=100,q=2,c=%d,r=%d,", columns, rows);
        text_addf(out, "m=%d;", rest > PIECE);
        add_base64(bytes + at, rest > PIECE ? PIECE : rest, out);
        text_add(out, "\033\\");
    }
    text_add(out, "\n");
    return text_ok(out, e);
}
