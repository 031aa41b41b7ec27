/* SPDX-License-Identifier: GPL-3.0-or-later
   script.h -- reads the lines of a script: text from a stranger, so its lines have a
   largest length and hold no NUL.  It runs nothing. */
#ifndef LATHE_UI_SCRIPT_H
#define LATHE_UI_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "base/error.h"
#include "base/text.h"

typedef struct script {
    FILE *stream;
    const char *name; /* for messages; lent */
    int64_t lines;    /* read so far */
} script;

/* PATH "-" is standard input. */
status script_open(script *s, const char *path, error *e);
/* The lines of WORDS, which must stay; NAME stands for them in messages. */
status script_open_words(script *s, const char *words, const char *name, error *e);
void script_close(script *s);

/* The next line into LINE (cleared first), continued lines joined; *NUMBER is where it
   began, *END that there is none.  E_STOPPED where a signal ended the waiting. */
status script_next(script *s, text *line, int64_t *number, bool *end, error *e);

#endif
