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
/* The same for single parameters of G: AMOUNTS [parameter_count] is the share of each that
   is zero then; NaN, and what is no target: it stays as it is. */
status prune_parameters(graph *g, const criterion_row *criterion, prune_targets targets,
                        const double *amounts, uint64_t seed, prune_result *result,
                        error *e);
bool prune_is_target(const parameter *p, prune_targets targets);

/* Which weights go together.  Blocks of OUTPUTS x INPUTS, one of them 1, go and stay as a
   whole: consecutive outputs with the same input, or consecutive input channels of one
   output and tap.  With KEEP above 0 they do not: of each INPUTS consecutive ones KEEP
   stay. */
typedef struct prune_pattern {
    int64_t outputs, inputs, keep;
} prune_pattern;

/* Reads "weight" (blocks of one), "4x1" (outputs x inputs) or "2:4" (keep:inputs). */
status prune_pattern_read(prune_pattern *pattern, const char *text, error *e);

/* The share that goes where a pattern says it by itself, (inputs - keep) / inputs. */
double prune_pattern_amount(const prune_pattern *pattern);

/* As prune_weights, for weights alone and by a pattern.  Blocks are ranked by the root
   mean square of their scores, and as many go as fit: at most round(n * amount) elements
   are zero.  With KEEP the largest scores of each group stay (at the end of a row a group
   may be short: it keeps as many), and scope and amount play no part.
   Source: Mishra et al. 2021, arXiv:2104.08378 (2:4); Narang, Undersander, Diamos 2017,
   arXiv:1711.02782 (blocks). */
status prune_by_pattern(graph *g, const criterion_row *criterion, prune_scope scope,
                        const prune_pattern *pattern, double amount, uint64_t seed,
                        prune_result *result, error *e);

#endif
