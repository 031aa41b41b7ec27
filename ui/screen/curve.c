/* SPDX-License-Identifier: GPL-3.0-or-later
   curve.c -- the course of a number in few points: full, neighbours are joined.
   It draws nothing. */
#include "ui/screen/curve.h"

#include <math.h>

void curve_begin(curve *c)
{
    *c = (curve){.span = 1};
}

void curve_add(curve *c, double y)
{
    if (!isfinite(y))
        return;
    c->sum += y;
    if (++c->pending < c->span)
        return;
    if (c->count == CURVE_POINTS) {
        c->count = CURVE_POINTS / 2;
        for (int64_t i = 0; i < c->count; i++)
            c->y[i] = (c->y[2 * i] + c->y[2 * i + 1]) / 2;
        c->span *= 2;
        return; /* what is pending becomes part of a longer mean */
    }
    c->y[c->count++] = c->sum / (double)c->pending;
    c->sum = 0;
    c->pending = 0;
}

double curve_cell(const double *y, int64_t count, int64_t i, int64_t cells)
{
    int64_t from = i * count / cells, to = (i + 1) * count / cells;
    double sum = 0;
    if (count < 1 || cells < 1)
        return NAN;
    if (to <= from)
        to = from + 1; /* fewer points than cells: each stands for several */
    for (int64_t k = from; k < to && k < count; k++)
        sum += y[k];
    return sum / (double)(to - from);
}
