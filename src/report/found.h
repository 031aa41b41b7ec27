/* SPDX-License-Identifier: GPL-3.0-or-later
   found.h -- what the reader of a format finds in a report: numbers with what they say of
   their source, figures, and numbers in measured columns that say nothing. */
#ifndef LATHE_REPORT_FOUND_H
#define LATHE_REPORT_FOUND_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/text.h"

typedef enum found_kind {
    FOUND_NUMBER,  /* SOURCE as written, WORDS as shown */
    FOUND_RUN,     /* the same, of the number or the seed of a run */
    FOUND_PICTURE, /* SOURCE is a digest; WORDS its path, or its bytes are held */
    FOUND_LINE,    /* a command line; SOURCE is the number of its run */
    FOUND_BARE,    /* a number without a source, where there must be one */
} found_kind;

typedef struct found {
    found_kind kind;
    int64_t line; /* of the file, from 1 */
    char *source, *words;
    uint64_t hash; /* of a picture that the report holds */
    bool held;
} found;

typedef struct found_list {
    found *items;
    int64_t count, capacity;
    bool failed; /* an addition found no memory */
} found_list;

/* Appends; SOURCE and WORDS are copied, up to LENGTH bytes each. */
found *found_add(found_list *list, found_kind kind, int64_t line, const char *source,
                 size_t source_length, const char *words, size_t words_length);
void found_clear(found_list *list);

/* Is there a digit within LENGTH bytes of WORDS? */
bool found_digit(const char *words, size_t length);

/* A link to the receipt of the run TARGET, "12", that says WORDS: "12" or "run 12". */
void found_run(found_list *list, int64_t line, const char *target, size_t target_length,
               const char *words, size_t length);

/* "...  # run 12" or "set seed=7  # seed of run 12" as a line of a script: appends it. */
void found_script_line(found_list *list, int64_t line, const char *words, size_t length);

/* How many lines end within LENGTH bytes of WORDS. */
int64_t found_lines(const char *words, size_t length);

#endif
