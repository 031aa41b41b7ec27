/* SPDX-License-Identifier: GPL-3.0-or-later
   picture_heat.c -- what each layer costs at each level, as it is measured: a heat map that
   fills.  Numbers are the change of the metric in percent of the model's own value, or in
   points where the metric is a share.  It measures and changes nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "ui/screen/parts.h"

enum { NAME_LEAST = 6, NAME_MOST = 24, NUMBER_COLUMNS = 5, MARKED_COLUMNS = 8 };

/* What is told as 0.0. */
#define LEAST_PART 0.05

/* The map of one model. */
typedef struct heat {
    const sampled *sampled;
    const model_card *model;
    int64_t layer[256];   /* of the card, by rows */
    int rows, name, cell; /* columns of names and of a cell */
    double largest;       /* of the worsenings, above 0 */
} heat;

static void gather(heat *h)
{
    const model_card *m = h->model;
    const int room = (int)(sizeof h->layer / sizeof *h->layer);
    for (int64_t i = 0; i < m->layer_count && h->rows < room; i++)
        if (m->layers[i].number >= 0)
            h->layer[h->rows++] = i;
    for (int64_t i = 0; i < h->sampled->count; i++)
        h->largest =
            fmax(h->largest, sampled_worse(h->sampled, h->sampled->points[i].change));
}

static void lay_out(heat *h, int columns)
{
    int longest = NAME_LEAST;
    for (int i = 0; i < h->rows; i++) {
        const int width = text_columns(h->model->layers[h->layer[i]].name);
        longest = width > longest ? width : longest;
    }
    const int levels = h->sampled->level_count;
    h->name = longest < NAME_MOST ? longest : NAME_MOST;
    h->cell = levels > 0 ? (columns - h->name - 1) / levels : 0;
    const int shorter = columns - 1 - NUMBER_COLUMNS * levels;
    if (h->cell < NUMBER_COLUMNS && shorter >= NAME_LEAST) { /* names give way */
        h->name = shorter;
        h->cell = NUMBER_COLUMNS;
    }
    h->cell = h->cell > MARKED_COLUMNS + 2 ? MARKED_COLUMNS + 2 : h->cell;
}

/* A change as people read it: "+3.4", ">999". */
static void change_words(const sampled *s, double change, char out[16])
{
    const double part = sampled_part(s, change);
    const double size = fabs(part);
    if (size >= 999.5)
        snprintf(out, 16, "%s", part > 0 ? ">999" : "-999");
    else if (size < LEAST_PART)
        snprintf(out, 16, "0.0");
    else
        snprintf(out, 16, size < 9.95 ? "%+.1f" : "%+.0f", part);
}

static void draw_cell(const heat *h, int row, int column, const sampled_point *p)
{
    static const char *const shades[] = {" ", "░", "▒", "▓", "█"}, *const plain[] = {
                                                                       " ", ".", "-", "+",
                                                                       "#"};
    static const style looks[] = {STYLE_GOOD, STYLE_GOOD, STYLE_PLAIN, STYLE_WARNING,
                                  STYLE_BAD};
    char words[16];
    if (!p) {
        canvas_right(row, column, h->cell, STYLE_QUIET, canvas_unicode() ? "·" : ".");
        return;
    }
    /* The root, so that layers that cost little can be told apart. */
    const bool any = fabs(sampled_part(h->sampled, p->change)) >= LEAST_PART;
    const double worse = any ? fmax(sampled_worse(h->sampled, p->change), 0) : 0;
    const double root = h->largest > 0 ? sqrt(worse / h->largest) : 0;
    int grade = (int)ceil(root * 4 - 0.01);
    grade = grade < 0 ? 0 : grade > 4 ? 4 : grade;
    const char *sign = canvas_unicode() ? shades[grade] : plain[grade];
    change_words(h->sampled, p->change, words);
    if (h->cell >= NUMBER_COLUMNS)
        canvas_right(row, column, h->cell, looks[grade], words);
    for (int i = 1; i < h->cell && h->cell < NUMBER_COLUMNS; i++)
        canvas_write(row, column + i, 1, looks[grade], sign);
    for (int i = 1; i < 3 && h->cell >= MARKED_COLUMNS; i++)
        canvas_write(row, column + i, 1, looks[grade], sign);
}

static void draw_row(const heat *h, int i, rectangle r, style look)
{
    const layer_card *l = &h->model->layers[h->layer[i]];
    canvas_write(r.row, r.column, h->name, look, l->name);
    for (int k = 0; k < h->sampled->level_count; k++)
        draw_cell(h, r.row, r.column + h->name + k * h->cell,
                  sampled_at(h->sampled, l->number, h->sampled->levels[k]));
}

static void draw_levels(const heat *h, rectangle r)
{
    char words[16];
    for (int k = 0; k < h->sampled->level_count; k++) {
        const double level = h->sampled->levels[k];
        const bool wide = h->cell >= 5;
        if (h->sampled->kind == SENSITIVITY_PRUNE)
            snprintf(words, sizeof words, "%.3g%s", 100 * level, wide ? "%" : "");
        else
            snprintf(words, sizeof words, "%s%g", wide ? "b" : "", level);
        canvas_right(r.row, r.column + h->name + k * h->cell, h->cell, STYLE_HEAD, words);
    }
}

/* The metric, what the numbers are of it, and how far the measurement is. */
static void draw_foot(const heat *h, rectangle r)
{
    char words[SCREEN_WORDS];
    const sampled *s = h->sampled;
    const int64_t all = (int64_t)h->rows * s->level_count;
    const char *unit = sampled_is_share(s) ? "points" : "%";
    snprintf(words, sizeof words, "%lld/%lld: %s of %s %.4g", (long long)s->count,
             (long long)all, unit, s->metric->name, s->own);
    canvas_write(r.row, r.column, r.columns, STYLE_QUIET, words);
}

/* In the pane of layers the map goes with its cursor. */
static void follow_layer(const screen *s, const heat *h, list_view *v)
{
    const int64_t layer = screen_layer(s, h->model, s->lists[PANE_LAYERS].chosen);
    for (int i = 0; s->focus == PANE_LAYERS && i < h->rows; i++)
        if (h->layer[i] == layer)
            v->chosen = i;
}

bool draw_heat(screen *s, const cards *c, rectangle r)
{
    char words[SCREEN_WORDS];
    const name_card *n = cards_find(c, s->model);
    const evidence *e = worker_evidence_held(s->worker);
    heat h = {.model = n ? n->model : NULL};
    h.sampled = h.model ? sampled_shown(&e->sampled, h.model->weights, s->turn) : NULL;
    if (!h.sampled || r.rows < 4)
        return false;
    list_view *v = &s->lists[PANE_PICTURE];
    gather(&h);
    lay_out(&h, r.columns);
    follow_layer(s, &h, v);
    snprintf(words, sizeof words, "%s: %.24s %s", picture_name(PICTURE_HEAT), n->name,
             sensitivity_kind_name(h.sampled->kind));
    draw_title(s, PANE_PICTURE, r, words);
    const int rows = r.rows - 3;
    draw_place(v, h.rows, rows);
    draw_levels(&h, (rectangle){r.row + 1, r.column, 1, r.columns});
    for (int i = 0; i < rows && v->top + i < h.rows; i++)
        draw_row(&h, (int)v->top + i, (rectangle){r.row + 2 + i, r.column, 1, r.columns},
                 v->top + i == v->chosen
                     ? s->focus == PANE_PICTURE ? STYLE_CHOSEN : STYLE_HEAD
                     : STYLE_PLAIN);
    draw_foot(&h, (rectangle){r.row + r.rows - 1, r.column, 1, r.columns});
    return true;
}
