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

typedef struct corner {
    double x, y;
} corner;

/* What is drawn: [count] rows of all tables that have both numbers. */
typedef struct cloud {
    const char *column[2];
    direction better[2];
    double *x, *y; /* one block */
    bool *front;
    int *group;   /* marker */
    text *words;  /* beside the point; empty where there are none */
    corner *edge; /* of what the front dominates */
    int64_t corners;
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
    memory_free(p->edge);
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

static int compare_corners(const void *a, const void *b)
{
    const corner *p = a, *q = b;
    if (p->x != q->x)
        return p->x < q->x ? -1 : 1;
    return (p->y > q->y) - (p->y < q->y);
}

/* The edge of what the front dominates: from each point to the next along the axes, on the
   worse side of both. */
static status find_edge(cloud *p, error *e)
{
    const bool low = p->better[0] == DIRECTION_LOWER;
    int64_t points = 0;
    corner *edge = p->edge = memory_new(2 * p->count, sizeof *edge, e);
    if (!edge)
        return E_MEMORY;
    for (int64_t i = 0; i < p->count; i++)
        if (p->front[i])
            edge[points++] = (corner){p->x[i], p->y[i]};
    qsort(edge, (size_t)points, sizeof *edge, compare_corners);
    for (int64_t i = points - 1; i > 0; i--) {
        const corner before = edge[i - 1], here = edge[i];
        edge[2 * i] = here;
        edge[2 * i - 1] = (corner){low ? here.x : before.x, low ? before.y : here.y};
    }
    p->corners = points > 0 ? 2 * points - 1 : 0;
    return E_OK;
}

static void add_edge(figure_call *c, const cloud *p)
{
    figure_block(c, "edge of the front: x, y");
    for (int64_t i = 0; i < p->corners; i++) {
        figure_number(c, p->edge[i].x);
        figure_number(c, p->edge[i].y);
        figure_end_row(c);
    }
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

/* Where words may stand and what is in their way, in millimetres. */
typedef struct room {
    double letter, line, mark; /* sizes of type, and of a point with air round it */
    box area;
    box *taken; /* points and words */
    int64_t count;
    box *edge; /* lines between corners: crossed only where there is no other room */
    int64_t lines;
} room;

static status take_room(room *r, const cloud *p, const column_range *x,
                        const column_range *y, error *e)
{
    const double air = 0.8 * r->mark, ink = 0.2;
    r->taken = memory_new(2 * p->count, sizeof *r->taken, e);
    r->edge = r->taken ? memory_new(p->corners + 1, sizeof *r->edge, e) : NULL;
    if (!r->edge)
        return E_MEMORY;
    for (r->count = 0; r->count < p->count; r->count++) {
        const double px = place_on(x, p->x[r->count], r->area.right),
                     py = place_on(y, p->y[r->count], r->area.top);
        r->taken[r->count] = (box){px - air, px + air, py - air, py + air};
    }
    for (int64_t i = 0; i + 1 < p->corners; i++) {
        const corner a = p->edge[i], b = p->edge[i + 1];
        const double ax = place_on(x, a.x, r->area.right),
                     ay = place_on(y, a.y, r->area.top),
                     bx = place_on(x, b.x, r->area.right),
                     by = place_on(y, b.y, r->area.top);
        r->edge[r->lines++] = (box){fmin(ax, bx) - ink, fmax(ax, bx) + ink,
                                    fmin(ay, by) - ink, fmax(ay, by) + ink};
    }
    return E_OK;
}

/* Right or left of the point, above, below or beside it; false: there is no room. */
static bool find_room(const room *r, double px, double py, double width, bool crossing,
                      box *found)
{
    static const double across[] = {1, 1, -1, -1, 0, 0, 1, -1},
                        up[] = {1, -1, 1, -1, 1, -1, 0, 0};
    for (int k = 0; k < 8; k++) {
        const double left = px + (across[k] == 0  ? -width / 2
                                  : across[k] > 0 ? r->mark
                                                  : -r->mark - width);
        const double middle = py + up[k] * (r->mark + r->line / 2);
        *found = (box){left, left + width, middle - r->line / 2, middle + r->line / 2};
        if (is_free(found, r->taken, r->count, &r->area) &&
            (crossing || is_free(found, r->edge, r->lines, &r->area)))
            return true;
    }
    return false;
}

/* Words beside points of the front where there is room, clear of the front's edge if it can
   be; a point without room has none. */
static status add_words(figure_call *c, const cloud *p, const column_range *x,
                        const column_range *y, const box *area, error *e)
{
    const bool text_only = c->medium == MEDIUM_TEXT;
    room r = {.letter = text_only ? 2 : 1.4,
              .line = text_only ? 4 : 2.8,
              .mark = 1.2,
              .area = *area};
    const status result = take_room(&r, p, x, y, e);
    for (int64_t i = 0; i < p->count && result == E_OK; i++) {
        if (!p->front[i] || p->words[i].length == 0 || is_repeated(p, i))
            continue;
        const int columns = text_columns(text_get(&p->words[i]));
        const double width =
                         r.letter * (columns < LABEL_COLUMNS ? columns : LABEL_COLUMNS),
                     px = place_on(x, p->x[i], area->right),
                     py = place_on(y, p->y[i], area->top);
        box b;
        if (!find_room(&r, px, py, width, false, &b) &&
            !find_room(&r, px, py, width, true, &b))
            continue;
        r.taken[r.count++] = b;
        text_add(c->script, "set label ");
        figure_string(c, text_get(&p->words[i]), LABEL_COLUMNS);
        text_addf(c->script, " at graph %.5f,%.5f left font ',%d' front\n",
                  b.left / area->right, (b.bottom + b.top) / 2 / area->top,
                  STYLE_SMALL_POINTS - 1);
    }
    memory_free(r.taken);
    memory_free(r.edge);
    return result;
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
    TRY(find_edge(p, e));
    add_edge(c, p);
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
