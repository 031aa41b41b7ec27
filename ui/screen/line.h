/* SPDX-License-Identifier: GPL-3.0-or-later
   line.h -- the line at the bottom: commands, or a filter, with Readline's editing, history
   and completion.  Readline draws nothing and reads nothing by itself. */
#ifndef LATHE_UI_SCREEN_LINE_H
#define LATHE_UI_SCREEN_LINE_H

#include <stdbool.h>
#include "base/error.h"

typedef struct screen screen;

typedef enum line_kind { LINE_COMMAND, LINE_FILTER } line_kind;

/* Makes Readline the screen's, and gives it back to whoever had it. */
status line_start(screen *s, error *e);
void line_stop(void);

void line_open(screen *s, line_kind kind);
bool line_is_open(void);
/* A byte that was typed; may close the line and submit it. */
void line_feed(int byte);
void line_cancel(void);
/* As if WORDS had been typed, and Enter. */
void line_submit(screen *s, const char *words);

/* Draws it into ROW of the screen; returns the cursor's column. */
int line_draw(int row);

#endif
