/* SPDX-License-Identifier: GPL-3.0-or-later
   phase.c -- the figure `phase`: one sample as images: density, phase gradient, mask, and
   with a model its prediction and error.  It runs the model on that sample and changes
   nothing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "plots/sample.h"
#include "plots/style.h"

static const option options[] = {
    {"names", OPTION_WORDS, NULL, NULL, NULL,
     "[MODEL] DATA: with a model, its prediction"},
    {"index", OPTION_INTEGER, "0..", "0", NULL, "which sample of the split"},
    {"split", OPTION_WORD, "train|val|test|all", "all", NULL,
     "split that index counts in"},
    {0},
};

typedef enum panel_kind {
    KIND_INPUT,
    KIND_FIELD,
    KIND_ERROR,
    KIND_MASK,
    KINDS
} panel_kind;

/* One image: pixel i is values[i * stride + component], less the same of `minus`. */
typedef struct panel {
    panel_kind kind;
    const char *title;
    const float *values, *minus;
    int64_t stride, component;
    int column, row;
} panel;

enum { PANELS_MAX = 8 };

/* The sample, its panels, and the colour range of each kind. */
typedef struct sheet {
    sample_view view;
    panel panels[PANELS_MAX];
    int count, columns, rows;
    double low[KINDS], high[KINDS];
} sheet;

/* ---- what is drawn ---- */

static void add_panel(sheet *s, panel p)
{
    s->panels[s->count++] = p;
    s->columns = p.column >= s->columns ? p.column + 1 : s->columns;
    s->rows = p.row >= s->rows ? p.row + 1 : s->rows;
}

/* Without a model one row; with one, columns of truth, prediction and error. */
static void lay_out(sheet *s)
{
    static const char *const truth[] = {"true ∂φ/∂x", "true ∂φ/∂y"};
    static const char *const predicted[] = {"predicted ∂φ/∂x", "predicted ∂φ/∂y"};
    static const char *const errors[] = {"error of ∂φ/∂x", "error of ∂φ/∂y"};
    const sample_view *v = &s->view;
    bool both = v->output != NULL;
    panel input = {.kind = KIND_INPUT,
                   .title = v->data->input_name ? v->data->input_name : "input",
                   .values = v->input,
                   .stride = v->input_channels};
    add_panel(s, input);
    for (int k = 0; k < 2; k++) {
        panel p = {.kind = KIND_FIELD, .values = v->target, .stride = 2, .component = k};
        p.title = truth[k];
        p.column = both ? 1 : 1 + k;
        p.row = both ? k : 0;
        add_panel(s, p);
        if (!both)
            continue;
        p.title = predicted[k];
        p.values = v->output;
        p.column = 2;
        add_panel(s, p);
        p.title = errors[k];
        p.kind = KIND_ERROR;
        p.minus = v->target;
        p.column = 3;
        add_panel(s, p);
    }
    panel mask = {.kind = KIND_MASK, .title = "mask (grey: invalid)"};
    mask.column = both ? 0 : 3;
    mask.row = both;
    if (v->mask)
        add_panel(s, mask);
}

/* The value of a pixel; NaN where it is invalid. */
static double pixel(const sheet *s, const panel *p, int64_t i)
{
    if (p->kind == KIND_MASK)
        return sample_invalid(&s->view, i, 0) || sample_invalid(&s->view, i, 1);
    int64_t at = i * p->stride + p->component;
    if (p->kind != KIND_INPUT && sample_invalid(&s->view, i, p->component))
        return NAN;
    return (double)p->values[at] - (p->minus ? (double)p->minus[at] : 0);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Density: from 0 to its maximum.  Gradients and errors: 99 % of the valid magnitudes lie
   within, as the few pixels at a vortex would take all the colours. */
static status find_range(sheet *s, panel_kind kind, error *e)
{
    int64_t pixels = s->view.height * s->view.width, count = 0;
    double *values = memory_new(pixels * s->count, sizeof *values, e);
    if (!values)
        return E_MEMORY;
    for (int k = 0; k < s->count; k++)
        for (int64_t i = 0; s->panels[k].kind == kind && i < pixels; i++) {
            double value = pixel(s, &s->panels[k], i);
            if (isfinite(value))
                values[count++] = kind == KIND_INPUT ? value : fabs(value);
        }
    qsort(values, (size_t)count, sizeof *values, compare);
    double least = count ? values[0] : 0, most = count ? values[count - 1] : 0;
    double usual = count ? values[(int64_t)(0.99 * (double)(count - 1))] : 0;
    memory_free(values);
    if (kind == KIND_INPUT) {
        s->low[kind] = fmin(0, least);
        s->high[kind] = most > s->low[kind] ? most : s->low[kind] + 1;
    } else {
        s->high[kind] = usual > 0 ? usual : most > 0 ? most : 1;
        s->low[kind] = -s->high[kind];
    }
    return E_OK;
}

/* ---- on a page ---- */

/* Millimetres of the page's parts. */
static const double edge_left = 14, edge_right = 4, gap = 4, caption = 5, axis_room = 12,
                    bar_height = 2.2, bar_room = 10;

static const char *palette_label(panel_kind kind, const sheet *s)
{
    if (kind == KIND_INPUT)
        return s->panels[0].title;
    return kind == KIND_FIELD ? "phase gradient (rad/pixel)" : "error (rad/pixel)";
}

static void add_palette(figure_call *c, const sheet *s, panel_kind kind, bool maps)
{
    if (kind == KIND_MASK)
        text_addf(c->script,
                  "set palette defined (0 '#ffffff', 1 '%s')\nset cbrange [0:1]\n"
                  "shade(v) = v\n",
                  STYLE_NO_VALUE);
    else if (kind == KIND_INPUT)
        style_palette_sequential(c, s->low[kind], s->high[kind], maps);
    else
        style_palette_diverging(c, s->low[kind], s->high[kind], maps);
}

/* The bar of a kind stands below the columns where the kind is drawn. */
static void add_bar(figure_call *c, const sheet *s, panel_kind kind, double size)
{
    int first = s->columns, last = -1;
    for (int k = 0; k < s->count; k++)
        if (s->panels[k].kind == kind) {
            first = s->panels[k].column < first ? s->panels[k].column : first;
            last = s->panels[k].column > last ? s->panels[k].column : last;
        }
    if (last < 0)
        return;
    double width = (last - first + 1) * (size + gap) - gap;
    double inset = last > first ? width / 5 : 0;
    add_palette(c, s, kind, false);
    style_colour_bar(c, edge_left + first * (size + gap) + inset,
                     c->height_mm - bar_room - bar_height, width - 2 * inset, bar_height,
                     (style_axis){.low = s->low[kind],
                                  .high = s->high[kind],
                                  .symmetric = kind != KIND_INPUT,
                                  .label = palette_label(kind, s),
                                  .closer = 0.4});
}

static void add_axes(figure_call *c, const sheet *s, const panel *p, double width,
                     double height)
{
    bool lowest = true;
    for (int k = 0; k < s->count; k++)
        lowest &= s->panels[k].column != p->column || s->panels[k].row <= p->row;
    style_axis_set(c, &(style_axis){.letter = 'x',
                                    .low = -0.5,
                                    .high = (double)s->view.width - 0.5,
                                    .integer = true,
                                    .bare = !lowest,
                                    .length_mm = width,
                                    .label = lowest ? "x (pixel)" : NULL});
    style_axis_set(c, &(style_axis){.letter = 'y',
                                    .low = -0.5,
                                    .high = (double)s->view.height - 0.5,
                                    .integer = true,
                                    .bare = p->column > 0,
                                    .length_mm = height,
                                    .label = p->column == 0 ? "y (pixel)" : NULL});
}

static int add_image(figure_call *c, const sheet *s, const panel *p)
{
    int index = figure_block(c, "an image, the lowest row first");
    for (int64_t y = 0; y < s->view.height; y++) {
        for (int64_t x = 0; x < s->view.width; x++)
            figure_pixel(c, pixel(s, p, y * s->view.width + x));
        figure_end_row(c);
    }
    return index;
}

static void draw_panel(figure_call *c, const sheet *s, int k, double width, double height)
{
    const panel *p = &s->panels[k];
    double left = edge_left + p->column * (width + gap);
    double top = 1 + caption + p->row * (height + caption);
    int index = add_image(c, s, p);
    style_panel(c, left, top, width, height);
    add_axes(c, s, p, width, height);
    add_palette(c, s, p->kind, true);
    text title = {0};
    text_addf(&title, "(%c) %s", 'a' + p->row * s->columns + p->column, p->title);
    style_text(c, left, top - 1.8, "left", STYLE_SMALL_POINTS, text_get(&title), 40);
    c->script->failed |= title.failed;
    text_clear(&title);
    text_addf(c->script, "plot DATA index %d matrix using 1:2:(shade($3)) with image\n",
              index);
}

static void draw_page(figure_call *c, const sheet *s)
{
    double below = axis_room + bar_height + bar_room + 1.5;
    double width =
        (c->width_mm - edge_left - edge_right - gap * (s->columns - 1)) / s->columns;
    double height = width * (double)s->view.height / (double)s->view.width;
    if (c->height_mm > 0) { /* the panels shrink to the page that is asked for */
        double room = (c->height_mm - below - 1) / s->rows - caption;
        double shrink = fmin(1, fmax(room, 5) / height);
        width *= shrink;
        height *= shrink;
    } else {
        c->height_mm = 1 + s->rows * (height + caption) + below;
    }
    for (int k = 0; k < s->count; k++)
        draw_panel(c, s, k, width, height);
    for (int kind = 0; kind < KIND_MASK; kind++)
        add_bar(c, s, (panel_kind)kind, width);
}

/* ---- in characters ---- */

/* The sign of a character cell: a mean over its valid pixels, NULL without any. */
static const char *cell_sign(const sheet *s, const panel *p, int64_t box[4])
{
    static const char *const ramp[] = {" ", ".", ":", "-", "=", "+", "*", "#", "%", "@"};
    static const char *const signs[] = {"N", "n", "-", ".", "+", "p", "P"};
    double sum = 0;
    int64_t count = 0;
    for (int64_t y = box[2]; y < box[3]; y++)
        for (int64_t x = box[0]; x < box[1]; x++) {
            double value = pixel(s, p, y * s->view.width + x);
            sum += isfinite(value) ? value : 0;
            count += isfinite(value);
        }
    if (count == 0)
        return NULL;
    if (p->kind == KIND_MASK)
        return 2 * sum > (double)count ? "x" : NULL;
    bool grey = p->kind == KIND_INPUT;
    double share =
        (sum / (double)count - s->low[p->kind]) / (s->high[p->kind] - s->low[p->kind]);
    int steps = grey ? 10 : 7, step = (int)floor(fmin(fmax(share, 0), 1) * steps);
    step = step < steps ? step : steps - 1;
    return grey ? ramp[step] : signs[step];
}

/* Signs as a block of x, y, "sign"; columns and rows of characters. */
static int add_signs(figure_call *c, const sheet *s, const panel *p, int64_t columns,
                     int64_t rows)
{
    int index = figure_block(c, "column, row, sign");
    bool any = false;
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < columns; x++) {
            int64_t box[4] = {x * s->view.width / columns,
                              (x + 1) * s->view.width / columns,
                              y * s->view.height / rows, (y + 1) * s->view.height / rows};
            box[1] += box[1] == box[0];
            box[3] += box[3] == box[2];
            const char *sign = cell_sign(s, p, box);
            if (!sign || *sign == ' ')
                continue;
            text_addf(c->data, "%lld %lld \"%s\"\n", (long long)x, (long long)y, sign);
            any = true;
        }
    if (!any)
        text_add(c->data, "NaN NaN \"\"\n");
    return index;
}

static void add_text_title(figure_call *c, const sheet *s, const panel *p, double left,
                           double top, int columns)
{
    text title = {0};
    char high[48];
    text_add(&title, p->title);
    if (p->kind == KIND_FIELD || p->kind == KIND_ERROR)
        text_addf(&title, " ±%s", style_number(high, s->high[p->kind], 2));
    style_text(c, left, top, "left", STYLE_POINTS, text_get(&title), columns);
    c->script->failed |= title.failed;
    text_clear(&title);
}

/* Panels as on the page where that many have room side by side (22 columns each), else
   one after another. */
static void draw_text(figure_call *c, const sheet *s)
{
    int across = (int)(c->width_mm / 48), down = s->rows;
    bool sheet_fits = across >= s->columns;
    across = sheet_fits ? s->columns : across < 1 ? 1 : across;
    if (!sheet_fits)
        down = (s->count + across - 1) / across;
    int64_t columns = (int64_t)(c->width_mm / 2 / across) - 3;
    int64_t rows = (int64_t)ceil((double)columns / 2 * (double)s->view.height /
                                 (double)s->view.width);
    rows = rows < 60 ? rows : 60;
    c->height_mm = 4.0 * (((double)rows + 3) * down + 1);
    for (int k = 0; k < s->count; k++) {
        const panel *p = &s->panels[k];
        int column = sheet_fits ? p->column : k % across;
        int row = sheet_fits ? p->row : k / across;
        double left = 2.0 * column * ((double)columns + 3);
        double top = 4.0 * row * ((double)rows + 3);
        int index = add_signs(c, s, p, columns, rows);
        style_panel(c, left, top + 4, 2.0 * ((double)columns + 1),
                    4.0 * ((double)rows + 1));
        add_text_title(c, s, p, left, top, (int)columns + 2);
        if (k == 0)
            style_text(c, 0, c->height_mm - 4, "left", STYLE_POINTS,
                       "signs from low to high: .:-=+*#%@; about zero: N n - . + p P", 0);
        text_addf(c->script,
                  "unset xtics\nunset ytics\nset xrange [-1:%lld] noextend\n"
                  "set yrange [-1:%lld] noextend\n"
                  "plot DATA index %d using 1:2:3 with labels\n",
                  (long long)columns, (long long)rows, index);
    }
}

static status draw(figure_call *c, error *e)
{
    sheet s = {0};
    status result = sample_open(c, option_get(c->options, "names"), &s.view, e);
    int64_t number = 0;
    if (result == E_OK)
        result = sample_number(c, &s.view, &number, e);
    if (result == E_OK)
        result = sample_load(&s.view, &number, 1, e);
    if (result == E_OK)
        lay_out(&s);
    for (int kind = 0; result == E_OK && kind < KIND_MASK; kind++)
        result = find_range(&s, (panel_kind)kind, e);
    if (result == E_OK) {
        text_add(c->script, "set multiplot\nset tics out\n");
        if (c->medium == MEDIUM_TEXT)
            draw_text(c, &s);
        else
            draw_page(c, &s);
        text_add(c->script, "unset multiplot\n");
    }
    sample_close(&s.view);
    return result;
}

const figure_row figure_phase = {
    .name = "phase",
    .summary = "one sample as images: density, phase gradient, prediction, error, mask",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "plot phase m d index=2 > phase.png",
    .width_mm = 180,
    .draw = draw,
};
