/* SPDX-License-Identifier: GPL-3.0-or-later
   column.h -- columns of tables on their way into figures: which hold numbers, what they
   are called on an axis and in which unit, and that axis.  It changes no table. */
#ifndef LATHE_PLOTS_COLUMN_H
#define LATHE_PLOTS_COLUMN_H

#include "plots/figure.h"

/* What numbers of the column are multiplied by for its axis: bytes are drawn in MiB. */
double column_scale(const char *column);

/* The words on the column's axis: "file size (MiB)", or its name, with its metric's unit. */
void column_put_label(const char *column, text *out);

/* A finite number of the table; false where the cell has none. */
bool column_number(const table *t, int64_t row, const char *column, double *value);

/* Does the column hold at least LEAST (1 or 2) different numbers? */
bool column_has_numbers(const table *t, const char *column, int least);

/* E_NAME: WANTED (NULL: none was named) cannot be what the option KEY wants of the table;
   the hint names the columns of numbers. */
status column_fail(const table *t, const char *table_name, const char *key,
                   const char *wanted, error *e);

/* masked_mse, else the first metric that has numbers, else NULL. */
const char *column_default_metric(const table *t);

/* The cell as a word: "0.5", "yes"; nothing where it is empty. */
void column_put_words(const cell *value, text *out);

/* The same for a key, where "yes" alone says nothing: "met: yes". */
void column_put_title(const table *t, int64_t row, int64_t column, text *out);

/* Has row I the same value in COLUMN as row J? */
bool column_same(const table *t, int64_t column, int64_t i, int64_t j);

/* What of a column an axis shows; numbers are scaled. */
typedef struct column_range {
    const char *column, *note; /* NOTE (may be NULL) stands behind the axis's label */
    double low, high;
    bool logarithmic;
} column_range;

/* Draws the axis LETTER ('x' or 'y') of LENGTH millimetres; R receives the range with
   some room at both ends.  The figure has the options log, xlabel and ylabel. */
status column_axis(figure_call *c, char letter, column_range *r, double length, error *e);

#endif
