/* SPDX-License-Identifier: GPL-3.0-or-later
   form.h -- how a number of a report is written: in what unit and with how many digits.
   The same form writes the same number in the same words, so that a check can write it
   again.  It knows no ledger. */
#ifndef LATHE_REPORT_FORM_H
#define LATHE_REPORT_FORM_H

#include <stdbool.h>
#include <stdint.h>
#include "base/table.h"
#include "base/text.h"

typedef enum form_kind {
    FORM_WORDS,    /* as it is */
    FORM_INTEGER,  /* thousands apart: 1,199,882 */
    FORM_FIXED,    /* 0.0124 */
    FORM_EXPONENT, /* 1.24e-02 */
    FORM_PERCENT,  /* 100 times the value */
    FORM_POINTS,   /* the same, of a difference between two shares */
    FORM_KIB,
    FORM_MIB,
    FORM_GIB,
    FORM_KINDS
} form_kind;

typedef struct form {
    form_kind kind;
    int decimals;
    bool sign; /* a plus where it is above 0 */
} form;

/* What is told of a difference between two values (source.h), which a form depends on. */
typedef enum operation {
    OPERATION_NONE,
    OPERATION_MINUS,  /* a - b */
    OPERATION_CHANGE, /* a / b - 1 */
    OPERATION_OVER,   /* a / b */
    OPERATIONS
} operation;

/* "p2", "+P1": a form in a source. */
void form_token(form f, text *out);
bool form_read_token(const char *token, form *f);

/* What a template asks for: ".3", "e2", "%", "%1", "MiB", "MiB2", "integer", "words".
   *EXACT says whether the number of decimals is given; else form_choose fills it in. */
bool form_read(const char *words, form *f, bool *exact);

/* The form of N values of KEY, all alike, that suits KEY and shows about four figures.
   WANTED (NULL: none) gives the kind.  Integers are those that are whole, where WHOLE. */
form form_choose(const char *key, operation how, const double *values, int64_t n,
                 bool whole, const form *wanted);

/* Is KEY a share, told in per cent and compared in points? */
bool form_is_share(const char *key);

/* Appends KEY in words, without its unit. */
void form_title(const char *key, text *out);

/* Appends VALUE; with "-" for a minus. */
void form_write(form f, const cell *value, text *out);

/* "%", "points", "MiB", "ms" ...; "" where it has none. */
const char *form_unit(form f, const char *key, operation how);

#endif
