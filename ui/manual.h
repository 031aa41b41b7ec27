/* SPDX-License-Identifier: GPL-3.0-or-later
   manual.h -- help pages, the search in them, and the manual in other forms: all written
   from the command table. */
#ifndef LATHE_UI_MANUAL_H
#define LATHE_UI_MANUAL_H

#include <stdbool.h>
#include "base/error.h"
#include "base/text.h"
#include "ui/command/command.h"

/* Every command in its group, one a line. */
void manual_overview(int columns, text *out);

/* The page of C.  WORD is a word that C's options depend on ("gpe"), or the name of an
   option, or NULL.  E_NAME where it is neither. */
status manual_page(const command *c, const char *word, int columns, text *out, error *e);

/* Commands and options that speak of WORD; false where none does. */
bool manual_search(const char *word, int columns, text *out);

void manual_man(text *out);              /* lathe-commands(7), in the man macros */
status manual_json(text *out, error *e); /* one array */

/* The groups in their order; NULL beyond the last. */
const char *manual_group(int i);
const char *manual_group_title(int i);

#endif
