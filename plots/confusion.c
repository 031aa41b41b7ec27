/* SPDX-License-Identifier: GPL-3.0-or-later
   confusion.c -- the figure `confusion`: how often each class was taken for each, a row
   the true one.  It runs the model on the split and changes nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "measure/evaluate.h"
#include "plots/style.h"

static const option options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "classifier"},
    {"dataset", OPTION_DATASET, NULL, NULL, NULL, "data with classes"},
    {"split", OPTION_WORD, "train|val|test|all", "test", NULL,
     "samples that are counted"},
    {"batch", OPTION_INTEGER, "1..65536", NULL, "samples",
     "of one run (default: as suits)"},
    {"numbers", OPTION_WORD, "auto|count|percent|none", "auto", NULL,
     "what stands in the cells (default: counts, where there is room)"},
    {0},
};

enum { CLASSES_MAX = 200, NAME_COLUMNS = 16 };

typedef struct matrix {
    int64_t *counts; /* [classes x classes], a row the true class */
    int64_t *sums;   /* [classes] of the rows */
    int64_t classes, right, samples;
    text *names;        /* [classes] */
    const char **words; /* of names */
} matrix;

static void matrix_clear(matrix *m)
{
    for (int64_t i = 0; i < m->classes && m->names; i++)
        text_clear(&m->names[i]);
    memory_free(m->counts);
    memory_free(m->sums);
    memory_free(m->names);
    memory_free(m->words);
    *m = (matrix){0};
}

static status gather(const figure_call *c, matrix *m, error *e)
{
    const model *net =
        session_get_model(c->session, option_words(c->options, "model"), e);
    const dataset *d =
        net ? session_get_dataset(c->session, option_words(c->options, "dataset"), e)
            : NULL;
    if (!d)
        return e->code;
    const option_value *batch = option_get(c->options, "batch");
    TRY(evaluate_confusion(net, d, split_find(option_words(c->options, "split")),
                           batch->present ? batch->integer : 0, c->task, &m->counts,
                           &m->classes, e));
    if (m->classes > CLASSES_MAX)
        return fail(e, E_RANGE, "%lld classes, a figure has room for %d",
                    (long long)m->classes, CLASSES_MAX);
    m->sums = memory_new(m->classes, sizeof *m->sums, e);
    m->names = memory_new(m->classes, sizeof *m->names, e);
    m->words = memory_new(m->classes, sizeof *m->words, e);
    if (!m->sums || !m->names || !m->words)
        return E_MEMORY;
    for (int64_t i = 0; i < m->classes; i++) {
        const char *name = dataset_class_name(d, i);
        if (name)
            text_add(&m->names[i], name);
        else
            text_addf(&m->names[i], "%lld", (long long)i);
        TRY(text_ok(&m->names[i], e));
        m->words[i] = text_get(&m->names[i]);
        for (int64_t j = 0; j < m->classes; j++)
            m->sums[i] += m->counts[i * m->classes + j];
        m->right += m->counts[i * m->classes + i];
        m->samples += m->sums[i];
    }
    return E_OK;
}

/* Of the samples of class I the share that was taken for J; NaN where it has none. */
static double share(const matrix *m, int64_t i, int64_t j)
{
    if (m->sums[i] == 0)
        return NAN;
    return (double)m->counts[i * m->classes + j] / (double)m->sums[i];
}

/* ---- drawing ---- */

static int add_block(figure_call *c, const matrix *m)
{
    int index = figure_block(c, "share of a true class (row) taken for each (column)");
    for (int64_t i = 0; i < m->classes; i++) {
        for (int64_t j = 0; j < m->classes; j++)
            figure_number(c, share(m, i, j));
        figure_end_row(c);
    }
    return index;
}

static void put_cell(char words[32], const matrix *m, int64_t i, int64_t j, bool percent)
{
    int64_t count = m->counts[i * m->classes + j];
    if (percent)
        snprintf(words, 32, "%.0f", 100 * share(m, i, j));
    else
        snprintf(words, 32, "%lld", (long long)count);
}

/* Numbers in the cells, white on dark; cells of 0 stay empty. */
static void add_numbers(figure_call *c, const matrix *m, double cell)
{
    const char *numbers = option_words(c->options, "numbers");
    int64_t most = 0;
    for (int64_t i = 0; i < m->classes * m->classes; i++)
        most = m->counts[i] > most ? m->counts[i] : most;
    bool percent = strcmp(numbers, "percent") == 0;
    double digits = percent ? 3 : floor(log10(fmax(1, (double)most))) + 1;
    bool text_only = c->medium == MEDIUM_TEXT;
    double letter = text_only ? 2 : 1.1 + 0.1 * (cell > 8);
    bool room =
        cell >= letter * digits + (text_only ? 2 : 0.6) && (text_only || cell > 2.6);
    if (strcmp(numbers, "none") == 0 || (strcmp(numbers, "auto") == 0 && !room))
        return;
    int points = cell > 8 ? STYLE_SMALL_POINTS : STYLE_SMALL_POINTS - 2;
    for (int64_t i = 0; i < m->classes; i++)
        for (int64_t j = 0; j < m->classes; j++) {
            char words[32];
            if (m->counts[i * m->classes + j] == 0)
                continue;
            put_cell(words, m, i, j, percent);
            text_add(c->script, "set label ");
            figure_string(c, words, 0);
            text_addf(c->script,
                      " at first %lld,%lld center font ',%d' textcolor rgb '%s' front\n",
                      (long long)j, (long long)i, points,
                      share(m, i, j) > 0.55 && !text_only ? "#ffffff" : "#000000");
        }
}

/* Names below the matrix: across where they are short, else upwards, and where columns are
   narrow as many as those of the rows. */
static void add_columns(figure_call *c, const matrix *m, bool turned, int points,
                        int64_t every)
{
    text_addf(c->script, "unset logscale x\nset xrange [-0.5:%.1f] noextend\nset xtics (",
              (double)m->classes - 0.5);
    for (int64_t i = 0; i < m->classes; i++) {
        text_add(c->script, i > 0 ? ", " : "");
        figure_string(c, i % every == 0 ? m->words[i] : "", NAME_COLUMNS);
        text_addf(c->script, " %lld", (long long)i);
    }
    text_addf(c->script, ") scale 0 %s font ',%d'\n",
              turned ? "rotate by 90 right" : "norotate center", points);
}

static int longest(const matrix *m)
{
    int most = 1;
    for (int64_t i = 0; i < m->classes; i++) {
        int columns = text_columns(m->words[i]);
        most = columns > most ? columns : most;
    }
    return most < NAME_COLUMNS ? most : NAME_COLUMNS;
}

static void add_title(figure_call *c, const matrix *m, double left, double top)
{
    text title = {0};
    text_addf(&title, "%s, %s: %lld of %lld right (%.1f %%)",
              option_words(c->options, "model"), option_words(c->options, "split"),
              (long long)m->right, (long long)m->samples,
              m->samples ? 100.0 * (double)m->right / (double)m->samples : 0);
    /* On a small page it begins further left, then it is cut. */
    bool text_only = c->medium == MEDIUM_TEXT;
    double letter = text_only ? 2 : 1.6, wide = letter * text_columns(text_get(&title));
    left = fmax(text_only ? 0 : 2, fmin(left, c->width_mm - wide - 2));
    style_text(c, left, top, "left", STYLE_POINTS, text_get(&title),
               (int)((c->width_mm - left) / letter));
    c->script->failed |= title.failed;
    text_clear(&title);
}

/* Light for few, dark for many: numbers stay readable, and the eye finds what is wrong. */
static void add_palette(figure_call *c)
{
    text_addf(c->script,
              "set palette defined (-0.05 '%s', -0.01 '%s', -0.01 '#ffffff', 0 "
              "'#ffffff', 0.1 '#deebf7', 0.5 "
              "'#6baed6', 1 '#08306b')\nset cbrange [-0.05:1]\n"
              "shade(v) = v != v ? -0.05 : v\n",
              STYLE_NO_VALUE, STYLE_NO_VALUE);
}

/* Where the parts of the page stand, in millimetres. */
typedef struct places {
    double left, top, side, below; /* below: from the matrix to the page's end */
    bool turned;
    int points; /* of names */
    int64_t every;
} places;

static const double axis_room = 6, bar_room = 14.5;

static places lay_out(figure_call *c, const matrix *m)
{
    const double letter = 1.45;
    int names = longest(m);
    places p = {.left = axis_room + letter * names + 2.5, .top = 8};
    double width = c->width_mm - p.left - 4;
    for (int pass = 0; pass < 2; pass++) { /* the height may make the matrix smaller */
        double side = pass ? p.side : width, cell = side / (double)m->classes;
        p.every = style_name_step(m->classes, side, &p.points);
        double name = letter * names * p.points / STYLE_SMALL_POINTS;
        p.turned = cell * (double)p.every < name + 0.8;
        p.below = (p.turned ? name : 3.5) + 2.5 + axis_room + bar_room;
        if (c->height_mm <= 0)
            c->height_mm = p.top + width + p.below;
        p.side = fmin(width, fmax(8, c->height_mm - p.top - p.below));
    }
    return p;
}

static void draw_page(figure_call *c, const matrix *m)
{
    places p = lay_out(c, m);
    double end = p.top + p.side + p.below, middle = p.left + p.side / 2;
    int index = add_block(c, m);
    text_add(c->script, "set multiplot\n");
    style_panel(c, p.left, p.top, p.side, p.side);
    add_title(c, m, p.left, p.top - 3.5);
    style_names(c, m->words, m->classes, NAME_COLUMNS, p.side);
    add_columns(c, m, p.turned, p.points, p.every);
    add_numbers(c, m, p.side / (double)m->classes);
    style_text(c, middle, end - bar_room - axis_room / 2 - 0.5, "center", STYLE_POINTS,
               "predicted class", 0);
    text_addf(c->script,
              "set label 'true class' at screen %.5f,%.5f center rotate by 90 font "
              "',%d' front\n",
              3.0 / c->width_mm, 1 - (p.top + p.side / 2) / c->height_mm, STYLE_POINTS);
    add_palette(c);
    text_addf(c->script, "plot DATA index %d matrix using 1:2:(shade($3)) with image\n",
              index);
    text_add(c->script, "set xtics norotate center\n");
    double bar = fmin(fmax(0.6 * p.side, 32), c->width_mm - p.left);
    style_colour_bar(
        c, fmin(middle - bar / 2, c->width_mm - bar - 4), end - bar_room + 2, bar, 2.2,
        (style_axis){
            .low = 0, .high = 1, .label = "share of the true class", .closer = 0.4});
    text_add(c->script, "unset multiplot\n");
}

/* Numbers alone, a cell as wide as the largest needs. */
static void draw_text(figure_call *c, const matrix *m)
{
    int names = longest(m);
    double n = (double)m->classes, left = 2.0 * (names + 2);
    c->height_mm = 4 * (n + 6);
    int index = add_block(c, m);
    double cell = floor((c->width_mm - left - 2) / n / 2) * 2;
    cell = fmin(cell, 2.0 * (names > 6 ? names + 2 : 8));
    style_panel(c, left, 8, cell * n, 4 * (n + 1));
    add_title(c, m, 0, 0);
    style_names(c, m->words, m->classes, NAME_COLUMNS, 4 * n);
    for (int64_t i = 0; i < m->classes; i++) {
        /* A column's name stands below where it has room, else its first letters. */
        text_add(c->script, "set label ");
        figure_string(c, m->words[i], (int)fmax(3, cell / 2 - 1));
        text_addf(c->script, " at first %lld, graph 0 offset 0,-1 center\n",
                  (long long)i);
    }
    text_addf(c->script, "unset xtics\nset xrange [-0.5:%.1f] noextend\n", n - 0.5);
    style_text(c, left, c->height_mm - 4, "left", STYLE_POINTS,
               "rows: true class; columns: predicted class", 0);
    add_numbers(c, m, cell);
    text_addf(c->script, "plot DATA index %d matrix using 1:2:('') with labels\n", index);
}

static status draw(figure_call *c, error *e)
{
    matrix m = {0};
    status result = gather(c, &m, e);
    if (result == E_OK && c->medium == MEDIUM_TEXT)
        draw_text(c, &m);
    else if (result == E_OK)
        draw_page(c, &m);
    matrix_clear(&m);
    return result;
}

const figure_row figure_confusion = {
    .name = "confusion",
    .summary = "how often a classifier took each class for each",
    .options = options,
    .arguments = 2,
    .required = 2,
    .example = "plot confusion k c > confusion.svg",
    .width_mm = 120,
    .draw = draw,
};
