/* SPDX-License-Identifier: GPL-3.0-or-later
   curve.h -- the course of a number that is told again and again: the whole of it in few
   points.  It draws nothing. */
#ifndef LATHE_UI_SCREEN_CURVE_H
#define LATHE_UI_SCREEN_CURVE_H

#include <stdint.h>

#define CURVE_POINTS 512

typedef struct curve {
    double y[CURVE_POINTS]; /* means of SPAN numbers each, oldest first */
    int64_t count, span, pending;
    double sum;
} curve;

void curve_begin(curve *c);
void curve_add(curve *c, double y); /* what is not finite is left out */

/* Mean of the points that fall into the cell I of CELLS; NaN where there is none. */
double curve_cell(const double *y, int64_t count, int64_t i, int64_t cells);

#endif
