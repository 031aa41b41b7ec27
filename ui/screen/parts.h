/* SPDX-License-Identifier: GPL-3.0-or-later
   parts.h -- what the files of the screen share: its state, and the drawing of panes.
   Others use screen.h. */
#ifndef LATHE_UI_SCREEN_PARTS_H
#define LATHE_UI_SCREEN_PARTS_H

#include "ui/screen/canvas.h"
#include "ui/screen/cards.h"
#include "ui/screen/edits.h"
#include "ui/screen/forecast.h"
#include "ui/screen/keys.h"
#include "ui/screen/layout.h"
#include "ui/screen/log.h"
#include "ui/screen/worker.h"

enum { SCREEN_WORDS = 256 };

/* Where a pane's list stands. */
typedef struct list_view {
    int64_t chosen, top; /* rows of what the filter leaves */
    int64_t count, room; /* as they were drawn last */
    char filter[SCREEN_WORDS];
} list_view;

struct screen {
    worker *worker;
    worker_view work; /* as it was looked at last */
    printed log;
    layout layout;
    pane focus;
    bool alone, help, comparing;
    list_view lists[PANE_COUNT], keys;
    text known; /* names that were there when it was drawn last, each in a line */
    char item[CARD_WORDS];  /* name under the cursor of the session's pane; "" for none */
    char model[CARD_WORDS]; /* the model that layers and picture are of */
    char marked[CARD_WORDS]; /* "" for none */
    char steps[CARD_WORDS];  /* the model whose steps are shown */
    edits edits;
    applied applied;
    picture picture; /* that was chosen; PICTURE_AUTO: by what happens */
    picture shown;   /* as it was drawn last */
    int64_t turn;    /* which of its samples, kinds or measures the picture shows */
    int64_t seen;    /* the event since which one has gone on to something else */
    bool held;       /* the log stands still, though its end is not far */
    int left;        /* columns of the log that are out of sight */
    char note[SCREEN_WORDS];
    bool note_is_bad;
    bool asks_to_leave, leaves;
    text offers; /* what may complete the line, until the next key */
};

/* What the line below says; BAD: that something cannot be. */
void screen_note(screen *s, bool bad, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Gives LINE to the worker. */
void screen_submit(screen *s, const char *line);

/* Draws all of it: PANES by their files, head, status and command line by draw.c. */
void draw_screen(screen *s);
/* Where the cursor is in the session, and so which model is chosen; also unseen. */
void place_session(screen *s, const cards *c);
void draw_session(screen *s, const cards *c, rectangle r);
void draw_layers(screen *s, const cards *c, rectangle r);
/* The last rows of R, in the pane of layers; how many these are. */
int meter_rows(const screen *s, const name_card *n, rectangle r);
void draw_meter(const screen *s, const name_card *n, rectangle r);
void draw_pair(screen *s, const cards *c, rectangle r);
void draw_picture(screen *s, const cards *c, rectangle r);
/* One picture each, with its title; false where there is nothing to show yet. */
bool draw_loss(screen *s, const cards *c, rectangle r);
bool draw_weights(screen *s, const cards *c, rectangle r);
bool draw_heat(screen *s, const cards *c, rectangle r);
bool draw_sample(screen *s, const cards *c, rectangle r);
bool draw_front(screen *s, const cards *c, rectangle r);
const char *picture_name(picture p);
/* Is there a layer with weights under the cursor of the pane of layers? */
bool screen_on_layer(const screen *s, const name_card *n);
void draw_log(screen *s, rectangle r);
void draw_keys(screen *s);

/* The title of a pane in its first row, WORDS behind its name. */
void draw_title(const screen *s, pane p, rectangle r, const char *words);
/* WORDS in as many rows of R as they want, broken at blanks. */
void draw_words(rectangle r, style look, const char *words);
/* Keeps the cursor of V within COUNT rows of which ROOM are seen. */
void draw_place(list_view *v, int64_t count, int64_t room);

/* Does WORDS hold FILTER, in any case of letters? */
bool screen_matches(const char *words, const char *filter);
/* The layer of M at row I of what the filter leaves, or -1. */
int64_t screen_layer(const screen *s, const model_card *m, int64_t i);

#endif
