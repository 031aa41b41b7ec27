/* SPDX-License-Identifier: GPL-3.0-or-later
   format.h -- what the printers of tables share: how a column's numbers are written, and
   one function for each format.  For ui/output alone. */
#ifndef LATHE_UI_OUTPUT_FORMAT_H
#define LATHE_UI_OUTPUT_FORMAT_H

#include "ui/output/output.h"

/* How the real numbers of one column are written for reading, so that they line up. */
typedef struct number_style {
    enum { NUMBER_FIXED, NUMBER_EXPONENT, NUMBER_GENERAL } form;
    int decimals;
} number_style;

number_style number_style_of(const table *t, int64_t column);
/* A cell for reading; EMPTY is what stands for an empty one. */
void number_cell(const cell *c, number_style style, const char *empty, text *out);
/* A cell for programs: reals read back exactly; empty ones add nothing. */
void number_exact(const cell *c, text *out);
/* Are all its cells numbers (or empty)?  Then it is set flush right. */
bool number_column(const table *t, int64_t column);

status output_text_table(const table *t, const output_style *style, text *out, error *e);
void output_csv_table(const table *t, text *out);
/* STYLES has one entry for each column. */
void output_markdown_table(const table *t, const number_style *styles, text *out);
void output_tex_table(const table *t, const number_style *styles, text *out);
void output_json_table(const table *t, const char *command, double seconds, text *out);

#endif
