/* SPDX-License-Identifier: GPL-3.0-or-later
   keys.h -- the keys of the screen: one table that says which key does what, and where.
   What they do is in actions.c; the page of keys, the manual and the players of keys are
   all read from here. */
#ifndef LATHE_UI_SCREEN_KEYS_H
#define LATHE_UI_SCREEN_KEYS_H

#include <stdbool.h>
#include "base/text.h"
#include "ui/screen/layout.h"

/* Codes of keys: a byte that was typed, or one of these. */
enum {
    KEY_OF_TAB = '\t',
    KEY_OF_ENTER = '\r',
    KEY_OF_ESCAPE = 27,
    KEY_OF_BLANK = ' ',
    KEY_OF_DELETE = 127,
    KEY_OF_UP = 256,
    KEY_OF_DOWN,
    KEY_OF_LEFT,
    KEY_OF_RIGHT,
    KEY_OF_PAGE_UP,
    KEY_OF_PAGE_DOWN,
    KEY_OF_HOME,
    KEY_OF_END,
    KEY_OF_BACK_TAB,
    KEY_OF_F1,
    KEY_OF_PASTE,   /* a terminal begins to paste */
    KEY_OF_POINTER, /* the mouse: canvas_pointer tells what */
    KEY_OF_OTHER
};

#define KEY_OF_CONTROL(letter) ((letter)&0x1f)

/* Where a key is valid: in a pane, or everywhere. */
typedef enum key_place {
    IN_SESSION = 1 << PANE_SESSION,
    IN_LAYERS = 1 << PANE_LAYERS,
    IN_PICTURE = 1 << PANE_PICTURE,
    IN_LOG = 1 << PANE_LOG,
    IN_PANES = IN_SESSION | IN_LAYERS | IN_PICTURE | IN_LOG
} key_place;

typedef struct screen screen;

enum { KEYS_OF_ROW = 4 };

typedef struct key_row {
    int codes[KEYS_OF_ROW]; /* those that do it; 0 ends them */
    unsigned places;
    const char *words; /* what it does */
    void (*act)(screen *s, int code);
} key_row;

/* The row of CODE in PANE, or NULL. */
const key_row *keys_find(int code, pane p);
const key_row *keys_at(int i); /* in the order of the table; NULL beyond the end */

/* "Up, k": the names of its keys. */
void keys_names(const key_row *row, text *out);
/* "Up", "Ctrl-C", "a"; BUFFER has room for 16 bytes; returns it. */
const char *keys_name(int code, char buffer[16]);
/* The code that NAME means, or -1. */
int keys_code(const char *name);
/* What a terminal sends for CODE. */
const char *keys_bytes(int code, char buffer[16]);

#endif
