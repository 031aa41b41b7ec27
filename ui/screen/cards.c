/* SPDX-License-Identifier: GPL-3.0-or-later
   cards.c -- what the screen tells of a session, read out of it once for each version of a
   model.  It draws nothing and changes no name. */
#include "ui/screen/cards.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/text.h"
#include "compress/quantize.h"
#include "format/model_file.h"
#include "format/packing.h"
#include "graph/op_integer.h"
#include "graph/operator.h"
#include "ui/command/rows.h"

/* ---- a model ---- */

void card_free(model_card *m)
{
    if (!m || --m->references > 0)
        return;
    for (int64_t i = 0; m->steps && i < m->step_count; i++) {
        memory_free(m->steps[i].command);
        memory_free(m->steps[i].summary);
    }
    memory_free(m->architecture);
    memory_free(m->input);
    memory_free(m->layers);
    memory_free(m->steps);
    memory_free(m->epochs);
    memory_free(m);
}

static void widen_bins(layer_card *l, const float *x, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        l->largest = fmax(l->largest, fabs((double)x[i]));
}

static void fill_bins(layer_card *l, const float *x, const uint8_t *mask, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (mask && !mask[i])
            continue;
        const double share = l->largest > 0 ? fabs((double)x[i]) / l->largest : 0;
        const int bin = (int)(share * CARD_BINS);
        l->bins[bin < CARD_BINS ? bin : CARD_BINS - 1]++;
    }
}

static void fill_weight(layer_card *l, const parameter *w)
{
    const uint8_t *mask = w->mask ? tensor_data(w->mask) : NULL;
    l->weights = l->kept = tensor_count(w->data);
    for (int64_t i = 0; mask && i < l->weights; i++)
        l->kept -= mask[i] == 0;
    l->channels = tensor_shape(w->data).dim[0];
    widen_bins(l, tensor_f32(w->data), l->weights);
    fill_bins(l, tensor_f32(w->data), mask, l->weights);
    l->bits = w->quantizer ? w->quantizer->bits : 32;
}

static operation_cost cost_of(const node *n, const shape *shapes)
{
    shape in[NODE_INPUTS_MAX];
    operation_cost cost = {0};
    for (int i = 0; i < n->input_count; i++)
        in[i] = shapes[n->inputs[i]];
    n->op->cost(n, in, shapes[n->output], &cost);
    return cost;
}

static void fill_layer(layer_card *l, const graph *g, const node *n, shape out)
{
    char words[128];
    const parameter *weight = graph_parameter(g, n, ROLE_WEIGHT);
    snprintf(l->name, sizeof l->name, "%s", n->name);
    snprintf(l->kind, sizeof l->kind, "%s", n->op->name);
    for (int i = 1; i < out.rank; i++)
        out.dim[i - 1] = out.dim[i];
    out.rank--;
    snprintf(l->output, sizeof l->output, "%s", rows_shape(words, out));
    for (int r = 0; r < ROLE_COUNT; r++) {
        const parameter *p = graph_parameter(g, n, (parameter_role)r);
        if (!p || !parameter_is_trained(p))
            continue;
        l->parameters += tensor_count(p->data);
        l->nonzero += parameter_nonzero(p);
    }
    if (weight)
        fill_weight(l, weight);
    l->layer = weight && integer_is_layer(n);
}

/* All weights of layers on one scale. */
static void fill_whole(model_card *m, const graph *g)
{
    layer_card *all = &m->whole;
    for (int64_t i = 0; i < m->layer_count; i++) {
        const layer_card *l = &m->layers[i];
        all->weights += l->layer ? l->weights : 0;
        all->kept += l->layer ? l->kept : 0;
        all->largest = fmax(all->largest, l->layer ? l->largest : 0);
    }
    for (int64_t i = 0; i < m->layer_count; i++) {
        const parameter *w = graph_parameter(g, &g->nodes[i], ROLE_WEIGHT);
        if (m->layers[i].layer)
            fill_bins(all, tensor_f32(w->data), w->mask ? tensor_data(w->mask) : NULL,
                      m->layers[i].weights);
    }
}

static status fill_layers(model_card *m, const graph *g, error *e)
{
    int64_t products = 0;
    int number = 0;
    shape *shapes = memory_new(g->value_count, sizeof *shapes, e);
    m->layers = memory_new(g->node_count, sizeof *m->layers, e);
    status s =
        shapes && m->layers ? graph_shapes(g, 1, g->input_shape, shapes, e) : E_MEMORY;
    for (int i = 0; s == E_OK && i < g->node_count; i++)
        products += cost_of(&g->nodes[i], shapes).multiply_adds;
    for (int i = 0; s == E_OK && i < g->node_count; i++) {
        layer_card *l = &m->layers[m->layer_count++];
        const node *n = &g->nodes[i];
        const double own = (double)cost_of(n, shapes).multiply_adds;
        fill_layer(l, g, n, shapes[n->output]);
        l->share = products > 0 ? own / (double)products : 0;
        l->number = quantize_layer_at(g, number) == n ? number++ : -1;
        if (l->bits > 0 && l->bits < m->bits)
            m->bits = l->bits;
    }
    m->multiply_adds = products;
    if (s == E_OK)
        fill_whole(m, g);
    memory_free(shapes);
    return s;
}

static status fill_history(model_card *c, const model *m, error *e)
{
    c->steps = memory_new(m->step_count, sizeof *c->steps, e);
    c->epochs = memory_new(m->epoch_count, sizeof *c->epochs, e);
    if (!c->steps || !c->epochs)
        return E_MEMORY;
    for (int64_t i = 0; i < m->step_count; i++) {
        step_card *step = &c->steps[c->step_count++];
        step->command = memory_text(m->steps[i].command, e);
        step->summary = memory_text(m->steps[i].summary, e);
        step->hash = m->steps[i].hash;
        if (!step->command || !step->summary)
            return E_MEMORY;
    }
    for (int64_t i = 0; i < m->epoch_count; i++)
        c->epochs[c->epoch_count++] =
            (epoch_card){m->epochs[i].train_loss, m->epochs[i].val_loss};
    return E_OK;
}

static uint64_t last_hash(const model *m)
{
    return m->step_count > 0 ? m->steps[m->step_count - 1].hash : 0;
}

static status model_card_fill(model_card *c, const model *m, int64_t serial, error *e)
{
    char words[128];
    *c =
        (model_card){.references = 1, .serial = serial, .hash = last_hash(m), .bits = 32};
    c->architecture =
        memory_format(e, "%s%s%s", m->architecture ? m->architecture : "",
                      m->options && *m->options ? " " : "", m->options ? m->options : "");
    c->input = memory_text(rows_shape(words, m->graph->input_shape), e);
    if (!c->architecture || !c->input)
        return E_MEMORY;
    c->parameters = graph_parameter_count(m->graph);
    c->nonzero = graph_nonzero(m->graph);
    c->weights = graph_hash(m->graph);
    c->bytes = model_file_bytes(m, NULL);
    TRY(fill_layers(c, m->graph, e));
    return fill_history(c, m, e);
}

static model_card *model_card_new(const model *m, int64_t serial, error *e)
{
    model_card *c = memory_new(1, sizeof *c, e);
    if (c && model_card_fill(c, m, serial, e) != E_OK) {
        card_free(c);
        return NULL;
    }
    return c;
}

model_card *card_of_weights(const model *m, error *e)
{
    model_card *c = memory_new(1, sizeof *c, e);
    if (!c)
        return NULL;
    c->references = 1;
    c->bits = 32;
    if (fill_layers(c, m->graph, e) == E_OK)
        return c;
    card_free(c);
    return NULL;
}

/* The card that there is already. */
static model_card *find_card(const cards *before, int64_t serial)
{
    for (int64_t i = 0; before && i < before->count; i++) {
        model_card *c = before->items[i].model;
        if (c && c->serial == serial) {
            c->references++;
            return c;
        }
    }
    return NULL;
}

/* ---- the tree ---- */

/* Was B made from A?  Then all that was done to A was done to B, and more. */
static bool descends(const model_card *b, const model_card *a)
{
    return a->step_count > 0 && a->step_count < b->step_count &&
           b->steps[a->step_count - 1].hash == a->hash;
}

/* The nearest model of C that its model I was made from, or -1. */
static int64_t find_parent(const cards *c, int64_t i)
{
    int64_t best = -1;
    const model_card *own = c->items[i].model;
    for (int64_t k = 0; own && k < c->count; k++) {
        const model_card *other = c->items[k].model;
        if (k != i && other && descends(own, other) &&
            (best < 0 || other->step_count > c->items[best].model->step_count))
            best = k;
    }
    return best;
}

typedef struct tree {
    const cards *from;
    name_card *to;
    const int64_t *parents; /* [count] */
    int64_t count;          /* of those put in their place */
} tree;

/* Puts the children of PARENT (-1: what has none), each with its own below it. */
static void put_children(tree *t, int64_t parent, int depth)
{
    name_card *last = NULL;
    for (int64_t i = 0; i < t->from->count; i++) {
        if (t->from->items[i].kind != OBJECT_MODEL || t->parents[i] != parent)
            continue;
        last = &t->to[t->count++];
        *last = t->from->items[i];
        last->depth = depth;
        last->parent = parent < 0 ? NULL : t->from->items[parent].name;
        put_children(t, i, depth + 1);
    }
    if (last)
        last->last = true;
}

static void put_kind(tree *t, object_kind kind)
{
    for (int64_t i = 0; i < t->from->count; i++)
        if (t->from->items[i].kind == kind)
            t->to[t->count++] = t->from->items[i];
}

static status arrange(cards *c, error *e)
{
    int64_t *parents = memory_new(c->count, sizeof *parents, e);
    name_card *to = memory_new(c->count, sizeof *to, e);
    if (!parents || !to) {
        memory_free(parents);
        memory_free(to);
        return E_MEMORY;
    }
    tree t = {.from = c, .to = to, .parents = parents};
    for (int64_t i = 0; i < c->count; i++)
        parents[i] = find_parent(c, i);
    put_children(&t, -1, 0);
    put_kind(&t, OBJECT_DATASET);
    put_kind(&t, OBJECT_TABLE);
    memory_free(c->items);
    c->items = to;
    memory_free(parents);
    return E_OK;
}

/* ---- all ---- */

static char *dataset_words(const dataset *d, error *e)
{
    const char *end = d->origin ? strchr(d->origin, ' ') : NULL;
    int length = end ? (int)(end - d->origin) : d->origin ? (int)strlen(d->origin) : 0;
    return memory_format(e, "%lld %.*s", (long long)d->count, length < 40 ? length : 40,
                         d->origin ? d->origin : "");
}

static status add_item(cards *c, const session *s, int64_t i, const cards *before,
                       error *e)
{
    name_card *n = &c->items[c->count++];
    const char *name = session_name(s, i, &n->kind);
    n->name = memory_text(name, e);
    n->serial = session_serial(s, name);
    if (!n->name)
        return E_MEMORY;
    if (n->kind == OBJECT_MODEL) {
        n->model = find_card(before, n->serial);
        if (!n->model)
            n->model = model_card_new(session_get_model(s, name, NULL), n->serial, e);
        return n->model ? E_OK : E_MEMORY;
    }
    if (n->kind == OBJECT_DATASET) {
        char words[128];
        const dataset *d = session_get_dataset(s, name, NULL);
        n->words = dataset_words(d, e);
        n->input = memory_text(rows_shape(words, dataset_input_shape(d)), e);
        if (!n->input)
            return E_MEMORY;
    } else
        n->words = memory_format(e, "%lld rows",
                                 (long long)session_get_table(s, name, NULL)->row_count);
    return n->words ? E_OK : E_MEMORY;
}

static status fill_cards(cards *c, const session *s, const cards *before, error *e)
{
    const char *undo = session_undo_command(s, 0);
    c->names = session_view(s, e);
    c->items = memory_new(session_count(s), sizeof *c->items, e);
    if (!c->names || !c->items)
        return E_MEMORY;
    c->undo_count = session_undo_count(s);
    c->undo = undo ? memory_text(undo, e) : NULL;
    if (undo && !c->undo)
        return E_MEMORY;
    for (int64_t i = 0; i < session_count(s); i++)
        TRY(add_item(c, s, i, before, e));
    return arrange(c, e);
}

cards *cards_new(const session *s, const cards *before, error *e)
{
    cards *c = memory_new(1, sizeof *c, e);
    if (c && fill_cards(c, s, before, e) != E_OK) {
        cards_free(c);
        return NULL;
    }
    return c;
}

void cards_free(cards *c)
{
    if (!c)
        return;
    for (int64_t i = 0; i < c->count; i++) {
        card_free(c->items[i].model);
        memory_free(c->items[i].name);
        memory_free(c->items[i].words);
        memory_free(c->items[i].input);
    }
    memory_free(c->items);
    memory_free(c->undo);
    session_free(c->names);
    memory_free(c);
}

const name_card *cards_find(const cards *c, const char *name)
{
    for (int64_t i = 0; c && name && i < c->count; i++)
        if (strcmp(c->items[i].name, name) == 0)
            return &c->items[i];
    return NULL;
}

/* Is NAME a word of LINE, alone or behind "="? */
static bool line_names(const char *line, const char *name)
{
    const size_t length = strlen(name);
    for (const char *p = line; (p = strstr(p, name)); p += length) {
        const bool begins = p > line && (p[-1] == ' ' || p[-1] == '=');
        if (begins && (p[length] == ' ' || p[length] == '\0'))
            return true;
    }
    return false;
}

const name_card *cards_data(const cards *c, const name_card *n)
{
    const name_card *first = NULL, *fitting = NULL;
    for (int64_t i = n->model->step_count - 1; i >= 0; i--)
        for (int64_t k = 0; k < c->count; k++)
            if (c->items[k].kind == OBJECT_DATASET &&
                line_names(n->model->steps[i].command, c->items[k].name))
                return &c->items[k];
    for (int64_t k = 0; k < c->count; k++) {
        const name_card *d = &c->items[k];
        if (d->kind != OBJECT_DATASET)
            continue;
        first = first ? first : d;
        if (!fitting && strcmp(d->input, n->model->input) == 0)
            fitting = d;
    }
    return fitting ? fitting : first;
}

int64_t cards_weight_bytes(int64_t count, int64_t kept, int bits, int64_t channels)
{
    int64_t plain = packing_bytes(count, bits);
    int64_t packed = packing_bytes(count, 1) + packing_bytes(kept, bits);
    int64_t scales = bits < 32 ? channels * (int64_t)sizeof(float) : 0;
    return (kept < count && packed < plain ? packed : plain) + scales;
}
