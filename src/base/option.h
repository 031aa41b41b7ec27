/* SPDX-License-Identifier: GPL-3.0-or-later
   option.h -- typed key=value options, declared as tables.  Commands, architectures and
   data sources all declare theirs this way; help, completion, checks and the manual read
   the same rows. */
#ifndef LATHE_BASE_OPTION_H
#define LATHE_BASE_OPTION_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/text.h"

typedef enum option_kind {
    OPTION_FLAG,    /* yes or no */
    OPTION_INTEGER, /* range "1..", "0..16" */
    OPTION_REAL,    /* range "0..1"; an open end is left out; one whose unit is "s" is also
                       taken as 90s, 10m or 2h */
    OPTION_WORD,    /* one of "a|b|c" */
    OPTION_TEXT,    /* anything; range "a|b|c": what is usual, for completion and help */
    OPTION_REALS,   /* list "0.5,0.7"; range holds for each */
    OPTION_INTEGERS,
    OPTION_WORDS,   /* list of words; range "a|b|c", or NULL for any */
    OPTION_SPAN,    /* "50:500", or one number for both ends */
    OPTION_MODEL,   /* the name of a model of the session */
    OPTION_DATASET,
    OPTION_TABLE,   /* the name of a table of the session (a sweep) */
    OPTION_NAME,    /* a name to be given */
    OPTION_FILE     /* a path */
} option_kind;

/* A row; the last row has a NULL name. */
typedef struct option {
    const char *name;
    option_kind kind;
    const char *range;    /* see option_kind; NULL for any */
    const char *standard; /* default as text; NULL where there is none */
    const char *unit;     /* NULL where it has none */
    const char *help;     /* one line, lower case, no full stop */
} option;

#define OPTION_LIST_MAX 64

typedef struct option_value {
    const option *row;
    bool given;   /* the user wrote it (otherwise it is the default, or absent) */
    bool present; /* given, or it has a default */
    char *words;  /* as written; owned by the option_set */
    bool flag;
    int64_t integer;
    double real;
    int64_t count;                  /* lists, spans: how many */
    double reals[OPTION_LIST_MAX];  /* lists of numbers; a span's two ends */
    char *items[OPTION_LIST_MAX];   /* lists of words */
} option_value;

/* Values for the rows of one or two tables (a command's own, and those of the
   architecture or source that it names). */
typedef struct option_set {
    option_value *values;
    int64_t count;
} option_set;

/* Every row of FIRST and (unless NULL) SECOND, at its default.  WHO names the command in
   messages.  Free with option_set_clear. */
status option_set_init(option_set *set, const option *first, const option *second,
                       error *e);
void option_set_clear(option_set *set);

/* Sets KEY from the text WORDS.  E_NAME with "did you mean" for an unknown key, E_RANGE
   or E_USAGE, with the range in the sentence, for a bad value. */
status option_set_put(option_set *set, const char *key, const char *words, error *e);

/* The value of a declared option; asking for an undeclared one is our own mistake. */
const option_value *option_get(const option_set *set, const char *name);
bool option_flag(const option_set *set, const char *name);
int64_t option_integer(const option_set *set, const char *name);
double option_real(const option_set *set, const char *name);
const char *option_words(const option_set *set, const char *name); /* NULL if absent */
bool option_is(const option_set *set, const char *name, const char *word);
bool option_given(const option_set *set, const char *name);

const option *option_find(const option *table, const char *name);

/* What may be written: "1..", "yes|no", "LOW:HIGH", "NUMBER,...". */
void option_grammar(const option *row, text *out);

/* The I-th word of "a|b|c", copied to BUFFER; false beyond the last. */
bool option_choice(const char *range, int64_t i, char *buffer, int64_t size);

#endif
