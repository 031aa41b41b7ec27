/* SPDX-License-Identifier: GPL-3.0-or-later
   layout.c -- which pane stands where: all four on a large terminal, one on a small one.
   It draws nothing. */
#include "ui/screen/layout.h"

/* Below these there is room for one pane. */
enum { ROWS_OF_FOUR = 18, COLUMNS_OF_FOUR = 70 };

const char *layout_pane_name(pane p)
{
    static const char *const names[PANE_COUNT] = {"session", "layers", "picture", "log"};
    return names[p];
}

/* Session above the picture at the left, layers above the log at the right, which has more
   room while one reads it. */
static void place_four(layout *l, int body, int columns, pane focus)
{
    int left = columns * 3 / 10;
    left = left < 26 ? 26 : left > 44 ? 44 : left;
    const int upper = (body + 1) * 11 / 20, lower = body - upper;
    const int right = columns - left - 1;
    const int above = focus == PANE_LOG ? body * 6 / 20 : upper;
    l->divider = left;
    l->panes[PANE_SESSION] = (rectangle){1, 0, upper, left};
    l->panes[PANE_PICTURE] = (rectangle){1 + upper, 0, lower, left};
    l->panes[PANE_LAYERS] = (rectangle){1, left + 1, above, right};
    l->panes[PANE_LOG] = (rectangle){1 + above, left + 1, body - above, right};
}

layout layout_make(int rows, int columns, pane focus, bool alone)
{
    layout l = {.divider = -1, .status = rows - 2, .command = rows - 1};
    const int body = rows - 3;
    l.small = rows < LAYOUT_ROWS_LEAST || columns < LAYOUT_COLUMNS_LEAST;
    if (l.small)
        return l;
    l.single = alone || rows < ROWS_OF_FOUR || columns < COLUMNS_OF_FOUR;
    if (l.single)
        l.panes[focus] = (rectangle){1, 0, body, columns};
    else
        place_four(&l, body, columns, focus);
    return l;
}
