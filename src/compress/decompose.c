/* SPDX-License-Identifier: GPL-3.0-or-later
   decompose.c -- which layers are replaced by two, and at which rank.  The factors are in
   decompose_factors.c, the edit of the graph in decompose_replace.c. */
#include "compress/decompose_parts.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "base/text.h"
#include "compress/quantize.h"

/* A layer that can be replaced. */
typedef struct candidate {
    char *name;
    int64_t weights; /* now */
    int64_t rank;
    bool replaced;
    factors factors;
} candidate;

typedef struct work {
    candidate *items;
    int count;
} work;

static void work_clear(work *w)
{
    for (int i = 0; i < w->count; i++) {
        memory_free(w->items[i].name);
        factors_clear(&w->items[i].factors);
    }
    memory_free(w->items);
}

/* "first2" gives 2 for PREFIX "first", "first" 1; 0 for another word. */
static int64_t count_behind(const char *word, const char *prefix)
{
    int64_t count = 1;
    if (!text_starts(word, prefix))
        return 0;
    word += strlen(prefix);
    return !*word || (text_to_integer(word, &count) && count > 0) ? count : 0;
}

static bool skips(const char *word, const node *n, int number, int count)
{
    return number < count_behind(word, "first") ||
           count - number <= count_behind(word, "last") || fnmatch(word, n->name, 0) == 0;
}

static status no_such_layer(const char *word, error *e)
{
    fail(e, E_NAME, "no layer that could be replaced is called '%.80s'", word);
    return fail_hint(e, "patterns like 'features.3.*' are of the names that 'show MODEL "
                        "graph=yes' lists; skip= also takes firstN and lastN");
}

/* Every word fits a layer, or it is a mistake. */
static status check_words(const char *const *words, int64_t count, const graph *g,
                          const int *nodes, int node_count, error *e)
{
    for (int64_t k = 0; k < count; k++) {
        bool found = false;
        for (int i = 0; i < node_count && !found; i++)
            found = skips(words[k], &g->nodes[nodes[i]], i, node_count);
        if (!found)
            return no_such_layer(words[k], e);
    }
    return E_OK;
}

static bool wanted(const decompose_settings *s, const node *n, int number, int count)
{
    bool listed = s->layer_count == 0;
    for (int64_t k = 0; k < s->layer_count; k++)
        listed = listed || fnmatch(s->layers[k], n->name, 0) == 0;
    for (int64_t k = 0; k < s->skip_count; k++)
        listed = listed && !skips(s->skip[k], n, number, count);
    return listed;
}

static status add_candidate(work *w, const graph *g, const node *n, error *e)
{
    candidate *c = &w->items[w->count++];
    c->name = memory_text(n->name, e);
    c->weights = tensor_count(graph_parameter(g, n, ROLE_WEIGHT)->data);
    return c->name ? E_OK : E_MEMORY;
}

/* NODES [node_count]: room for the layers that could be replaced. */
static status choose(const graph *g, const decompose_settings *s, int *nodes, work *w,
                     decompose_result *r, error *e)
{
    int count = 0;
    for (int i = 0; i < g->node_count; i++) {
        bool masked;
        if (factors_apply(g, &g->nodes[i], s->kind, &masked))
            nodes[count++] = i;
        r->masked += masked;
    }
    TRY(check_words(s->layers, s->layer_count, g, nodes, count, e));
    TRY(check_words(s->skip, s->skip_count, g, nodes, count, e));
    for (int i = 0; i < count; i++)
        if (wanted(s, &g->nodes[nodes[i]], i, count))
            TRY(add_candidate(w, g, &g->nodes[nodes[i]], e));
    r->layers = w->count;
    if (w->count > 0)
        return E_OK;
    fail(e, E_USAGE, "the model has no layer that could be replaced");
    return r->masked > 0 ? fail_hint(e, "%d layers are pruned: their masks would be lost",
                                     r->masked)
                         : E_USAGE;
}

static status factorise(const graph *g, const decompose_settings *s, const task *watch,
                        work *w, error *e)
{
    for (int i = 0; i < w->count; i++) {
        const node *n = &g->nodes[graph_find_node(g, w->items[i].name)];
        progress p = {.stage = "decompose",
                      .unit = "layer",
                      .done = i,
                      .total = w->count,
                      .loss = NAN,
                      .metric = NAN};
        task_report(watch, &p);
        if (task_cancelled(watch))
            return fail(e, E_STOPPED, "stopped at layer %d of %d; nothing was changed",
                        i + 1, w->count);
        TRY(factors_make(g, n, s->kind, &w->items[i].factors, e));
    }
    return E_OK;
}

static void set_rank(candidate *c, const decompose_settings *s, int64_t rank)
{
    c->rank = rank < c->factors.full ? rank : c->factors.full;
    c->replaced = s->always || factors_weights(&c->factors, c->rank) < c->weights;
}

/* Ranks for ENERGY; the weights that go in all. */
static int64_t set_energy(work *w, const decompose_settings *s, double energy)
{
    int64_t gone = 0;
    for (int i = 0; i < w->count; i++) {
        candidate *c = &w->items[i];
        set_rank(c, s, factors_rank(&c->factors, energy));
        if (c->replaced)
            gone += c->weights - factors_weights(&c->factors, c->rank);
    }
    return gone;
}

/* The most energy, to 1e-4, at which at most TARGET of the parameters is left. */
static status reach_target(const graph *g, work *w, const decompose_settings *s, error *e)
{
    const double parameters = (double)graph_parameter_count(g);
    const double to_go = parameters * (1 - s->target);
    double low = 0, high = 1;
    int64_t most = set_energy(w, s, 0);
    if ((double)most < to_go) {
        fail(e, E_RANGE, "at rank 1 %.4g of the parameters are left, target=%g is less",
             1 - (double)most / parameters, s->target);
        return fail_hint(e, "take more layers, or a larger target");
    }
    while (high - low > 1e-4) {
        double middle = (low + high) / 2;
        if ((double)set_energy(w, s, middle) >= to_go)
            low = middle;
        else
            high = middle;
    }
    set_energy(w, s, low);
    return E_OK;
}

static status choose_ranks(const graph *g, work *w, const decompose_settings *s, error *e)
{
    if (s->target > 0)
        return reach_target(g, w, s, e);
    if (s->energy > 0)
        set_energy(w, s, s->energy);
    for (int i = 0; s->rank > 0 && i < w->count; i++)
        set_rank(&w->items[i], s, s->rank);
    return E_OK;
}

static void put_row(table *rows, const decompose_settings *s, const candidate *c)
{
    static const char *const words[] = {"channel", "spatial", "separable"};
    double energy = factors_energy(&c->factors, c->rank);
    if (!rows)
        return;
    table_row(rows);
    table_text(rows, "layer", c->name);
    table_text(rows, "kind", words[s->kind]);
    table_integer(rows, "rank", c->rank);
    table_integer(rows, "full_rank", c->factors.full);
    table_real(rows, "energy", energy);
    table_real(rows, "error", sqrt(fmax(0, 1 - energy)));
    table_integer(rows, "weights_before", c->weights);
    table_integer(rows, "weights",
                  c->replaced ? factors_weights(&c->factors, c->rank) : c->weights);
    table_flag(rows, "replaced", c->replaced);
}

static status replace_all(graph *g, const work *w, const decompose_settings *s, bool dry,
                          table *rows, decompose_result *r, error *e)
{
    for (int i = 0; i < w->count; i++) {
        const candidate *c = &w->items[i];
        put_row(rows, s, c);
        if (!c->replaced)
            continue;
        double lost = 1 - factors_energy(&c->factors, c->rank);
        r->replaced++;
        r->largest_error = fmax(r->largest_error, sqrt(fmax(0, lost)));
        if (!dry)
            TRY(factors_replace(g, c->name, &c->factors, c->rank, e));
    }
    return E_OK;
}

status decompose_graph(graph *g, const decompose_settings *s, bool dry, const task *watch,
                       table *rows, decompose_result *result, error *e)
{
    work w = {0};
    *result = (decompose_result){0};
    if (quantize_is_done(g)) {
        fail(e, E_USAGE, "the model is quantized already");
        return fail_hint(e, "decompose the float model it came from");
    }
    int *nodes = memory_new(g->node_count, sizeof *nodes, e);
    w.items = nodes ? memory_new(g->node_count, sizeof *w.items, e) : NULL;
    status code = w.items ? choose(g, s, nodes, &w, result, e) : E_MEMORY;
    memory_free(nodes);
    if (code == E_OK)
        code = factorise(g, s, watch, &w, e);
    if (code == E_OK)
        code = choose_ranks(g, &w, s, e);
    if (code == E_OK)
        code = replace_all(g, &w, s, dry, rows, result, e);
    work_clear(&w);
    return code;
}
