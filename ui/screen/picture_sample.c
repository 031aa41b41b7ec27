/* SPDX-License-Identifier: GPL-3.0-or-later
   picture_sample.c -- one sample and what the chosen model makes of it: input, wanted,
   predicted and error as images of half blocks, or the likeliest classes.  It runs no
   model and changes nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "ui/screen/parts.h"

enum { NAME_LEAST = 6, NAME_MOST = 20, SHARE_COLUMNS = 6, CLASSES_COLUMNS = 24 };

/* ---- images ---- */

/* Mean brightness of the pixels of P that fall into pixel (X, Y) of W x H; what does not
   count is dark. */
static double brightness(const specimen_image *p, int x, int y, int w, int h)
{
    double sum = 0, count = 0;
    int64_t left = x * p->width / w, right = (x + 1) * p->width / w;
    int64_t top = y * p->height / h, bottom = (y + 1) * p->height / h;
    right = right > left ? right : left + 1;
    bottom = bottom > top ? bottom : top + 1;
    for (int64_t i = top; i < bottom && i < p->height; i++)
        for (int64_t k = left; k < right && k < p->width; k++) {
            const double value = (double)p->values[i * p->width + k];
            sum += isfinite(value) ? value : 0;
            count += isfinite(value);
        }
    return count > 0 ? sum / count : 0;
}

/* As large as R has room for, in its shape: a cell is two pixels high. */
static void draw_image(const specimen_image *p, rectangle r)
{
    const double scale =
        fmin((double)r.columns / (double)p->width, 2.0 * r.rows / (double)p->height);
    int w = (int)((double)p->width * scale + 1e-9), h = (int)((double)p->height * scale);
    w = w < 1 ? 1 : w;
    h = h < 2 ? 2 : h - h % 2;
    for (int row = 0; row < h / 2; row++)
        for (int x = 0; x < w; x++)
            canvas_pixels(r.row + row, r.column + x, x, 2 * row,
                          brightness(p, x, 2 * row, w, h),
                          brightness(p, x, 2 * row + 1, w, h));
}

/* Images that are drawn: where four would be too small to tell anything, those alone that
   are to be compared. */
typedef struct gallery {
    const specimen_image *first;
    int count, columns;
    double scale; /* cells a pixel */
} gallery;

enum { TELLING = 10 }; /* columns of an image, at least */

static gallery arrange(const specimen_image *first, int count, rectangle r)
{
    gallery best = {.first = first, .count = count, .columns = 1};
    for (int columns = 1; columns <= count; columns++) {
        const int rows = (count + columns - 1) / columns;
        const double scale =
            fmin((double)(r.columns / columns - 1) / (double)first->width,
                 2.0 * (r.rows / rows - 1) / (double)first->height);
        if (scale > best.scale) {
            best.scale = scale;
            best.columns = columns;
        }
    }
    return best;
}

static void draw_images(const specimen *p, rectangle r)
{
    gallery g = arrange(p->images, p->image_count, r);
    if (g.scale * (double)p->images[0].width < TELLING && p->image_count > 2)
        g = arrange(p->images + p->image_count - 3, 2, r);
    const int rows = (g.count + g.columns - 1) / g.columns;
    const int wide = r.columns / g.columns, high = r.rows / rows;
    for (int i = 0; i < g.count; i++) {
        const rectangle to = {r.row + i / g.columns * high,
                              r.column + i % g.columns * wide, high, wide - 1};
        canvas_write(to.row, to.column, to.columns, STYLE_HEAD, g.first[i].title);
        if (to.rows > 1 && to.columns > 0)
            draw_image(&g.first[i],
                       (rectangle){to.row + 1, to.column, to.rows - 1, to.columns});
    }
}

/* ---- classes ---- */

static void draw_classes(const specimen *p, rectangle r)
{
    char words[64];
    int name = r.columns - SHARE_COLUMNS - 6;
    name = name < NAME_LEAST ? NAME_LEAST : name > NAME_MOST ? NAME_MOST : name;
    const int bar = r.columns - name - SHARE_COLUMNS - 1;
    for (int i = 0; i < p->class_count && i < r.rows; i++) {
        /* The true class is among those that are seen. */
        const bool last = i == r.rows - 1;
        int k = i;
        for (int at = i; last && at < p->class_count; at++)
            k = p->classes[at].true_one ? at : k;
        const specimen_class *c = &p->classes[k];
        const style look = !c->true_one ? k == 0 ? STYLE_BAD : STYLE_PLAIN : STYLE_GOOD;
        snprintf(words, sizeof words, "%s%s", c->true_one ? "*" : " ", c->name);
        canvas_write(r.row + i, r.column, name, look, words);
        snprintf(words, sizeof words, "%.1f%%", 100 * c->share);
        canvas_right(r.row + i, r.column + name, SHARE_COLUMNS, look, words);
        if (bar > 1)
            canvas_bar(r.row + i, r.column + name + SHARE_COLUMNS + 1, bar, c->share);
    }
}

/* The image at the left of its classes, or above them where that is narrow. */
static void draw_answer(const specimen *p, rectangle r)
{
    const bool beside = r.columns >= CLASSES_COLUMNS + TELLING + 2;
    const int rows = beside ? r.rows : r.rows / 2;
    const int columns = beside ? r.columns - CLASSES_COLUMNS - 2 : r.columns;
    const int wide = beside && 2 * rows < columns ? 2 * rows : columns;
    if (p->image_count == 0 || rows < 2) {
        draw_classes(p, r);
        return;
    }
    draw_image(&p->images[0], (rectangle){r.row, r.column, rows, wide});
    if (beside)
        draw_classes(
            p, (rectangle){r.row, r.column + wide + 2, r.rows, r.columns - wide - 2});
    else
        draw_classes(p, (rectangle){r.row + rows, r.column, r.rows - rows, r.columns});
}

/* ---- all ---- */

static void draw_specimen(screen *s, const specimen *p, const name_card *n, rectangle r)
{
    char words[SCREEN_WORDS];
    const rectangle inside = {r.row + 1, r.column, r.rows - 2, r.columns};
    const int row = r.row + r.rows - 1;
    snprintf(words, sizeof words, "sample: %lld of %lld, %s", (long long)p->number + 1,
             (long long)p->count, p->split ? p->split : "");
    draw_title(s, PANE_PICTURE, r, *p->problem ? "sample:" : words);
    if (*p->problem) {
        draw_words((rectangle){r.row + 1, r.column + 1, r.rows - 1, r.columns - 2},
                   STYLE_BAD, p->problem);
        return;
    }
    if (p->class_count > 0)
        draw_answer(p, inside);
    else
        draw_images(p, inside);
    if (isfinite(p->error))
        snprintf(words, sizeof words, "%.24s: root mean squared error %.4g", n->name,
                 p->error);
    else
        snprintf(words, sizeof words, "%.24s: * is true", n->name);
    if (isfinite(p->error) && text_columns(words) > r.columns)
        snprintf(words, sizeof words, "%.24s: rmse %.4g", n->name, p->error);
    canvas_write(row, r.column, r.columns, STYLE_QUIET, words);
}

static void draw_waiting(screen *s, rectangle r)
{
    draw_title(s, PANE_PICTURE, r, "sample:");
    canvas_write(r.row + 1, r.column + 1, r.columns - 1, STYLE_QUIET,
                 s->work.busy ? "waits for the job that runs" : "...");
}

bool draw_sample(screen *s, const cards *c, rectangle r)
{
    const name_card *n = cards_find(c, s->model);
    const name_card *d = n && n->model ? cards_data(c, n) : NULL;
    const evidence *v = worker_evidence_held(s->worker);
    if (!d || r.rows < 4)
        return false;
    inquiry w = {.kind = INQUIRY_SPECIMEN,
                 .model_serial = n->serial,
                 .data_serial = d->serial,
                 .turn = s->turn};
    snprintf(w.model, sizeof w.model, "%s", n->name);
    snprintf(w.data, sizeof w.data, "%s", d->name);
    s->work.looks |= worker_ask_held(s->worker, &w);
    const specimen *p = v->specimen;
    /* What there is stays until the next one has come. */
    if (p && p->model == n->serial && p->data == d->serial)
        draw_specimen(s, p, n, r);
    else
        draw_waiting(s, r);
    return true;
}
