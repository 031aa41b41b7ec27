/* SPDX-License-Identifier: GPL-3.0-or-later
   style.c -- palette, dashes, markers, type sizes and layout of every figure.  It reads
   no data; axes are in axis.c. */
#include <math.h>
#include <string.h>
#include "plots/style.h"

/* Colours: M. Okabe, K. Ito, "Color universal design" (2008),
   https://jfly.uni-koeln.de/color/, told apart with every kind of colour vision.  Yellow
   is left out: it is too faint for a line on white.  Markers are gnuplot's: circle,
   square, triangle, diamond, inverted triangle, pentagon. */
typedef struct series_style {
    const char *colour;
    int marker, open_marker, dash;
} series_style;

static const series_style series[STYLE_COUNT] = {
    {"#0072b2", 7, 6, 1},   /* blue */
    {"#d55e00", 5, 4, 2},   /* vermilion */
    {"#009e73", 9, 8, 4},   /* bluish green */
    {"#cc79a7", 13, 12, 3}, /* reddish purple */
    {"#000000", 11, 10, 5}, /* black */
    {"#e69f00", 15, 14, 2}, /* orange */
    {"#56b4e9", 7, 6, 4},   /* sky blue */
};

const char *style_colour(int i)
{
    return series[i % STYLE_COUNT].colour;
}

int style_marker(int i)
{
    return series[i % STYLE_COUNT].marker;
}

int style_open_marker(int i)
{
    return series[i % STYLE_COUNT].open_marker;
}

int style_dash(int i)
{
    return series[i % STYLE_COUNT].dash;
}

static const style_row styles[] = {
    {"print", "for paper: 8 pt", .magnify = 1, .line = 1, .marker = 1, .dots = 300},
    {"screen", "for a window: 10 pt and a faint grid", .magnify = 1.25, .line = 1.1,
     .marker = 1.1, .dots = 144, .grid = true},
    {"slides", "for a room: 14 pt and heavy lines", .magnify = 1.75, .line = 1.4,
     .marker = 1.25, .dots = 150},
};

enum { STYLES = sizeof styles / sizeof *styles };

const style_row *style_at(int i)
{
    return i >= 0 && i < STYLES ? &styles[i] : NULL;
}

const style_row *style_find(const char *name)
{
    for (int i = 0; i < STYLES; i++)
        if (strcmp(styles[i].name, name) == 0)
            return &styles[i];
    return NULL;
}

const style_row *style_of(const figure_call *c)
{
    return c->style ? c->style : &styles[0];
}

void style_begin(figure_call *c)
{
    text_add(c->script, "set encoding utf8\n"
                        "set border 15 front linewidth 0.6\n"
                        "set tics in scale 0.55,0.3 nomirror\n"
                        "set style fill solid 1 noborder\n"
                        "unset key\nunset colorbox\n");
    if (style_of(c)->grid && c->medium != MEDIUM_TEXT)
        text_add(c->script, "set grid back linecolor rgb '#cccccc' dashtype 1 linewidth "
                            "0.7\n");
}

/* Fractions of the page, from its bottom left corner as gnuplot counts.  On a grid of
   characters the first one is at 0 and the last at 1; gnuplot cuts the fraction of a
   character off, so places stand a little above. */
static double screen_x(const figure_call *c, double x)
{
    if (c->medium == MEDIUM_TEXT)
        return (round(x / 2) + 0.2) / fmax(1, c->width_mm / 2 - 1);
    return x / c->width_mm;
}

static double screen_y(const figure_call *c, double y)
{
    if (c->medium == MEDIUM_TEXT)
        return 1 - (round(y / 4) - 0.2) / fmax(1, c->height_mm / 4 - 1);
    return 1 - y / c->height_mm;
}

void style_panel(figure_call *c, double left, double top, double width, double height)
{
    text_addf(c->script,
              "unset label\nunset object\nunset arrow\n"
              "set lmargin at screen %.5f\nset rmargin at screen %.5f\n"
              "set tmargin at screen %.5f\nset bmargin at screen %.5f\n",
              screen_x(c, left), screen_x(c, left + width), screen_y(c, top),
              screen_y(c, top + height));
}

void style_text(figure_call *c, double x, double y, const char *align, int points,
                const char *words, int columns)
{
    text_add(c->script, "set label ");
    figure_string(c, words, columns);
    text_addf(c->script, " at screen %.5f,%.5f %s font ',%d' front\n", screen_x(c, x),
              screen_y(c, y), align, points);
}

int style_fit(const figure_call *c, const char *words, double room, int *points)
{
    int columns = text_columns(words);
    if (c->medium == MEDIUM_TEXT)
        return columns * 2 <= room ? 0 : (int)fmax(3, room / 2);
    /* A letter is about six tenths of its size wide. */
    const double letter = 0.6 * 25.4 / 72, least = *points - 2;
    while (*points > least && letter * *points * columns > room)
        (*points)--;
    return letter * *points * columns <= room ? 0
                                              : (int)fmax(3, room / (letter * *points));
}

static int64_t key_columns(const figure_call *c, int columns, double width)
{
    bool text_only = c->medium == MEDIUM_TEXT;
    double character = text_only ? 2 : 1.65, sample = text_only ? 16 : 11;
    return (int64_t)fmax(1, floor(width / (sample + character * columns)));
}

double style_key_height(const figure_call *c, int64_t entries, int columns, double width)
{
    int64_t across = key_columns(c, columns, width);
    return (c->medium == MEDIUM_TEXT ? 4 : 3.7) *
           (double)((entries + across - 1) / across);
}

double style_key(figure_call *c, int64_t entries, int columns, double left, double top,
                 double width)
{
    bool text_only = c->medium == MEDIUM_TEXT;
    int64_t across = key_columns(c, columns, width),
            rows = (entries + across - 1) / across;
    text_addf(c->script,
              "set key at screen %.5f,%.5f left top Left reverse samplen 2.4 "
              "spacing 1.1 font ',%d' noenhanced ",
              screen_x(c, left), screen_y(c, text_only ? top - 2 : top), STYLE_POINTS);
    /* gnuplot has no more rows than the plot is high, nor columns than it is wide; plots
       are wide where keys have many rows. */
    if (rows > 2)
        text_addf(c->script, "horizontal maxcols %d\n", (int)across);
    else
        text_addf(c->script, "vertical maxrows %d\n", (int)rows);
    return style_key_height(c, entries, columns, width);
}

/* COUNT colours, evenly from LOW to HIGH; for maps a grey segment below LOW. */
static void add_palette(figure_call *c, const char *const *colours, int count, double low,
                        double high, bool maps)
{
    const double below = 0.05;
    double range = high - low, least = maps ? low - below * range : low;
    text_add(c->script, "set palette defined (");
    if (maps)
        text_addf(c->script, "%g '%s', 0 '%s', ", -below * (count - 1), STYLE_NO_VALUE,
                  STYLE_NO_VALUE);
    for (int i = 0; i < count; i++)
        text_addf(c->script, "%s%d '%s'", i ? ", " : "", i, colours[i]);
    text_addf(c->script, ")\nset cbrange [%.9g:%.9g]\n", least, high);
    if (maps)
        text_addf(c->script,
                  "shade(v) = v != v ? %.9g : v < %.9g ? %.9g : v > %.9g ? %.9g : v\n",
                  least, low + 1e-6 * range, low + 1e-6 * range, high, high);
}

/* "viridis" by S. van der Walt and N. Smith (matplotlib, CC0), at ten places: its
   lightness rises evenly, so it reads the same in grey. */
void style_palette_sequential(figure_call *c, double low, double high, bool maps)
{
    static const char *const colours[] = {"#440154", "#482878", "#3e4989", "#31688e",
                                          "#26828e", "#1f9e89", "#35b779", "#6ece58",
                                          "#b5de2b", "#fde725"};
    add_palette(c, colours, sizeof colours / sizeof *colours, low, high, maps);
}

/* "RdBu" by C. Brewer, M. Harrower (www.ColorBrewer.org), blue for negative numbers;
   told apart with every kind of colour vision. */
void style_palette_diverging(figure_call *c, double low, double high, bool maps)
{
    static const char *const colours[] = {"#053061", "#2166ac", "#4393c3", "#92c5de",
                                          "#d1e5f0", "#f7f7f7", "#fddbc7", "#f4a582",
                                          "#d6604d", "#b2182b", "#67001f"};
    add_palette(c, colours, sizeof colours / sizeof *colours, low, high, maps);
}

/* gnuplot's own box is made of polygons, between which viewers show seams. */
void style_colour_bar(figure_call *c, double left, double top, double width,
                      double height, style_axis axis)
{
    enum { STEPS = 256 };
    double step = (axis.high - axis.low) / STEPS;
    int index = figure_block(c, "the colours of a bar");
    for (int row = 0; row < 2; row++) {
        for (int i = 0; i < STEPS; i++)
            figure_number(c, axis.low + step * (i + 0.5));
        figure_end_row(c);
    }
    style_panel(c, left, top, width, height);
    axis.letter = 'x';
    axis.length_mm = width;
    style_axis_set(c, &axis);
    text_addf(
        c->script,
        "unset ytics\nunset ylabel\nset yrange [-0.5:1.5] noextend\n"
        "plot DATA index %d matrix using (%.9g + ($1 + 0.5) * %.9g):2:3 with image\n",
        index, axis.low, step);
}
