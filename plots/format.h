/* SPDX-License-Identifier: GPL-3.0-or-later
   format.h -- the table of formats that figures are written in, by a file's ending.  For
   render.c, which runs gnuplot with them. */
#ifndef LATHE_PLOTS_FORMAT_H
#define LATHE_PLOTS_FORMAT_H

#include "plots/figure.h"

typedef struct format_row {
    const char *ending;
    figure_medium medium;
    /* Adds gnuplot's command for a page of C's size. */
    void (*terminal)(const figure_call *c, const figure_target *to, text *out);
    bool moving; /* shows several frames */
    bool dated;  /* the file has the date of the run in it */
} format_row;

/* The format of PATH by its ending (NULL: the terminal).  NULL with E_USAGE where it has
   none that is known. */
const format_row *format_find(const char *path, error *e);

#endif
