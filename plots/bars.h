/* SPDX-License-Identifier: GPL-3.0-or-later
   bars.h -- a panel of horizontal bars, one a row, with names beside and numbers behind
   them.  It knows no models and no tables. */
#ifndef LATHE_PLOTS_BARS_H
#define LATHE_PLOTS_BARS_H

#include "plots/figure.h"

typedef struct bars {
    double left, top, width, height; /* millimetres of the page */
    int64_t count;
    const char *const *names; /* [count], or NULL: the panel to the left has them */
    const double *values;     /* [count] at least 0; NaN: no bar */
    const double *before;     /* [count] a wide grey bar behind each, or NULL */
    const double *low, *high; /* [count] ends of a line across the bar's end, or NULL */
    const double *limits;     /* [limit_count] lines across all bars */
    int64_t limit_count;
    double most;       /* the axis reaches it at least; 0: as the bars do */
    double last;       /* no tick beyond it; 0: as the axis goes */
    bool integer;      /* numbers are whole */
    const char *label; /* of the axis; lent */
    const char *title, *before_title; /* for the key; NULL: none */
} bars;

/* Millimetres that NAMES take on the left, and the most that are given to them. */
#define BARS_NAME_COLUMNS 28
double bars_name_room(const figure_call *c, const char *const *names, int64_t count);

/* A height of the panel at which every row can be read. */
double bars_height(const figure_call *c, int64_t count);

/* Millimetres above the panel that labels of limits take. */
double bars_limit_room(const figure_call *c, int64_t limit_count);

/* One plot. */
void bars_draw(figure_call *c, const bars *b);

#endif
