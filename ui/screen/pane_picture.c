/* SPDX-License-Identifier: GPL-3.0-or-later
   pane_picture.c -- the table of pictures, and which of them is shown: the one that was
   chosen, else the one that there is news for.  It draws none of them. */
#include <stdio.h>
#include "ui/screen/parts.h"

static const struct {
    const char *name;
    bool (*draw)(screen *s, const cards *c, rectangle r);
    const char *empty; /* what gives it something to show */
} rows[PICTURE_COUNT] = {
    [PICTURE_LOSS] = {"loss", draw_loss, "the loss of a training: :train MODEL DATA"},
    [PICTURE_WEIGHTS] = {"weights", draw_weights,
                         "the weights of a model: :model makes one, :load reads one"},
    [PICTURE_HEAT] = {"cost", draw_heat,
                      "what each layer costs at each ratio: s samples it"},
    [PICTURE_SAMPLE] = {"sample", draw_sample,
                        "what a model makes of a sample: it wants a model and data "
                        "(:data), then n and N go through them"},
    [PICTURE_FRONT] = {"front", draw_front,
                       "bytes and error of what was measured here: e measures a model"},
};

const char *picture_name(picture p)
{
    return rows[p].name;
}

/* What fits to what happens, and to where one is. */
static picture fitting(const screen *s, const cards *c)
{
    const worker_view *v = &s->work;
    const name_card *n = cards_find(c, s->model);
    if (v->event != PICTURE_AUTO && (v->busy || s->seen != v->events))
        return v->event;
    return screen_on_layer(s, n) ? PICTURE_WEIGHTS : PICTURE_LOSS;
}

static void draw_empty(const screen *s, picture p, rectangle r)
{
    char words[64];
    snprintf(words, sizeof words, "%s:", rows[p].name);
    draw_title(s, PANE_PICTURE, r, words);
    draw_words((rectangle){r.row + 1, r.column + 1, r.rows - 1, r.columns - 2},
               STYLE_QUIET, rows[p].empty);
}

void draw_picture(screen *s, const cards *c, rectangle r)
{
    const picture p = s->picture == PICTURE_AUTO ? fitting(s, c) : s->picture;
    s->shown = p;
    if (!rows[p].draw(s, c, r))
        draw_empty(s, p, r);
}
