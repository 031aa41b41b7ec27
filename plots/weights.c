/* SPDX-License-Identifier: GPL-3.0-or-later
   weights.c -- the figure `weights`: histograms of the weights of all convolutions and
   linear layers, or of one.  It counts and draws; it changes no weight. */
#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "graph/operator.h"
#include "plots/histogram.h"
#include "plots/style.h"

static const option options[] = {
    {"models", OPTION_WORDS, NULL, NULL, NULL,
     "model whose weights are counted; of several each is a frame of a .gif"},
    {"layer", OPTION_TEXT, NULL, NULL, NULL, "one layer or weight (default: all)"},
    {"before", OPTION_MODEL, NULL, NULL, NULL, "another model, drawn as an outline"},
    {"bins", OPTION_INTEGER, "4..400", "60", NULL,
     "bars of a histogram (default: fewer where weights are few)"},
    {"log", OPTION_FLAG, NULL, "yes", NULL, "logarithmic axis of counts"},
    {"history", OPTION_FLAG, NULL, "no", NULL,
     "a frame of a .gif for the model after each command that undo could take back"},
    {"delay", OPTION_REAL, "0.02..60", "1", "s", "how long a frame stands"},
    {0},
};

/* One weight tensor, and the one of the other model (NULL where it has none); how far its
   axes reach over all frames (0: as its own histogram does). */
typedef struct layer {
    const parameter *now, *before;
    double reach, axis;
    int64_t most;
} layer;

/* One state of a model. */
typedef struct frame {
    const model *model;
    const char *title; /* lent; NULL where there is one frame */
    layer *layers;
    int count;
} frame;

enum { KEY_COLUMNS = 40 };

/* ---- which layers ---- */

static const parameter *weight_of(const graph *g, const node *n)
{
    if (!text_starts(n->op->name, "conv") && strcmp(n->op->name, "linear") != 0)
        return NULL;
    return graph_parameter(g, n, ROLE_WEIGHT);
}

static status fail_layer(const graph *g, const char *wanted, error *e)
{
    enum { NAMES_MAX = 512 };
    const char *names[NAMES_MAX];
    int64_t count = 0;
    for (int i = 0; i < g->node_count && count < NAMES_MAX; i++)
        if (weight_of(g, &g->nodes[i]))
            names[count++] = g->nodes[i].name;
    fail(e, E_NAME, "no convolution or linear layer is called '%s'", wanted);
    const char *nearest = text_nearest(wanted, names, count);
    if (nearest)
        fail_hint(e, "did you mean '%s'?", nearest);
    else if (count > 0)
        fail_hint(e, "layers are called '%s' ... '%s'", names[0], names[count - 1]);
    return E_NAME;
}

/* The layers that are asked for, in order of execution; the caller frees F->layers. */
static status find_layers(const figure_call *c, frame *f, const model *before, error *e)
{
    const graph *g = f->model->graph;
    const char *wanted = option_words(c->options, "layer");
    f->layers = memory_new(g->node_count, sizeof *f->layers, e);
    if (!f->layers)
        return E_MEMORY;
    for (int i = 0; i < g->node_count; i++) {
        const parameter *p = weight_of(g, &g->nodes[i]);
        if (!p || (wanted && strcmp(wanted, p->name) != 0 &&
                   strcmp(wanted, g->nodes[i].name) != 0))
            continue;
        int other = before ? graph_find_parameter(before->graph, p->name) : -1;
        f->layers[f->count++] = (layer){
            .now = p, .before = other >= 0 ? &before->graph->parameters[other] : NULL};
    }
    if (f->count == 0 && wanted)
        return fail_layer(g, wanted, e);
    if (f->count == 0)
        return fail(e, E_SHAPE, "the model has no convolution and no linear layer");
    return E_OK;
}

/* ---- drawing ---- */

/* The lower end of the axis of counts: half a weight, where it is logarithmic. */
static double count_floor(bool logarithmic)
{
    return logarithmic ? 0.5 : 0;
}

/* The outlines of both histograms: x, count, count before; from floor to floor. */
static int add_outline(figure_call *c, const histogram *h, bool logarithmic)
{
    int index = figure_block(c, "weight, count, count before");
    double low = count_floor(logarithmic), width = 2 * h->reach / (double)h->bins;
    for (int64_t i = -1; i <= h->bins; i++) {
        bool inside = i >= 0 && i < h->bins;
        for (int side = 0; side < 2; side++) {
            if ((i < 0 && side == 0) || (i == h->bins && side == 1))
                continue;
            figure_number(c, -h->reach + width * (double)(i + side));
            figure_number(c, inside ? fmax(low, (double)h->now[i]) : low);
            figure_number(c, inside ? fmax(low, (double)h->before[i]) : low);
            figure_end_row(c);
        }
    }
    return index;
}

/* "n = 73728, 90.0 % zero": what the bars leave out stands above them. */
static void add_caption(figure_call *c, const layer *l, const histogram *h, double x,
                        double y, double width)
{
    int points = STYLE_SMALL_POINTS, small = STYLE_SMALL_POINTS - 1;
    text words = {0};
    text_addf(&words, "n = %lld", (long long)h->count);
    if (h->masked == h->count)
        text_add(&words, ", all zero");
    else if (h->masked > 0)
        text_addf(&words, ", %.1f %% zero", /* 100.0 would say all */
                  fmin(99.9, 100.0 * (double)h->masked / (double)h->count));
    if (h->broken > 0)
        text_addf(&words, ", %lld not finite", (long long)h->broken);
    const char *name = l->now->name;
    size_t length = strlen(name), ending = strlen(".weight");
    text title = {0};
    text_add_bytes(&title, name, text_ends(name, ".weight") ? length - ending : length);
    double line = c->medium == MEDIUM_TEXT ? 4 : 2.7, last = y - (line > 3 ? line : 1.5);
    int columns = style_fit(c, text_get(&title), width, &points);
    style_text(c, x, last - line, "left", points, text_get(&title), columns);
    columns = style_fit(c, text_get(&words), width, &small);
    style_text(c, x, last, "left", small, text_get(&words), columns);
    c->script->failed |= title.failed || words.failed;
    text_clear(&title);
    text_clear(&words);
}

/* What the filled histograms are called in the key. */
static const char *key_name(const figure_call *c)
{
    const option_value *names = option_get(c->options, "models");
    return names->count == 1 && c->frames < 2 ? names->items[0] : "now";
}

/* Where a panel stands, and what is written beside it. */
typedef struct panel {
    double left, top, width, height;
    double room; /* for words above it */
    bool first;  /* it fills the key */
    const char *x_label, *y_label;
} panel;

/* As asked for; else so many that even a few weights fill some bars: twice the
   root of their number. */
static int64_t bins_of(const figure_call *c, const layer *l)
{
    int64_t bins = option_integer(c->options, "bins");
    double few = ceil(2 * sqrt((double)tensor_count(l->now->data)));
    return option_given(c->options, "bins") || few >= (double)bins ? bins : (int64_t)few;
}

static status draw_layer(figure_call *c, const frame *f, int i, const panel *p, error *e)
{
    const layer *l = &f->layers[i];
    bool logarithmic = option_flag(c->options, "log");
    histogram h;
    TRY(histogram_make(&h, l->now, l->before, bins_of(c, l), l->reach, e));
    int index = add_outline(c, &h, logarithmic);
    double low = count_floor(logarithmic), reach = fmax(h.reach, l->axis);
    double most = fmax(1, fmax((double)h.most, (double)l->most));
    style_panel(c, p->left, p->top, p->width, p->height);
    style_axis_set(c, &(style_axis){.letter = 'x',
                                    .low = -reach,
                                    .high = reach,
                                    .symmetric = p->width < 60,
                                    .length_mm = p->width,
                                    .label = p->x_label});
    style_axis_set(c, &(style_axis){.letter = 'y',
                                    .low = low,
                                    .high = logarithmic ? 2 * most : 1.08 * most,
                                    .logarithmic = logarithmic,
                                    .integer = true,
                                    .length_mm = p->height,
                                    .label = p->y_label});
    add_caption(c, l, &h, p->left, p->top, p->room);
    if (i == 0 && f->title)
        style_text(c, p->left, c->medium == MEDIUM_TEXT ? 0 : 3, "left", STYLE_POINTS,
                   f->title,
                   (int)(c->width_mm / (c->medium == MEDIUM_TEXT ? 2 : 1.6)) - 8);
    histogram_clear(&h);
    bool titles = p->first && option_given(c->options, "before");
    text_addf(c->script,
              "plot DATA index %d using 1:2 with filledcurves closed linecolor rgb "
              "'#8cc5e3'",
              index);
    text_add(c->script, " title ");
    figure_string(c, titles ? key_name(c) : "", KEY_COLUMNS);
    text_addf(c->script,
              ", \\\n     DATA index %d using 1:2 with lines linecolor rgb '%s' "
              "linewidth 0.7 notitle",
              index, style_colour(0));
    if (option_given(c->options, "before")) {
        text_addf(c->script,
                  ", \\\n     DATA index %d using 1:3 with lines linecolor rgb '#000000' "
                  "linewidth 0.6 title ",
                  index);
        figure_string(c, titles ? option_words(c->options, "before") : "", KEY_COLUMNS);
    }
    text_add(c->script, "\n");
    return E_OK;
}

/* The key of both models' names below TOP, and the millimetres it takes. */
static double add_key(figure_call *c, double left, double top)
{
    if (!option_given(c->options, "before"))
        return 0;
    int now = text_columns(key_name(c));
    int before = text_columns(option_words(c->options, "before"));
    int columns = 2 + (now > before ? now : before);
    return style_key(c, 2, columns < KEY_COLUMNS ? columns : KEY_COLUMNS, left, top + 1.5,
                     c->width_mm - left);
}

/* The room that the title of a frame takes at the top of the page. */
static double title_height(const figure_call *c, const frame *f)
{
    return f->title ? c->medium == MEDIUM_TEXT ? 4 : 5 : 0;
}

static status draw_one(figure_call *c, const frame *f, error *e)
{
    const double left = 18, right = 4, bottom = 12;
    double top = c->medium == MEDIUM_TEXT ? 12 : 10, width = c->width_mm - left - right;
    top += add_key(c, left, title_height(c, f)) + title_height(c, f);
    bool text_only = c->medium == MEDIUM_TEXT;
    panel p = {.left = left,
               .top = top,
               .width = width,
               .height = c->height_mm - top - bottom,
               .room = width,
               .first = true,
               .x_label = "weight",
               .y_label = text_only ? NULL : "weights per bin"};
    return draw_layer(c, f, 0, &p, e);
}

/* Columns that keep panels readable on the page: about 28 mm at least. */
static int grid_columns(const figure_call *c, int count)
{
    bool many = count > 35;
    int fit = (int)(c->width_mm / (c->medium == MEDIUM_TEXT ? 52 : many ? 28 : 34));
    int wanted = 2;
    while (wanted < 5 && wanted * wanted < count)
        wanted++;
    if (many)
        wanted = 6;
    fit = fit < 1 ? 1 : fit;
    wanted = wanted < fit ? wanted : fit;
    return wanted < count ? wanted : count;
}

/* Millimetres of the parts of a grid of panels. */
typedef struct grid {
    int columns, rows;
    double key, row_height;
} grid;

static const double grid_edge = 5, grid_right = 3, grid_caption = 8, grid_bottom = 8;

/* Sets the page's height. */
static grid lay_out(figure_call *c, const frame *f)
{
    bool text_only = c->medium == MEDIUM_TEXT;
    grid g = {.columns = grid_columns(c, f->count), .row_height = text_only ? 40 : 30};
    g.rows = (f->count + g.columns - 1) / g.columns;
    g.key = option_given(c->options, "before") ? (text_only ? 8 : 6) : 0;
    g.key += title_height(c, f);
    if (c->height_mm <= 0 || text_only)
        c->height_mm = g.key + g.rows * g.row_height + grid_bottom;
    g.row_height = (c->height_mm - g.key - grid_bottom) / g.rows;
    return g;
}

static status draw_grid(figure_call *c, const frame *f, error *e)
{
    bool text_only = c->medium == MEDIUM_TEXT;
    grid g = lay_out(c, f);
    const double ticks = text_only ? 12 : 8.5;
    double pitch = (c->width_mm - grid_edge - grid_right) / g.columns;
    add_key(c, grid_edge + ticks, title_height(c, f));
    for (int i = 0; i < f->count; i++) {
        int row = i / g.columns, column = i % g.columns;
        const double left = grid_edge + column * pitch + ticks;
        panel p = {.left = left,
                   .top = g.key + row * g.row_height + grid_caption,
                   .width = pitch - ticks,
                   .height = g.row_height - grid_caption - (text_only ? 8 : 4.5),
                   .room = fmin(pitch - 1, c->width_mm - left - 0.5),
                   .first = i == 0,
                   .x_label = i + g.columns >= f->count ? "weight" : NULL,
                   .y_label = column == 0 && !text_only ? "count" : NULL};
        TRY(draw_layer(c, f, i, &p, e));
        if (i == 0)
            text_add(c->script, "unset key\n");
    }
    return E_OK;
}

static status draw_frame(figure_call *c, const frame *f, error *e)
{
    bool one = f->count == 1;
    if (c->width_mm <= 0)
        c->width_mm = one ? 120 : 180;
    if (c->height_mm <= 0 && one)
        c->height_mm = 80;
    text_add(c->script, "set multiplot\n");
    TRY(one ? draw_one(c, f, e) : draw_grid(c, f, e));
    text_add(c->script, "unset multiplot\n");
    return E_OK;
}

/* ---- frames ---- */

static const char *last_command(const model *m)
{
    return m->step_count > 0 ? m->steps[m->step_count - 1].command : m->architecture;
}

/* The states of the one model in the order of the commands; the caller frees *FRAMES. */
static status find_history(const figure_call *c, const char *name, frame **frames,
                           int *count, error *e)
{
    const model *now = session_get_model(c->session, name, e);
    if (!now)
        return e->code;
    int64_t steps = session_undo_count(c->session);
    *frames = memory_new(steps + 1, sizeof **frames, e);
    if (!*frames)
        return E_MEMORY;
    for (int64_t i = steps; i >= 0; i--) {
        const model *m = i > 0 ? session_past_model(c->session, name, i - 1) : now;
        if (m && (*count == 0 || (*frames)[*count - 1].model != m))
            (*frames)[(*count)++] = (frame){.model = m, .title = last_command(m)};
    }
    return E_OK;
}

static status find_frames(const figure_call *c, frame **frames, int *count, error *e)
{
    const option_value *names = option_get(c->options, "models");
    bool history = option_flag(c->options, "history");
    if (history && names->count > 1)
        return fail(e, E_USAGE, "history=yes is of one model, not of %lld",
                    (long long)names->count);
    if (!c->moving && (history || names->count > 1)) {
        fail(e, E_USAGE, "%s are frames of a moving picture, which .gif alone has",
             history ? "states of a history" : "several models");
        return fail_hint(e, "add '> FILE.gif', or set two models side by side: "
                            "plot weights MODEL before=OTHER");
    }
    if (history)
        return find_history(c, names->items[0], frames, count, e);
    *frames = memory_new(names->count, sizeof **frames, e);
    if (!*frames)
        return E_MEMORY;
    for (int64_t i = 0; i < names->count; i++) {
        const model *m = session_get_model(c->session, names->items[i], e);
        if (!m)
            return e->code;
        (*frames)[(*count)++] =
            (frame){.model = m, .title = names->count > 1 ? names->items[i] : NULL};
    }
    return E_OK;
}

/* What the layer NAME of all frames needs of its axes. */
static status find_limits(const figure_call *c, const frame *frames, int count, layer *l,
                          error *e)
{
    for (int pass = 0; pass < 2; pass++)
        for (int f = 0; f < count; f++)
            for (int i = 0; i < frames[f].count; i++) {
                const layer *other = &frames[f].layers[i];
                if (strcmp(other->now->name, l->now->name) != 0)
                    continue;
                double most = histogram_largest(other->now);
                if (pass == 0) {
                    l->reach = fmax(l->reach, most);
                    continue;
                }
                histogram h;
                status made = histogram_make(&h, other->now, other->before,
                                             bins_of(c, other), l->reach, e);
                l->axis = fmax(l->axis, h.reach);
                l->most = h.most > l->most ? h.most : l->most;
                histogram_clear(&h);
                TRY(made);
            }
    if (l->before)
        l->reach = fmax(l->reach, histogram_largest(l->before));
    return E_OK;
}

static status draw_frames(figure_call *c, frame *frames, int count, error *e)
{
    const model *before = NULL;
    if (option_given(c->options, "before")) {
        before = session_get_model(c->session, option_words(c->options, "before"), e);
        if (!before)
            return e->code;
    }
    for (int f = 0; f < count; f++)
        TRY(find_layers(c, &frames[f], before, e));
    for (int f = 0; f < count && count > 1; f++)
        for (int i = 0; i < frames[f].count; i++)
            TRY(find_limits(c, frames, count, &frames[f].layers[i], e));
    c->frames = count;
    c->frame_seconds = option_real(c->options, "delay");
    for (int f = 0; f < count; f++)
        TRY(draw_frame(c, &frames[f], e));
    return E_OK;
}

static status draw(figure_call *c, error *e)
{
    frame *frames = NULL;
    int count = 0;
    status result = find_frames(c, &frames, &count, e);
    if (result == E_OK)
        result = draw_frames(c, frames, count, e);
    for (int f = 0; f < count; f++)
        memory_free(frames[f].layers);
    memory_free(frames);
    return result;
}

const figure_row figure_weights = {
    .name = "weights",
    .summary =
        "histograms of the weights, one panel a layer; pruned ones as a percentage",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "plot weights m > weights.svg",
    .draw = draw,
};
