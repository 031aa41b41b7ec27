/* SPDX-License-Identifier: GPL-3.0-or-later
   fuse.c -- the command `fuse`: a model that answers the same with fewer nodes.  It prints
   nothing and does no arithmetic of its own but the comparison that says whether the
   fusing was exact. */
#include <math.h>
#include <stdio.h>

#include "compress/fuse.h"
#include "graph/operator.h"
#include "measure/answers.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"

static const option options[] = {
    {"model", OPTION_MODEL, NULL, NULL, NULL, "model to fuse"},
    {"as", OPTION_NAME, NULL, NULL, NULL,
     "name of the result (default: it replaces the model)"},
    {"seed", OPTION_INTEGER, "0..", NULL, NULL,
     "of the input that both are compared on (default: the session's)"},
    {0},
};

/* Beyond this share of the largest output fusing counts as wrong and is refused. */
#define FUSE_TOLERANCE 1e-4

/* Fuses M and says by how much its answers changed. */
static status fuse(model *m, uint64_t seed, fuse_counts *counts, double *difference,
                   error *e)
{
    double largest = 0;
    graph *before = graph_copy(m->graph, e);
    status s = before ? fuse_graph(m->graph, counts, e) : E_MEMORY;
    if (s == E_OK)
        s = answers_differ(before, m->graph, seed, difference, &largest, e);
    if (s == E_OK && !(*difference <= FUSE_TOLERANCE * fmax(largest, 1e-30)))
        s = fail(e, E_NUMERIC,
                 "fuse: the answers differ by %g of %g, at most %g of it is allowed",
                 *difference, largest, FUSE_TOLERANCE);
    graph_free(before);
    return s;
}

/* Norms that no layer could take over, by the first one's name. */
static void note_rest(call *c, const graph *g)
{
    const node *first = NULL;
    int rest = 0;
    for (int i = 0; i < g->node_count; i++) {
        if (g->nodes[i].op != &op_batch_norm)
            continue;
        first = rest++ ? first : &g->nodes[i];
    }
    if (rest > 0)
        rows_note(
            c,
            "fuse: %d batch norm%s (%s): no layer beside takes %s exactly, for what "
            "stands between or the zeros of its padding",
            rest, rest == 1 ? " stays" : "s stay", first->name,
            rest == 1 ? "it" : "them");
}

static status put_row(call *c, const model *was, model *m, const fuse_counts *n,
                      double difference, error *e)
{
    char summary[96];
    snprintf(summary, sizeof summary, "%d of %d nodes are left", m->graph->node_count,
             was->graph->node_count);
    table_row(c->rows);
    table_text(c->rows, "model", rows_target(c));
    table_integer(c->rows, "modules_before", fuse_modules(was->graph));
    table_integer(c->rows, "modules", fuse_modules(m->graph));
    table_integer(c->rows, "nodes_before", was->graph->node_count);
    table_integer(c->rows, "nodes", m->graph->node_count);
    table_integer(c->rows, "folded", n->folded);
    table_integer(c->rows, "joined", n->joined);
    table_integer(c->rows, "identities", n->identities);
    table_integer(c->rows, "constants", n->constants);
    table_integer(c->rows, "dead", n->dead);
    table_real(c->rows, "largest_difference", difference);
    return rows_keep(c, rows_target(c), m, summary, NULL, NULL, e);
}

static status run(call *c, error *e)
{
    const char *name = option_words(&c->options, "model");
    const model *was = session_get_model(c->session, name, e);
    model *m = was ? model_copy(was, e) : NULL;
    fuse_counts counts = {0};
    double difference = 0;
    if (!m)
        return e->code;
    status s = fuse(m, rows_seed(c), &counts, &difference, e);
    if (s != E_OK) {
        model_free(m);
        return s;
    }
    if (m->graph->node_count == was->graph->node_count)
        rows_note(c, "fuse: %s has nothing that could be left out", name);
    note_rest(c, m->graph);
    return put_row(c, was, m, &counts, difference, e);
}

const command command_fuse = {
    .name = "fuse",
    .group = "compress",
    .summary = "give the same answers with fewer nodes, batch norm folded",
    .options = options,
    .arguments = 1,
    .required = 1,
    .flags = COMMAND_CHANGES | COMMAND_RECORDED,
    .makes = OBJECT_MODEL,
    .example = "fuse m as=fused",
    .details =
        "Batch norms go into the convolution or linear layer before them, into the one "
        "behind them (through pools and flatten, and where no padding stands in the "
        "way), or "
        "into one another; what a layer of zeros adds or multiplies goes into the layer "
        "on the other side; two layers with nothing between them become one where that "
        "has fewer weights; what changes nothing at any image size (dropout, a second "
        "ReLU) and what nobody reads goes.  modules are the nodes before the first "
        "flatten, "
        "the backbone of a classifier; nodes are all.  The fused model must give the "
        "same "
        "answers: both are run on random inputs of several ranges, the largest "
        "difference is shown, and "
        "beyond 1e-4 of the largest answer nothing is changed.  The engine joins batch "
        "norm and ReLU to the step before them at run time anyway ('plan' says how "
        "many): "
        "fusing makes the file smaller, and what other programs read of it.  It is for "
        "inference: train before.",
    .see = "plan, quantize, show",
    .source = "Jacob et al. 2018, arXiv:1712.05877, section 3.2",
    .run = run,
};
