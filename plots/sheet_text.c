/* SPDX-License-Identifier: GPL-3.0-or-later
   sheet_text.c -- a sheet of images in characters: a sign for the mean of the pixels that
   fall into it.  It finds no ranges. */
#include <math.h>
#include "plots/sheet.h"
#include "plots/style.h"

/* The sign of a character cell: a mean over its valid pixels, NULL without any. */
static const char *cell_sign(const sheet *s, const sheet_image *p, const int64_t box[4])
{
    static const char *const ramp[] = {" ", ".", ":", "-", "=", "+", "*", "#", "%", "@"};
    static const char *const signs[] = {"N", "n", "-", ".", "+", "p", "P"};
    double sum = 0, low = s->low[p->kind], high = s->high[p->kind];
    int64_t count = 0;
    for (int64_t y = box[2]; y < box[3]; y++)
        for (int64_t x = box[0]; x < box[1]; x++) {
            double value = sheet_pixel(p, y * p->width + x);
            sum += isfinite(value) ? value : 0;
            count += isfinite(value);
        }
    if (count == 0)
        return NULL;
    if (p->kind == SHEET_MASK)
        return 2 * sum > (double)count ? "x" : NULL;
    if (p->kind == SHEET_COLOUR) {
        low = 0;
        high = 1;
    }
    bool about_zero = p->kind == SHEET_FIELD || p->kind == SHEET_ERROR;
    double share = (sum / (double)count - low) / (high - low);
    int steps = about_zero ? 7 : 10, step = (int)floor(fmin(fmax(share, 0), 1) * steps);
    step = step < steps ? step : steps - 1;
    return about_zero ? signs[step] : ramp[step];
}

/* Signs as a block of x, y, "sign"; columns and rows of characters. */
static int add_signs(figure_call *c, const sheet *s, const sheet_image *p,
                     int64_t columns, int64_t rows)
{
    int index = figure_block(c, "column, row, sign");
    bool any = false;
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < columns; x++) {
            int64_t box[4] = {x * p->width / columns, (x + 1) * p->width / columns,
                              y * p->height / rows, (y + 1) * p->height / rows};
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

static void add_title(figure_call *c, const sheet *s, const sheet_image *p, double left,
                      double top, int columns)
{
    text title = {0};
    char high[48];
    text_add(&title, text_get(&p->title));
    if (p->kind == SHEET_FIELD || p->kind == SHEET_ERROR)
        text_addf(&title, " ±%s", style_number(high, s->high[p->kind], 2));
    style_text(c, left, top, "left", STYLE_POINTS, text_get(&title), columns);
    c->script->failed |= title.failed;
    text_clear(&title);
}

/* Panels as on the page where that many have room side by side (22 columns each), else
   one after another. */
void sheet_draw_text(figure_call *c, const sheet *s)
{
    int across = (int)(c->width_mm / 48), down = s->rows, count = (int)s->count;
    bool sheet_fits = across >= s->columns;
    across = sheet_fits ? s->columns : across < 1 ? 1 : across;
    if (!sheet_fits)
        down = (count + across - 1) / across;
    double aspect = 0;
    for (int k = 0; k < count; k++)
        aspect = fmax(aspect, (double)s->images[k].height / (double)s->images[k].width);
    int64_t columns = (int64_t)(c->width_mm / 2 / across) - 3;
    columns = columns < 60 ? columns : 60;
    int64_t rows = (int64_t)ceil((double)columns / 2 * aspect);
    rows = rows < 60 ? rows : 60;
    c->height_mm = 4.0 * (((double)rows + 3) * down + 1);
    for (int k = 0; k < count; k++) {
        const sheet_image *p = &s->images[k];
        int column = sheet_fits ? p->column : k % across;
        int row = sheet_fits ? p->row : k / across;
        double left = 2.0 * column * ((double)columns + 3);
        double top = 4.0 * row * ((double)rows + 3);
        int index = add_signs(c, s, p, columns, rows);
        style_panel(c, left, top + 4, 2.0 * ((double)columns + 1),
                    4.0 * ((double)rows + 1));
        add_title(c, s, p, left, top, (int)columns + 2);
        if (k == 0)
            style_text(c, 0, c->height_mm - 4, "left", STYLE_POINTS,
                       "signs from low to high: .:-=+*#%@; about zero: N n - . + p P", 0);
        text_addf(c->script,
                  "unset xtics\nunset ytics\nset xrange [-1:%lld] noextend\n"
                  "set yrange [%lld:%lld] noextend\n"
                  "plot DATA index %d using 1:2:3 with labels\n",
                  (long long)columns, (long long)(s->downwards ? rows : -1),
                  (long long)(s->downwards ? -1 : rows), index);
    }
}
