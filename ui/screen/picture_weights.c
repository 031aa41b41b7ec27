/* SPDX-License-Identifier: GPL-3.0-or-later
   picture_weights.c -- how large the weights of the chosen layer, or of all of them, are, as
   bars that move while a command prunes; and which of them go with the amount that is
   set.  It changes nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>
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

/* What is to go of the layer of N beyond what is masked already; magnitude decides. */
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

static int64_t layer_at_cursor(const screen *s, const name_card *n)
{
    const int64_t i = n && n->model && s->focus == PANE_LAYERS && !s->comparing
                          ? screen_layer(s, n->model, s->lists[PANE_LAYERS].chosen)
                          : -1;
    return i >= 0 && n->model->layers[i].layer ? i : -1;
}

bool screen_on_layer(const screen *s, const name_card *n)
{
    return layer_at_cursor(s, n) >= 0;
}

static const layer_card *layer_called(const model_card *m, const char *name)
{
    for (int64_t i = 0; i < m->layer_count; i++)
        if (strcmp(m->layers[i].name, name) == 0)
            return &m->layers[i];
    return &m->whole;
}

static void draw_axis(rectangle r, const layer_card *l)
{
    char words[SCREEN_WORDS];
    const int row = r.row + r.rows - 1;
    canvas_write(row, r.column, r.columns, STYLE_QUIET, "0");
    snprintf(words, sizeof words, "%lld kept of %lld", (long long)l->kept,
             (long long)l->weights);
    if (text_columns(words) + 14 >= r.columns)
        snprintf(words, sizeof words, "%.1f%% kept",
                 100 * (double)l->kept / (double)l->weights);
    const int width = text_columns(words);
    if (width + 14 < r.columns)
        canvas_write(row, r.column + (r.columns - width) / 2, width, STYLE_QUIET, words);
    snprintf(words, sizeof words, "%.3g", l->largest);
    canvas_right(row, r.column + r.columns - 8, 8, STYLE_QUIET, words);
}

bool draw_weights(screen *s, const cards *c, rectangle r)
{
    char words[SCREEN_WORDS];
    const evidence *v = worker_evidence_held(s->worker);
    const name_card *n = cards_find(c, s->model);
    const int64_t i = layer_at_cursor(s, n);
    const model_card *m = v->moving ? v->moving : n ? n->model : NULL;
    if (!m || m->whole.weights == 0 || r.rows < 4)
        return false;
    const layer_card *l = i >= 0 ? layer_called(m, n->model->layers[i].name) : &m->whole;
    if (v->moving)
        snprintf(words, sizeof words, "weights: %.24s %.24s", v->moving_name,
                 l == &m->whole ? "" : l->name);
    else
        snprintf(words, sizeof words, "weights: %.24s", i >= 0 ? l->name : n->name);
    draw_title(s, PANE_PICTURE, r, words);
    draw_bars((rectangle){r.row + 1, r.column, r.rows - 2, r.columns}, l,
              i >= 0 && !v->moving ? going_of(s, n, i) : 0);
    draw_axis(r, l);
    return true;
}
