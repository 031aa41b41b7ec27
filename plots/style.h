/* SPDX-License-Identifier: GPL-3.0-or-later
   style.h -- how every figure looks: palette, dashes, markers, type sizes, axes and
   layout.  It adds commands to a figure's script and knows no models. */
#ifndef LATHE_PLOTS_STYLE_H
#define LATHE_PLOTS_STYLE_H

#include "plots/figure.h"

/* The ways to tell series apart: colour, dash and marker all differ, so that they hold in
   grey.  There are STYLE_COUNT of them; I wraps round. */
#define STYLE_COUNT 7
const char *style_colour(int i); /* "#0072b2" */
int style_marker(int i);         /* a filled point type */
int style_open_marker(int i);    /* the same shape, open */
int style_dash(int i);

/* The styles: print for a page that is read at arm's length, screen for a window, slides
   for a room.  A figure is laid out in the millimetres of print; the style magnifies all
   of it, and makes lines and markers heavier beyond that. */
struct style_row {
    const char *name, *summary;
    double magnify;
    double line, marker; /* beside magnify */
    double dots;         /* of a PNG image, an inch */
    bool grid;           /* faint lines from the numbers of an axis */
};

const style_row *style_find(const char *name); /* NULL where there is none */
const style_row *style_at(int i);              /* NULL beyond the end */
const style_row *style_of(const figure_call *c);

/* Settings that every figure begins with. */
void style_begin(figure_call *c);

/* The text size of the page in points, and small text. */
#define STYLE_POINTS       8
#define STYLE_SMALL_POINTS 7

/* The plotting area of the next plot: millimetres from the page's top left corner.  The
   page's height must be final. */
void style_panel(figure_call *c, double left, double top, double width, double height);

typedef struct style_axis {
    char letter;      /* 'x' or 'y' */
    double low, high; /* low < high; above 0 where logarithmic */
    bool logarithmic;
    bool integer;      /* ticks at whole numbers only */
    bool symmetric;    /* low = -high; three ticks: for small panels */
    bool bare;         /* ticks without numbers */
    double last;       /* no tick beyond it; 0: as far as the axis goes */
    double length_mm;  /* rules how many ticks there are */
    const char *label; /* NULL: none; in text that of y takes the line above the panel */
    double closer;     /* the label of x, lines of text nearer to the axis */
} style_axis;

void style_axis_set(figure_call *c, const style_axis *a);

/* COUNT rows from the top down on the axis y, at 0, 1, ..., with NAMES beside them (NULL:
   none) of at most COLUMNS characters; type becomes smaller where HEIGHT millimetres are
   few, and then every so many has none. */
void style_names(figure_call *c, const char *const *names, int64_t count, int columns,
                 double height);

/* For COUNT names one below the other on LENGTH millimetres: the size of their type, and
   every how many of them there is one. */
int64_t style_name_step(int64_t count, double length, int *points);

/* Widens LOW..HIGH by SHARE on both sides (of the logarithm where LOGARITHMIC); a range
   without width gets one. */
void style_widen(double *low, double *high, double share, bool logarithmic);

/* Does the span of positive numbers LOW..HIGH ask for a logarithmic axis? */
bool style_wants_log(double low, double high);

/* Text with the next plot, at a place of the page (millimetres from the top left corner),
   ALIGN "left", "center" or "right"; cut to COLUMNS (0: not cut). */
void style_text(figure_call *c, double x, double y, const char *align, int points,
                const char *words, int columns);

/* WORDS in ROOM millimetres: *POINTS becomes up to two smaller; returns the columns that
   they have to be cut to all the same, 0 where they have room. */
int style_fit(const figure_call *c, const char *words, double room, int *points);

/* A key of ENTRIES entries of at most COLUMNS characters, in rows from LEFT, TOP on and
   WIDTH wide; returns the millimetres it takes.  The plot's titles fill it, row by row. */
double style_key(figure_call *c, int64_t entries, int columns, double left, double top,
                 double width);
double style_key_height(const figure_call *c, int64_t entries, int columns, double width);

/* Palettes for `with image`, for numbers from LOW to HIGH.  For MAPS the numbers go
   through the script's function shade(): those outside take the colour of the nearest
   end, and NaN takes STYLE_NO_VALUE (transparent pixels would get a dark rim where
   viewers smooth). */
#define STYLE_NO_VALUE "#b8b8b8"
void style_palette_sequential(figure_call *c, double low, double high, bool maps);
void style_palette_diverging(figure_call *c, double low, double high, bool maps);

/* A flat bar of the palette's colours over cbrange, a plot of its own; AXIS says from
   which number to which, and the words below. */
void style_colour_bar(figure_call *c, double left, double top, double width,
                      double height, style_axis axis);

/* "3.2×10⁻⁴" or "12.5" (DIGITS significant ones) into BUFFER of 48 bytes; returns it. */
char *style_number(char buffer[48], double value, int digits);

#endif
