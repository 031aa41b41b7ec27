/* SPDX-License-Identifier: GPL-3.0-or-later
   support_figure.h -- figures drawn into files of a private folder, and what can be read
   from those files. */
#ifndef LATHE_TESTS_SUPPORT_FIGURE_H
#define LATHE_TESTS_SUPPORT_FIGURE_H

#include "plots/figure.h"

/* A folder of the test's own becomes the working one, and there is a session; the end
   removes both. */
session *support_figure_begin(void);
void support_figure_end(session *s);
const char *support_figure_folder(void);

/* Is there a gnuplot? */
bool support_figure_possible(void);
#define SKIP_WITHOUT_GNUPLOT()                                                           \
    if (!support_figure_possible())                                                      \
    skip()

/* Draws ROW of S with WORDS ("key=value key=value"; "style=..." is the style) into PATH
   (NULL: into *PICTURE). */
status support_figure_render(session *s, const figure_row *row, const char *words,
                             const char *path, bool keep, text *picture, error *e);

/* The same, and it must succeed. */
void support_figure_draw(session *s, const char *kind, const char *words,
                         const char *path);

/* The whole file, which the caller frees; how often WORDS stand in it. */
char *support_figure_read(const char *path, size_t *length);
int support_figure_count(const char *path, const char *words);

/* Two runs give the same bytes. */
void support_figure_same(session *s, const char *kind, const char *words,
                         const char *ending);

/* Places of the marks MARK ("gpPt6") of an SVG, in the order drawn; how many. */
int support_figure_marks(const char *path, const char *mark, double at[][2], int most);

/* Left, right, top and bottom of the polygons filled with "rgb(  0, 114, 178)". */
int support_figure_boxes(const char *path, const char *colour, double box[][4], int most);

/* The I-th block of numbers of a kept FILE.dat: its rows, COLUMNS each; how many rows. */
int support_figure_block(const char *path, int block, int columns, double *values,
                         int most);

#endif
