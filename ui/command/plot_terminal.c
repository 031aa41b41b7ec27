/* SPDX-License-Identifier: GPL-3.0-or-later
   plot_terminal.c -- a figure as pixels of the terminal: how large its cells make it, and
   in which form.  It draws no figure and writes to no terminal. */
#include "ui/command/plot_terminal.h"

#include <math.h>
#include <unistd.h>
#include "base/memory.h"
#include "data/picture.h"
#include "plots/style.h"
#include "ui/interpreter.h"
#include "ui/output/terminal.h"

/* Cells of a terminal that does not say how large they are; the room of one that is not
   there. */
enum { CELL_WIDTH = 8, CELL_HEIGHT = 16, COLUMNS = 80, ROWS = 24, COLUMNS_MOST = 200 };

graphics_form plot_terminal_form(const call *c)
{
    interpreter *i = c->interpreter;
    const settings *s = i ? interpreter_settings(i) : NULL;
    if (!s || interpreter_front(i))
        return GRAPHICS_CHARACTERS;
    if (s->picture != GRAPHICS_AUTO)
        return s->picture;
    if (!interpreter_is_watched(i) || !s->colour)
        return GRAPHICS_CHARACTERS;
    const graphics_terminal *t = interpreter_graphics(i);
    const bool blocks = s->unicode && graphics_terminal_depth() != DEPTH_NONE;
    return t->kitty   ? GRAPHICS_KITTY
           : t->sixel ? GRAPHICS_SIXEL
           : blocks   ? GRAPHICS_BLOCKS
                      : GRAPHICS_CHARACTERS;
}

#define LINE_DOTS   1.1
#define MARKER_DOTS 0.3

/* What there is room for, and how large a cell is. */
typedef struct room {
    int columns, rows, cell_width, cell_height;
} room;

static room room_of(const call *c, graphics_form form)
{
    const settings *s = interpreter_settings(c->interpreter);
    const graphics_terminal *t = interpreter_graphics(c->interpreter);
    const int rows = terminal_rows(STDOUT_FILENO);
    room r = {.columns = s->columns > 0 ? s->columns : COLUMNS,
              .rows = rows > 4 ? rows - 2 : ROWS,
              .cell_width = t->cell_width > 0 ? t->cell_width : CELL_WIDTH,
              .cell_height = t->cell_height > 0 ? t->cell_height : CELL_HEIGHT};
    r.columns = r.columns < COLUMNS_MOST ? r.columns : COLUMNS_MOST;
    if (form == GRAPHICS_BLOCKS) {
        r.cell_width = 1;
        r.cell_height = 2;
    }
    return r;
}

/* So many dots an inch that type is about as high as that of the terminal, and the page
   not wider than the room; blocks are too few for type. */
static double dots_of(const figure_row *row, const figure_call *f, const room *r,
                      graphics_form form)
{
    const double magnify = style_of(f)->magnify;
    const double width = f->width_mm > 0 ? f->width_mm : row->width_mm * magnify;
    const double inches = (width > 0 ? width : 180) / 25.4;
    const double all = r->columns * r->cell_width / inches;
    const double readable = 1.1 * r->cell_height * 72 / (STYLE_POINTS * magnify);
    return form == GRAPHICS_BLOCKS ? all : fmin(all, readable);
}

/* Lines and markers that are seen where a dot is a block: gnuplot's of width 1 are one dot
   at 96 an inch. */
static void strengthen(style_row *s)
{
    const double unit = s->dots / 96 * s->magnify;
    s->line = fmax(s->line, LINE_DOTS / unit);
    s->marker = fmax(s->marker, MARKER_DOTS / unit);
}

/* T not larger than the room, in an even number of rows; a new one, or T itself. */
static tensor *fit(tensor *t, const room *r, error *e)
{
    const shape s = tensor_shape(t);
    const double width = r->columns * r->cell_width, height = r->rows * r->cell_height;
    const double share =
        fmin(1, fmin(width / (double)s.dim[1], height / (double)s.dim[0]));
    const int64_t h = (int64_t)fmax(2, 2 * rint((double)s.dim[0] * share / 2)),
                  w = (int64_t)fmax(1, rint((double)s.dim[1] * share));
    if (h == s.dim[0] && w == s.dim[1])
        return t;
    tensor *smaller = picture_resize(t, h, w, e);
    tensor_free(t);
    return smaller;
}

static int cells_of(int64_t pixels, int cell)
{
    return (int)((pixels + cell - 1) / cell);
}

static status show_pixels(const text *png, graphics_form form, const room *r,
                          const plot_words *words, text *out, error *e)
{
    tensor *t = picture_parse(text_get(png), png->length, "gnuplot", COLOUR_RGB, e);
    t = t ? fit(t, r, e) : NULL;
    if (!t)
        return e->code;
    const shape s = tensor_shape(t);
    status result = E_MEMORY;
    if (form == GRAPHICS_KITTY) { /* the terminal makes it smaller itself */
        result =
            graphics_kitty(text_get(png), png->length, cells_of(s.dim[0], r->cell_height),
                           cells_of(s.dim[1], r->cell_width), out, e);
    } else if (form == GRAPHICS_SIXEL) {
        result = graphics_sixel(t, out, e);
    } else {
        graphics_cell *cells = graphics_place(t, words->items, words->count, e);
        if (cells)
            result = graphics_blocks(t, cells, graphics_terminal_depth(), out, e);
        memory_free(cells);
    }
    tensor_free(t);
    return result;
}

/* Draws it anew as FORM, ".png" or ".svg". */
static status render(const figure_row *row, const figure_call *f, const char *form,
                     text *out, error *e)
{
    const figure_target to = {.form = form, .unicode = true, .colour = true};
    text data = {0}, script = {0};
    figure_call again = *f;
    again.data = &data;
    again.script = &script;
    const status result = figure_render(row, &again, &to, out, NULL, e);
    text_clear(&data);
    text_clear(&script);
    return result;
}

status plot_terminal_draw(call *c, const figure_row *row, figure_call *f,
                          graphics_form form, error *e)
{
    const room r = room_of(c, form);
    style_row style = *style_of(f);
    style.dots = dots_of(row, f, &r, form);
    if (form == GRAPHICS_BLOCKS)
        strengthen(&style);
    f->style = &style;
    text png = {0}, svg = {0};
    plot_words words = {0};
    status result = render(row, f, ".png", &png, e);
    if (result == E_OK && form == GRAPHICS_BLOCKS) {
        result = render(row, f, ".svg", &svg, e);
        if (result == E_OK)
            result = plot_words_read(&words, text_get(&svg), e);
    }
    if (result == E_OK)
        result = show_pixels(&png, form, &r, &words, &c->picture, e);
    c->pixels = result == E_OK;
    plot_words_clear(&words);
    text_clear(&png);
    text_clear(&svg);
    return result;
}
