/* SPDX-License-Identifier: GPL-3.0-or-later
   format.c -- the table of formats: gnuplot's terminal for each, sized and weighted as
   the style says.  It runs nothing and writes no file. */
#include "plots/format.h"

#include <math.h>
#include "plots/style.h"

#define MM_PER_INCH       25.4
#define GIF_DOTS_PER_INCH 110.0

/* A page's size in units of PER_MM a millimetre; the style has magnified it. */
static double page_width(const figure_call *c, double per_mm)
{
    return c->width_mm * style_of(c)->magnify * per_mm;
}

static double page_height(const figure_call *c, double per_mm)
{
    return c->height_mm * style_of(c)->magnify * per_mm;
}

/* A line of width 1 is 0.75 pt in every terminal: svg's unit is 1/96 inch, pdfcairo's
   0.5 pt, pngcairo's one dot.  Points of type are points: svg counts them in its units,
   the others take 96 dots for an inch. */
static void terminal_png(const figure_call *c, const figure_target *to, text *out)
{
    (void)to;
    const style_row *s = style_of(c);
    double dots = s->dots / MM_PER_INCH, scale = s->dots / 96 * s->magnify;
    text_addf(out,
              "set terminal pngcairo noenhanced size %.0f,%.0f background '#ffffff' "
              "font 'sans-serif,%d' fontscale %.5f linewidth %.4f pointscale %.4f "
              "dashlength 0.6\n",
              page_width(c, dots), page_height(c, dots), STYLE_POINTS, scale,
              scale * s->line, scale * s->marker);
}

static void terminal_svg(const figure_call *c, const figure_target *to, text *out)
{
    (void)to;
    const style_row *s = style_of(c);
    double units = 96 / MM_PER_INCH;
    text_addf(out,
              "set terminal svg noenhanced size %.0f,%.0f fixed background '#ffffff' "
              "font 'sans-serif,%d' fontscale %.5f dashlength 0.6 ",
              page_width(c, units), page_height(c, units), STYLE_POINTS,
              96.0 / 72 * s->magnify);
    if (s->magnify * s->line != 1)
        text_addf(out, "linewidth %.4f ", s->magnify * s->line);
    text_add(out, "name 'lathe'\n");
}

/* A page of cairo's in centimetres: KIND and FONT, lines LINE times as wide. */
static void add_cairo(const figure_call *c, const char *kind, const char *font,
                      double line, text *out)
{
    const style_row *s = style_of(c);
    text_addf(out,
              "set terminal %s size %.4fcm,%.4fcm font '%s,%d' fontscale %.4f "
              "linewidth %.4f pointscale %.4f dashlength 0.6\n",
              kind, page_width(c, 0.1), page_height(c, 0.1), font, STYLE_POINTS,
              0.75 * s->magnify, line * s->magnify * s->line,
              0.75 * s->magnify * s->marker);
}

static void terminal_pdf(const figure_call *c, const figure_target *to, text *out)
{
    (void)to;
    add_cairo(c, "pdfcairo noenhanced color", "sans-serif", 1.5, out);
}

static void terminal_latex(const figure_call *c, const figure_target *to, text *out)
{
    (void)to;
    add_cairo(c, "cairolatex pdf input color colourtext", "", 2, out);
}

/* gd's lines have whole dots, its type points of 96 dots an inch. */
static void terminal_gif(const figure_call *c, const figure_target *to, text *out)
{
    (void)to;
    const style_row *s = style_of(c);
    double dots = GIF_DOTS_PER_INCH / MM_PER_INCH;
    double scale = GIF_DOTS_PER_INCH / 96 * s->magnify;
    text_addf(out,
              "set terminal gif noenhanced size %.0f,%.0f background '#ffffff' "
              "font 'sans-serif,%d' fontscale %.5f linewidth %.4f",
              page_width(c, dots), page_height(c, dots), STYLE_POINTS, scale,
              fmax(1, scale * s->line));
    if (c->frames > 1)
        text_addf(out, " animate delay %.0f loop 0 optimize", 100 * c->frame_seconds);
    text_add(out, "\n");
}

static void terminal_text(const figure_call *c, const figure_target *to, text *out)
{
    text_addf(out, "set terminal dumb noenhanced nofeed size %.0f,%.0f %s\n",
              c->width_mm / 2, c->height_mm / 4,
              to->colour && !to->path ? "ansi" : "mono");
}

static const format_row formats[] = {
    {".png", MEDIUM_PAGE, .terminal = terminal_png},
    {".svg", MEDIUM_PAGE, .terminal = terminal_svg},
    {".pdf", MEDIUM_PAGE, .terminal = terminal_pdf, .dated = true},
    {".tex", MEDIUM_LATEX, .terminal = terminal_latex},
    {".txt", MEDIUM_TEXT, .terminal = terminal_text},
    {".gif", MEDIUM_PAGE, .terminal = terminal_gif, .moving = true},
};

enum { FORMATS = sizeof formats / sizeof *formats };

void figure_endings(text *out)
{
    for (int i = 0; i < FORMATS; i++)
        text_addf(out, "%s%s",
                  i == 0            ? ""
                  : i + 1 < FORMATS ? ", "
                                    : " or ",
                  formats[i].ending);
}

const format_row *format_find(const char *path, error *e)
{
    static const format_row screen = {"", MEDIUM_TEXT, .terminal = terminal_text};
    if (!path)
        return &screen;
    for (int i = 0; i < FORMATS; i++)
        if (text_ends(path, formats[i].ending))
            return &formats[i];
    text endings = {0};
    figure_endings(&endings);
    fail(e, E_USAGE, "the ending of '%s' names no format, wanted %s", path,
         text_get(&endings));
    text_clear(&endings);
    return NULL;
}
