/* SPDX-License-Identifier: GPL-3.0-or-later
   curve.c -- the figure `curve`: a column of tables against another, one line a table.
   It reads tables that sweeps left and computes no metric. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "measure/evaluate.h"
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
    {"baseline", OPTION_REAL, NULL, NULL, NULL, "a level to compare with"},
    {0},
};

/* What columns are called on an axis, and in which unit. */
typedef struct column_label {
    const char *column, *label;
    double scale;
} column_label;

static const column_label labels[] = {
    {"sparsity", "sparsity (share of parameters that are zero)", 1},
    {"amount", "amount pruned (share of weights)", 1},
    {"parameters", "parameters", 1},
    {"nonzero", "parameters that are not zero", 1},
    {"bits", "bits of a weight", 1},
    {"bytes", "file size (MiB)", 1.0 / 1048576},
    {"peak_bytes", "memory (MiB)", 1.0 / 1048576},
    {"multiply_adds", "multiply-adds a sample", 1},
    {"seconds", "time (s)", 1},
    {"median_ms", "median latency (ms)", 1},
    {"p10_ms", "latency, 10th percentile (ms)", 1},
    {"p90_ms", "latency, 90th percentile (ms)", 1},
    {"samples_per_second", "samples per second", 1},
    {"epoch", "epoch", 1},
    {"epochs", "epochs", 1},
    {"batch", "batch size", 1},
    {"threads", "threads", 1},
    {"lr", "learning rate", 1},
    {"accuracy", "accuracy (share of samples)", 1},
};

static const column_label *label_find(const char *column)
{
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (strcmp(labels[i].column, column) == 0)
            return &labels[i];
    return NULL;
}

static double column_scale(const char *column)
{
    const column_label *l = label_find(column);
    return l ? l->scale : 1;
}

/* "masked_mse" as "masked MSE". */
static void put_name(const char *column, text *out)
{
    static const char *const acronyms[] = {"mse", "rmse", "mae", "psnr", "ssim"};
    for (const char *word = column; *word;) {
        size_t length = strcspn(word, "_");
        bool capital = false;
        for (size_t i = 0; i < sizeof acronyms / sizeof *acronyms; i++)
            capital |= length == strlen(acronyms[i]) && text_starts(word, acronyms[i]);
        for (size_t i = 0; i < length; i++) {
            char letter = capital ? (char)toupper((unsigned char)word[i]) : word[i];
            text_add_bytes(out, &letter, 1);
        }
        word += length;
        if (*word == '_') {
            text_add(out, " ");
            word++;
        }
    }
}

/* The words on the axis of COLUMN: its label, or its name with its metric's unit (that of
   the target is not known here). */
static void put_label(const char *column, text *out)
{
    const column_label *l = label_find(column);
    if (l) {
        text_add(out, l->label);
        return;
    }
    put_name(column, out);
    const metric_row *metric = metric_find(column);
    const char *unit = metric ? metric->unit : NULL;
    if (unit && unit[0] && strcmp(unit, "1") != 0 && !text_starts(unit, "target"))
        text_addf(out, " (%s)", unit);
}

/* ---- which columns ---- */

static bool number_at(const table *t, int64_t row, const char *column, double *value)
{
    return table_number(t, row, column, value) && isfinite(*value);
}

/* Does the column hold at least LEAST different numbers? */
static bool has_numbers(const table *t, const char *column, int least)
{
    double first = 0, value;
    int found = 0;
    for (int64_t i = 0; i < t->row_count && found < least; i++) {
        if (!number_at(t, i, column, &value))
            continue;
        if (found == 0 || value != first)
            found++;
        first = found == 1 ? value : first;
    }
    return found >= least;
}

static status fail_column(const table *t, const char *table_name, const char *key,
                          const char *wanted, error *e)
{
    text list = {0};
    for (int64_t i = 0; i < t->column_count; i++)
        if (has_numbers(t, t->columns[i], 1))
            text_addf(&list, "%s%s", list.length ? ", " : "", t->columns[i]);
    if (wanted)
        fail(e, E_NAME, "%s=%s: '%s' has no such column of numbers", key, wanted,
             table_name);
    else
        fail(e, E_NAME, "'%s' has no column that could be %s", table_name, key);
    fail_hint(e, "its columns of numbers: %s", list.length ? text_get(&list) : "none");
    text_clear(&list);
    return E_NAME;
}

static const char *default_y(const table *t)
{
    if (has_numbers(t, "masked_mse", 1))
        return "masked_mse";
    for (int64_t i = 0; i < t->column_count; i++)
        if (metric_find(t->columns[i]) && has_numbers(t, t->columns[i], 1))
            return t->columns[i];
    return NULL;
}

/* The swept column stands before what came of it: the first that changes. */
static const char *default_x(const table *t, const char *y)
{
    for (int64_t i = 0; i < t->column_count; i++)
        if (strcmp(t->columns[i], y) != 0 && has_numbers(t, t->columns[i], 2))
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
    text *titles; /* [lines], owned */
    int64_t lines, capacity;
} picture;

static status choose_columns(const figure_call *c, const table *t, const char *name,
                             picture *p, error *e)
{
    p->x = option_words(c->options, "x");
    p->y = option_words(c->options, "y");
    if (!p->y && !(p->y = default_y(t)))
        return fail_column(t, name, "y", NULL, e);
    if (!p->x && !(p->x = default_x(t, p->y)))
        return fail_column(t, name, "x", NULL, e);
    if (!has_numbers(t, p->y, 1))
        return fail_column(t, name, "y", p->y, e);
    return has_numbers(t, p->x, 1) ? E_OK : fail_column(t, name, "x", p->x, e);
}

/* ---- numbers ---- */

typedef struct point {
    double x, y;
} point;

static int compare_points(const void *a, const void *b)
{
    const point *p = a, *q = b;
    if (p->x != q->x)
        return p->x < q->x ? -1 : 1;
    return (p->y > q->y) - (p->y < q->y);
}

/* The block of a line: x and mean of y, over rows where an x stands several times (seeds,
   say); then those rows in a block of their own. */
static void add_blocks(figure_call *c, const point *points, int64_t count)
{
    bool several = false;
    figure_block(c, "x, mean of y");
    for (int64_t i = 0, next; i < count; i = next) {
        double sum = 0;
        for (next = i; next < count && points[next].x == points[i].x; next++)
            sum += points[next].y;
        figure_number(c, points[i].x);
        figure_number(c, sum / (double)(next - i));
        figure_end_row(c);
        several |= next - i > 1;
    }
    figure_block(c, "x, y of rows that share their x");
    if (!several)
        text_add(c->data, "NaN NaN\n");
    for (int64_t i = 0; several && i < count; i++) {
        figure_number(c, points[i].x);
        figure_number(c, points[i].y);
        figure_end_row(c);
    }
}

static void cell_words(const cell *value, text *out)
{
    char buffer[32];
    switch (value->kind) {
    case CELL_TEXT:
        text_add(out, value->words);
        break;
    case CELL_INTEGER:
        text_addf(out, "%lld", (long long)value->integer);
        break;
    case CELL_REAL:
        text_add(out, text_real(buffer, value->real));
        break;
    case CELL_FLAG:
        text_add(out, value->flag ? "yes" : "no");
        break;
    case CELL_NONE:
        break;
    }
}

/* Has row I the same value in COLUMN as row J? */
static bool same_value(const table *t, int64_t column, int64_t i, int64_t j)
{
    text a = {0}, b = {0};
    cell_words(table_get(t, i, column), &a);
    cell_words(table_get(t, j, column), &b);
    bool same = text_equal(text_get(&a), text_get(&b));
    text_clear(&a);
    text_clear(&b);
    return same;
}

/* A line of the rows that have row FIRST's value in column BY (-1: all rows). */
static status add_line(figure_call *c, const table *t, int64_t by, int64_t first,
                       picture *p, error *e)
{
    int64_t count = 0;
    point *points = memory_new(t->row_count, sizeof *points, e);
    if (!points)
        return E_MEMORY;
    for (int64_t i = first; i < t->row_count; i++) {
        point q;
        if ((by >= 0 && !same_value(t, by, first, i)) || !number_at(t, i, p->x, &q.x) ||
            !number_at(t, i, p->y, &q.y))
            continue;
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
        add_blocks(c, points, count);
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
        several = several || !same_value(t, by, first, i);
    if (several && names->count > 1)
        text_add(title, ": ");
    if (by >= 0 && (several || names->count == 1))
        cell_words(table_get(t, first, by), title);
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
    if (!has_numbers(t, p->x, 1) || !has_numbers(t, p->y, 1)) {
        bool x = !has_numbers(t, p->x, 1);
        return fail_column(t, name, x ? "x" : "y", x ? p->x : p->y, e);
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
            begins = !same_value(t, by, i, j);
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

static status choose_log(const figure_call *c, char axis, double low, double high,
                         bool *logarithmic, error *e)
{
    const char *words = option_words(c->options, "log");
    if (strcmp(words, "auto") == 0) {
        *logarithmic = style_wants_log(low, high);
        return E_OK;
    }
    *logarithmic = strcmp(words, "none") != 0 && strchr(words, axis);
    if (*logarithmic && !(low > 0))
        return fail(e, E_RANGE,
                    "log=%s: %c goes down to %g, a logarithm needs more than 0", words,
                    axis, low);
    return E_OK;
}

static status set_axis(figure_call *c, char letter, const char *column, double low,
                       double high, double length, error *e)
{
    bool logarithmic;
    TRY(choose_log(c, letter, low, high, &logarithmic, e));
    style_widen(&low, &high, 0.05, logarithmic);
    text label = {0};
    const char *own = option_words(c->options, letter == 'x' ? "xlabel" : "ylabel");
    if (own)
        text_add(&label, own);
    else
        put_label(column, &label);
    style_axis_set(c, &(style_axis){.letter = letter,
                                    .low = low,
                                    .high = high,
                                    .logarithmic = logarithmic,
                                    .length_mm = length,
                                    .label = text_get(&label)});
    c->script->failed |= label.failed;
    text_clear(&label);
    return E_OK;
}

enum { TITLE_COLUMNS = 40 };

static void add_lines(figure_call *c, const picture *p)
{
    const option_value *baseline = option_get(c->options, "baseline");
    const char *separator = "plot ";
    if (baseline->present) {
        text_addf(
            c->script,
            "plot %.17g with lines linecolor rgb '#666666' dashtype 3 linewidth 1.6 "
            "title ",
            baseline->real * column_scale(p->y));
        figure_string(c, "baseline", 0);
        separator = ", \\\n     ";
    }
    for (int64_t i = 0; i < p->lines; i++) {
        int k = (int)i;
        text_addf(
            c->script,
            "%sDATA index %d with points linecolor rgb '%s' linewidth 0.7 pointtype "
            "%d pointsize 0.5 notitle",
            separator, 2 * k + 1, style_colour(k), style_open_marker(k));
        text_addf(c->script,
                  ", \\\n     DATA index %d with linespoints linecolor rgb '%s' "
                  "dashtype %d linewidth 1.3 pointtype %d pointsize 0.75 title ",
                  2 * k, style_colour(k), style_dash(k), style_marker(k));
        figure_string(c, text_get(&p->titles[i]), TITLE_COLUMNS);
        separator = ", \\\n     ";
    }
    text_add(c->script, "\n");
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
    double top = (c->medium == MEDIUM_TEXT ? 8 : 3) +
                 style_key(c, entries, title_columns(p), left, 2, width);
    double height = c->height_mm - top - bottom;
    style_panel(c, left, top, width, height);
    TRY(set_axis(c, 'x', p->x, p->x_low, p->x_high, width, e));
    TRY(set_axis(c, 'y', p->y, p->y_low, p->y_high, height, e));
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
    .height_mm = 80,
    .draw = draw,
};
