/* SPDX-License-Identifier: GPL-3.0-or-later
   output.h -- tables for people and programs.  The same numbers in every format. */
#ifndef LATHE_UI_OUTPUT_H
#define LATHE_UI_OUTPUT_H

#include <stdbool.h>
#include "base/error.h"
#include "base/table.h"
#include "base/text.h"

typedef enum output_format {
    FORMAT_TEXT,
    FORMAT_CSV,
    FORMAT_MARKDOWN,
    FORMAT_TEX,
    FORMAT_JSON,
    FORMAT_COUNT
} output_format;

const char *output_format_name(output_format f);
bool output_format_find(const char *name, output_format *f); /* text csv md tex json */
/* By a file's ending; false where it says nothing. */
bool output_format_of_file(const char *path, output_format *f);

typedef struct output_style {
    int columns; /* width of the terminal; 0: do not fold */
    bool unicode, colour;
} output_style;

/* Appends T to OUT.  JSON is one object a line: {"command","rows","seconds"} with numbers
   that read back exactly; COMMAND and SECONDS are used there only. */
status output_table(const table *t, output_format f, const output_style *style,
                    const char *command, double seconds, text *out, error *e);

/* Appends WORDS with "?" for every control character but the line's end: names and
   messages may hold what a file held, and a terminal would obey it. */
void output_safe(const char *words, text *out);

#endif
