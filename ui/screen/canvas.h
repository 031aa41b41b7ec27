/* SPDX-License-Identifier: GPL-3.0-or-later
   canvas.h -- the cells of the terminal, by ncurses: words cut to their room, in styles
   that stand for what is meant.  It knows nothing of models. */
#ifndef LATHE_UI_SCREEN_CANVAS_H
#define LATHE_UI_SCREEN_CANVAS_H

#include <stdbool.h>
#include "base/error.h"
#include "base/text.h"

/* Without colours each still differs by what it says. */
typedef enum style {
    STYLE_PLAIN,
    STYLE_HEAD,   /* heads of columns, names of panes */
    STYLE_FOCUS,  /* the name of the pane that keys go to */
    STYLE_CHOSEN, /* the row under the cursor */
    STYLE_QUIET,  /* what is of less interest */
    STYLE_KEY,    /* keys, and what is changed but not applied */
    STYLE_GOOD,
    STYLE_WARNING,
    STYLE_BAD,
    STYLE_BAR,
    STYLE_COUNT
} style;

/* Opens the terminal at DESCRIPTOR, both ways; -1: there is none, and ROWS x COLUMNS cells
   are kept in memory for those who save them. */
status canvas_open(int descriptor, int rows, int columns, bool colour, bool unicode,
                   error *e);
void canvas_close(void);
bool canvas_unicode(void);

int canvas_rows(void);
int canvas_columns(void);
/* Takes the terminal's size; without a terminal, ROWS x COLUMNS. */
void canvas_resize(int rows, int columns);
/* Gives the terminal to the shell, and takes it back. */
void canvas_leave(void);
void canvas_return(void);

void canvas_begin(void);                            /* all cells empty */
void canvas_end(int cursor_row, int cursor_column); /* row -1: no cursor */
void canvas_redraw(void); /* every cell is written with the next end */

/* Writes WORDS into COLUMNS cells from there, cut or filled with blanks; returns the cells
   that the words took.  What a terminal would obey, or the locale does not have, is "?". */
int canvas_write(int row, int column, int columns, style s, const char *words);
/* The same, set flush right. */
void canvas_right(int row, int column, int columns, style s, const char *words);
void canvas_line_down(int row, int column, int rows);
void canvas_line(int row, int column, int columns);
/* A bar of COLUMNS cells, SHARE of it full. */
void canvas_bar(int row, int column, int columns, double share);

/* A cell of two pixels, one above the other, from 0 (dark) to 1: a half block in four greys
   where there are colours for it, else one sign that covers as much of the cell as both
   are bright.  X and Y of the upper one choose how their rest is spread over neighbours
   (ordered dithering). */
void canvas_pixels(int row, int column, int x, int y, double upper, double lower);

/* Clicks and the wheel come as KEY_OF_POINTER, or are left to the terminal. */
void canvas_mouse(bool on);

typedef struct pointer {
    int row, column;
    int wheel; /* -1: up, 1: down, 0: a click */
} pointer;

/* What the KEY_OF_POINTER that was read last tells; false: nothing of interest. */
bool canvas_pointer(pointer *p);

/* The next byte or key that was typed: a byte, or beyond 255 a key of keys.h; -1: there is
   none.  RAW: bytes alone. */
int canvas_read(bool raw);

/* What stands on the screen, lines without blanks at their ends; COLOUR: with escapes. */
void canvas_text(bool colour, text *out);

#endif
