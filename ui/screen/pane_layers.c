/* SPDX-License-Identifier: GPL-3.0-or-later
   pane_layers.c -- the layers of the chosen model, with what is set for them and not
   applied yet; or those of two models side by side.  It changes nothing but where the
   cursor is. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "ui/screen/parts.h"

enum { GAP = 1, CELL = 32 };

/* The columns, in their order; the narrow go first where there is no room. */
enum { NAME, KIND, OUTPUT, COUNT, BAR, SPARSITY, BITS, SHARE, TIME, COLUMNS };

static const struct {
    const char *head;
    int width;
    bool right;
} columns[COLUMNS] = {
    [NAME] = {"layer", 10, false},    [KIND] = {"kind", 10, false},
    [OUTPUT] = {"output", 10, false}, [COUNT] = {"weights", 7, true},
    [BAR] = {"", 6, false},           [SPARSITY] = {"pruned", 9, true},
    [BITS] = {"bits", 5, true},       [SHARE] = {"share", 5, true},
    [TIME] = {"ms", 7, true},
};

/* Which columns there is room for, and what is left for the name. */
static int choose_columns(int room, bool timed, bool shown[COLUMNS])
{
    static const int dropped[] = {OUTPUT, SHARE, KIND, BAR, COUNT, TIME};
    int width = 0;
    for (int i = 0; i < COLUMNS; i++) {
        shown[i] = i != TIME || timed;
        width += shown[i] ? columns[i].width + (i > 0 ? GAP : 0) : 0;
    }
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped && width > room; i++) {
        if (!shown[dropped[i]])
            continue;
        shown[dropped[i]] = false;
        width -= columns[dropped[i]].width + GAP;
    }
    const int name = columns[NAME].width + room - width;
    return name < 4 ? 4 : name > 28 ? 28 : name;
}

int64_t screen_layer(const screen *s, const model_card *m, int64_t i)
{
    const char *filter = s->lists[PANE_LAYERS].filter;
    for (int64_t k = 0; k < m->layer_count; k++)
        if ((screen_matches(m->layers[k].name, filter) ||
             screen_matches(m->layers[k].kind, filter)) &&
            i-- == 0)
            return k;
    return -1;
}

static int64_t count_layers(const screen *s, const model_card *m)
{
    int64_t count = 0;
    while (screen_layer(s, m, count) >= 0)
        count++;
    return count;
}

static void share_words(char out[CELL], double share)
{
    if (share > 0)
        snprintf(out, CELL, "%.0f%%", 100 * share);
    else
        out[0] = '\0';
}

/* The median that `plan` measured; a layer that runs within another has none. */
static void time_words(double ms, char out[CELL])
{
    out[0] = '\0';
    if (isfinite(ms))
        snprintf(out, CELL, "%.4f", ms);
}

static void fill_cells(const screen *s, const name_card *n, int64_t i,
                       char cell[COLUMNS][CELL])
{
    const layer_card *l = &n->model->layers[i];
    const double was = l->weights > 0 ? 1 - (double)l->kept / (double)l->weights : 0;
    const double is = edits_amount(&s->edits, n, i);
    const int bits = edits_bits(&s->edits, n, i);
    memset(cell, 0, COLUMNS * CELL);
    snprintf(cell[NAME], CELL, "%.31s", l->name);
    snprintf(cell[KIND], CELL, "%s", l->kind);
    snprintf(cell[OUTPUT], CELL, "%.31s", l->output);
    if (l->parameters > 0)
        snprintf(cell[COUNT], CELL, "%lld", (long long)l->parameters);
    if (l->weights > 0 && fabs(is - was) > 1e-9)
        snprintf(cell[SPARSITY], CELL, "%.2f>%.2f", was, is);
    else if (l->weights > 0)
        snprintf(cell[SPARSITY], CELL, "%.2f", was);
    if (l->layer && bits != l->bits)
        snprintf(cell[BITS], CELL, "%d>%d", l->bits, bits);
    else if (l->layer)
        snprintf(cell[BITS], CELL, "%d", l->bits);
    share_words(cell[SHARE], l->share);
    time_words(evidence_ms(worker_evidence_held(s->worker), n->model->serial, l->name),
               cell[TIME]);
}

static void draw_heads(rectangle r, const bool shown[COLUMNS], int name)
{
    int column = r.column;
    for (int i = 0; i < COLUMNS; i++) {
        const int width = i == NAME ? name : columns[i].width;
        if (!shown[i])
            continue;
        if (columns[i].right)
            canvas_right(r.row, column, width, STYLE_HEAD, columns[i].head);
        else
            canvas_write(r.row, column, width, STYLE_HEAD, columns[i].head);
        column += width + GAP;
    }
}

static void draw_layer(const screen *s, const name_card *n, int64_t i, rectangle r,
                       const bool shown[COLUMNS], int name, style look)
{
    char cell[COLUMNS][CELL];
    int column = r.column;
    fill_cells(s, n, i, cell);
    canvas_write(r.row, r.column, r.columns, look, "");
    for (int k = 0; k < COLUMNS; k++) {
        const int width = k == NAME ? name : columns[k].width;
        if (!shown[k])
            continue;
        if (k == BAR && n->model->layers[i].weights > 0)
            canvas_bar(r.row, column, width, edits_amount(&s->edits, n, i));
        else if (columns[k].right)
            canvas_right(r.row, column, width, look, cell[k]);
        else
            canvas_write(r.row, column, width, look, cell[k]);
        column += width + GAP;
    }
}

static style look_of_row(const screen *s, bool chosen, bool changed)
{
    if (chosen)
        return s->focus == PANE_LAYERS ? STYLE_CHOSEN : STYLE_HEAD;
    return changed ? STYLE_KEY : STYLE_PLAIN;
}

void draw_layers(screen *s, const cards *c, rectangle r)
{
    const name_card *n = cards_find(c, s->model);
    list_view *v = &s->lists[PANE_LAYERS];
    bool shown[COLUMNS];
    char title[SCREEN_WORDS] = "";
    if (n && n->model)
        snprintf(title, sizeof title, "%s: %s", n->name, n->model->architecture);
    draw_title(s, PANE_LAYERS, r, title);
    if (!n || !n->model) {
        canvas_write(r.row + 1, r.column, r.columns, STYLE_QUIET,
                     " the layers of a model");
        return;
    }
    const bool timed =
        isfinite(evidence_total_ms(worker_evidence_held(s->worker), n->model->serial));
    const int name = choose_columns(r.columns, timed, shown);
    const int rows = r.rows - 2 - meter_rows(s, n, r);
    draw_place(v, count_layers(s, n->model), rows);
    draw_heads((rectangle){r.row + 1, r.column, 1, r.columns}, shown, name);
    for (int i = 0; i < rows; i++) {
        const int64_t layer = screen_layer(s, n->model, v->top + i);
        if (layer < 0)
            break;
        draw_layer(
            s, n, layer, (rectangle){r.row + 2 + i, r.column, 1, r.columns}, shown, name,
            look_of_row(s, v->top + i == v->chosen, edits_changes(&s->edits, n, layer)));
    }
    draw_meter(s, n, r);
}

/* ---- two models side by side ---- */

static const layer_card *layer_of(const model_card *m, const char *name)
{
    for (int64_t i = 0; i < m->layer_count; i++)
        if (strcmp(m->layers[i].name, name) == 0)
            return &m->layers[i];
    return NULL;
}

static void layer_words(const layer_card *l, char out[CELL])
{
    out[0] = '\0';
    if (l && l->weights > 0)
        snprintf(out, CELL, "%lld %.2f %d", (long long)l->parameters,
                 1 - (double)l->kept / (double)l->weights, l->bits);
    else if (l)
        snprintf(out, CELL, "%lld", (long long)l->parameters);
}

static void draw_pair_row(rectangle r, int row, style look, const char *name,
                          const char *left, const char *right)
{
    const int width = r.columns * 3 / 10, head = r.columns - 2 * width;
    canvas_write(row, r.column, head, look, name);
    canvas_right(row, r.column + head, width, look, left);
    canvas_right(row, r.column + head + width, width, look, right);
}

/* What the models are as a whole: the first rows. */
enum { FACTS = 5 };

static void draw_fact(rectangle r, int row, int fact, const model_card *a,
                      const model_card *b)
{
    static const char *const names[FACTS] = {"bytes", "parameters", "nonzero",
                                             "least bits", "multiply-adds"};
    const int64_t left[FACTS] = {a->bytes, a->parameters, a->nonzero, a->bits,
                                 a->multiply_adds};
    const int64_t right[FACTS] = {b->bytes, b->parameters, b->nonzero, b->bits,
                                  b->multiply_adds};
    char one[CELL], two[CELL];
    snprintf(one, sizeof one, "%lld", (long long)left[fact]);
    snprintf(two, sizeof two, "%lld", (long long)right[fact]);
    draw_pair_row(r, row, left[fact] == right[fact] ? STYLE_PLAIN : STYLE_KEY,
                  names[fact], one, two);
}

void draw_pair(screen *s, const cards *c, rectangle r)
{
    const name_card *a = cards_find(c, s->marked), *b = cards_find(c, s->model);
    list_view *v = &s->lists[PANE_LAYERS];
    if (!a || !b || !a->model || !b->model || a == b) {
        s->comparing = false;
        draw_layers(s, c, r);
        return;
    }
    draw_title(s, PANE_LAYERS, r, "weights, pruned, bits");
    draw_place(v, FACTS + count_layers(s, b->model), r.rows - 2);
    draw_pair_row(r, r.row + 1, STYLE_HEAD, "", a->name, b->name);
    for (int i = 0; i + 2 < r.rows && v->top + i < v->count; i++) {
        const int64_t at = v->top + i;
        char one[CELL], two[CELL];
        if (at < FACTS) {
            draw_fact(r, r.row + 2 + i, (int)at, a->model, b->model);
            continue;
        }
        const int64_t k = screen_layer(s, b->model, at - FACTS);
        const layer_card *l = &b->model->layers[k];
        layer_words(layer_of(a->model, l->name), one);
        layer_words(l, two);
        const bool same = strcmp(one, two) == 0;
        draw_pair_row(r, r.row + 2 + i, look_of_row(s, at == v->chosen, !same), l->name,
                      one, two);
    }
}
