/* SPDX-License-Identifier: GPL-3.0-or-later
   pane_weights.c -- how large the weights of the chosen layer are, as bars, and which of
   them go with the amount that is set.  It changes nothing. */
#include <math.h>
#include <stdio.h>
#include "ui/screen/parts.h"

/* Kept weights of the cell I of CELLS, and the share of them that GOING, counted from the
   least, takes. */
static double cell_count(const layer_card *l, int i, int cells, double going,
                         double *gone)
{
    const double from = (double)i * CARD_BINS / cells,
                 to = from + (double)CARD_BINS / cells;
    double count = 0, before = 0;
    for (int k = 0; k < CARD_BINS; k++) {
        const double inside = fmin(to, k + 1) - fmax(from, k);
        count += inside > 0 ? inside * (double)l->bins[k] : 0;
        before += (double)l->bins[k] * fmin(fmax(from - k, 0), 1);
    }
    *gone = count > 0 ? fmin(fmax((going - before) / count, 0), 1) : 0;
    return count;
}

/* What is to go beyond what is masked already; magnitude decides. */
static double going_of(const screen *s, const name_card *n, int64_t layer)
{
    const layer_card *l = &n->model->layers[layer];
    const double gone = (double)(l->weights - l->kept);
    return fmax((double)l->weights * edits_amount(&s->edits, n, layer) - gone, 0);
}

static void draw_column(rectangle r, int column, double height, bool going)
{
    static const char *const eighths[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const style look = going ? STYLE_QUIET : STYLE_BAR;
    for (int row = 0; row < r.rows; row++) {
        const double rest = height - row;
        const int part = (int)ceil(rest * 8);
        const char *sign = "";
        if (rest <= 0)
            return;
        if (canvas_unicode())
            sign = going ? "░" : eighths[part > 8 ? 7 : part - 1];
        else
            sign = going ? "." : "#";
        canvas_write(r.row + r.rows - 1 - row, r.column + column, 1, look, sign);
    }
}

static void draw_bars(rectangle r, const layer_card *l, double going)
{
    double most = 0, gone;
    for (int i = 0; i < r.columns; i++)
        most = fmax(most, cell_count(l, i, r.columns, going, &gone));
    for (int i = 0; i < r.columns && most > 0; i++) {
        const double count = cell_count(l, i, r.columns, going, &gone);
        draw_column(r, i, count / most * r.rows, gone > 0.5);
    }
}

bool draw_weights(screen *s, const name_card *n, rectangle r)
{
    char words[SCREEN_WORDS];
    const int64_t i = screen_layer(s, n->model, s->lists[PANE_LAYERS].chosen);
    const layer_card *l = i >= 0 ? &n->model->layers[i] : NULL;
    if (!l || !l->layer || r.rows < 4)
        return false;
    snprintf(words, sizeof words, "%.24s: |weights|", l->name);
    draw_title(s, PANE_PICTURE, r, words);
    draw_bars((rectangle){r.row + 1, r.column, r.rows - 2, r.columns}, l,
              going_of(s, n, i));
    const int row = r.row + r.rows - 1;
    canvas_write(row, r.column, r.columns, STYLE_QUIET, "0");
    snprintf(words, sizeof words, "%lld kept of %lld", (long long)l->kept,
             (long long)l->weights);
    const int width = text_columns(words);
    if (width + 14 < r.columns)
        canvas_write(row, r.column + (r.columns - width) / 2, width, STYLE_QUIET, words);
    snprintf(words, sizeof words, "%.3g", l->largest);
    canvas_right(row, r.column + r.columns - 8, 8, STYLE_QUIET, words);
    return true;
}
