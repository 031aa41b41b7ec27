/* SPDX-License-Identifier: GPL-3.0-or-later
   sheet.h -- a page of images in columns and rows, with captions and a bar of colours for
   each kind; in characters where the medium has no images.  It knows no models. */
#ifndef LATHE_PLOTS_SHEET_H
#define LATHE_PLOTS_SHEET_H

#include "plots/figure.h"

/* What the numbers of an image are, and so its colours and which images share a range. */
typedef enum sheet_kind {
    SHEET_INPUT,  /* from dark to bright */
    SHEET_VALUE,  /* the same, with a range of its own */
    SHEET_FIELD,  /* about 0, of both signs */
    SHEET_ERROR,  /* the same, with a range of its own */
    SHEET_MASK,   /* 1 is grey */
    SHEET_COLOUR, /* red, green, blue from 0 to 1 */
    SHEET_KINDS
} sheet_kind;

typedef struct sheet_image {
    sheet_kind kind;
    text title;
    int column, row;
    int64_t height, width;
    float *values; /* [height x width], x fastest; NaN: invalid; SHEET_COLOUR: x 3 */
    bool follows;  /* its numbers do not widen the range of its kind */
} sheet_image;

typedef struct sheet {
    sheet_image *images;
    int64_t count, capacity;
    int columns, rows;
    const char *label[SHEET_KINDS]; /* of the bars of colours; lent */
    bool pixels;                    /* axes with pixel numbers */
    bool letters;                   /* titles begin with (a), (b), ... */
    bool downwards;                 /* the first row of an image is at the top */
    double low[SHEET_KINDS], high[SHEET_KINDS]; /* found by sheet_draw */
} sheet;

/* Adds an image, whose title and values (zeroed) the caller then fills; lent until the
   next one.  NULL on failure. */
sheet_image *sheet_add(sheet *s, sheet_kind kind, int column, int row, int64_t height,
                       int64_t width, error *e);

/* A width of the page at which the columns can be looked at, in millimetres. */
double sheet_width(const sheet *s);

/* The whole page; its height follows from its width where C has none. */
status sheet_draw(figure_call *c, sheet *s, error *e);
void sheet_clear(sheet *s);
/* Draws S, as wide as its columns want where C says nothing, if RESULT is that it was
   filled; clears it in any case. */
status sheet_finish(figure_call *c, sheet *s, status result, error *e);

/* Within plots: the sheet in characters, ranges being found. */
void sheet_draw_text(figure_call *c, const sheet *s);

/* The value of a pixel as one number: of colours their luminance. */
double sheet_pixel(const sheet_image *p, int64_t i);

#endif
