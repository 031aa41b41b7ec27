/* SPDX-License-Identifier: GPL-3.0-or-later
   graphics_words.c -- words of a picture that has too few pixels for type: they get cells
   of their own, and their smudges go.  It draws nothing else. */
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "base/memory.h"
#include "ui/output/graphics.h"

/* A letter of type of size 1: its width, and how far it reaches above the baseline, below
   it, and up to its middle. */
#define LETTER_WIDTH  0.6
#define LETTER_ABOVE  0.8
#define LETTER_BELOW  0.25
#define LETTER_MIDDLE 0.3

typedef struct span {
    int64_t first, end;
} span;

/* A picture at work: its pixels, and its cells of two pixels each. */
typedef struct board {
    uint8_t *pixels;
    int64_t height, width, rows;
    graphics_cell *cells;
} board;

/* From LOW to HIGH, all of the pixels that they touch, within 0..LIMIT. */
static span span_of(double low, double high, int64_t limit)
{
    span s = {(int64_t)floor(low), (int64_t)ceil(high)};
    s.first = s.first < 0 ? 0 : s.first;
    s.end = s.end > limit ? limit : s.end;
    return s;
}

/* How often the pixel C stands in these. */
static int64_t count_of(const board *b, const uint8_t *c, span rows, span columns)
{
    int64_t count = 0;
    for (int64_t y = rows.first; y < rows.end; y++)
        for (int64_t x = columns.first; x < columns.end; x++)
            count += memcmp(b->pixels + (y * b->width + x) * 3, c, 3) == 0;
    return count;
}

/* What the words stand on is the colour that is there most often; it takes their place. */
static void wipe(board *b, span rows, span columns, uint8_t *ground)
{
    int64_t most = 0;
    for (int64_t y = rows.first; y < rows.end; y++)
        for (int64_t x = columns.first; x < columns.end; x++) {
            const uint8_t *c = b->pixels + (y * b->width + x) * 3;
            const int64_t count = count_of(b, c, rows, columns);
            if (count > most) {
                most = count;
                memcpy(ground, c, 3);
            }
        }
    for (int64_t y = rows.first; most > 0 && y < rows.end; y++)
        for (int64_t x = columns.first; x < columns.end; x++)
            memcpy(b->pixels + (y * b->width + x) * 3, ground, 3);
}

/* Bytes of the sign at WORDS. */
static int sign_bytes(const char *words)
{
    int length = 1;
    while (((unsigned char)words[length] & 0xc0) == 0x80)
        length++;
    return length;
}

static int64_t signs_of(const char *words)
{
    int64_t count = 0;
    for (; *words; words += sign_bytes(words))
        count++;
    return count;
}

static int64_t clamp(double at, int64_t last)
{
    return at < 0 ? 0 : at > (double)last ? last : (int64_t)at;
}

static bool is_free(const board *b, int64_t row, int64_t column)
{
    return column < 0 || column >= b->width || !b->cells[row * b->width + column].sign;
}

static void put_sign(board *b, int64_t row, int64_t column, const char *sign,
                     const uint8_t *ground)
{
    graphics_cell *c = &b->cells[row * b->width + column];
    *c = (graphics_cell){.sign = sign, .length = sign_bytes(sign)};
    memcpy(c->ground, ground, 3);
}

/* N signs from the cell ROW, COLUMN on, a blank apart from others; where there is no room
   for all of them, their begin. */
static void put_words(board *b, const char *words, int64_t n, int64_t row, int64_t column,
                      const uint8_t *ground)
{
    enum { LEAST = 6 }; /* less of them would say nothing */
    int64_t room = 0;
    while (room < n && is_free(b, row, column + room))
        room++;
    const bool whole = room == n && is_free(b, row, column + n);
    room -= whole ? 0 : 2;
    if (!is_free(b, row, column - 1) || (!whole && room < LEAST))
        return;
    for (int64_t i = 0; i < room; i++, words += sign_bytes(words))
        put_sign(b, row, column + i, words, ground);
    if (!whole)
        put_sign(b, row, column + room, "\u2026", ground);
}

/* The same downwards, all of them or none. */
static void put_upright(board *b, const char *words, int64_t n, int64_t row,
                        int64_t column, const uint8_t *ground)
{
    for (int64_t i = 0; i < n; i++)
        if (!is_free(b, row + i, column))
            return;
    for (int64_t i = 0; i < n; i++, words += sign_bytes(words))
        put_sign(b, row + i, column, words, ground);
}

static void place(board *b, const graphics_label *l)
{
    const double x = l->x * (double)b->width, y = l->y * (double)b->height,
                 size = l->size * (double)b->height;
    const int64_t n = signs_of(l->words);
    const double length = LETTER_WIDTH * size * (double)n, before = l->align < 0 ? 0
                                                                    : l->align == 0
                                                                        ? length / 2
                                                                        : length;
    uint8_t ground[3] = {255, 255, 255};
    if (n == 0 || n != text_columns(l->words))
        return;
    if (l->upright) {
        const double top = y + before - length;
        wipe(b, span_of(top, y + before, b->height),
             span_of(x - LETTER_ABOVE * size, x + LETTER_BELOW * size, b->width), ground);
        if (n <= b->rows)
            put_upright(b, l->words, n,
                        clamp(rint((top + length / 2 - (double)n) / 2), b->rows - n),
                        clamp(floor(x - LETTER_MIDDLE * size), b->width - 1), ground);
        return;
    }
    wipe(b, span_of(y - LETTER_ABOVE * size, y + LETTER_BELOW * size, b->height),
         span_of(x - before, x - before + length, b->width), ground);
    const double column = l->align < 0    ? x
                          : l->align == 0 ? x - (double)n / 2
                                          : x - (double)n;
    if (n <= b->width)
        put_words(b, l->words, n,
                  clamp(floor((y - LETTER_MIDDLE * size) / 2), b->rows - 1),
                  clamp(rint(column), b->width - n), ground);
}

graphics_cell *graphics_place(tensor *t, const graphics_label *labels, int64_t count,
                              error *e)
{
    board b = {.height = tensor_shape(t).dim[0], .width = tensor_shape(t).dim[1]};
    b.rows = b.height / 2;
    b.pixels = tensor_write(t, e);
    b.cells = b.pixels ? memory_new(b.rows * b.width, sizeof *b.cells, e) : NULL;
    for (int64_t i = 0; b.cells && i < count; i++)
        place(&b, &labels[i]);
    return b.cells;
}
