/* SPDX-License-Identifier: GPL-3.0-or-later
   source.h -- where a number of a report comes from: one value of the ledger, or two and
   what is told of them, and the form it is written in.  Reports carry it with every
   number, in this notation:

     source    = reference [operation reference] form
     reference = RUN "/" ROW "/" KEY | "=" NUMBER (a published one)
     operation = "minus" | "change" | "over"
     form      = that of form.h, as "p2"

   ROW 0 is the run itself: its columns and arguments. */
#ifndef LATHE_REPORT_SOURCE_H
#define LATHE_REPORT_SOURCE_H

#include "ledger/ledger.h"
#include "report/form.h"

#define REFERENCE_KEY 104 /* bytes of a key with its end */

typedef struct reference {
    int64_t run, row; /* run 0: a published number */
    char key[REFERENCE_KEY];
    double published;
} reference;

typedef struct source {
    reference of, than; /* than: of operations alone */
    operation operation;
    form form;
} source;

/* False for a key that is too long. */
bool reference_set(reference *r, int64_t run, int64_t row, const char *key);

void source_write(const source *s, text *out);
bool source_read(const char *words, source *s);

/* The value as it stands in the ledger now, as the only cell of ANSWER (new, freed by the
   caller also on failure).  E_NAME where the ledger has none; E_NUMERIC where words are
   to be compared. */
status source_value(ledger *l, const source *s, table *answer, error *e);

/* The same in words: what the report has to show. */
status source_words(ledger *l, const source *s, text *out, error *e);

#endif
