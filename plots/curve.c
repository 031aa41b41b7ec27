/* SPDX-License-Identifier: GPL-3.0-or-later
   curve.c -- the figure `curve`: a column of tables against another, one line a table.
   It reads tables that sweeps left and computes no metric. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "measure/evaluate.h"
#include "plots/column.h"
#include "plots/style.h"

static const option options[] = {
    {"tables", OPTION_WORDS, NULL, NULL, NULL, "tables, as sweep makes them"},
    {"x", OPTION_TEXT, NULL, NULL, NULL, "column across (default: the swept one)"},
    {"y", OPTION_TEXT, NULL, NULL, NULL,
     "column upwards (default: masked_mse, or a metric)"},
    {"by", OPTION_TEXT, NULL, NULL, NULL,
     "column whose values part a table into lines (default: the first of words that "
     "differ)"},
    {"xlabel", OPTION_TEXT, NULL, NULL, NULL, "words below the figure"},
    {"ylabel", OPTION_TEXT, NULL, NULL, NULL, "words beside the figure"},
    {"log", OPTION_WORD, "auto|none|x|y|xy", "auto", NULL, "which axes are logarithmic"},
    {"group", OPTION_TEXT, NULL, NULL, NULL,
     "column of numbers: rows that share one make a point, at the mean of their x "
     "(default: x itself)"},
    {"baseline", OPTION_REAL, NULL, NULL, NULL, "a level to compare with"},
    {"spread", OPTION_WORD, "range|deviation|points|none", "range", NULL,
     "of rows that share their x, seeds say: lowest to highest, standard deviation, "
     "each"},
    {0},
};

/* ---- which columns ---- */

/* The swept column stands before what came of it: the first that changes. */
static const char *default_x(const table *t, const char *y)
{
    for (int64_t i = 0; i < t->column_count; i++)
        if (strcmp(t->columns[i], y) != 0 && column_has_numbers(t, t->columns[i], 2))
            return t->columns[i];
    return NULL;
}

/* The first column of words before Y that holds from 2 to STYLE_COUNT different ones. */
static const char *default_by(const table *t, const char *y)
{
    for (int64_t i = 0; i < t->column_count && strcmp(t->columns[i], y) != 0; i++) {
        const char *found[STYLE_COUNT + 1];
        int count = 0;
        for (int64_t row = 0; row < t->row_count && count <= STYLE_COUNT; row++) {
            const cell *value = table_get(t, row, i);
            int k = 0;
            while (value->kind == CELL_TEXT && k < count &&
                   strcmp(found[k], value->words) != 0)
                k++;
            if (value->kind == CELL_TEXT && k == count)
                found[count++] = value->words;
        }
        if (count >= 2 && count <= STYLE_COUNT)
            return t->columns[i];
    }
    return NULL;
}

/* What is drawn: columns, the lines found so far, and their limits. */
typedef struct picture {
    const char *x, *y;
    double x_low, x_high, y_low, y_high;
    bool several; /* some rows share their x */
    text *titles; /* [lines], owned */
    int64_t lines, capacity;
} picture;

static status choose_columns(const figure_call *c, const table *t, const char *name,
                             picture *p, error *e)
{
    p->x = option_words(c->options, "x");
    p->y = option_words(c->options, "y");
    if (!p->y && !(p->y = column_default_metric(t)))
        return column_fail(t, name, "y", NULL, e);
    if (!p->x && !(p->x = default_x(t, p->y)))
        return column_fail(t, name, "x", NULL, e);
    if (!column_has_numbers(t, p->y, 1))
        return column_fail(t, name, "y", p->y, e);
    return column_has_numbers(t, p->x, 1) ? E_OK : column_fail(t, name, "x", p->x, e);
}

/* ---- numbers ---- */

typedef struct point {
    double x, y;
    double group; /* points of one group become one, at the mean of their x */
} point;

static int compare_points(const void *a, const void *b)
{
    const point *p = a, *q = b;
    if (p->group != q->group)
        return p->group < q->group ? -1 : 1;
    return (p->y > q->y) - (p->y < q->y);
}

/* Mean, lowest and highest of N points of a group; for deviation the mean less and
   plus the standard deviation (of a sample, N - 1). */
static void add_group(figure_call *c, const point *points, int64_t n, picture *p)
{
    double sum = 0, sum_x = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += points[i].y;
        sum_x += points[i].x - points[0].x;
    }
    double mean = sum / (double)n, low = points[0].y, high = points[n - 1].y;
    for (int64_t i = 0; i < n; i++)
        squares += (points[i].y - mean) * (points[i].y - mean);
    if (option_is(c->options, "spread", "deviation")) {
        double deviation = n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
        low = mean - deviation;
        high = mean + deviation;
        p->y_low = fmin(p->y_low, low);
        p->y_high = fmax(p->y_high, high);
    }
    figure_number(c, points[0].x + sum_x / (double)n);
    figure_number(c, mean);
    figure_number(c, low);
    figure_number(c, high);
    figure_number(c, (double)n);
    figure_end_row(c);
}

/* The block of a line: what its groups of rows come to; then those rows in a block of
   their own. */
static void add_blocks(figure_call *c, const point *points, int64_t count, picture *p)
{
    bool several = false;
    figure_block(c, "x, mean of y, low and high end of its spread, rows");
    for (int64_t i = 0, next; i < count; i = next) {
        for (next = i; next < count && points[next].group == points[i].group; next++)
            ;
        add_group(c, points + i, next - i, p);
        several |= next - i > 1;
    }
    p->several |= several;
    figure_block(c, "x, y of rows of groups");
    if (!several)
        text_add(c->data, "NaN NaN\n");
    for (int64_t i = 0; several && i < count; i++) {
        figure_number(c, points[i].x);
        figure_number(c, points[i].y);
        figure_end_row(c);
    }
}

/* A line of the rows that have row FIRST's value in column BY (-1: all rows). */
static status add_line(figure_call *c, const table *t, int64_t by, int64_t first,
                       picture *p, error *e)
{
    int64_t count = 0;
    const char *group = option_words(c->options, "group");
    if (group && !column_has_numbers(t, group, 1))
        return fail(e, E_NAME, "group=%s: there is no such column of numbers", group);
    point *points = memory_new(t->row_count, sizeof *points, e);
    if (!points)
        return E_MEMORY;
    for (int64_t i = first; i < t->row_count; i++) {
        point q;
        if ((by >= 0 && !column_same(t, by, first, i)) ||
            !column_number(t, i, p->x, &q.x) || !column_number(t, i, p->y, &q.y))
            continue;
        if (!group || !column_number(t, i, group, &q.group))
            q.group = q.x;
        q.x *= column_scale(p->x);
        q.y *= column_scale(p->y);
        points[count++] = q;
        p->x_low = fmin(p->x_low, q.x);
        p->x_high = fmax(p->x_high, q.x);
        p->y_low = fmin(p->y_low, q.y);
        p->y_high = fmax(p->y_high, q.y);
    }
    if (count > 0) {
        qsort(points, (size_t)count, sizeof *points, compare_points);
        add_blocks(c, points, count, p);
        p->lines++;
    }
    memory_free(points);
    return E_OK;
}

/* "TABLE", "VALUE" or "TABLE: VALUE", for the line that would come next. */
static status add_title(const option_value *names, int64_t table_index, const table *t,
                        int64_t by, int64_t first, picture *p, error *e)
{
    void *titles = p->titles;
    TRY(memory_grow(&titles, &p->capacity, p->lines + 1, sizeof *p->titles, e));
    p->titles = titles;
    text *title = &p->titles[p->lines];
    text_clear(title);
    if (by < 0 || names->count > 1)
        text_add(title, names->items[table_index]);
    bool several = false; /* a table of one value is told by its name */
    for (int64_t i = 0; by >= 0 && i < t->row_count; i++)
        several = several || !column_same(t, by, first, i);
    if (several && names->count > 1)
        text_add(title, ": ");
    if (by >= 0 && (several || names->count == 1))
        column_put_title(t, first, by, title);
    return text_ok(title, e);
}

static status add_table(figure_call *c, const option_value *names, int64_t table_index,
                        picture *p, error *e)
{
    const char *name = names->items[table_index];
    const table *t = session_get_table(c->session, name, e);
    if (!t)
        return e->code;
    if (table_index == 0)
        TRY(choose_columns(c, t, name, p, e));
    if (!column_has_numbers(t, p->x, 1) || !column_has_numbers(t, p->y, 1)) {
        bool x = !column_has_numbers(t, p->x, 1);
        return column_fail(t, name, x ? "x" : "y", x ? p->x : p->y, e);
    }
    const char *by_name = option_words(c->options, "by");
    if (!by_name)
        by_name = default_by(t, p->y);
    int64_t by = by_name ? table_column(t, by_name) : -1;
    if (by_name && by < 0)
        return fail(e, E_NAME, "by=%s: '%s' has no such column", by_name, name);
    for (int64_t i = 0; i < t->row_count; i++) {
        bool begins = by >= 0 || i == 0;
        for (int64_t j = 0; begins && j < i; j++)
            begins = !column_same(t, by, i, j);
        if (!begins)
            continue;
        TRY(add_title(names, table_index, t, by, i, p, e));
        TRY(add_line(c, t, by, i, p, e));
    }
    return E_OK;
}

static status gather(figure_call *c, picture *p, error *e)
{
    const option_value *names = option_get(c->options, "tables");
    const option_value *baseline = option_get(c->options, "baseline");
    for (int64_t i = 0; i < names->count; i++)
        TRY(add_table(c, names, i, p, e));
    if (baseline->present) {
        p->y_low = fmin(p->y_low, baseline->real * column_scale(p->y));
        p->y_high = fmax(p->y_high, baseline->real * column_scale(p->y));
    }
    return E_OK;
}

/* ---- drawing ---- */

enum { TITLE_COLUMNS = 40 };

/* "plot " before the first curve of a plot, a comma before the others. */
static void add_separator(figure_call *c, bool *first)
{
    text_add(c->script, *first ? "plot " : ", \\\n     ");
    *first = false;
}

/* Bands behind all lines, or the rows themselves. */
static void add_spread(figure_call *c, const picture *p, bool *first)
{
    bool points = option_is(c->options, "spread", "points") || c->medium == MEDIUM_TEXT;
    if (!p->several || option_is(c->options, "spread", "none"))
        return;
    for (int i = 0; i < (int)p->lines; i++) {
        add_separator(c, first);
        if (points)
            text_addf(c->script,
                      "DATA index %d with points linecolor rgb '%s' linewidth 0.7 "
                      "pointtype %d pointsize 0.5 notitle",
                      2 * i + 1, style_colour(i), style_open_marker(i));
        else
            text_addf(c->script,
                      "DATA index %d using 1:3:4 with filledcurves linecolor rgb '%s' "
                      "fillstyle transparent solid 0.2 noborder notitle",
                      2 * i, style_colour(i));
    }
}

static void add_lines(figure_call *c, const picture *p)
{
    const option_value *baseline = option_get(c->options, "baseline");
    bool first = true;
    add_spread(c, p, &first);
    if (baseline->present) {
        add_separator(c, &first);
        text_addf(c->script,
                  "%.17g with lines linecolor rgb '#666666' dashtype 3 linewidth 1.6 "
                  "title ",
                  baseline->real * column_scale(p->y));
        figure_string(c, "baseline", 0);
    }
    for (int i = 0; i < (int)p->lines; i++) {
        add_separator(c, &first);
        text_addf(c->script,
                  "DATA index %d using 1:2 with linespoints linecolor rgb '%s' "
                  "dashtype %d linewidth 1.3 pointtype %d pointsize 0.75 title ",
                  2 * i, style_colour(i), style_dash(i), style_marker(i));
        figure_string(c, text_get(&p->titles[i]), TITLE_COLUMNS);
    }
    text_add(c->script, "\n");
}

/* What the band says, for the axis. */
static const char *spread_note(const figure_call *c, const picture *p)
{
    const char *words = option_words(c->options, "spread");
    if (!p->several || strcmp(words, "none") == 0)
        return p->several ? "mean" : NULL;
    if (strcmp(words, "points") == 0 || c->medium == MEDIUM_TEXT)
        return "mean and rows";
    return strcmp(words, "range") == 0 ? "mean and range" : "mean ± deviation";
}

static int title_columns(const picture *p)
{
    int columns = 9;
    for (int64_t i = 0; i < p->lines; i++) {
        int wide = text_columns(text_get(&p->titles[i]));
        columns = wide > columns ? wide : columns;
    }
    return columns < TITLE_COLUMNS ? columns : TITLE_COLUMNS;
}

static status draw_picture(figure_call *c, picture *p, error *e)
{
    TRY(gather(c, p, e));
    if (p->lines == 0)
        return fail(e, E_NUMERIC, "no row has finite numbers in both %s and %s", p->x,
                    p->y);
    const double left = 18, right = 4, bottom = 12;
    double width = c->width_mm - left - right;
    int64_t entries = p->lines + option_get(c->options, "baseline")->present;
    if (c->height_mm <= 0)
        c->height_mm = 76 + style_key_height(c, entries, title_columns(p), width);
    double top = (c->medium == MEDIUM_TEXT ? 8 : 3) +
                 style_key(c, entries, title_columns(p), left, 2, width);
    double height = c->height_mm - top - bottom;
    style_panel(c, left, top, width, height);
    column_range x = {p->x, NULL, p->x_low, p->x_high, false};
    column_range y = {p->y, spread_note(c, p), p->y_low, p->y_high, false};
    TRY(column_axis(c, 'x', &x, width, e));
    TRY(column_axis(c, 'y', &y, height, e));
    add_lines(c, p);
    return E_OK;
}

static status draw(figure_call *c, error *e)
{
    picture p = {
        .x_low = INFINITY, .x_high = -INFINITY, .y_low = INFINITY, .y_high = -INFINITY};
    status result = draw_picture(c, &p, e);
    for (int64_t i = 0; i < p.capacity; i++)
        text_clear(&p.titles[i]);
    memory_free(p.titles);
    return result;
}

const figure_row figure_curve = {
    .name = "curve",
    .summary = "a metric over what was swept, one line a table",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "plot curve s > curve.svg",
    .width_mm = 120,
    .draw = draw,
};
