/* SPDX-License-Identifier: GPL-3.0-or-later
   latency.c -- the figure `latency`: a bar a row of tables, with the spread of its runs
   and lines of limits.  It reads what bench measured and measures nothing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "plots/bars.h"
#include "plots/column.h"
#include "plots/style.h"

static const option options[] = {
    {"tables", OPTION_WORDS, NULL, NULL, NULL, "tables, as 'sweep NAME bench ...' makes"},
    {"y", OPTION_TEXT, NULL, "median_ms", NULL, "column that the bars show"},
    {"low", OPTION_TEXT, NULL, NULL, NULL,
     "column of the low end of its spread (default: p10_ms of median_ms, or Y_low)"},
    {"high", OPTION_TEXT, NULL, NULL, NULL, "column of the high end (p90_ms, or Y_high)"},
    {"label", OPTION_WORDS, NULL, "model", NULL, "columns whose words name the bars"},
    {"limit", OPTION_REALS, "0..", NULL, NULL, "lines to stay below, in the axis's unit"},
    {"xlabel", OPTION_TEXT, NULL, NULL, NULL, "words below the figure"},
    {0},
};

enum { ROWS_MAX = 200 };

/* The rows of all tables that have a number. */
typedef struct rows {
    double *value, *low, *high; /* one block */
    text *names;
    const char **words; /* of names, when all are there */
    int64_t count, capacity;
    bool spread; /* some row has one */
} rows;

static void rows_clear(rows *r)
{
    for (int64_t i = 0; i < r->capacity && r->names; i++)
        text_clear(&r->names[i]);
    memory_free(r->value);
    memory_free(r->names);
    memory_free(r->words);
    *r = (rows){0};
}

static double end_of(const figure_call *c, const table *t, int64_t row, bool high)
{
    const char *y = option_words(c->options, "y");
    const char *named = option_words(c->options, high ? "high" : "low");
    text column = {0};
    double value = NAN;
    if (named)
        text_add(&column, named);
    else if (strcmp(y, "median_ms") == 0)
        text_add(&column, high ? "p90_ms" : "p10_ms");
    else
        text_addf(&column, "%s_%s", y, high ? "high" : "low");
    if (!column.failed && !column_number(t, row, text_get(&column), &value))
        value = NAN;
    text_clear(&column);
    return value * column_scale(y);
}

static status put_name(const figure_call *c, const table *t, int64_t row, text *name,
                       error *e)
{
    const option_value *labels = option_get(c->options, "label");
    for (int64_t i = 0; i < labels->count; i++) {
        int64_t column = table_column(t, labels->items[i]);
        if (column < 0 && labels->given)
            return fail(e, E_NAME, "label=%s: there is no such column", labels->items[i]);
        if (column < 0)
            text_addf(name, "%lld", (long long)row + 1);
        else {
            text_add(name, i > 0 ? ", " : "");
            column_put_words(table_get(t, row, column), name);
        }
    }
    return text_ok(name, e);
}

static status add_table(const figure_call *c, const char *name, rows *r, error *e)
{
    const char *y = option_words(c->options, "y");
    const table *t = session_get_table(c->session, name, e);
    if (!t)
        return e->code;
    if (!column_has_numbers(t, y, 1))
        return column_fail(t, name, "y", y, e);
    for (int64_t row = 0; row < t->row_count; row++) {
        double value;
        if (!column_number(t, row, y, &value))
            continue;
        if (value < 0)
            return fail(e, E_RANGE, "'%s' has %s %g, bars begin at 0", name, y, value);
        r->value[r->count] = value * column_scale(y);
        r->low[r->count] = end_of(c, t, row, false);
        r->high[r->count] = end_of(c, t, row, true);
        r->spread |= isfinite(r->low[r->count]) && isfinite(r->high[r->count]);
        TRY(put_name(c, t, row, &r->names[r->count++], e));
    }
    return E_OK;
}

static status gather(const figure_call *c, rows *r, error *e)
{
    const option_value *tables = option_get(c->options, "tables");
    for (int64_t i = 0; i < tables->count; i++) {
        const table *t = session_get_table(c->session, tables->items[i], e);
        if (!t)
            return e->code;
        r->capacity += t->row_count;
    }
    r->value = memory_new(3 * r->capacity, sizeof *r->value, e);
    r->names = memory_new(r->capacity, sizeof *r->names, e);
    r->words = memory_new(r->capacity, sizeof *r->words, e);
    if (!r->value || !r->names || !r->words)
        return E_MEMORY;
    r->low = r->value + r->capacity;
    r->high = r->low + r->capacity;
    for (int64_t i = 0; i < tables->count; i++)
        TRY(add_table(c, tables->items[i], r, e));
    if (r->count > ROWS_MAX)
        return fail(e, E_RANGE, "%lld rows, a figure has room for %d bars",
                    (long long)r->count, ROWS_MAX);
    for (int64_t i = 0; i < r->count; i++)
        r->words[i] = text_get(&r->names[i]);
    return E_OK;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static status draw_rows(figure_call *c, rows *r, error *e)
{
    TRY(gather(c, r, e));
    const option_value *limit = option_get(c->options, "limit");
    const char *own = option_words(c->options, "xlabel");
    double limits[OPTION_LIST_MAX] = {0};
    int64_t count = limit->present ? limit->count : 0;
    memcpy(limits, limit->reals, (size_t)count * sizeof *limits);
    qsort(limits, (size_t)count, sizeof *limits, compare);
    const double edge = 2, right = 4, bottom = c->medium == MEDIUM_TEXT ? 12 : 11;
    double left = edge + bars_name_room(c, r->words, r->count);
    double top = 3 + bars_limit_room(c, count);
    if (c->height_mm <= 0 || c->medium == MEDIUM_TEXT)
        c->height_mm = top + bars_height(c, r->count) + bottom;
    text label = {0};
    if (own)
        text_add(&label, own);
    else
        column_put_label(option_words(c->options, "y"), &label);
    bool usual = text_equal(option_words(c->options, "y"), "median_ms") &&
                 !option_given(c->options, "low") && !option_given(c->options, "high");
    if (!own && r->spread && usual)
        text_add(&label, ", 10th to 90th percentile");
    bars_draw(c, &(bars){.left = left,
                         .top = top,
                         .width = c->width_mm - left - right,
                         .height = c->height_mm - top - bottom,
                         .count = r->count,
                         .names = r->words,
                         .values = r->value,
                         .low = r->spread ? r->low : NULL,
                         .high = r->spread ? r->high : NULL,
                         .limits = limits,
                         .limit_count = count,
                         .label = text_get(&label)});
    status result = text_ok(&label, e);
    text_clear(&label);
    return result;
}

static status draw(figure_call *c, error *e)
{
    rows r = {0};
    status result = draw_rows(c, &r, e);
    rows_clear(&r);
    return result;
}

const figure_row figure_latency = {
    .name = "latency",
    .summary = "a bar for the time of each model, its spread, and limits",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "plot latency s y=bytes limit=1 > size.svg",
    .width_mm = 120,
    .draw = draw,
};
