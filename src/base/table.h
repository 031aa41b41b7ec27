/* SPDX-License-Identifier: GPL-3.0-or-later
   table.h -- what commands answer with: rows of named cells.  Data only; ui/output
   prints it, plots draw it, a sweep is one that the session keeps. */
#ifndef LATHE_BASE_TABLE_H
#define LATHE_BASE_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"

typedef enum cell_kind { CELL_NONE, CELL_TEXT, CELL_INTEGER, CELL_REAL, CELL_FLAG } cell_kind;

typedef struct cell {
    cell_kind kind;
    char *words;
    int64_t integer;
    double real;
    bool flag;
} cell;

typedef struct table {
    char **columns;
    int64_t column_count, column_capacity;
    cell *cells; /* row_count x column_count, row by row */
    int64_t row_count, cell_capacity;
    bool failed; /* an addition found no memory: ask table_ok once at the end */
} table;

table *table_new(error *e);
table *table_copy(const table *t, error *e);
void table_free(table *t); /* NULL is fine */

/* Begins a row.  Then cells are set by column name; a new column is added behind the
   others, empty in the rows before. */
void table_row(table *t);
void table_text(table *t, const char *column, const char *words); /* NULL: empty */
void table_integer(table *t, const char *column, int64_t value);
void table_real(table *t, const char *column, double value);
void table_flag(table *t, const char *column, bool value);
void table_none(table *t, const char *column); /* the column exists, the cell is empty */
void table_cell(table *t, const char *column, const cell *value); /* copied */

/* Appends the rows of FROM (columns joined by name). */
void table_append(table *t, const table *from);

int64_t table_column(const table *t, const char *column); /* -1 where there is none */
const cell *table_get(const table *t, int64_t row, int64_t column);
bool table_number(const table *t, int64_t row, const char *column, double *value);

status table_ok(const table *t, error *e);

#endif
