/* SPDX-License-Identifier: GPL-3.0-or-later
   graphics.h -- pixels as what a terminal shows: kitty's protocol, sixels, or half blocks
   in its colours; and the question which of them it knows.  It draws no figure. */
#ifndef LATHE_UI_OUTPUT_GRAPHICS_H
#define LATHE_UI_OUTPUT_GRAPHICS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"
#include "tensor/tensor.h"

typedef enum graphics_form {
    GRAPHICS_AUTO, /* the first of those below that the terminal has */
    GRAPHICS_KITTY,
    GRAPHICS_SIXEL,
    GRAPHICS_BLOCKS,
    GRAPHICS_CHARACTERS,
    GRAPHICS_OFF,
    GRAPHICS_FORMS
} graphics_form;

const char *graphics_form_name(graphics_form f);
bool graphics_form_find(const char *name, graphics_form *f);

/* With none, sixteen are written where blocks are wanted all the same. */
typedef enum graphics_depth {
    DEPTH_NONE,
    DEPTH_16,
    DEPTH_256,
    DEPTH_TRUE
} graphics_depth;

/* Words of a picture, where it has too few pixels for its type. */
typedef struct graphics_label {
    double x, y;  /* of their anchor, on the baseline: parts of its width and height */
    double size;  /* of the type, a part of the height */
    int align;    /* the anchor is their begin (-1), their middle (0), their end (1) */
    bool upright; /* they are read from below to above */
    const char *words;
} graphics_label;

/* A cell with a sign of a word in it, on its ground; without one it shows two pixels. */
typedef struct graphics_cell {
    const char *sign; /* lent; NULL: none */
    int length;       /* of the sign, in bytes */
    uint8_t ground[3];
} graphics_cell;

/* T (2 x rows, columns, 3), u8: the cells, rows x columns, that the labels take, for the
   caller to free; their smudges go from T.  Labels that others stand in the way of are left
   out. */
graphics_cell *graphics_place(tensor *t, const graphics_label *labels, int64_t count,
                              error *e);

/* T (2 x rows, columns, 3), u8: one cell for two pixels, one above the other; CELLS (NULL:
   none) stand before them. */
status graphics_blocks(const tensor *t, const graphics_cell *cells, graphics_depth depth,
                       text *out, error *e);

/* T (height, width, 3), u8: one sixel image of at most 256 colours; where there are more,
   the nearest of a palette of its own.  Source: DEC, "VT330/VT340 Programmer Reference
   Manual", volume 2, chapter 14. */
status graphics_sixel(const tensor *t, text *out, error *e);

/* LENGTH bytes of a PNG file, shown on ROWS x COLUMNS cells.  Source: "Terminal graphics
   protocol", https://sw.kovidgoyal.net/kitty/graphics-protocol/. */
status graphics_kitty(const void *png, size_t length, int rows, int columns, text *out,
                      error *e);

/* What a terminal says of itself. */
typedef struct graphics_terminal {
    bool kitty, sixel;
    int cell_width, cell_height; /* in pixels; 0: it does not say */
} graphics_terminal;

/* Asks the terminal at IN and OUT and waits for 100 ms at most.  What was typed meanwhile
   is added to TYPED; the terminal's modes are as before.  Where keys wait already, nothing
   is asked: false. */
bool graphics_ask(int in, int out, graphics_terminal *t, text *typed);

/* Takes the answers out of LENGTH bytes that came from a terminal; true where the last of
   them, to the question for its attributes, is there.  Other bytes go to TYPED. */
bool graphics_answers(const char *bytes, size_t length, graphics_terminal *t,
                      text *typed);

/* By the environment: how many colours the terminal has. */
graphics_depth graphics_terminal_depth(void);

#endif
