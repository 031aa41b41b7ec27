/* SPDX-License-Identifier: GPL-3.0-or-later
   table_json.c -- tables as JSON and back.  It reads and writes no file.

   A cell is null, true or false, a whole number, a real number, a text, or, for reals
   that JSON lacks, {"real": "nan"}. */
#include "session/table_json.h"

#include <math.h>
#include "format/field.h"

static json_t *cell_to_json(const cell *c)
{
    switch (c->kind) {
    case CELL_NONE:
        return json_null();
    case CELL_TEXT:
        return field_from_text(c->words);
    case CELL_INTEGER:
        return json_integer(c->integer);
    case CELL_FLAG:
        return json_boolean(c->flag);
    case CELL_REAL:
        break;
    }
    if (isfinite(c->real))
        return json_real(c->real);
    json_t *object = json_object();
    if (!object || field_put(object, "real", field_from_real(c->real), NULL) == E_OK)
        return object;
    json_decref(object);
    return NULL;
}

static status fill_json(json_t *object, const table *t)
{
    json_t *columns = field_put_array(object, "columns", NULL);
    json_t *rows = field_put_array(object, "rows", NULL);
    if (!columns || !rows)
        return E_MEMORY;
    for (int64_t j = 0; j < t->column_count; j++)
        TRY(field_append(columns, field_from_text(t->columns[j]), NULL));
    for (int64_t i = 0; i < t->row_count; i++) {
        json_t *row = json_array();
        TRY(field_append(rows, row, NULL));
        for (int64_t j = 0; j < t->column_count; j++)
            TRY(field_append(row, cell_to_json(table_get(t, i, j)), NULL));
    }
    return E_OK;
}

json_t *table_to_json(const table *t)
{
    json_t *object = json_object();
    if (!object || fill_json(object, t) == E_OK)
        return object;
    json_decref(object);
    return NULL;
}

static status cell_from_json(table *t, const char *column, const json_t *value, error *e)
{
    double real;
    if (json_is_null(value))
        table_none(t, column);
    else if (json_is_boolean(value))
        table_flag(t, column, json_is_true(value));
    else if (json_is_integer(value))
        table_integer(t, column, json_integer_value(value));
    else if (json_is_real(value))
        table_real(t, column, json_real_value(value));
    else if (json_is_string(value))
        table_text(t, column, json_string_value(value));
    else if (json_is_object(value)) {
        TRY(field_real(value, "real", &real, e));
        table_real(t, column, real);
    } else
        return fail(e, E_FORMAT, "a cell of the column '%.80s' is a list", column);
    return E_OK;
}

static status fill_table(table *t, const json_t *object, error *e)
{
    json_t *columns, *rows;
    TRY(field_array(object, "columns", &columns, e));
    TRY(field_array(object, "rows", &rows, e));
    size_t width = json_array_size(columns);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (!json_is_array(row) || json_array_size(row) != width)
            return fail(e, E_FORMAT, "row %zu is no list of %zu cells", i + 1, width);
        table_row(t);
        for (size_t j = 0; j < width; j++) {
            const char *column = json_string_value(json_array_get(columns, j));
            if (!column)
                return fail(e, E_FORMAT, "the name of column %zu is no text", j + 1);
            TRY(cell_from_json(t, column, json_array_get(row, j), e));
        }
    }
    return table_ok(t, e);
}

table *table_from_json(const json_t *object, error *e)
{
    table *t = table_new(e);
    if (t && fill_table(t, object, e) != E_OK) {
        table_free(t);
        return NULL;
    }
    return t;
}
