/* SPDX-License-Identifier: GPL-3.0-or-later
   picture_loss.c -- the course of a training as a curve of characters: of the one that
   runs, else of the model that is chosen.  It changes nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include "base/memory.h"
#include "ui/screen/parts.h"

enum { LABEL_COLUMNS = 8, DOTS_WIDE = 2, DOTS_HIGH = 4 };

/* What is drawn: numbers in their order. */
typedef struct series {
    const double *y;
    int64_t count;
} series;

typedef struct scale {
    double low, high; /* logarithms where LOGARITHMIC */
    bool logarithmic;
} scale;

static void widen(const series *p, double *low, double *high)
{
    for (int64_t i = 0; i < p->count; i++) {
        if (!isfinite(p->y[i]))
            continue;
        *low = fmin(*low, p->y[i]);
        *high = fmax(*high, p->y[i]);
    }
}

static bool make_scale(const series *a, const series *b, scale *out)
{
    double low = INFINITY, high = -INFINITY;
    widen(a, &low, &high);
    widen(b, &low, &high);
    if (!(low <= high))
        return false;
    out->logarithmic = low > 0;
    out->low = low > 0 ? log(low) : low;
    out->high = low > 0 ? log(high) : high;
    if (out->high - out->low < 1e-9)
        out->high = out->low + 1e-9;
    return true;
}

/* The row of dots, from the bottom, of the value Y. */
static int dot_of(const scale *k, double y, int dots)
{
    const double x = k->logarithmic ? log(y) : y;
    const int dot = (int)lround((x - k->low) / (k->high - k->low) * (dots - 1));
    return dot < 0 ? 0 : dot >= dots ? dots - 1 : dot;
}

/* The bit of a dot in a Braille sign (U+2800), by its column and its row from the top. */
static const unsigned char bits[DOTS_WIDE][DOTS_HIGH] = {{0x01, 0x02, 0x04, 0x40},
                                                         {0x08, 0x10, 0x20, 0x80}};

static void put_dots(unsigned char *cells, rectangle r, const series *p, const scale *k)
{
    const int wide = r.columns * DOTS_WIDE, high = r.rows * DOTS_HIGH;
    int before = -1;
    for (int x = 0; x < wide; x++) {
        const double y = curve_cell(p->y, p->count, x, wide);
        if (!isfinite(y))
            continue;
        const int dot = dot_of(k, y, high);
        const int from = before < 0 || before == dot ? dot
                         : before < dot              ? before + 1
                                                     : before - 1;
        /* Steps are joined, so that a steep curve is a line. */
        for (int d = from;; d += from <= dot ? 1 : -1) {
            const int top = high - 1 - d;
            cells[top / DOTS_HIGH * r.columns + x / DOTS_WIDE] |=
                bits[x % DOTS_WIDE][top % DOTS_HIGH];
            if (d == dot)
                break;
        }
        before = dot;
    }
}

static void draw_braille(rectangle r, const series *p, const scale *k, style look)
{
    unsigned char *cells = memory_new((int64_t)r.rows * r.columns, 1, NULL);
    if (!cells)
        return;
    put_dots(cells, r, p, k);
    for (int i = 0; i < r.rows * r.columns; i++) {
        const unsigned char c = cells[i];
        const char sign[] = {'\xe2', (char)(0xa0 | c >> 6), (char)(0x80 | (c & 0x3f)), 0};
        if (c)
            canvas_write(r.row + i / r.columns, r.column + i % r.columns, 1, look, sign);
    }
    memory_free(cells);
}

/* Three heights in a cell. */
static void draw_plain(rectangle r, const series *p, const scale *k, style look,
                       const char *signs)
{
    for (int x = 0; x < r.columns; x++) {
        const double y = curve_cell(p->y, p->count, x, r.columns);
        if (!isfinite(y))
            continue;
        const int dot = dot_of(k, y, r.rows * 3);
        const char sign[] = {signs[dot % 3], 0};
        canvas_write(r.row + r.rows - 1 - dot / 3, r.column + x, 1, look, sign);
    }
}

static void draw_curves(rectangle r, const series *train, const series *val)
{
    char label[16];
    scale k;
    if (!make_scale(train, val, &k) || r.rows < 2 || r.columns < LABEL_COLUMNS + 8)
        return;
    const double top = k.logarithmic ? exp(k.high) : k.high;
    const double bottom = k.logarithmic ? exp(k.low) : k.low;
    snprintf(label, sizeof label, "%.3g", top);
    canvas_right(r.row, r.column, LABEL_COLUMNS - 1, STYLE_QUIET, label);
    snprintf(label, sizeof label, "%.3g", bottom);
    canvas_right(r.row + r.rows - 1, r.column, LABEL_COLUMNS - 1, STYLE_QUIET, label);
    const rectangle inside = {r.row, r.column + LABEL_COLUMNS, r.rows,
                              r.columns - LABEL_COLUMNS};
    if (canvas_unicode()) {
        draw_braille(inside, train, &k, STYLE_BAR);
        draw_braille(inside, val, &k, STYLE_WARNING);
    } else {
        draw_plain(inside, train, &k, STYLE_BAR, "_-\"");
        draw_plain(inside, val, &k, STYLE_WARNING, ".o'");
    }
}

/* The epochs of a model that was trained. */
static void draw_epochs(const model_card *m, rectangle inside)
{
    double *both = memory_new(2 * m->epoch_count, sizeof *both, NULL);
    if (!both)
        return;
    for (int64_t i = 0; i < m->epoch_count; i++) {
        both[i] = m->epochs[i].train_loss;
        both[m->epoch_count + i] = m->epochs[i].val_loss;
    }
    draw_curves(inside, &(series){both, m->epoch_count},
                &(series){both + m->epoch_count, m->epoch_count});
    memory_free(both);
}

bool draw_loss(screen *s, const cards *c, rectangle r)
{
    char words[SCREEN_WORDS];
    const name_card *n = cards_find(c, s->model);
    const rectangle inside = {r.row + 1, r.column, r.rows - 1, r.columns};
    curve losses;
    worker_losses_held(s->worker, &losses);
    if (s->work.busy && losses.count > 0) {
        snprintf(words, sizeof words, "loss: %.4g", losses.y[losses.count - 1]);
        draw_title(s, PANE_PICTURE, r, words);
        draw_curves(inside, &(series){losses.y, losses.count}, &(series){NULL, 0});
    } else if (n && n->model && n->model->epoch_count > 0) {
        const bool narrow = r.columns < 44;
        snprintf(words, sizeof words,
                 narrow ? "loss: %.24s" : "loss: %.40s, train%s and val%s", n->name,
                 canvas_unicode() ? "" : " _-\"", canvas_unicode() ? "" : " .o'");
        draw_title(s, PANE_PICTURE, r, words);
        draw_epochs(n->model, inside);
    } else {
        return false;
    }
    return true;
}
