/* SPDX-License-Identifier: GPL-3.0-or-later
   pager.h -- long answers, a page at a time, by a program of the user's choice.  Whether
   anybody is there to turn pages, the caller knows. */
#ifndef LATHE_UI_PAGER_H
#define LATHE_UI_PAGER_H

#include <stdbool.h>
#include <stddef.h>
#include "base/error.h"

/* Are WORDS longer than a terminal of ROWS x COLUMNS beside the prompt below them? */
bool pager_is_due(const char *words, int rows, int columns);

/* Shows LENGTH bytes of WORDS by $LATHE_PAGER, $PAGER, else "less -FRX", until it is left.
   E_FILE where it could not be started: nothing was shown then. */
status pager_show(const char *words, size_t length, error *e);

#endif
