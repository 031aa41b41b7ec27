/* SPDX-License-Identifier: GPL-3.0-or-later
   figure.h -- the table of figures: one row and one file each.  A figure turns models,
   datasets and tables into a gnuplot script with its data; render.c runs it.  Nothing
   here changes what it draws. */
#ifndef LATHE_PLOTS_FIGURE_H
#define LATHE_PLOTS_FIGURE_H

#include "base/error.h"
#include "base/option.h"
#include "base/task.h"
#include "base/text.h"
#include "session/session.h"

/* What a figure is drawn on; figure_render sets it before the figure draws. */
typedef enum figure_medium {
    MEDIUM_PAGE,  /* png, svg, pdf: real sizes, any sign of Unicode */
    MEDIUM_LATEX, /* words become LaTeX source, set in the document's own fonts */
    MEDIUM_TEXT   /* a grid of characters, 2 mm wide and 4 mm high; no images */
} figure_medium;

typedef struct style_row style_row; /* plots/style.h */

typedef struct figure_call {
    const session *session;
    const option_set *options;
    const task *task;
    text *data;   /* blocks of numbers: figure_block and figure_number add to it */
    text *script; /* gnuplot commands, without terminal and output */
    double width_mm, height_mm; /* 0: the figure's own; a figure may change its height.
                                   While it draws, of the page before the style
                                   magnifies it */
    const style_row *style;     /* NULL: print */
    figure_medium medium;
    bool moving; /* the format shows several frames, one after another */
    int frames;  /* that the figure drew: each is a plot or a multiplot; 0: one */
    double frame_seconds; /* how long each stands */
    bool unicode;         /* false: words are written in ASCII (text only) */
    int blocks;           /* blocks of data so far */
} figure_call;

typedef struct figure_row {
    const char *name, *summary;
    const option *options;   /* beside KIND, width, height, data */
    int arguments, required; /* positional, as in command.h */
    const char *example;
    double width_mm, height_mm; /* on a page, where nobody asks for another size */
    status (*draw)(figure_call *c, error *e);
} figure_row;

const figure_row *figure_find(const char *name); /* NULL where there is none */
const figure_row *figure_at(int i);              /* in the order of the alphabet; NULL
                                                    beyond the end */

/* Adds WORDS as a gnuplot string literal that cannot end early, run a command or be read
   as mark-up (enhanced text is off in every terminal; LaTeX's special signs are escaped).
   Signs that the medium lacks are spelt out: the minus, powers of ten, Greek letters.
   Control characters become blanks, bytes that are not UTF-8 become U+FFFD.  Longer words
   than COLUMNS lose their middle (0: no bound). */
void figure_string(figure_call *c, const char *words, int columns);

/* Begins a block of data; the script reads it as "DATA index N", N being what is
   returned.  COMMENT is lathe's own.  A block without a row would be lost: write one of
   NaN. */
int figure_block(figure_call *c, const char *comment);
void figure_number(figure_call *c, double value); /* NaN where it is not finite */
void figure_pixel(figure_call *c, double value);  /* the same, rounded to four digits */
void figure_end_row(figure_call *c);

/* Where a figure goes. */
typedef struct figure_target {
    const char
        *path;      /* .png .svg .pdf .tex .txt .gif by its ending; NULL: the terminal */
    bool keep_data; /* leave FILE.gp and FILE.dat beside it */
    int columns, rows; /* of the terminal, for path NULL and .txt; 0: 80 by 24 */
    bool unicode, colour;
    const char *form; /* for path NULL: ".png", ".svg" in place of characters; NULL */
} figure_target;

/* Draws the figure and runs gnuplot on it.  For path NULL the drawing is appended to
   *PICTURE, for others *BYTES (which may be NULL) is the length of the file.  E_FILE
   where gnuplot is missing (the data are then written as FILE.dat) or refuses (its
   message is in the sentence).  Files appear whole or not at all; the same data give the
   same bytes.  FILE.tex brings its lines and images in FILE-inc.pdf; it can be input by a
   document that loads graphicx and color, or run through pdflatex by itself. */
status figure_render(const figure_row *row, figure_call *c, const figure_target *to,
                     text *picture, int64_t *bytes, error *e);

/* Adds the endings that figure_render knows: ".png, .svg, ...". */
void figure_endings(text *out);

extern const figure_row figure_circulation, figure_confusion, figure_curve,
    figure_filmstrip, figure_latency, figure_layers, figure_pareto, figure_phase,
    figure_sensitivity, figure_slices, figure_training, figure_weights;

#endif
