/* SPDX-License-Identifier: GPL-3.0-or-later
   sensitivity.c -- the figure `sensitivity`: what each layer costs at each level, as a heat
   map of what was measured before.  It measures nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "compress/sensitivity_cache.h"
#include "plots/style.h"

static const option options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "float model that was measured"},
    {"of", OPTION_WORD, "bits|prune|weight", "bits", NULL,
     "to integers, to smallest weights that are zero, or to weights alone in fewer bits"},
    {0},
};

enum { LEVELS_MOST = 24, NAME_COLUMNS = 32 };

/* Where a change that is R of the largest stands on the palette: its root, so that layers
   that cost little can be told apart, and not as far as the ends, which are too dark to
   write on. */
#define PALETTE_REACH 1.6

typedef struct heat_map {
    const graph *graph;
    const sensitivity_cache *cache;
    const metric_row *metric;
    bool prunes;
    double level[LEVELS_MOST]; /* the mildest first */
    int levels, layers;
    double largest; /* change, either way; above 0 */
    double left, top, cell_width, cell_height;
} heat_map;

static void add_level(heat_map *h, double level)
{
    int at = 0;
    while (at < h->levels && (h->prunes ? h->level[at] < level : h->level[at] > level))
        at++;
    if (h->levels == LEVELS_MOST || (at < h->levels && h->level[at] == level))
        return;
    memmove(h->level + at + 1, h->level + at,
            (size_t)(h->levels - at) * sizeof *h->level);
    h->level[at] = level;
    h->levels++;
}

static void look(heat_map *h)
{
    h->layers = quantize_layers(h->graph);
    for (int64_t i = 0; i < h->cache->count; i++) {
        const sensitivity_row *row = &h->cache->rows[i];
        if (row->layer >= h->layers)
            continue;
        add_level(h, row->level);
        h->largest = fmax(h->largest, fabs(row->change));
    }
    if (h->largest == 0)
        h->largest = 1;
}

static void lay_out(figure_call *c, heat_map *h)
{
    const bool text_only = c->medium == MEDIUM_TEXT;
    const double character = text_only ? 2 : 1.45;
    size_t longest = 5;
    for (int i = 0; i < h->layers; i++) {
        size_t length = strlen(quantize_layer_at(h->graph, i)->name);
        longest = length > longest ? length : longest;
    }
    longest = longest > NAME_COLUMNS ? NAME_COLUMNS : longest;
    h->left = 3 + character * (double)longest;
    h->top = text_only ? 8 : 6.5;
    h->cell_height = text_only ? 4 : 4.4;
    if (c->width_mm <= 0)
        c->width_mm = fmin(180, fmax(110, h->left + 18.0 * h->levels + 3));
    const double below = text_only ? 8 : 7;
    if (c->height_mm <= 0 || text_only)
        c->height_mm = h->top + h->cell_height * h->layers + below;
    h->cell_height = (c->height_mm - h->top - below) / h->layers;
    h->cell_width = (c->width_mm - h->left - 3) / h->levels;
}

/* The words beside rows and above columns. */
static void add_names(figure_call *c, const heat_map *h)
{
    char words[48];
    for (int i = 0; i < h->layers; i++)
        style_text(c, h->left - 1, h->top + h->cell_height * (i + 0.5), "right",
                   STYLE_SMALL_POINTS, quantize_layer_at(h->graph, i)->name,
                   NAME_COLUMNS);
    for (int k = 0; k < h->levels; k++) {
        if (h->prunes)
            snprintf(words, sizeof words, "%g %% zero", 100 * h->level[k]);
        else
            snprintf(words, sizeof words, "%g bits", h->level[k]);
        style_text(c, h->left + h->cell_width * (k + 0.5), h->top - 2.5, "center",
                   STYLE_SMALL_POINTS, words, 0);
    }
    char sentence[160];
    snprintf(sentence, sizeof sentence, "change of %.60s, one layer at a time%s",
             h->metric->name,
             c->medium == MEDIUM_TEXT ? "" : "; red: worse, blue: better");
    style_text(c, 3, h->top + h->cell_height * h->layers + 3, "left", STYLE_SMALL_POINTS,
               sentence, 0);
}

/* One cell: its place, its ends, its colour; its number as a label. */
static void add_cell(figure_call *c, const heat_map *h, int layer, int level)
{
    char words[48];
    const sensitivity_row *row = sensitivity_cache_find(h->cache, layer, h->level[level]);
    if (!row)
        return;
    double worse = h->metric->higher_is_better ? -row->change : row->change;
    const double numbers[] = {level,
                              layer,
                              level - 0.5,
                              level + 0.5,
                              layer - 0.5,
                              layer + 0.5,
                              copysign(sqrt(fabs(worse) / h->largest), worse)};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        figure_number(c, numbers[i]);
    figure_end_row(c);
    style_text(c, h->left + h->cell_width * (level + 0.5),
               h->top + h->cell_height * (layer + 0.5), "center", STYLE_SMALL_POINTS,
               style_number(words, row->change, 2), 0);
}

static void draw_map(figure_call *c, heat_map *h)
{
    lay_out(c, h);
    style_panel(c, h->left, h->top, h->cell_width * h->levels,
                h->cell_height * h->layers);
    style_palette_diverging(c, -PALETTE_REACH, PALETTE_REACH, false);
    add_names(c, h);
    int index = figure_block(c, "level, layer, ends of the cell, root of the share of "
                                "the largest change (above 0: worse)");
    for (int layer = 0; layer < h->layers; layer++)
        for (int level = 0; level < h->levels; level++)
            add_cell(c, h, layer, level);
    text_addf(c->script,
              "unset border\nunset tics\nset xrange [-0.5:%g] noextend\n"
              "set yrange [%g:-0.5] noextend\n",
              h->levels - 0.5, h->layers - 0.5);
    if (c->medium == MEDIUM_TEXT)
        text_addf(c->script, "plot DATA index %d using 1:2:(\"\") with labels\n", index);
    else
        text_addf(
            c->script,
            "plot DATA index %d using 1:2:3:4:5:6:7 with boxxyerror fillstyle solid "
            "1 border linecolor rgb '#ffffff' fillcolor palette\n",
            index);
}

static status draw(figure_call *c, error *e)
{
    const char *name = option_words(c->options, "model");
    const char *of = option_words(c->options, "of");
    const bool prunes = sensitivity_kind_find(of) == SENSITIVITY_PRUNE;
    const model *m = session_get_model(c->session, name, e);
    sensitivity_cache cache;
    char metric[64];
    if (!m)
        return e->code;
    if (sensitivity_cache_latest(&cache, graph_hash(m->graph), sensitivity_kind_find(of),
                                 metric, e)) {
        sensitivity_cache_close(&cache);
        fail(e, E_NAME, "no sensitivity of %s to kind=%s was measured", name, of);
        return fail_hint(e, "'sensitivity %s DATA kind=%s' measures it", name, of);
    }
    heat_map h = {.graph = m->graph, .cache = &cache, .prunes = prunes};
    h.metric = metric_find(metric);
    status s = h.metric ? E_OK
                        : fail(e, E_NAME, "the metric '%s' that was measured is unknown",
                               metric);
    if (!s) {
        look(&h);
        draw_map(c, &h);
    }
    sensitivity_cache_close(&cache);
    return s;
}

const figure_row figure_sensitivity = {
    .name = "sensitivity",
    .summary = "what each layer costs at each number of bits or share of zeros, as "
               "'sensitivity' measured it last",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "plot sensitivity m > sensitivity.svg",
    .draw = draw,
};
