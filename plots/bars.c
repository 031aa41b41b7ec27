/* SPDX-License-Identifier: GPL-3.0-or-later
   bars.c -- draws horizontal bars: a block of data, an axis, numbers behind the bars and
   lines of limits.  It measures nothing. */
#include "plots/bars.h"

#include <math.h>
#include <stdio.h>
#include "plots/style.h"

double bars_name_room(const figure_call *c, const char *const *names, int64_t count)
{
    int most = 1;
    for (int64_t i = 0; i < count; i++) {
        int columns = text_columns(names[i]);
        most = columns > most ? columns : most;
    }
    most = most < BARS_NAME_COLUMNS ? most : BARS_NAME_COLUMNS;
    return c->medium == MEDIUM_TEXT ? 2.0 * (most + 2) : 1.5 * most + 3;
}

double bars_height(const figure_call *c, int64_t count)
{
    if (c->medium == MEDIUM_TEXT)
        return 4.0 * ((double)count + 1);
    return count < 4 ? 6.5 * (double)count : 4.2 * (double)count + 4;
}

static const double limit_line = 3.2;

double bars_limit_room(const figure_call *c, int64_t limit_count)
{
    double line = c->medium == MEDIUM_TEXT ? 4 : limit_line;
    return line * (double)(limit_count < 2 ? limit_count : 2);
}

/* "72", "18432", "184 k", "1.18 M" or "0.453". */
static char *put_value(char buffer[48], double value, bool integer)
{
    static const char units[] = "kMGT";
    int unit = -1;
    if (!integer)
        return style_number(buffer, value, 3);
    if (value < 99999.5) {
        snprintf(buffer, 48, "%.0f", value);
        return buffer;
    }
    for (; value >= 999.5 && units[unit + 1]; unit++)
        value /= 1e3;
    snprintf(buffer, 48, "%.*f %c",
             value < 9.995   ? 2
             : value < 99.95 ? 1
                             : 0,
             value, units[unit]);
    return buffer;
}

/* The right end of the axis: all bars, lines and limits, and the numbers behind them. */
static double find_end(const figure_call *c, const bars *b)
{
    double end = b->most, reach = 0;
    for (int64_t i = 0; i < b->count; i++) {
        reach = fmax(reach, isfinite(b->values[i]) ? b->values[i] : 0);
        if (b->before && isfinite(b->before[i]))
            reach = fmax(reach, b->before[i]);
        if (b->high && isfinite(b->high[i]))
            reach = fmax(reach, b->high[i]);
    }
    for (int64_t i = 0; i < b->limit_count; i++)
        end = fmax(end, 1.04 * b->limits[i]);
    double room = fmin(c->medium == MEDIUM_TEXT ? 14 : 9.5, 0.4 * b->width);
    end = fmax(end, reach * b->width / (b->width - room));
    return end > 0 ? end : 1;
}

/* Do all numbers stand within the panel? */
static bool have_room(const figure_call *c, const bars *b, double end)
{
    double letter = c->medium == MEDIUM_TEXT ? 2 : 1.2;
    for (int64_t i = 0; i < b->count; i++) {
        char words[48];
        if (!isfinite(b->values[i]))
            continue;
        put_value(words, b->values[i], b->integer);
        if (b->values[i] / end * b->width + letter * text_columns(words) > b->width + 1)
            return false;
    }
    return true;
}

/* Where a number of COLUMNS letters behind AT stands clear of the lines of limits, which
   ascend. */
static double clear_of_limits(const figure_call *c, const bars *b, double end, double at,
                              int columns)
{
    double letter = (c->medium == MEDIUM_TEXT ? 2 : 1.4) / b->width * end;
    for (int64_t i = 0; i < b->limit_count; i++)
        if (b->limits[i] > at - letter && b->limits[i] < at + letter * columns)
            at = b->limits[i] + letter;
    return at;
}

static void add_values(figure_call *c, const bars *b, double end)
{
    /* Small panels need a smaller number; those that would stand between lines of other
       bars are left out. */
    if (c->medium != MEDIUM_TEXT && b->height / (double)b->count < 2)
        return;
    double gap = (c->medium == MEDIUM_TEXT ? 4 : 0.9) / b->width * end;
    int points = b->height / (double)b->count < 3 ? STYLE_SMALL_POINTS - 2
                                                  : STYLE_SMALL_POINTS - 1;
    if (!have_room(c, b, end))
        return;
    for (int64_t i = 0; i < b->count; i++) {
        char words[48];
        double at = b->values[i];
        if (!isfinite(at)) {
            text_addf(c->script,
                      "set label 'not known' at first %.9g,%lld left font "
                      "',%d' textcolor rgb '#707070' front\n",
                      gap, (long long)i, points);
            continue;
        }
        if (b->high && isfinite(b->high[i]))
            at = fmax(at, b->high[i]);
        if (b->before && isfinite(b->before[i]))
            at = fmax(at, b->before[i]);
        put_value(words, b->values[i], b->integer);
        at = clear_of_limits(c, b, end, at + gap, text_columns(words));
        text_add(c->script, "set label ");
        figure_string(c, words, 0);
        text_addf(c->script, " at first %.9g,%lld left font ',%d' front\n", at,
                  (long long)i, points);
    }
}

/* Labels of limits stand in two lines above the panel, each in the one that has room. */
static void add_limits(figure_call *c, const bars *b, double end)
{
    double line = c->medium == MEDIUM_TEXT ? 4 : limit_line, taken[2] = {-1, -1};
    double letter = c->medium == MEDIUM_TEXT ? 2 : 1.4;
    for (int64_t i = 0; i < b->limit_count; i++) {
        char words[64];
        double at = b->limits[i] / end;
        if (!(at >= 0 && at <= 1))
            continue;
        text_addf(c->script,
                  "set arrow from first %.9g, graph 0 to first %.9g, graph 1 nohead "
                  "linecolor rgb '%s' dashtype 2 linewidth 1.4 front\n",
                  b->limits[i], b->limits[i], style_colour(1));
        snprintf(words, sizeof words, "limit %g", b->limits[i]);
        double half = letter * text_columns(words) / 2, middle = b->left + at * b->width;
        int row = middle - half > taken[0] ? 0 : middle - half > taken[1] ? 1 : -1;
        if (row < 0)
            continue;
        taken[row] = middle + half + letter;
        style_text(c, middle,
                   b->top - line * (row + (c->medium == MEDIUM_TEXT ? 1 : 0.5)), "center",
                   STYLE_SMALL_POINTS - 1, words, 0);
    }
}

static int add_block(figure_call *c, const bars *b)
{
    int index = figure_block(c, "row, value, before, low, high");
    for (int64_t i = 0; i < b->count; i++) {
        figure_number(c, (double)i);
        figure_number(c, b->values[i]);
        figure_number(c, b->before ? b->before[i] : NAN);
        figure_number(c, b->low ? b->low[i] : NAN);
        figure_number(c, b->high ? b->high[i] : NAN);
        figure_end_row(c);
    }
    return index;
}

static void add_title(figure_call *c, const char *words)
{
    if (!words) {
        text_add(c->script, " notitle");
        return;
    }
    text_add(c->script, " title ");
    figure_string(c, words, 40);
}

void bars_draw(figure_call *c, const bars *b)
{
    double end = find_end(c, b);
    int index = add_block(c, b);
    style_panel(c, b->left, b->top, b->width, b->height);
    style_axis_set(c, &(style_axis){.letter = 'x',
                                    .low = 0,
                                    .high = end,
                                    .integer = b->integer,
                                    .last = b->last,
                                    .length_mm = b->width,
                                    .label = b->label});
    style_names(c, b->names, b->count, BARS_NAME_COLUMNS, b->height);
    add_values(c, b, end);
    add_limits(c, b, end);
    text_add(c->script, "plot ");
    if (b->before) {
        text_addf(c->script,
                  "DATA index %d using ($3/2):1:($3/2):(0.42) with boxxyerror fillcolor "
                  "rgb '#cfcfcf'",
                  index);
        add_title(c, b->before_title);
        text_add(c->script, ", \\\n     ");
    }
    text_addf(c->script,
              "DATA index %d using ($2/2):1:($2/2):(%g) with boxxyerror fillcolor rgb "
              "'%s'",
              index, b->before ? 0.24 : 0.36, style_colour(0));
    add_title(c, b->title);
    if (b->low && b->high)
        text_addf(c->script,
                  ", \\\n     DATA index %d using 2:1:4:5 with xerrorbars linecolor rgb "
                  "'#000000' linewidth 0.9 pointtype 0 notitle",
                  index);
    text_add(c->script, "\n");
}
