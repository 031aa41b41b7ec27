/* SPDX-License-Identifier: GPL-3.0-or-later
   text.h -- a growing string, and small questions about words.
   A text that could not grow remembers it: ask text_ok once at the end. */
#ifndef LATHE_BASE_TEXT_H
#define LATHE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

typedef struct text {
    char *data; /* NUL-terminated; NULL while nothing was added */
    size_t length, capacity;
    bool failed;
} text;

void text_add(text *t, const char *words);
void text_add_bytes(text *t, const char *bytes, size_t length);
void text_addf(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_clear(text *t);              /* frees; T may be used again */
const char *text_get(const text *t);   /* "" where empty; lent */
status text_ok(const text *t, error *e); /* E_MEMORY where an addition failed */
char *text_take(text *t, error *e);    /* the string, now the caller's; NULL on failure */

/* Optimal string alignment distance (swaps count one), bytewise; 99 beyond 63 bytes. */
int text_distance(const char *a, const char *b);

/* The WORDS entry nearest to WORD within 2 edits (a third of its length for short
   words), or NULL.  WORDS has COUNT entries. */
const char *text_nearest(const char *word, const char *const *words, int64_t count);

bool text_starts(const char *word, const char *prefix);
bool text_ends(const char *word, const char *suffix);
bool text_equal(const char *a, const char *b); /* both may be NULL */

/* Whole text as a number: false where anything is left over, or it is not finite. */
bool text_to_real(const char *word, double *value);
bool text_to_integer(const char *word, int64_t *value);

/* "512MiB", "2GiB", "1e9": a number of bytes, with a unit (KiB MiB GiB TiB, kB MB GB TB) or
   none; false for anything else, and below 0. */
bool text_to_bytes(const char *word, double *bytes);

/* The shortest decimal form that reads back to the same double (at most 17 digits);
   BUFFER has room for 32 bytes; returns it. */
char *text_real(char buffer[32], double value);

/* "1.2 MiB", "17.3 k"; BUFFER has room for 32 bytes; returns it. */
char *text_bytes(char buffer[32], double bytes);
char *text_seconds(char buffer[32], double seconds);

/* Display columns of UTF-8 text (wcwidth; unprintable bytes count one). */
int text_columns(const char *words);

/* Bytes of UTF-8 WORDS that fit into COLUMNS, to the last blank in them where there is
   one; at least one character where there is any. */
size_t text_fitting(const char *words, int columns);

#endif
