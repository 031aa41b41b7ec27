/* SPDX-License-Identifier: GPL-3.0-or-later
   fuse.c -- all passes that make a graph smaller without changing its answers, until none
   finds anything.  The passes are in files of their own; folding is in fold.c. */
#include "compress/fuse.h"

#include "compress/fold.h"
#include "compress/quantize.h"
#include "graph/operator.h"

status fuse_graph(graph *g, fuse_counts *counts, error *e)
{
    int before;
    *counts = (fuse_counts){0};
    do {
        int dead, identities, pairs, behind, front, joined, constants;
        before = g->node_count;
        TRY(fuse_drop_dead(g, &dead, e));
        TRY(fuse_drop_identities(g, &identities, e));
        TRY(fold_norm_pairs(g, &pairs, e));
        TRY(fold_batch_norm(g, &behind, e));
        TRY(fold_norms_before(g, &front, e));
        TRY(fuse_join_layers(g, &joined, e));
        TRY(fuse_fold_constants(g, &constants, e));
        counts->constants += constants;
        counts->dead += dead;
        counts->identities += identities;
        counts->folded += pairs + behind + front;
        counts->joined += joined;
    } while (g->node_count < before);
    return E_OK;
}

int fuse_modules(const graph *g)
{
    int modules = 0;
    for (int i = 0; i < g->node_count && g->nodes[i].op != &op_flatten; i++)
        modules += g->nodes[i].op != &op_quantize && g->nodes[i].op != &op_dequantize;
    return modules;
}
