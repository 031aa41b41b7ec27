/* SPDX-License-Identifier: GPL-3.0-or-later
   sheet.c -- lays images out on a page: ranges of colours, panels, captions and bars.  It
   loads no samples and runs no model. */
#include "plots/sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "plots/style.h"

sheet_image *sheet_add(sheet *s, sheet_kind kind, int column, int row, int64_t height,
                       int64_t width, error *e)
{
    void *images = s->images;
    if (memory_grow(&images, &s->capacity, s->count + 1, sizeof *s->images, e) != E_OK)
        return NULL;
    s->images = images;
    int64_t planes = kind == SHEET_COLOUR ? 3 : 1;
    float *values = memory_new(height * width * planes, sizeof *values, e);
    if (!values)
        return NULL;
    sheet_image *p = &s->images[s->count++];
    *p = (sheet_image){.kind = kind,
                       .column = column,
                       .row = row,
                       .height = height,
                       .width = width,
                       .values = values};
    s->columns = column >= s->columns ? column + 1 : s->columns;
    s->rows = row >= s->rows ? row + 1 : s->rows;
    return p;
}

void sheet_clear(sheet *s)
{
    for (int64_t i = 0; i < s->count; i++) {
        text_clear(&s->images[i].title);
        memory_free(s->images[i].values);
    }
    memory_free(s->images);
    *s = (sheet){0};
}

/* Weights of linear red, green and blue: ITU-R BT.709. */
double sheet_pixel(const sheet_image *p, int64_t i)
{
    if (p->kind != SHEET_COLOUR)
        return p->values[i];
    const float *rgb = p->values + 3 * i;
    return 0.2126 * (double)rgb[0] + 0.7152 * (double)rgb[1] + 0.0722 * (double)rgb[2];
}

/* ---- ranges ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int64_t gather_kind(const sheet *s, sheet_kind kind, bool followers,
                           double *values)
{
    bool magnitude = kind == SHEET_FIELD || kind == SHEET_ERROR;
    int64_t count = 0;
    for (int64_t k = 0; k < s->count; k++) {
        const sheet_image *p = &s->images[k];
        for (int64_t i = 0;
             p->kind == kind && (!p->follows || followers) && i < p->height * p->width;
             i++) {
            double value = sheet_pixel(p, i);
            if (isfinite(value))
                values[count++] = magnitude ? fabs(value) : value;
        }
    }
    return count;
}

/* From the least to the largest number, or from 0 where the least is near it; of both signs
   so that 99 % of the magnitudes lie within, as the few pixels at a vortex would take all
   the colours. */
static void set_range(sheet *s, sheet_kind kind, const double *sorted, int64_t count)
{
    double least = count ? sorted[0] : 0, most = count ? sorted[count - 1] : 0;
    double usual = count ? sorted[(int64_t)(0.99 * (double)(count - 1))] : 0;
    if (kind == SHEET_FIELD || kind == SHEET_ERROR) {
        s->high[kind] = usual > 0 ? usual : most > 0 ? most : 1;
        s->low[kind] = -s->high[kind];
        return;
    }
    s->low[kind] = least > 0 && least < 0.3 * most ? 0 : least;
    s->high[kind] = most > s->low[kind] ? most : s->low[kind] + 1;
}

static status find_ranges(sheet *s, error *e)
{
    int64_t pixels = 0;
    for (int64_t k = 0; k < s->count; k++)
        pixels += s->images[k].height * s->images[k].width;
    double *values = memory_new(pixels, sizeof *values, e);
    if (!values)
        return E_MEMORY;
    for (int kind = 0; kind < SHEET_MASK; kind++) {
        int64_t count = gather_kind(s, (sheet_kind)kind, false, values);
        if (count == 0)
            count = gather_kind(s, (sheet_kind)kind, true, values);
        qsort(values, (size_t)count, sizeof *values, compare);
        set_range(s, (sheet_kind)kind, values, count);
    }
    memory_free(values);
    return E_OK;
}

/* ---- on a page ---- */

/* Millimetres of the page's parts. */
static const double gap = 4, caption = 5, bar_height = 2.2, bar_room = 10;

static double edge_left(const sheet *s)
{
    return s->pixels ? 14 : 4;
}

static double axis_room(const sheet *s)
{
    return s->pixels ? 12 : 3;
}

static const double edge_right = 4;

static void add_palette(figure_call *c, const sheet *s, sheet_kind kind, bool maps)
{
    if (kind == SHEET_MASK)
        text_addf(c->script,
                  "set palette defined (0 '#ffffff', 1 '%s')\nset cbrange [0:1]\n"
                  "shade(v) = v\n",
                  STYLE_NO_VALUE);
    else if (kind == SHEET_INPUT || kind == SHEET_VALUE)
        style_palette_sequential(c, s->low[kind], s->high[kind], maps);
    else
        style_palette_diverging(c, s->low[kind], s->high[kind], maps);
}

/* The first and the last column that have images of the kind; false without any. */
static bool columns_of(const sheet *s, int kind, int *first, int *last)
{
    *first = s->columns;
    *last = -1;
    for (int64_t k = 0; k < s->count; k++)
        if (s->images[k].kind == (sheet_kind)kind) {
            int column = s->images[k].column;
            *first = column < *first ? column : *first;
            *last = column > *last ? column : *last;
        }
    return *last >= 0;
}

static void add_bar(figure_call *c, const sheet *s, sheet_kind kind, double left,
                    double width)
{
    bool signs = kind == SHEET_FIELD || kind == SHEET_ERROR;
    add_palette(c, s, kind, false);
    style_colour_bar(c, left, c->height_mm - bar_room - bar_height, width, bar_height,
                     (style_axis){.low = s->low[kind],
                                  .high = s->high[kind],
                                  .symmetric = signs,
                                  .label = s->label[kind],
                                  .closer = 0.4});
}

/* Bars stand below the columns of their kind; where kinds share columns, side by side over
   the whole page. */
static void add_bars(figure_call *c, const sheet *s, double size)
{
    int kinds = 0, place = 0, first, last, end = -1;
    bool apart = true;
    for (int column = 0; column < s->columns; column++) {
        int here = 0;
        for (int kind = 0; kind < SHEET_MASK; kind++)
            here +=
                columns_of(s, kind, &first, &last) && first <= column && column <= last;
        apart &= here <= 1;
        end = here ? column : end;
    }
    for (int kind = 0; kind < SHEET_MASK; kind++)
        kinds += columns_of(s, kind, &first, &last);
    double page = c->width_mm - edge_left(s) - edge_right;
    for (int kind = 0; kind < SHEET_MASK; kind++) {
        if (!columns_of(s, kind, &first, &last))
            continue;
        double left = edge_left(s) + first * (size + gap);
        double width = (last - first + 1) * (size + gap) - gap;
        if (!apart || (width < 24 && kinds > 0)) {
            left = edge_left(s) + page / kinds * place++;
            width = page / kinds - gap;
        }
        double wanted = last > first || !apart ? fmin(0.8 * width, 60) : width;
        add_bar(c, s, (sheet_kind)kind, left + (width - wanted) / 2, wanted);
    }
}

static void add_axes(figure_call *c, const sheet *s, const sheet_image *p, double width,
                     double height)
{
    bool lowest = true;
    for (int64_t k = 0; k < s->count; k++)
        lowest &= s->images[k].column != p->column || s->images[k].row <= p->row;
    if (s->pixels) {
        style_axis_set(c, &(style_axis){.letter = 'x',
                                        .low = -0.5,
                                        .high = (double)p->width - 0.5,
                                        .integer = true,
                                        .bare = !lowest,
                                        .length_mm = width,
                                        .label = lowest ? "x (pixel)" : NULL});
        style_axis_set(c, &(style_axis){.letter = 'y',
                                        .low = -0.5,
                                        .high = (double)p->height - 0.5,
                                        .integer = true,
                                        .bare = p->column > 0,
                                        .length_mm = height,
                                        .label = p->column == 0 ? "y (pixel)" : NULL});
    } else {
        text_addf(c->script,
                  "unset xtics\nunset ytics\nunset xlabel\nunset ylabel\n"
                  "set xrange [-0.5:%.1f] noextend\n",
                  (double)p->width - 0.5);
    }
    double top = (double)p->height - 0.5;
    text_addf(c->script, "set yrange [%.1f:%.1f] noextend\n", s->downwards ? top : -0.5,
              s->downwards ? -0.5 : top);
}

/* A colour's place from 0 to 255. */
static int level(float value)
{
    return (int)lrintf(255 * fminf(fmaxf(value, 0), 1));
}

static int add_image(figure_call *c, const sheet_image *p)
{
    if (p->kind == SHEET_COLOUR) {
        int index = figure_block(c, "an image: x, y, red, green, blue");
        for (int64_t i = 0; i < p->height * p->width; i++) {
            const float *rgb = p->values + 3 * i;
            text_addf(c->data, "%lld %lld %d %d %d\n", (long long)(i % p->width),
                      (long long)(i / p->width), level(rgb[0]), level(rgb[1]),
                      level(rgb[2]));
        }
        return index;
    }
    int index = figure_block(c, "an image, its first row first");
    for (int64_t y = 0; y < p->height; y++) {
        for (int64_t x = 0; x < p->width; x++)
            figure_pixel(c, (double)p->values[y * p->width + x]);
        figure_end_row(c);
    }
    return index;
}

static void add_title(figure_call *c, const sheet *s, const sheet_image *p, double left,
                      double top, double width)
{
    text title = {0};
    if (s->letters)
        text_addf(&title, "(%c) ", 'a' + p->row * s->columns + p->column);
    text_add(&title, text_get(&p->title));
    int points = STYLE_SMALL_POINTS;
    int columns = style_fit(c, text_get(&title), width + gap - 1, &points);
    style_text(c, left, top - 1.8, "left", points, text_get(&title), columns);
    c->script->failed |= title.failed;
    text_clear(&title);
}

static void draw_panel(figure_call *c, const sheet *s, const sheet_image *p, double width,
                       double height)
{
    double left = edge_left(s) + p->column * (width + gap);
    double top = 1 + caption + p->row * (height + caption);
    int index = add_image(c, p);
    style_panel(c, left, top, width, height);
    add_axes(c, s, p, width, height);
    add_title(c, s, p, left, top, width);
    if (p->kind == SHEET_COLOUR) {
        text_addf(c->script, "plot DATA index %d using 1:2:3:4:5 with rgbimage\n", index);
        return;
    }
    add_palette(c, s, p->kind, true);
    text_addf(c->script, "plot DATA index %d matrix using 1:2:(shade($3)) with image\n",
              index);
}

/* The tallest shape among the images, as height over width. */
static double aspect_of(const sheet *s)
{
    double most = 0;
    for (int64_t k = 0; k < s->count; k++)
        most = fmax(most, (double)s->images[k].height / (double)s->images[k].width);
    return most;
}

double sheet_width(const sheet *s)
{
    double panel = s->columns < 3 ? 38 : s->columns < 5 ? 32 : 24;
    double width = edge_left(s) + edge_right + s->columns * (panel + gap) - gap;
    return fmin(180, fmax(60, width));
}

static void draw_page(figure_call *c, const sheet *s)
{
    double below = axis_room(s) + bar_height + bar_room + 1.5;
    double width =
        (c->width_mm - edge_left(s) - edge_right - gap * (s->columns - 1)) / s->columns;
    if (!s->pixels)
        width = fmin(width, 60); /* a page that is too wide for few images */
    double height = width * aspect_of(s);
    if (c->height_mm > 0) { /* the panels shrink to the page that is asked for */
        double room = (c->height_mm - below - 1) / s->rows - caption;
        double shrink = fmin(1, fmax(room, 5) / height);
        width *= shrink;
        height *= shrink;
    } else {
        c->height_mm = 1 + s->rows * (height + caption) + below;
    }
    for (int64_t k = 0; k < s->count; k++)
        draw_panel(c, s, &s->images[k], width, height);
    add_bars(c, s, width);
}

status sheet_draw(figure_call *c, sheet *s, error *e)
{
    TRY(find_ranges(s, e));
    for (int64_t k = 0; k < s->count; k++)
        TRY(text_ok(&s->images[k].title, e));
    text_add(c->script, "set multiplot\nset tics out\nunset grid\n");
    if (c->medium == MEDIUM_TEXT)
        sheet_draw_text(c, s);
    else
        draw_page(c, s);
    text_add(c->script, "unset multiplot\n");
    return E_OK;
}

status sheet_finish(figure_call *c, sheet *s, status result, error *e)
{
    if (c->width_mm <= 0)
        c->width_mm = sheet_width(s);
    if (result == E_OK)
        result = sheet_draw(c, s, e);
    sheet_clear(s);
    return result;
}
