/* SPDX-License-Identifier: GPL-3.0-or-later
   circulation.c -- the figure `circulation`: phase wound up round circles about the
   image's centre, in turns: true and predicted, over the radius for one sample, and
   against each other for all samples of a split.  It walks no circle itself. */
#include <math.h>
#include <stdio.h>
#include "base/memory.h"
#include "measure/circulation.h"
#include "plots/sample.h"
#include "plots/style.h"

static const option options[] = {
    {"names", OPTION_WORDS, NULL, NULL, NULL,
     "[MODEL] DATA: with a model, its prediction"},
    {"index", OPTION_INTEGER, "0..", "0", NULL,
     "sample of the split for the first panel"},
    {"split", OPTION_WORD, "train|val|test|all", "test", NULL,
     "samples of the second panel"},
    {"radii", OPTION_REALS, "0..", NULL, "pixel",
     "circles of the second panel (default: 1/20 to 8/20 of the shorter side)"},
    {0},
};

#define LOADED_MAX    8   /* samples in memory at once */
#define CURVE_MAX     256 /* circles of the first panel */
#define DEFAULT_RADII 8
#define KEY_COLUMNS   22

/* One circle: turns of the true and the predicted field. */
typedef struct circle {
    double radius, truth, predicted;
    bool invalid; /* it touches pixels without a value */
} circle;

/* The mask of the sample that is looked at, one byte a pixel: either component. */
static void join_mask(const sample_view *v, uint8_t *mask)
{
    for (int64_t i = 0; i < v->height * v->width; i++)
        mask[i] = sample_invalid(v, i, 0) || sample_invalid(v, i, 1);
}

static status measure(const sample_view *v, const uint8_t *mask, double radius,
                      circle *out, error *e)
{
    double cx = (double)(v->width - 1) / 2, cy = (double)(v->height - 1) / 2;
    int invalid = 0;
    *out = (circle){.radius = radius, .predicted = NAN};
    TRY(circulation_circle(v->target, v->height, v->width, cx, cy, radius, mask,
                           &out->truth, &invalid, e));
    if (v->output)
        TRY(circulation_circle(v->output, v->height, v->width, cx, cy, radius, NULL,
                               &out->predicted, NULL, e));
    out->invalid = invalid != 0;
    return E_OK;
}

/* ---- over the radius ---- */

static double largest_radius(const sample_view *v)
{
    int64_t side = v->height < v->width ? v->height : v->width;
    return floor((double)(side - 1) / 2);
}

/* Circles of one sample from the smallest to the largest; their number in *COUNT. */
static status measure_curve(const sample_view *v, const uint8_t *mask, circle *curve,
                            int *count, error *e)
{
    double most = largest_radius(v), step = fmax(1, ceil(most / CURVE_MAX));
    *count = 0;
    for (double radius = 1; radius <= most && *count < CURVE_MAX; radius += step)
        TRY(measure(v, mask, radius, &curve[(*count)++], e));
    return *count > 0 ? E_OK : fail(e, E_SHAPE, "the images are too small for a circle");
}

/* A grey band for each stretch of radii whose circles touch invalid pixels; false where
   there is none. */
static bool add_bands(figure_call *c, const circle *curve, int count, double last)
{
    double half = count > 1 ? (curve[1].radius - curve[0].radius) / 2 : 0.5;
    bool any = false;
    for (int i = 0, end; i < count; i = end + 1) {
        for (end = i; end < count && curve[end].invalid; end++)
            ;
        any |= end > i;
        if (end > i)
            text_addf(
                c->script,
                "set object rectangle from first %.6g, graph 0 to first %.6g, graph 1 "
                "behind fillcolor rgb '#dddddd' fillstyle solid noborder\n",
                curve[i].radius - half, fmin(last, curve[end - 1].radius + half));
    }
    return any;
}

static int add_curve_block(figure_call *c, const circle *curve, int count)
{
    int index = figure_block(c, "radius, true turns, predicted turns, touches invalid");
    for (int i = 0; i < count; i++) {
        figure_number(c, curve[i].radius);
        figure_number(c, curve[i].truth);
        figure_number(c, curve[i].predicted);
        figure_number(c, curve[i].invalid);
        figure_end_row(c);
    }
    return index;
}

/* The range of turns: of circles in the valid part, with the invalid as far as it does
   not drown them. */
static void turns_range(const circle *curve, int count, double *low, double *high)
{
    *low = 0;
    *high = 1;
    for (int i = 0; i < count; i++) {
        if (curve[i].invalid)
            continue;
        *low = fmin(*low, fmin(curve[i].truth, curve[i].predicted));
        *high = fmax(*high, fmax(curve[i].truth, curve[i].predicted));
    }
    style_widen(low, high, 0.08, false);
}

typedef struct place {
    double left, top, width, height;
} place;

/* In text the labels of upright axes stand in the captions. */
static bool text_only(const figure_call *c)
{
    return c->medium == MEDIUM_TEXT;
}

static void add_caption(figure_call *c, const place *at, const char *words)
{
    style_text(c, at->left, at->top - (text_only(c) ? 4 : 2), "left", STYLE_SMALL_POINTS,
               words, (int)(at->width / (text_only(c) ? 2 : 1.25)));
}

/* A column of turns: a line where its circles are valid, a hair where they are not. */
static void add_turns(figure_call *c, int index, int column, const char *title,
                      const char *style, const char *with)
{
    text_addf(
        c->script,
        "DATA index %d using 1:%d with lines linewidth 0.4 %s notitle, \\\n"
        "     DATA index %d using 1:($4 > 0 ? NaN : $%d) with %s linewidth 1.3 %s title ",
        index, column, style, index, column, with, style);
    figure_string(c, title, 0);
}

static status draw_curve(figure_call *c, const sample_view *v, const uint8_t *mask,
                         int64_t number, const place *at, error *e)
{
    circle curve[CURVE_MAX];
    int count;
    double low, high, last = largest_radius(v) + 0.5;
    TRY(measure_curve(v, mask, curve, &count, e));
    turns_range(curve, count, &low, &high);
    int index = add_curve_block(c, curve, count);
    style_key(c, 3, KEY_COLUMNS, at->left, 1.5, c->width_mm - at->left);
    style_panel(c, at->left, at->top, at->width, at->height);
    style_axis_set(c, &(style_axis){.letter = 'x',
                                    .low = 0,
                                    .high = last,
                                    .length_mm = at->width,
                                    .label = "radius (pixel)"});
    style_axis_set(c,
                   &(style_axis){.letter = 'y',
                                 .low = low,
                                 .high = high,
                                 .integer = true,
                                 .length_mm = at->height,
                                 .label = text_only(c) ? NULL : "circulation (turns)"});
    bool bands = add_bands(c, curve, count, last);
    text words = {0};
    text_addf(&words, "(a) %ssample %lld", text_only(c) ? "turns, " : "",
              (long long)number);
    add_caption(c, at, text_get(&words));
    c->script->failed |= words.failed;
    text_clear(&words);
    text_add(c->script,
             "set grid ytics linewidth 0.5 linecolor rgb '#bbbbbb' dashtype 1\nplot ");
    add_turns(c, index, 2, "true", "linecolor rgb '#000000' dashtype 1", "lines");
    if (v->model) {
        char style[96], with[96];
        snprintf(style, sizeof style, "linecolor rgb '%s' dashtype 2", style_colour(1));
        snprintf(with, sizeof with,
                 "linespoints pointtype %d pointsize 0.5 pointinterval %d",
                 style_marker(0), count > 40 ? count / 20 : 1);
        text_add(c->script, ", \\\n     ");
        add_turns(c, index, 3, "predicted", style, with);
    }
    if (bands) {
        text_add(c->script, ", \\\n     NaN with boxes fillcolor rgb '#dddddd' fillstyle "
                            "solid noborder title ");
        figure_string(c, "invalid pixels on path", 0);
    }
    text_add(c->script, "\nunset grid\nunset key\n");
    return E_OK;
}

/* ---- true against predicted ---- */

typedef struct tally {
    double radii[OPTION_LIST_MAX];
    int radius_count;
    double low, high, squares;
    int64_t samples, circles;
} tally;

static status choose_radii(const figure_call *c, const sample_view *v, tally *t, error *e)
{
    const option_value *given = option_get(c->options, "radii");
    double most = largest_radius(v);
    if (!given->present) {
        int64_t side = v->height < v->width ? v->height : v->width;
        for (int i = 1; i <= DEFAULT_RADII; i++)
            t->radii[t->radius_count++] = 0.05 * i * (double)side;
        return E_OK;
    }
    for (int64_t i = 0; i < given->count; i++) {
        if (given->reals[i] > most)
            return fail(e, E_RANGE, "radii=%g: the largest circle in the image has %g",
                        given->reals[i], most);
        t->radii[t->radius_count++] = given->reals[i];
    }
    return E_OK;
}

/* One row for each circle of valid pixels about the samples that are loaded. */
static status add_circles(figure_call *c, sample_view *v, uint8_t *mask, tally *t,
                          error *e)
{
    for (int64_t k = 0; k < v->count; k++) {
        sample_look(v, k);
        join_mask(v, mask);
        t->samples++;
        for (int i = 0; i < t->radius_count; i++) {
            circle one;
            TRY(measure(v, mask, t->radii[i], &one, e));
            if (one.invalid || !isfinite(one.predicted))
                continue;
            figure_number(c, one.truth);
            figure_number(c, one.predicted);
            figure_number(c, one.radius);
            figure_end_row(c);
            t->low = fmin(t->low, fmin(one.truth, one.predicted));
            t->high = fmax(t->high, fmax(one.truth, one.predicted));
            t->squares += (one.predicted - one.truth) * (one.predicted - one.truth);
            t->circles++;
        }
    }
    return E_OK;
}

static status gather(figure_call *c, sample_view *v, uint8_t *mask, tally *t, error *e)
{
    int64_t *index = NULL, count = 0;
    split_kind split = split_find(option_words(c->options, "split"));
    TRY(dataset_split_index(v->data, split, &index, &count, e));
    status result = E_OK;
    for (int64_t done = 0; done < count && result == E_OK;) {
        int64_t n = count - done < LOADED_MAX ? count - done : LOADED_MAX;
        result = sample_load(v, index + done, n, e);
        if (result == E_OK)
            result = add_circles(c, v, mask, t, e);
        done += n;
        task_report(c->task, &(progress){.stage = "predict",
                                         .unit = "sample",
                                         .done = done,
                                         .total = count,
                                         .loss = NAN,
                                         .metric = NAN});
        if (result == E_OK && done < count && task_cancelled(c->task))
            result = fail(e, E_STOPPED, "stopped after %lld of %lld samples",
                          (long long)done, (long long)count);
    }
    memory_free(index);
    return result;
}

static void add_scatter_words(figure_call *c, const tally *t, const place *at)
{
    char rms[48];
    text words = {0}, error_words = {0};
    text_addf(&words, "(b) %s%lld samples, %lld circles",
              text_only(c) ? "predicted turns, " : "", (long long)t->samples,
              (long long)t->circles);
    add_caption(c, at, text_get(&words));
    if (t->circles > 0)
        text_addf(&error_words, "rms error %s turns",
                  style_number(rms, sqrt(t->squares / (double)t->circles), 2));
    style_text(c, at->left + 2, at->top + 4, "left", STYLE_SMALL_POINTS,
               text_get(&error_words), 0);
    /* Where points are rare: predictions fall short rather than exceed. */
    style_text(c, at->left + 2, at->top + (text_only(c) ? 8 : 7.5), "left",
               STYLE_SMALL_POINTS, "dotted: ± half a turn", 0);
    c->script->failed |= words.failed || error_words.failed;
    text_clear(&words);
    text_clear(&error_words);
}

static status draw_scatter(figure_call *c, sample_view *v, uint8_t *mask, const place *at,
                           error *e)
{
    tally t = {.low = 0, .high = 1};
    TRY(choose_radii(c, v, &t, e));
    int index = figure_block(c, "true turns, predicted turns, radius");
    TRY(gather(c, v, mask, &t, e));
    if (t.circles == 0)
        text_add(c->data, "NaN NaN NaN\n");
    style_widen(&t.low, &t.high, 0.08, false);
    style_panel(c, at->left, at->top, at->width, at->height);
    style_axis axis = {.letter = 'x',
                       .low = t.low,
                       .high = t.high,
                       .integer = true,
                       .length_mm = at->width,
                       .label = "true circulation (turns)"};
    style_axis_set(c, &axis);
    axis.letter = 'y';
    axis.length_mm = at->height;
    axis.label = text_only(c) ? NULL : "predicted circulation (turns)";
    style_axis_set(c, &axis);
    add_scatter_words(c, &t, at);
    text_addf(
        c->script,
        "plot x with lines linecolor rgb '#000000' linewidth 0.8 dashtype 1, \\\n"
        "     x + 0.5 with lines linecolor rgb '#777777' linewidth 0.6 dashtype 3, \\\n"
        "     x - 0.5 with lines linecolor rgb '#777777' linewidth 0.6 dashtype 3, \\\n"
        "     DATA index %d using 1:2 with points linecolor rgb '%s' linewidth 0.7 "
        "pointtype %d pointsize 0.6\n",
        index, style_colour(0), style_open_marker(0));
    return E_OK;
}

/* ---- the page ---- */

static status draw_panels(figure_call *c, sample_view *v, uint8_t *mask, error *e)
{
    const double left = 14, right = 4, bottom = 11, between = 16;
    double key = style_key(c, 3, KEY_COLUMNS, left, 0, c->width_mm - left);
    double top = key + (text_only(c) ? 8 : 6.5), height = c->height_mm - top - bottom;
    if (text_only(c)) /* whole characters, or words would meet the frame */
        height = 4 * floor(height / 4);
    place first = {left, top, c->width_mm - left - right, height};
    if (v->model)
        first.width = c->width_mm - left - right - between - height;
    if (first.width < 30) /* narrow pages: two equal panels */
        first.width = (c->width_mm - left - right - between) / 2;
    place second = first;
    second.left = first.left + first.width + between;
    second.width = c->width_mm - right - second.left;
    int64_t number = 0;
    TRY(sample_number(c, v->data, option_integer(c->options, "index"), &number, e));
    TRY(sample_load(v, &number, 1, e));
    join_mask(v, mask);
    text_add(c->script, "set multiplot\n");
    TRY(draw_curve(c, v, mask, number, &first, e));
    if (v->model)
        TRY(draw_scatter(c, v, mask, &second, e));
    text_add(c->script, "unset multiplot\n");
    return E_OK;
}

static status draw(figure_call *c, error *e)
{
    sample_view v;
    uint8_t *mask = NULL;
    status result = sample_open(c, option_get(c->options, "names"), &v, e);
    if (result == E_OK) {
        mask = memory_new(v.height * v.width, sizeof *mask, e);
        result = mask ? draw_panels(c, &v, mask, e) : E_MEMORY;
    }
    memory_free(mask);
    sample_close(&v);
    return result;
}

const figure_row figure_circulation = {
    .name = "circulation",
    .summary = "winding of the phase round circles, true and predicted",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "plot circulation m d split=all > circulation.svg",
    .width_mm = 160,
    .height_mm = 75,
    .draw = draw,
};
