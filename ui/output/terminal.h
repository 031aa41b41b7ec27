/* SPDX-License-Identifier: GPL-3.0-or-later
   terminal.h -- what the terminal is like: its width, whether it may have colour, whether
   it writes Unicode.  It never writes to it. */
#ifndef LATHE_UI_TERMINAL_H
#define LATHE_UI_TERMINAL_H

#include <stdbool.h>

typedef enum colour_choice { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER } colour_choice;

bool colour_choice_find(const char *name, colour_choice *choice); /* auto always never */

/* Columns of the terminal on DESCRIPTOR, 0 where it is none. */
int terminal_columns(int descriptor);

/* Rows of it, 0 where it is none. */
int terminal_rows(int descriptor);

/* Automatically: where DESCRIPTOR is a terminal that is not dumb, and NO_COLOR is unset
   or empty (https://no-color.org). */
bool terminal_colour(colour_choice choice, int descriptor);

bool terminal_unicode(void); /* by the locale, after setlocale */

#endif
