/* SPDX-License-Identifier: GPL-3.0-or-later
   plot_terminal.h -- a figure for the eyes of whoever sits at the terminal: as the pixels
   that it can show, or as characters.  For the command `plot`. */
#ifndef LATHE_UI_COMMAND_PLOT_TERMINAL_H
#define LATHE_UI_COMMAND_PLOT_TERMINAL_H

#include "plots/figure.h"
#include "ui/command/command.h"
#include "ui/output/graphics.h"

/* How C shows the figure ROW: as `set picture` says, and where it says auto as pixels where
   a person sits at a terminal that has them; as half blocks only what has images, because
   words would not be read. */
graphics_form plot_terminal_form(const call *c, const figure_row *row);

/* Draws ROW in FORM (kitty, sixel or blocks) into C's picture, as wide as the terminal at
   most. */
status plot_terminal_draw(call *c, const figure_row *row, figure_call *f,
                          graphics_form form, error *e);

#endif
