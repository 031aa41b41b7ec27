/* SPDX-License-Identifier: GPL-3.0-or-later
   markup.h -- prose as a format writes it: one walk over its spans, with what stands before
   and after each in a table of the format. */
#ifndef LATHE_REPORT_MARKUP_H
#define LATHE_REPORT_MARKUP_H

#include "report/document.h"

typedef struct markup {
    const char *unit; /* between a number and its unit */
    const char *strong[2], *emphasis[2];
    /* Before, between and after address and words, or words and address; of a run both are
       its number. */
    const char *link[3], *run[3];
    bool words_first;
    void (*words)(const char *words, text *out);
    void (*address)(const char *words, text *out);
    void (*code)(const char *words, bool cell, text *out); /* CELL: within a table */
    void (*value)(const span *s, text *out);
} markup;

void markup_span(const markup *m, const span *s, bool cell, text *out);
void markup_spans(const markup *m, const spans *words, bool cell, text *out);

#endif
