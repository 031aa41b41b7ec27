/* SPDX-License-Identifier: GPL-3.0-or-later
   grid.c -- tables of the ledger's rows, one key a column, and the directive @table. */
#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "report/report_parts.h"

enum { COLUMNS_MAX = 64, LONG_WORDS = 32 };

/* What one column shows of every row. */
typedef struct column_values {
    bool *there;     /* [rows] */
    double *numbers; /* [rows], NaN where it is words */
    bool any, words, whole;
    bool wide; /* long words, which may be folded */
    operation how;
} column_values;

static source source_of(const table *found, int64_t row, const column_plan *plan,
                        const reference *against)
{
    double run = 0, at = 0;
    table_number(found, row, "run", &run);
    table_number(found, row, "row", &at);
    source s = report_source((int64_t)run, (int64_t)at, plan->key, plan->operation, NULL);
    if (against) {
        s.than = *against;
        memcpy(s.than.key, s.of.key, sizeof s.than.key);
    }
    return s;
}

/* The value that a cell of COLUMN has; a row has none where it is what others are compared
   with. */
static void read_values(const table *found, const column_plan *plan,
                        const reference *against, double base, column_values *v)
{
    const int64_t column = table_column(found, plan->key);
    v->whole = plan->operation == OPERATION_NONE;
    for (int64_t i = 0; i < found->row_count; i++) {
        const cell *c = table_get(found, i, column);
        double value = NAN;
        table_number(found, i, plan->key, &value);
        v->there[i] = c->kind != CELL_NONE;
        if (plan->operation != OPERATION_NONE) {
            source s = source_of(found, i, plan, against);
            bool same = s.of.run == against->run && s.of.row == against->row;
            value = plan->operation == OPERATION_MINUS    ? value - base
                    : plan->operation == OPERATION_CHANGE ? value / base - 1
                                                          : value / base;
            v->there[i] = isfinite(value) && !same;
        }
        v->numbers[i] = value;
        v->any = v->any || v->there[i];
        v->words = v->words || (v->there[i] && c->kind == CELL_TEXT);
        v->wide = v->wide || (c->kind == CELL_TEXT && strlen(c->words) > LONG_WORDS);
        v->whole = v->whole && (!v->there[i] || c->kind == CELL_INTEGER);
    }
}

/* Have all rows the same words in the column KEY? */
static bool is_constant(const table *found, const char *key)
{
    const int64_t column = table_column(found, key);
    text first = {0};
    bool same = true;
    form_write((form){0}, table_get(found, 0, column), &first);
    for (int64_t i = 1; same && i < found->row_count; i++) {
        text words = {0};
        form_write((form){0}, table_get(found, i, column), &words);
        same = text_equal(text_get(&words), text_get(&first));
        text_clear(&words);
    }
    text_clear(&first);
    return same;
}

/* The number that AGAINST has for KEY, NaN where none. */
static double base_of(builder *b, const reference *against, const char *key)
{
    double value = NAN;
    error ignored = {0};
    table *answer = against->run > 0 ? table_new(&ignored) : NULL;
    if (answer && ledger_find_cell(b->request->ledger, against->run, against->row, key,
                                   answer, &ignored) == E_OK)
        table_number(answer, 0, "value", &value);
    table_free(answer);
    return value;
}

static void put_title(builder *b, grid *g, const column_plan *plan, form f,
                      const column_values *v)
{
    text title = {0};
    const char *unit = v->words ? "" : form_unit(f, plan->key, plan->operation);
    if (plan->title)
        text_add(&title, plan->title);
    else
        form_title(plan->key, &title);
    if (plan->operation != OPERATION_NONE && !plan->title)
        text_add(&title, " change");
    if (*unit && !text_ends(text_get(&title), unit))
        text_addf(&title, ", %s", unit);
    document_column(b->document, g, text_get(&title),
                    !v->words ? COLUMN_MEASURED
                    : v->wide ? COLUMN_NOTE
                              : COLUMN_WORDS);
    b->document->failed = b->document->failed || title.failed;
    text_clear(&title);
}

static status put_cell(builder *b, const table *found, int64_t row,
                       const column_plan *plan, form f, const reference *against,
                       spans *to, error *e)
{
    source s = source_of(found, row, plan, against);
    s.form = f;
    const cell *c = table_get(found, row, table_column(found, plan->key));
    if (plan->operation != OPERATION_NONE)
        return report_value(b, to, &s, false, e);
    if (c->kind == CELL_TEXT && strcmp(plan->key, "line") == 0)
        document_line(b->document, to, s.of.run, c->words);
    else
        document_value(b->document, to, &s, c, false);
    return E_OK;
}

static status put_rows(builder *b, const table *found, const column_plan *columns,
                       int64_t count, const column_values *values, const form *forms,
                       const reference *against, grid *g, error *e)
{
    for (int64_t i = 0; i < found->row_count; i++) {
        document_row(b->document, g);
        int64_t at = 0;
        for (int64_t k = 0; k < count; k++) {
            if (!values[k].any)
                continue;
            spans *to = document_cell(b->document, g, at++);
            if (values[k].there[i])
                TRY(put_cell(b, found, i, &columns[k], forms[k], against, to, e));
        }
        double run = 0;
        table_number(found, i, "run", &run);
        document_run(b->document, document_cell(b->document, g, at), (int64_t)run);
    }
    return document_ok(b->document, e);
}

static form form_of(const column_plan *plan, const column_values *v, int64_t rows,
                    double *shown)
{
    int64_t n = 0;
    for (int64_t i = 0; i < rows; i++)
        if (v->there[i])
            shown[n++] = v->numbers[i];
    if (plan->wanted && plan->exact)
        return plan->form;
    if (v->words && n > 0 && !plan->wanted)
        return (form){.kind = FORM_WORDS};
    return form_choose(plan->key, plan->operation, shown, n, v->whole,
                       plan->wanted ? &plan->form : NULL);
}

static status fill_grid(builder *b, const table *found, const column_plan *columns,
                        int64_t count, const reference *against, column_values *values,
                        double *shown, block *to, error *e)
{
    form forms[COLUMNS_MAX];
    for (int64_t k = 0; k < count; k++) {
        double base = columns[k].operation == OPERATION_NONE
                          ? NAN
                          : base_of(b, against, columns[k].key);
        read_values(found, &columns[k], against, base, &values[k]);
        if (columns[k].varied && found->row_count > 1 &&
            is_constant(found, columns[k].key))
            values[k].any = false;
        forms[k] = form_of(&columns[k], &values[k], found->row_count, shown);
        if (values[k].any)
            put_title(b, &to->grid, &columns[k], forms[k], &values[k]);
    }
    document_column(b->document, &to->grid, "run", COLUMN_WORDS);
    return put_rows(b, found, columns, count, values, forms, against, &to->grid, e);
}

status report_grid(builder *b, const table *found, const column_plan *columns,
                   int64_t count, const reference *against, block *to, error *e)
{
    static const reference nothing;
    column_values values[COLUMNS_MAX] = {0};
    const int64_t rows = found->row_count;
    if (count > COLUMNS_MAX)
        return fail(e, E_RANGE, "more than %d columns", COLUMNS_MAX);
    double *numbers = memory_new((count + 1) * rows, sizeof *numbers, e);
    bool *there = memory_new(count * rows, sizeof *there, e);
    status s = numbers && there ? E_OK : E_MEMORY;
    for (int64_t k = 0; s == E_OK && k < count; k++) {
        values[k].numbers = numbers + k * rows;
        values[k].there = there + k * rows;
    }
    if (s == E_OK)
        s = fill_grid(b, found, columns, count, against ? against : &nothing, values,
                      numbers + count * rows, to, e);
    memory_free(numbers);
    memory_free(there);
    return s;
}

status report_keys_table(builder *b, const char *where, const char *const *keys,
                         const char *caption, int64_t *rows, error *e)
{
    column_plan columns[COLUMNS_MAX] = {0};
    int64_t count = 0;
    for (; keys[count] && count < COLUMNS_MAX; count++)
        columns[count].key = keys[count];
    table *found = table_new(e);
    status s = found ? ledger_find(b->request->ledger, &b->request->scope, where, keys,
                                   count, found, e)
                     : E_MEMORY;
    *rows = s == E_OK ? found->row_count : 0;
    if (*rows > 0) {
        block *to = document_add(b->document, BLOCK_TABLE);
        document_span(b->document, &to->words, SPAN_TEXT, caption, NULL);
        s = report_grid(b, found, columns, count, NULL, to, e);
    }
    table_free(found);
    return s;
}
