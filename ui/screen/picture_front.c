/* SPDX-License-Identifier: GPL-3.0-or-later
   picture_front.c -- the models of this session by bytes and error, or time, as `pareto` has
   them, and which of them no other beats in both.  It measures and compares nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "ui/screen/parts.h"

enum { LABEL_COLUMNS = 8, TEXT_LEAST = 8 };

/* The plane and its scales. */
typedef struct plane {
    const table *rows;
    const char *y;
    double low[2], high[2]; /* of x and y: logarithms where all are above 0 */
    bool logarithmic[2];
} plane;

static const char *column_of(const plane *p, int axis)
{
    return axis == 0 ? "bytes" : p->y;
}

static void find_scale(plane *p, int axis)
{
    double low = INFINITY, high = -INFINITY, x;
    for (int64_t i = 0; i < p->rows->row_count; i++)
        if (table_number(p->rows, i, column_of(p, axis), &x)) {
            low = fmin(low, x);
            high = fmax(high, x);
        }
    p->logarithmic[axis] = low > 0 && high > 4 * low;
    p->low[axis] = p->logarithmic[axis] ? log(low) : low;
    p->high[axis] = p->logarithmic[axis] ? log(high) : high;
}

/* The cell of X among CELLS. */
static int cell_of(const plane *p, int axis, double x, int cells)
{
    const double range = p->high[axis] - p->low[axis];
    const double at = (p->logarithmic[axis] ? log(x) : x) - p->low[axis];
    return range > 0 ? (int)lround(at / range * (cells - 1)) : (cells - 1) / 2;
}

static const char *model_of(const table *t, int64_t row)
{
    const int64_t column = table_column(t, "model");
    const cell *c = column >= 0 ? table_get(t, row, column) : NULL;
    return c && c->words ? c->words : "";
}

/* The latest of a name is the model as it is; rows of the same run are in their order. */
static bool is_latest(const table *t, int64_t row)
{
    double own = 0, other;
    table_number(t, row, "run", &own);
    for (int64_t i = 0; i < t->row_count; i++)
        if (i != row && strcmp(model_of(t, i), model_of(t, row)) == 0 &&
            table_number(t, i, "run", &other) && other > own)
            return false;
    return true;
}

static bool on_front(const table *t, int64_t row)
{
    const int64_t column = table_column(t, "front");
    return column >= 0 && table_get(t, row, column)->flag;
}

/* Its sign: of the chosen model, the marked one, the front, and what is dominated. */
static void draw_point(const screen *s, const plane *p, int64_t row, rectangle r)
{
    const bool unicode = canvas_unicode(), front = on_front(p->rows, row);
    const char *name = model_of(p->rows, row);
    const bool latest = is_latest(p->rows, row);
    const bool chosen = latest && strcmp(name, s->model) == 0;
    const bool marked = latest && *s->marked && strcmp(name, s->marked) == 0;
    double x = 0, y = 0;
    table_number(p->rows, row, "bytes", &x);
    table_number(p->rows, row, p->y, &y);
    const int column = r.column + cell_of(p, 0, x, r.columns);
    const int at = r.row + r.rows - 1 - cell_of(p, 1, y, r.rows);
    const char *sign = chosen ? "@" : marked ? "*" : front ? "o" : ".";
    if (unicode)
        sign = chosen ? "◆" : marked ? "*" : front ? "●" : "·";
    const style look = chosen ? STYLE_KEY : front ? STYLE_GOOD : STYLE_QUIET;
    canvas_write(at, column, 1, look, sign);
    /* The name beside it, to the left where there is no room at the right. */
    const int width = text_columns(name);
    if (!latest || (!front && !chosen && !marked) || r.columns < TEXT_LEAST)
        return;
    if (column + 1 + width <= r.column + r.columns)
        canvas_write(at, column + 1, width, look, name);
    else if (column - width >= r.column)
        canvas_write(at, column - width, width, look, name);
}

static void put_number(char words[16], double x, const char *column)
{
    char bytes[32];
    if (strcmp(column, "bytes") == 0)
        snprintf(words, 16, "%.15s", text_bytes(bytes, x));
    else
        snprintf(words, 16, "%.4g", x);
}

static double end_of(const plane *p, int axis, bool high)
{
    const double x = high ? p->high[axis] : p->low[axis];
    return p->logarithmic[axis] ? exp(x) : x;
}

/* Where all have one value, it stands once, where they are. */
static void draw_axes(const plane *p, rectangle r)
{
    char words[16];
    const bool spread[2] = {p->high[0] > p->low[0], p->high[1] > p->low[1]};
    const int last = r.rows - 2, low_row = spread[1] ? last : last - last / 2;
    for (int high = 0; high < 1 + spread[1]; high++) {
        put_number(words, end_of(p, 1, high), p->y);
        canvas_right(r.row + (high ? 0 : low_row), r.column, LABEL_COLUMNS - 1,
                     STYLE_QUIET, words);
    }
    const int row = r.row + r.rows - 1, half = (r.columns - LABEL_COLUMNS) / 2;
    put_number(words, end_of(p, 0, false), "bytes");
    if (!spread[0]) {
        canvas_right(row, r.column + LABEL_COLUMNS, half, STYLE_QUIET, words);
        return;
    }
    canvas_write(row, r.column + LABEL_COLUMNS, half, STYLE_QUIET, words);
    put_number(words, end_of(p, 0, true), "bytes");
    canvas_right(row, r.column + r.columns - half, half, STYLE_QUIET, words);
}

/* What is dominated lies below the front, and that below what is chosen. */
static void draw_points(const screen *s, const plane *p, rectangle r)
{
    for (int round = 0; round < 3; round++)
        for (int64_t i = 0; i < p->rows->row_count; i++) {
            const char *name = model_of(p->rows, i);
            const bool chosen = strcmp(name, s->model) == 0 ||
                                (*s->marked && strcmp(name, s->marked) == 0);
            if ((chosen ? 2 : on_front(p->rows, i)) == round)
                draw_point(s, p, i, r);
        }
}

bool draw_front(screen *s, const cards *c, rectangle r)
{
    char words[SCREEN_WORDS];
    const front_answer *a = &worker_evidence_held(s->worker)->front;
    const inquiry w = {.kind = INQUIRY_FRONT, .turn = s->turn & 1, .done = s->work.done};
    (void)c;
    s->work.looks |= worker_ask_held(s->worker, &w);
    if (r.rows < 5)
        return false;
    if (a->of.turn != w.turn || !a->rows || a->rows->row_count == 0) {
        const bool silent = a->of.done == w.done && !a->recorded;
        if (w.turn == 0 && !silent)
            return false;
        draw_title(s, PANE_PICTURE, r, w.turn ? "front: median_ms" : "front:");
        draw_words((rectangle){r.row + 1, r.column + 1, r.rows - 1, r.columns - 2},
                   STYLE_QUIET,
                   silent ? "no runs are recorded: :set db=FILE names a database"
                          : "bytes and time of models: :compare A B measures them");
        return true;
    }
    plane p = {.rows = a->rows, .y = a->y};
    find_scale(&p, 0);
    find_scale(&p, 1);
    snprintf(words, sizeof words, *a->split ? "front: %s, %s of %.40s" : "front: %s",
             a->y, a->split, a->data);
    draw_title(s, PANE_PICTURE, r, words);
    draw_axes(&p, (rectangle){r.row + 1, r.column, r.rows - 1, r.columns});
    draw_points(s, &p,
                (rectangle){r.row + 1, r.column + LABEL_COLUMNS, r.rows - 2,
                            r.columns - LABEL_COLUMNS});
    return true;
}
