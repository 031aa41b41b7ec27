/* SPDX-License-Identifier: GPL-3.0-or-later
   table.c -- rows of named cells that grow to the right and downwards.
   It formats nothing: numbers stay numbers until somebody prints them. */
#include "base/table.h"

#include <string.h>
#include "base/memory.h"
#include "base/text.h"

table *table_new(error *e)
{
    return memory_new(1, sizeof(table), e);
}

table *table_copy(const table *t, error *e)
{
    table *copy = table_new(e);
    if (!copy)
        return NULL;
    table_append(copy, t);
    if (table_ok(copy, e) == E_OK)
        return copy;
    table_free(copy);
    return NULL;
}

void table_free(table *t)
{
    if (!t)
        return;
    for (int64_t i = 0; i < t->row_count * t->column_count; i++)
        memory_free(t->cells[i].words);
    for (int64_t i = 0; i < t->column_count; i++)
        memory_free(t->columns[i]);
    memory_free(t->cells);
    memory_free(t->columns);
    memory_free(t);
}

/* Room for ROWS x COLUMNS cells. */
static bool reserve_cells(table *t, int64_t rows, int64_t columns)
{
    void *cells = t->cells;
    int64_t needed;
    if (__builtin_mul_overflow(rows, columns, &needed) ||
        memory_grow(&cells, &t->cell_capacity, needed, sizeof(cell), NULL) != E_OK) {
        t->failed = true;
        return false;
    }
    t->cells = cells;
    return true;
}

static bool add_column(table *t, const char *column)
{
    void *columns = t->columns;
    if (memory_grow(&columns, &t->column_capacity, t->column_count + 1, sizeof(char *),
                    NULL) != E_OK) {
        t->failed = true;
        return false;
    }
    t->columns = columns;
    char *name = memory_text(column, NULL);
    if (!name || !reserve_cells(t, t->row_count, t->column_count + 1)) {
        t->failed = true;
        memory_free(name);
        return false;
    }
    /* From the last row on, so that no row is overwritten before it has moved. */
    int64_t old = t->column_count, width = old + 1;
    for (int64_t row = t->row_count - 1; row >= 0; row--) {
        memmove(t->cells + row * width, t->cells + row * old, (size_t)old * sizeof(cell));
        t->cells[row * width + old] = (cell){0};
    }
    t->columns[old] = name;
    t->column_count = width;
    return true;
}

void table_row(table *t)
{
    if (t->failed || !reserve_cells(t, t->row_count + 1, t->column_count))
        return;
    for (int64_t i = 0; i < t->column_count; i++)
        t->cells[t->row_count * t->column_count + i] = (cell){0};
    t->row_count++;
}

int64_t table_column(const table *t, const char *column)
{
    for (int64_t i = 0; i < t->column_count; i++)
        if (text_equal(t->columns[i], column))
            return i;
    return -1;
}

/* VALUE is taken by value: it may lie in the cells that are about to move. */
static void put(table *t, const char *column, cell value)
{
    if (t->failed)
        return;
    char *words = NULL;
    if (value.words && !(words = memory_text(value.words, NULL))) {
        t->failed = true;
        return;
    }
    int64_t at = table_column(t, column);
    if (at < 0 && add_column(t, column))
        at = t->column_count - 1;
    if (at < 0 ||
        t->row_count == 0) { /* before the first row a column is only declared */
        memory_free(words);
        return;
    }
    cell *c = &t->cells[(t->row_count - 1) * t->column_count + at];
    memory_free(c->words);
    *c = value;
    c->words = words;
}

void table_text(table *t, const char *column, const char *words)
{
    /* The copy that put makes is the table's; words is only read. */
    put(t, column, (cell){.kind = words ? CELL_TEXT : CELL_NONE, .words = (char *)words});
}

void table_integer(table *t, const char *column, int64_t value)
{
    put(t, column, (cell){.kind = CELL_INTEGER, .integer = value});
}

void table_real(table *t, const char *column, double value)
{
    put(t, column, (cell){.kind = CELL_REAL, .real = value});
}

void table_flag(table *t, const char *column, bool value)
{
    put(t, column, (cell){.kind = CELL_FLAG, .flag = value});
}

void table_none(table *t, const char *column)
{
    put(t, column, (cell){.kind = CELL_NONE});
}

void table_cell(table *t, const char *column, const cell *value)
{
    put(t, column, *value);
}

void table_append(table *t, const table *from)
{
    int64_t rows = from->row_count, columns = from->column_count;
    for (int64_t i = 0; i < columns; i++)
        if (table_column(t, from->columns[i]) < 0 && !add_column(t, from->columns[i]))
            return;
    for (int64_t row = 0; row < rows && !t->failed; row++) {
        table_row(t);
        for (int64_t i = 0; i < columns; i++)
            put(t, from->columns[i], *table_get(from, row, i));
    }
    t->failed = t->failed || from->failed;
}

const cell *table_get(const table *t, int64_t row, int64_t column)
{
    static const cell nothing = {.kind = CELL_NONE};
    if (row < 0 || row >= t->row_count || column < 0 || column >= t->column_count)
        return &nothing;
    return &t->cells[row * t->column_count + column];
}

bool table_number(const table *t, int64_t row, const char *column, double *value)
{
    const cell *c = table_get(t, row, table_column(t, column));
    if (c->kind == CELL_REAL)
        *value = c->real;
    else if (c->kind == CELL_INTEGER)
        *value = (double)c->integer;
    return c->kind == CELL_REAL || c->kind == CELL_INTEGER;
}

status table_ok(const table *t, error *e)
{
    return t->failed ? fail(e, E_MEMORY, "memory: no room for a table of %lld rows",
                            (long long)t->row_count)
                     : E_OK;
}
