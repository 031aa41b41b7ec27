/* SPDX-License-Identifier: GPL-3.0-or-later
   log.h -- the lines that commands have printed, the latest of them.  It draws nothing. */
#ifndef LATHE_UI_SCREEN_LOG_H
#define LATHE_UI_SCREEN_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"

enum { LOG_LINES = 5000 };

typedef struct log_line {
    char *words;
    bool head; /* the head of a table: a rule stands below it */
} log_line;

typedef struct printed {
    log_line lines[LOG_LINES]; /* a ring */
    int64_t first, count;
    text open;   /* the line that has no end yet */
    int columns; /* longer lines are broken at blanks; 0: none */
    int escape;  /* within a sequence that a terminal would obey: its state */
} printed;

/* Takes what was printed: escapes go, a carriage return begins the line again. */
void log_add(printed *p, const char *bytes, size_t length);
void log_clear(printed *p);

const log_line *log_at(const printed *p, int64_t i); /* 0: the oldest */

#endif
