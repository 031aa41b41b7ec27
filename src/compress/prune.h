/* SPDX-License-Identifier: GPL-3.0-or-later
   prune.h -- weight pruning: masks from a criterion, to a TOTAL sparsity (pruning a
   pruned model to 0.9 gives 0.9, never a compound of both). */
#ifndef LATHE_COMPRESS_PRUNE_H
#define LATHE_COMPRESS_PRUNE_H

#include "base/error.h"
#include "graph/graph.h"

typedef enum prune_scope { SCOPE_GLOBAL, SCOPE_LAYER } prune_scope;

typedef struct criterion_row {
    const char *name, *summary, *source;
    /* Importance of each element of P, SCORE [count], larger is more worth keeping. */
    void (*score)(const parameter *p, uint64_t seed, int index, float *score);
} criterion_row;
const criterion_row *criterion_find(const char *name); /* magnitude, random */
const criterion_row *criterion_at(int i);

typedef struct prune_result {
    int64_t prunable, zeros; /* elements that may go, and that are gone now */
    int64_t dead_layers;     /* parameters wholly zero */
    char dead_name[80];      /* the first of them */
} prune_result;

/* Which parameters may be pruned: conv and linear weights and norm scales (what the
   phase system prunes), or weights alone. */
typedef enum prune_targets { TARGET_WEIGHTS_AND_SCALES, TARGET_WEIGHTS } prune_targets;

/* Sets masks in G so that AMOUNT (0..1) of the prunable elements are zero in all; zeros =
   round(n * amount), exactly: ties fall by position.  Elements masked before stay masked.
   Per layer the same for each parameter, which keeps at least one element. */
status prune_weights(graph *g, const criterion_row *criterion, prune_scope scope,
                     prune_targets targets, double amount, uint64_t seed,
                     prune_result *result, error *e);
bool prune_is_target(const parameter *p, prune_targets targets);

#endif
