/* SPDX-License-Identifier: GPL-3.0-or-later
   pareto.c -- the figure `pareto`: rows of tables by two columns, those that no other row
   beats in both in colour and joined, the others grey.  It judges no row itself. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "measure/pareto.h"
#include "plots/column.h"
#include "plots/style.h"

static const option options[] = {
    {"tables", OPTION_WORDS, NULL, NULL, NULL, "tables whose rows are the points"},
    {"x", OPTION_TEXT, NULL, "bytes", NULL, "column across"},
    {"y", OPTION_TEXT, NULL, NULL, NULL,
     "column upwards (default: masked_mse, or a metric)"},
    {"better", OPTION_WORDS, "auto|lower|higher", "auto,auto", NULL,
     "directions of x and y that are better (default: the metric's own)"},
    {"by", OPTION_TEXT, NULL, NULL, NULL,
     "column whose values have a marker each (default: the table)"},
    {"label", OPTION_TEXT, NULL, NULL, NULL,
     "column whose words stand beside the points of the front"},
    {"xlabel", OPTION_TEXT, NULL, NULL, NULL, "words below the figure"},
    {"ylabel", OPTION_TEXT, NULL, NULL, NULL, "words beside the figure"},
    {"log", OPTION_WORD, "auto|none|x|y|xy", "auto", NULL, "which axes are logarithmic"},
    {0},
};

enum { TITLE_COLUMNS = 40, LABEL_COLUMNS = 28 };

/* What is drawn: [count] rows of all tables that have both numbers. */
typedef struct cloud {
    const char *column[2];
    direction better[2];
    double *x, *y; /* one block */
    bool *front;
    int *group;  /* marker */
    text *words; /* beside the point; empty where there are none */
    int64_t count, capacity;
    text title[STYLE_COUNT];
    int groups;
} cloud;

static void cloud_clear(cloud *p)
{
    for (int64_t i = 0; i < p->capacity && p->words; i++)
        text_clear(&p->words[i]);
    for (int i = 0; i < STYLE_COUNT; i++)
        text_clear(&p->title[i]);
    memory_free(p->x);
    memory_free(p->front);
    memory_free(p->group);
    memory_free(p->words);
    *p = (cloud){0};
}

/* ---- what is drawn ---- */

static status choose_columns(const figure_call *c, const table *t, const char *name,
                             cloud *p, error *e)
{
    p->column[0] = option_words(c->options, "x");
    p->column[1] = option_words(c->options, "y");
    if (!p->column[1] && !(p->column[1] = column_default_metric(t)))
        return column_fail(t, name, "y", NULL, e);
    const option_value *better = option_get(c->options, "better");
    for (int64_t axis = 0; axis < 2; axis++)
        TRY(pareto_choose(p->column[axis],
                          better->items[axis < better->count ? axis : better->count - 1],
                          &p->better[axis], e));
    return E_OK;
}

/* The number of the group called TITLE; beyond STYLE_COUNT all others share the last. */
static int group_of(cloud *p, const char *title)
{
    for (int i = 0; i < p->groups; i++)
        if (text_equal(text_get(&p->title[i]), title))
            return i;
    if (p->groups == STYLE_COUNT) {
        text_clear(&p->title[STYLE_COUNT - 1]);
        text_add(&p->title[STYLE_COUNT - 1], "others");
        return STYLE_COUNT - 1;
    }
    text_add(&p->title[p->groups], title);
    return p->groups++;
}

static status add_row(const figure_call *c, const table *t, const char *name, int64_t row,
                      cloud *p, error *e)
{
    double x, y;
    if (!column_number(t, row, p->column[0], &x) ||
        !column_number(t, row, p->column[1], &y))
        return E_OK;
    const char *by = option_words(c->options, "by");
    const char *label = option_words(c->options, "label");
    int64_t by_at = by ? table_column(t, by) : -1;
    int64_t label_at = label ? table_column(t, label) : -1;
    text title = {0};
    if (by_at >= 0)
        column_put_title(t, row, by_at, &title);
    else
        text_add(&title, name);
    p->x[p->count] = x;
    p->y[p->count] = y;
    p->group[p->count] = group_of(p, text_get(&title));
    if (label_at >= 0)
        column_put_words(table_get(t, row, label_at), &p->words[p->count]);
    p->count++;
    status result = text_ok(&title, e);
    text_clear(&title);
    return result;
}

static status check_column(const table *t, const char *name, const char *key,
                           const char *column, error *e)
{
    if (column && table_column(t, column) < 0)
        return fail(e, E_NAME, "%s=%s: '%s' has no such column", key, column, name);
    return E_OK;
}

static status add_table(const figure_call *c, const char *name, cloud *p, error *e)
{
    const table *t = session_get_table(c->session, name, e);
    if (!t)
        return e->code;
    if (!p->column[0])
        TRY(choose_columns(c, t, name, p, e));
    for (int axis = 0; axis < 2; axis++)
        if (!column_has_numbers(t, p->column[axis], 1))
            return column_fail(t, name, axis ? "y" : "x", p->column[axis], e);
    TRY(check_column(t, name, "by", option_words(c->options, "by"), e));
    TRY(check_column(t, name, "label", option_words(c->options, "label"), e));
    for (int64_t row = 0; row < t->row_count; row++)
        TRY(add_row(c, t, name, row, p, e));
    return E_OK;
}

static status gather(const figure_call *c, cloud *p, error *e)
{
    const option_value *names = option_get(c->options, "tables");
    for (int64_t i = 0; i < names->count; i++) {
        const table *t = session_get_table(c->session, names->items[i], e);
        if (!t)
            return e->code;
        p->capacity += t->row_count;
    }
    p->x = memory_new(2 * p->capacity, sizeof *p->x, e);
    p->front = memory_new(p->capacity, sizeof *p->front, e);
    p->group = memory_new(p->capacity, sizeof *p->group, e);
    p->words = memory_new(p->capacity, sizeof *p->words, e);
    if (!p->x || !p->front || !p->group || !p->words)
        return E_MEMORY;
    p->y = p->x + p->capacity;
    for (int64_t i = 0; i < names->count; i++)
        TRY(add_table(c, names->items[i], p, e));
    if (p->count == 0)
        return fail(e, E_NUMERIC, "no row has finite numbers in both %s and %s",
                    p->column[0], p->column[1]);
    TRY(pareto_front(p->x, p->y, p->count, p->better[0], p->better[1], p->front, e));
    for (int64_t i = 0; i < p->count; i++) {
        p->x[i] *= column_scale(p->column[0]);
        p->y[i] *= column_scale(p->column[1]);
    }
    return E_OK;
}

/* ---- drawing ---- */

static column_range range_of(const double *values, const cloud *p, int axis)
{
    column_range r = {.column = p->column[axis], .low = INFINITY, .high = -INFINITY};
    r.note = p->better[axis] == DIRECTION_LOWER ? "lower is better" : "higher is better";
    for (int64_t i = 0; i < p->count; i++) {
        r.low = fmin(r.low, values[i]);
        r.high = fmax(r.high, values[i]);
    }
    return r;
}

/* The points of one marker, on the front or not. */
static void add_points(figure_call *c, const cloud *p, int group, bool front)
{
    bool any = false;
    figure_block(c, front ? "on the front: x, y" : "dominated: x, y");
    for (int64_t i = 0; i < p->count; i++) {
        if (p->group[i] != group || p->front[i] != front)
            continue;
        figure_number(c, p->x[i]);
        figure_number(c, p->y[i]);
        figure_end_row(c);
        any = true;
    }
    if (!any)
        text_add(c->data, "NaN NaN\n");
}

typedef struct corner {
    double x, y;
} corner;

static int compare_corners(const void *a, const void *b)
{
    const corner *p = a, *q = b;
    if (p->x != q->x)
        return p->x < q->x ? -1 : 1;
    return (p->y > q->y) - (p->y < q->y);
}

/* The edge of what the front dominates: from each point to the next along the axes, on the
   worse side of both. */
static status add_edge(figure_call *c, const cloud *p, error *e)
{
    int64_t count = 0;
    corner *corners = memory_new(p->count, sizeof *corners, e);
    if (!corners)
        return E_MEMORY;
    for (int64_t i = 0; i < p->count; i++)
        if (p->front[i])
            corners[count++] = (corner){p->x[i], p->y[i]};
    qsort(corners, (size_t)count, sizeof *corners, compare_corners);
    figure_block(c, "edge of the front: x, y");
    for (int64_t i = 0; i < count; i++) {
        if (i > 0) {
            bool low = p->better[0] == DIRECTION_LOWER;
            figure_number(c, low ? corners[i].x : corners[i - 1].x);
            figure_number(c, low ? corners[i - 1].y : corners[i].y);
            figure_end_row(c);
        }
        figure_number(c, corners[i].x);
        figure_number(c, corners[i].y);
        figure_end_row(c);
    }
    memory_free(corners);
    return E_OK;
}

static double place_on(const column_range *r, double value, double length)
{
    if (r->logarithmic)
        return length * log(value / r->low) / log(r->high / r->low);
    return length * (value - r->low) / (r->high - r->low);
}

/* A rectangle of the plotting area in millimetres from its bottom left corner. */
typedef struct box {
    double left, right, bottom, top;
} box;

static bool overlap(const box *a, const box *b)
{
    return a->left < b->right && b->left < a->right && a->bottom < b->top &&
           b->bottom < a->top;
}

/* Is the box within the area, and clear of all points and of the labels so far? */
static bool is_free(const box *b, const box *taken, int64_t count, const box *area)
{
    if (b->left < area->left || b->right > area->right || b->bottom < area->bottom ||
        b->top > area->top)
        return false;
    for (int64_t i = 0; i < count; i++)
        if (overlap(b, &taken[i]))
            return false;
    return true;
}

/* Has a point before I on the same place the same words? */
static bool is_repeated(const cloud *p, int64_t i)
{
    for (int64_t j = 0; j < i; j++)
        if (p->front[j] && p->x[j] == p->x[i] && p->y[j] == p->y[i] &&
            text_equal(text_get(&p->words[j]), text_get(&p->words[i])))
            return true;
    return false;
}

/* Words beside points of the front, right or left of them, above or below, where there is
   room; a point without room has none. */
static status add_words(figure_call *c, const cloud *p, const column_range *x,
                        const column_range *y, const box *area, error *e)
{
    bool text_only = c->medium == MEDIUM_TEXT;
    const double letter = text_only ? 2 : 1.4, line = text_only ? 4 : 2.8, mark = 1.2;
    box *taken = memory_new(2 * p->count, sizeof *taken, e);
    if (!taken)
        return E_MEMORY;
    int64_t count = p->count;
    for (int64_t i = 0; i < p->count; i++) {
        double px = place_on(x, p->x[i], area->right);
        double py = place_on(y, p->y[i], area->top);
        taken[i] =
            (box){px - 0.8 * mark, px + 0.8 * mark, py - 0.8 * mark, py + 0.8 * mark};
    }
    for (int64_t i = 0; i < p->count; i++) {
        if (!p->front[i] || p->words[i].length == 0 || is_repeated(p, i))
            continue;
        int columns = text_columns(text_get(&p->words[i]));
        double width = letter * (columns < LABEL_COLUMNS ? columns : LABEL_COLUMNS);
        double px = place_on(x, p->x[i], area->right);
        double py = place_on(y, p->y[i], area->top);
        for (int k = 0; k < 6; k++) {
            static const double across[] = {1, 1, -1, -1, 0, 0},
                                up[] = {1, -1, 1, -1, 1, -1};
            double left = px + (across[k] == 0  ? -width / 2
                                : across[k] > 0 ? mark
                                                : -mark - width);
            double middle = py + up[k] * (mark + line / 2);
            box b = {left, left + width, middle - line / 2, middle + line / 2};
            if (!is_free(&b, taken, count, area))
                continue;
            taken[count++] = b;
            text_add(c->script, "set label ");
            figure_string(c, text_get(&p->words[i]), LABEL_COLUMNS);
            text_addf(c->script, " at graph %.5f,%.5f left font ',%d' front\n",
                      left / area->right, middle / area->top, STYLE_SMALL_POINTS - 1);
            break;
        }
    }
    memory_free(taken);
    return E_OK;
}

static void add_curves(figure_call *c, const cloud *p)
{
    const int edge = 2 * p->groups;
    bool dominated = false;
    for (int64_t i = 0; i < p->count; i++)
        dominated |= !p->front[i];
    text_addf(c->script,
              "plot DATA index %d with lines linecolor rgb '#000000' linewidth 1 title ",
              edge);
    figure_string(c, "front", 0);
    for (int g = 0; g < p->groups; g++)
        text_addf(c->script,
                  ", \\\n     DATA index %d with points linecolor rgb '#b0b0b0' "
                  "linewidth 0.9 pointtype %d pointsize 0.7 notitle",
                  2 * g + 1, style_open_marker(g));
    for (int g = 0; g < p->groups; g++) {
        text_addf(c->script,
                  ", \\\n     DATA index %d with points linecolor rgb '%s' pointtype %d "
                  "pointsize 0.9 title ",
                  2 * g, style_colour(g), style_marker(g));
        figure_string(c, text_get(&p->title[g]), TITLE_COLUMNS);
    }
    if (dominated) {
        text_add(c->script,
                 ", \\\n     NaN with points linecolor rgb '#b0b0b0' linewidth "
                 "0.9 pointtype 6 pointsize 0.7 title ");
        figure_string(c, "dominated", 0);
    }
    text_add(c->script, "\n");
}

static status draw_cloud(figure_call *c, cloud *p, error *e)
{
    TRY(gather(c, p, e));
    const double left = 18, right = 4, bottom = 12;
    double width = c->width_mm - left - right;
    int columns = 9;
    for (int g = 0; g < p->groups; g++) {
        int wide = text_columns(text_get(&p->title[g]));
        columns = wide > columns ? wide : columns;
    }
    columns = columns < TITLE_COLUMNS ? columns : TITLE_COLUMNS;
    if (c->height_mm <= 0)
        c->height_mm = 76 + style_key_height(c, p->groups + 2, columns, width);
    double top = (c->medium == MEDIUM_TEXT ? 8 : 3) +
                 style_key(c, p->groups + 2, columns, left, 2, width);
    double height = c->height_mm - top - bottom;
    for (int g = 0; g < p->groups; g++) {
        add_points(c, p, g, true);
        add_points(c, p, g, false);
    }
    TRY(add_edge(c, p, e));
    style_panel(c, left, top, width, height);
    column_range x = range_of(p->x, p, 0), y = range_of(p->y, p, 1);
    TRY(column_axis(c, 'x', &x, width, e));
    TRY(column_axis(c, 'y', &y, height, e));
    TRY(add_words(c, p, &x, &y, &(box){0, width, 0, height}, e));
    add_curves(c, p);
    return E_OK;
}

static status draw(figure_call *c, error *e)
{
    cloud p = {0};
    status result = draw_cloud(c, &p, e);
    cloud_clear(&p);
    return result;
}

const figure_row figure_pareto = {
    .name = "pareto",
    .summary = "rows by two columns, the front of those that none beats in both",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "plot pareto s x=bytes y=masked_mse > pareto.svg",
    .width_mm = 120,
    .draw = draw,
};
