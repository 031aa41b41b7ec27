/* SPDX-License-Identifier: GPL-3.0-or-later
   layout.h -- which pane stands where, by the size of the terminal alone. */
#ifndef LATHE_UI_SCREEN_LAYOUT_H
#define LATHE_UI_SCREEN_LAYOUT_H

#include <stdbool.h>

typedef enum pane { PANE_SESSION, PANE_LAYERS, PANE_PICTURE, PANE_LOG, PANE_COUNT } pane;

enum { LAYOUT_ROWS_LEAST = 10, LAYOUT_COLUMNS_LEAST = 40 };

typedef struct rectangle {
    int row, column, rows, columns; /* no rows: it is not shown */
} rectangle;

typedef struct layout {
    bool small;                  /* below the least size: there are no panes */
    bool single;                 /* one pane at a time */
    rectangle panes[PANE_COUNT]; /* with their titles, one row each */
    int divider;                 /* the column between left and right, or -1 */
    int status, command;         /* rows; the first row is the head */
} layout;

/* Of ROWS x COLUMNS cells; FOCUS is the pane shown where there is room for one, or where it
   is to have all of it. */
layout layout_make(int rows, int columns, pane focus, bool alone);

const char *layout_pane_name(pane p);

#endif
