/* SPDX-License-Identifier: GPL-3.0-or-later
   layers.c -- the figure `layers`: bars for each convolution and linear layer: its
   parameters, zeros, bits, multiply-adds and time.  It changes no model. */
#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "graph/operator.h"
#include "measure/latency.h"
#include "plots/bars.h"
#include "plots/column.h"
#include "plots/style.h"

static const option options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "model whose layers are shown"},
    {"show", OPTION_WORDS, "parameters|sparsity|bits|multiply_adds|time",
     "parameters,sparsity,bits", NULL, "what of them, a panel each"},
    {"before", OPTION_MODEL, NULL, NULL, NULL, "another model, as grey bars behind"},
    {"times", OPTION_TABLE, NULL, NULL, NULL,
     "table of times, as 'sweep NAME plan MODEL' makes (default: measured anew)"},
    {"rounds", OPTION_INTEGER, "1..10000", "20", NULL, "timed runs, without times="},
    {"batch", OPTION_INTEGER, "1..4096", "1", NULL, "samples of a timed run"},
    {0},
};

enum { KINDS_MAX = 5, LAYERS_MAX = 200 };

typedef struct kind_row {
    const char *name, *label;
    bool integer;
    double most, last; /* the axis reaches the one, and has no tick beyond the other */
    double (*of)(const graph *g, const node *n, const shape *shapes);
} kind_row;

/* ---- one number of a layer ---- */

static double parameters_of(const graph *g, const node *n, const shape *shapes)
{
    (void)shapes;
    int64_t count = 0;
    for (int r = 0; r < ROLE_COUNT; r++) {
        const parameter *p = graph_parameter(g, n, (parameter_role)r);
        if (p && parameter_is_trained(p))
            count += tensor_count(p->data);
    }
    return (double)count;
}

/* Of its weights, without the bias. */
static double sparsity_of(const graph *g, const node *n, const shape *shapes)
{
    (void)shapes;
    const parameter *p = graph_parameter(g, n, ROLE_WEIGHT);
    double count = (double)tensor_count(p->data);
    return count > 0 ? 1 - (double)parameter_nonzero(p) / count : 0;
}

static double bits_of(const graph *g, const node *n, const shape *shapes)
{
    (void)shapes;
    const parameter *p = graph_parameter(g, n, ROLE_WEIGHT);
    return p->quantizer ? p->quantizer->bits : 32;
}

static double products_of(const graph *g, const node *n, const shape *shapes)
{
    (void)g;
    shape in[NODE_INPUTS_MAX];
    operation_cost cost = {0};
    for (int i = 0; i < n->input_count; i++)
        in[i] = shapes[n->inputs[i]];
    n->op->cost(n, in, shapes[n->output], &cost);
    return (double)cost.multiply_adds;
}

static const kind_row kinds[] = {
    {"parameters", "parameters", .integer = true, .of = parameters_of},
    {"sparsity", "share of zeros", .most = 1, .last = 1, .of = sparsity_of},
    {"bits", "bits", .integer = true, .most = 32, .last = 32, .of = bits_of},
    {"multiply_adds", "multiply-adds", .integer = true, .of = products_of},
    {"time", "time (ms)", .of = NULL},
};

static const kind_row *kind_find(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

/* ---- all numbers ---- */

/* Layers, and a column of numbers for each kind, of the model and the one before. */
typedef struct sheet {
    const node **nodes;
    const char **names;
    int64_t count;
    int kinds;
    const kind_row *kind[KINDS_MAX];
    double *now[KINDS_MAX], *before[KINDS_MAX];
} sheet;

static void sheet_clear(sheet *s)
{
    memory_free(s->nodes);
    memory_free(s->names);
    for (int k = 0; k < KINDS_MAX; k++) {
        memory_free(s->now[k]);
        memory_free(s->before[k]);
    }
    *s = (sheet){0};
}

static bool is_layer(const graph *g, const node *n)
{
    return (text_starts(n->op->name, "conv") || strcmp(n->op->name, "linear") == 0) &&
           graph_parameter(g, n, ROLE_WEIGHT);
}

static status find_layers(const graph *g, sheet *s, error *e)
{
    s->nodes = memory_new(g->node_count, sizeof *s->nodes, e);
    s->names = memory_new(g->node_count, sizeof *s->names, e);
    if (!s->nodes || !s->names)
        return E_MEMORY;
    for (int i = 0; i < g->node_count; i++)
        if (is_layer(g, &g->nodes[i])) {
            s->nodes[s->count] = &g->nodes[i];
            s->names[s->count++] = g->nodes[i].name;
        }
    if (s->count == 0)
        return fail(e, E_SHAPE, "the model has no convolution and no linear layer");
    if (s->count > LAYERS_MAX)
        return fail(e, E_RANGE, "%lld layers, a figure has room for %d",
                    (long long)s->count, LAYERS_MAX);
    return E_OK;
}

/* The median of the steps that run a layer; NaN where none is called like it. */
static double time_in(const table *t, const char *name)
{
    double sum = 0, value;
    bool any = false;
    int64_t column = table_column(t, "node");
    for (int64_t i = 0; column >= 0 && i < t->row_count; i++) {
        const cell *at = table_get(t, i, column);
        if (at->kind != CELL_TEXT || strcmp(at->words, name) != 0 ||
            !column_number(t, i, "median_ms", &value))
            continue;
        sum += value;
        any = true;
    }
    return any ? sum : NAN;
}

static status fill_times(const figure_call *c, const model *m, const sheet *s,
                         double *values, error *e)
{
    const char *name = option_words(c->options, "times");
    const table *kept = NULL;
    table *measured = NULL;
    if (name) {
        kept = session_get_table(c->session, name, e);
        if (!kept)
            return e->code;
        if (table_column(kept, "node") < 0 || !column_has_numbers(kept, "median_ms", 1))
            return fail(e, E_NAME, "times=%s: it has no columns node and median_ms",
                        name);
    } else {
        size_t arena = 0, live = 0;
        latency_settings how = {.batch = option_integer(c->options, "batch"),
                                .rounds = option_integer(c->options, "rounds"),
                                .seed = session_seed(c->session)};
        measured = latency_steps(m, &how, c->task, &arena, &live, e);
        if (!measured)
            return e->code;
    }
    for (int64_t i = 0; i < s->count; i++)
        values[i] = time_in(kept ? kept : measured, s->names[i]);
    table_free(measured);
    return E_OK;
}

/* Numbers of M for the layers of S; NaN for those that M does not have. */
static status fill(const model *m, const sheet *s, const kind_row *kind, double *values,
                   error *e)
{
    const graph *g = m->graph;
    shape *shapes = memory_new(g->value_count, sizeof *shapes, e);
    if (!shapes)
        return E_MEMORY;
    status result = graph_shapes(g, 1, g->input_shape, shapes, e);
    for (int64_t i = 0; result == E_OK && i < s->count; i++) {
        int at = graph_find_node(g, s->names[i]);
        values[i] = at >= 0 && is_layer(g, &g->nodes[at])
                        ? kind->of(g, &g->nodes[at], shapes)
                        : NAN;
    }
    memory_free(shapes);
    return result;
}

static status add_kind(const figure_call *c, const model *m, const model *before,
                       const kind_row *kind, sheet *s, error *e)
{
    int k = s->kinds++;
    s->kind[k] = kind;
    s->now[k] = memory_new(s->count, sizeof **s->now, e);
    if (!s->now[k])
        return E_MEMORY;
    if (!kind->of)
        return fill_times(c, m, s, s->now[k], e);
    TRY(fill(m, s, kind, s->now[k], e));
    if (!before)
        return E_OK;
    s->before[k] = memory_new(s->count, sizeof **s->before, e);
    return s->before[k] ? fill(before, s, kind, s->before[k], e) : E_MEMORY;
}

static status gather(const figure_call *c, sheet *s, error *e)
{
    const option_value *show = option_get(c->options, "show");
    const model *m = session_get_model(c->session, option_words(c->options, "model"), e);
    const model *before = NULL;
    if (!m)
        return e->code;
    if (option_given(c->options, "before")) {
        before = session_get_model(c->session, option_words(c->options, "before"), e);
        if (!before)
            return e->code;
    }
    TRY(find_layers(m->graph, s, e));
    for (int64_t i = 0; i < show->count; i++) {
        const kind_row *kind = kind_find(show->items[i]);
        for (int k = 0; k < s->kinds; k++)
            if (s->kind[k] == kind)
                return fail(e, E_USAGE, "show= names '%s' twice", kind->name);
        TRY(add_kind(c, m, before, kind, s, e));
    }
    return E_OK;
}

/* ---- drawing ---- */

static void draw_sheet(figure_call *c, const sheet *s)
{
    bool text_only = c->medium == MEDIUM_TEXT;
    const double edge = 2, right = 3, gap = text_only ? 4 : 5,
                 bottom = text_only ? 12 : 11;
    const char *before = option_words(c->options, "before");
    const char *model = option_words(c->options, "model");
    double left = edge + bars_name_room(c, s->names, s->count), top = 3;
    if (c->width_mm <= 0)
        c->width_mm = s->kinds > 1 ? 180 : 120;
    int columns = before ? text_columns(before) : 0;
    columns = text_columns(model) > columns ? text_columns(model) : columns;
    double key = before ? text_only ? 8 : 5.5 : 0;
    top += key;
    if (c->height_mm <= 0 || text_only)
        c->height_mm = top + bars_height(c, s->count) + bottom;
    double pitch = (c->width_mm - left - right + gap) / s->kinds;
    text_add(c->script, "set multiplot\n");
    if (before)
        style_key(c, 2, columns < 40 ? columns : 40, left, 2, c->width_mm - left);
    for (int k = 0; k < s->kinds; k++) {
        bars_draw(c, &(bars){.left = left + k * pitch,
                             .top = top,
                             .width = pitch - gap,
                             .height = c->height_mm - top - bottom,
                             .count = s->count,
                             .names = k == 0 ? s->names : NULL,
                             .values = s->now[k],
                             .before = s->before[k],
                             .most = s->kind[k]->most,
                             .last = s->kind[k]->last,
                             .integer = s->kind[k]->integer,
                             .label = s->kind[k]->label,
                             .title = k == 0 && before ? model : NULL,
                             .before_title = k == 0 ? before : NULL});
        if (k == 0)
            text_add(c->script, "unset key\n");
    }
    text_add(c->script, "unset multiplot\n");
}

static status draw(figure_call *c, error *e)
{
    sheet s = {0};
    status result = gather(c, &s, e);
    if (result == E_OK)
        draw_sheet(c, &s);
    sheet_clear(&s);
    return result;
}

const figure_row figure_layers = {
    .name = "layers",
    .summary = "bars for each layer: parameters, zeros, bits, multiply-adds, time",
    .options = options,
    .arguments = 1,
    .required = 1,
    .example = "plot layers m > layers.svg",
    .draw = draw,
};
