/* SPDX-License-Identifier: GPL-3.0-or-later
   plot_terminal.h -- a figure for the eyes of whoever sits at the terminal: as the pixels
   that it can show, or as characters.  For the command `plot`. */
#ifndef LATHE_UI_COMMAND_PLOT_TERMINAL_H
#define LATHE_UI_COMMAND_PLOT_TERMINAL_H

#include "plots/figure.h"
#include "ui/command/command.h"
#include "ui/output/graphics.h"

/* How C shows figures: as `set picture` says, and where it says auto as pixels where a
   person sits at a terminal that has them. */
graphics_form plot_terminal_form(const call *c);

/* Draws ROW in FORM (kitty, sixel or blocks) into C's picture, as wide as the terminal at
   most. */
status plot_terminal_draw(call *c, const figure_row *row, figure_call *f,
                          graphics_form form, error *e);

/* The words of a figure; plot_words_clear frees them. */
typedef struct plot_words {
    graphics_label *items;
    int64_t count, capacity;
} plot_words;

/* Adds those of SVG, which gnuplot wrote. */
status plot_words_read(plot_words *w, const char *svg, error *e);
void plot_words_clear(plot_words *w);

#endif
