/* SPDX-License-Identifier: GPL-3.0-or-later
   figure.c -- the table of figures.  It draws none of them. */
#include <string.h>
#include "plots/figure.h"

static const figure_row *const rows[] = {
    &figure_circulation, &figure_confusion, &figure_curve,    &figure_filmstrip,
    &figure_latency,     &figure_layers,    &figure_pareto,   &figure_phase,
    &figure_sensitivity, &figure_slices,    &figure_training, &figure_weights,
};

enum { ROWS = sizeof rows / sizeof *rows };

const figure_row *figure_at(int i)
{
    return i >= 0 && i < ROWS ? rows[i] : NULL;
}

const figure_row *figure_find(const char *name)
{
    for (int i = 0; i < ROWS; i++)
        if (strcmp(rows[i]->name, name) == 0)
            return rows[i];
    return NULL;
}
