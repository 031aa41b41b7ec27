/* SPDX-License-Identifier: GPL-3.0-or-later
   channel.h -- which channels of a graph's values stand and fall together, by the rule of
   each operator, and the graph without some of them.  It does not choose which go. */
#ifndef LATHE_GRAPH_CHANNEL_H
#define LATHE_GRAPH_CHANNEL_H

#include <stdint.h>
#include "base/error.h"
#include "graph/graph.h"

/* ---- for the rules of operators ---- */

/* The node that is being asked for its rule, and what has been said so far. */
typedef struct coupling coupling;

#define COUPLE_OUTPUT (-1) /* else the number of an input */

/* Channel CHANNEL_A of one end and CHANNEL_B of the other (or the same) go together. */
void couple(coupling *c, int end_a, int64_t channel_a, int end_b, int64_t channel_b);

/* What those rules need that keep channels in place: channel i of the first input, or of
   every input, is channel i of the output. */
void couple_first(const node *n, const shape *in, shape out, coupling *c);
void couple_all(const node *n, const shape *in, shape out, coupling *c);

/* What stays at a node: of the first input the channels where KEPT is 1, and OUTPUTS of
   the output. */
typedef struct channel_cut {
    int64_t inputs; /* before the cut */
    const uint8_t *kept;
    int64_t outputs;
} channel_cut;

/* How many stay of COUNT channels from FIRST on. */
int64_t channel_cut_count(const channel_cut *c, int64_t first, int64_t count);

/* ---- for those who cut ---- */

/* Channels fall into units, each of which stays or goes as a whole.  A channel is a place
   along the last dimension of a value. */
typedef struct channel_units {
    int value_count;
    int64_t *first; /* [value_count + 1] where the channels of each value begin below */
    int64_t *unit;  /* of each channel of each value; -1: it stays whatever happens */
    int64_t count;  /* of units, numbered in the order of their first channels */
} channel_units;

/* The graph's input and output stay, and what an operator without a rule reads or writes.
   The rest is as coarse as the rules say and no coarser. */
status channel_units_find(const graph *g, channel_units *u, error *e);
void channel_units_clear(channel_units *u);

/* A copy of G without the units where GOES is 1, to be freed by the caller: parameters and
   masks are narrower, in nodes whatever counts channels.  What it computes is what G does
   where every value is set to zero in those channels.  Measured methods are forgotten.
   NULL with E_RANGE where a value would lose its last channel, with E_USAGE where
   something is quantized. */
graph *graph_without_channels(const graph *g, const channel_units *u, const uint8_t *goes,
                              error *e);

/* The other way to the same result, for comparison: a copy of G in all its width, in which
   whatever reads channels into a sum (convolutions, linear layers) reads zeros of those
   that go. */
graph *graph_with_channels_unread(const graph *g, const channel_units *u,
                                  const uint8_t *goes, error *e);

#endif
