/* SPDX-License-Identifier: GPL-3.0-or-later
   weights.c -- the figure `weights`: histograms of the weights of all convolutions and
   linear layers, or of one.  It counts and draws; it changes no weight. */
#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "graph/operator.h"
#include "plots/style.h"

static const option options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "model whose weights are counted"},
    {"layer", OPTION_TEXT, NULL, NULL, NULL, "one layer or weight (default: all)"},
    {"before", OPTION_MODEL, NULL, NULL, NULL, "another model, drawn as an outline"},
    {"bins", OPTION_INTEGER, "4..400", "60", NULL,
     "bars of a histogram (default: fewer where weights are few)"},
    {"log", OPTION_FLAG, NULL, "yes", NULL, "logarithmic axis of counts"},
    {0},
};

/* One weight tensor, and the one of the other model (NULL where it has none). */
typedef struct layer {
    const parameter *now, *before;
} layer;

enum { KEY_COLUMNS = 40 };

typedef struct histogram {
    double reach; /* the bins go from -reach to reach */
    int64_t bins;
    int64_t *now, *before; /* [bins] each, one block; masked elements are left out */
    int64_t most;          /* of any bin */
    int64_t count, masked, broken; /* of now: all, pruned, not finite */
} histogram;

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

/* The layers that are asked for, in order of execution; the caller frees *LAYERS. */
static status find_layers(const figure_call *c, const model *m, const model *before,
                          layer **layers, int *count, error *e)
{
    const graph *g = m->graph;
    const char *wanted = option_words(c->options, "layer");
    *count = 0;
    *layers = memory_new(g->node_count, sizeof **layers, e);
    if (!*layers)
        return E_MEMORY;
    for (int i = 0; i < g->node_count; i++) {
        const parameter *p = weight_of(g, &g->nodes[i]);
        if (!p || (wanted && strcmp(wanted, p->name) != 0 &&
                   strcmp(wanted, g->nodes[i].name) != 0))
            continue;
        int other = before ? graph_find_parameter(before->graph, p->name) : -1;
        (*layers)[(*count)++] = (layer){
            .now = p, .before = other >= 0 ? &before->graph->parameters[other] : NULL};
    }
    if (*count == 0 && wanted)
        return fail_layer(g, wanted, e);
    if (*count == 0)
        return fail(e, E_SHAPE, "the model has no convolution and no linear layer");
    return E_OK;
}

/* ---- counting ---- */

static const uint8_t *mask_of(const parameter *p)
{
    return p->mask ? tensor_data(p->mask) : NULL;
}

static double largest(const parameter *p)
{
    const float *w = tensor_f32(p->data);
    double most = 0;
    for (int64_t i = 0; i < tensor_count(p->data); i++)
        if (isfinite(w[i]))
            most = fmax(most, fabs(w[i]));
    return most;
}

/* Numbers of a quantizer lie on a grid: bins as wide as whole steps of it, with edges
   between its points, or the histogram would show the beat of two grids. */
static void fit_grid(histogram *h, const parameter *p)
{
    if (!p->quantizer || p->quantizer->codebook || p->quantizer->channels != 1 ||
        !(p->quantizer->scale[0] > 0))
        return;
    double step = p->quantizer->scale[0];
    double per_bin = ceil(2 * h->reach / step / (double)h->bins);
    h->bins = (int64_t)ceil((h->reach / step + 0.5) / per_bin) * 2 + 1;
    h->reach = 0.5 * (double)h->bins * per_bin * step;
}

static void count_weights(const parameter *p, const histogram *h, int64_t *counts)
{
    const float *w = tensor_f32(p->data);
    const uint8_t *mask = mask_of(p);
    double scale = (double)h->bins / (2 * h->reach);
    for (int64_t i = 0; i < tensor_count(p->data); i++) {
        if ((mask && !mask[i]) || !isfinite(w[i]))
            continue;
        int64_t bin = (int64_t)floor((w[i] + h->reach) * scale);
        counts[bin < 0 ? 0 : bin >= h->bins ? h->bins - 1 : bin]++;
    }
}

static status histogram_make(histogram *h, const layer *l, int64_t bins, error *e)
{
    *h = (histogram){.bins = bins};
    h->reach = fmax(largest(l->now), l->before ? largest(l->before) : 0);
    if (h->reach == 0)
        h->reach = 1;
    h->reach *= 1 + 1e-6; /* the largest weight is within the last bin */
    fit_grid(h, l->now);
    h->now = memory_new(2 * h->bins, sizeof *h->now, e);
    if (!h->now)
        return E_MEMORY;
    h->before = h->now + h->bins;
    count_weights(l->now, h, h->now);
    if (l->before)
        count_weights(l->before, h, h->before);
    for (int64_t i = 0; i < 2 * h->bins; i++)
        h->most = h->now[i] > h->most ? h->now[i] : h->most;
    const uint8_t *mask = mask_of(l->now);
    h->count = tensor_count(l->now->data);
    const float *w = tensor_f32(l->now->data);
    for (int64_t i = 0; i < h->count; i++) {
        h->masked += mask && !mask[i];
        h->broken += !isfinite(w[i]);
    }
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
    int columns = (int)(width / (c->medium == MEDIUM_TEXT ? 2 : 1.2));
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
    style_text(c, x, last - line, "left", STYLE_SMALL_POINTS, text_get(&title), columns);
    style_text(c, x, last, "left", STYLE_SMALL_POINTS - 1, text_get(&words), columns);
    c->script->failed |= title.failed || words.failed;
    text_clear(&title);
    text_clear(&words);
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

static status draw_layer(figure_call *c, const layer *l, const panel *p, error *e)
{
    bool logarithmic = option_flag(c->options, "log");
    histogram h;
    TRY(histogram_make(&h, l, bins_of(c, l), e));
    int index = add_outline(c, &h, logarithmic);
    double low = count_floor(logarithmic), most = fmax(1, (double)h.most);
    style_panel(c, p->left, p->top, p->width, p->height);
    style_axis_set(c, &(style_axis){.letter = 'x',
                                    .low = -h.reach,
                                    .high = h.reach,
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
    memory_free(h.now);
    bool titles = p->first && option_given(c->options, "before");
    text_addf(c->script,
              "plot DATA index %d using 1:2 with filledcurves closed linecolor rgb "
              "'#8cc5e3'",
              index);
    text_add(c->script, " title ");
    figure_string(c, titles ? option_words(c->options, "model") : "", KEY_COLUMNS);
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

/* The key of both models' names above the panels, and the millimetres it takes. */
static double add_key(figure_call *c, double left)
{
    if (!option_given(c->options, "before"))
        return 0;
    int now = text_columns(option_words(c->options, "model"));
    int before = text_columns(option_words(c->options, "before"));
    int columns = 2 + (now > before ? now : before);
    return style_key(c, 2, columns < KEY_COLUMNS ? columns : KEY_COLUMNS, left, 1.5,
                     c->width_mm - left);
}

static status draw_one(figure_call *c, const layer *l, error *e)
{
    if (c->width_mm <= 0)
        c->width_mm = 120;
    if (c->height_mm <= 0)
        c->height_mm = 80;
    const double left = 18, right = 4, bottom = 12;
    double top = c->medium == MEDIUM_TEXT ? 12 : 10, width = c->width_mm - left - right;
    top += add_key(c, left);
    bool text_only = c->medium == MEDIUM_TEXT;
    panel p = {.left = left,
               .top = top,
               .width = width,
               .height = c->height_mm - top - bottom,
               .room = width,
               .first = true,
               .x_label = "weight",
               .y_label = text_only ? NULL : "weights per bin"};
    return draw_layer(c, l, &p, e);
}

/* Columns that keep panels readable on the page: about 28 mm at least. */
static int grid_columns(const figure_call *c, int count)
{
    int fit = (int)(c->width_mm / (c->medium == MEDIUM_TEXT ? 52 : 34)), wanted = 2;
    while (wanted < 5 && wanted * wanted < count)
        wanted++;
    if (count > 35)
        wanted = 6;
    if (fit < 1)
        fit = 1;
    wanted = wanted < fit || count > 35 ? wanted : fit;
    return wanted < count ? wanted : count;
}

static status draw_grid(figure_call *c, const layer *layers, int count, error *e)
{
    bool text_only = c->medium == MEDIUM_TEXT;
    if (c->width_mm <= 0)
        c->width_mm = 180;
    int columns = grid_columns(c, count), rows = (count + columns - 1) / columns;
    const double edge = 5, ticks = text_only ? 12 : 8.5, right = 3, caption = 8,
                 bottom = 8;
    double key = option_given(c->options, "before") ? (text_only ? 8 : 6) : 0;
    double pitch = (c->width_mm - edge - right) / columns;
    double row_height = text_only ? 40 : 30;
    if (c->height_mm <= 0 || text_only)
        c->height_mm = key + rows * row_height + bottom;
    row_height = (c->height_mm - key - bottom) / rows;
    text_add(c->script, "set multiplot\n");
    add_key(c, edge + ticks);
    for (int i = 0; i < count; i++) {
        int row = i / columns, column = i % columns;
        panel p = {.left = edge + column * pitch + ticks,
                   .top = key + row * row_height + caption,
                   .width = pitch - ticks,
                   .height = row_height - caption - (text_only ? 8 : 4.5),
                   .room = pitch - 1,
                   .first = i == 0,
                   .x_label = i + columns >= count ? "weight" : NULL,
                   .y_label = column == 0 && !text_only ? "count" : NULL};
        TRY(draw_layer(c, &layers[i], &p, e));
        if (i == 0)
            text_add(c->script, "unset key\n");
    }
    text_add(c->script, "unset multiplot\n");
    return E_OK;
}

static status draw(figure_call *c, error *e)
{
    const model *m = session_get_model(c->session, option_words(c->options, "model"), e);
    const model *before = NULL;
    if (!m)
        return e->code;
    if (option_given(c->options, "before")) {
        before = session_get_model(c->session, option_words(c->options, "before"), e);
        if (!before)
            return e->code;
    }
    layer *layers = NULL;
    int count = 0;
    status result = find_layers(c, m, before, &layers, &count, e);
    if (result == E_OK && count == 1)
        result = draw_one(c, &layers[0], e);
    else if (result == E_OK)
        result = draw_grid(c, layers, count, e);
    memory_free(layers);
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
