/* SPDX-License-Identifier: GPL-3.0-or-later
   sampled.h -- what single layers were found to cost at single levels, of models that are
   known by the hash of their weights; and what they would cost in between.  It measures
   nothing. */
#ifndef LATHE_UI_SCREEN_SAMPLED_H
#define LATHE_UI_SCREEN_SAMPLED_H

#include "compress/sensitivity.h"

enum { SAMPLED_LEVELS = 24 };

typedef struct sampled_point {
    int layer; /* as quantize_layers counts */
    double level, change;
} sampled_point;

/* Of one model and one kind of compression. */
typedef struct sampled {
    uint64_t weights; /* graph_hash */
    sensitivity_kind kind;
    const metric_row *metric; /* NULL: nothing was measured */
    double own;               /* the metric of the model itself, as last measured */
    sampled_point *points;
    int64_t count, capacity;
    double levels[SAMPLED_LEVELS]; /* measured, or being measured; the mildest first */
    int level_count;
    int64_t latest; /* a clock of all: the larger, the later it was measured */
} sampled;

typedef struct sampled_list {
    sampled *items;
    int64_t count, capacity;
    int64_t clock;
} sampled_list;

void sampled_clear(sampled_list *l);
/* Lent until the next one comes; NULL where there is none. */
const sampled *sampled_find(const sampled_list *l, uint64_t weights,
                            sensitivity_kind kind);
/* Of the kinds that were measured, the TURN-th after the one that was measured last; NULL
   where none was. */
const sampled *sampled_shown(const sampled_list *l, uint64_t weights, int64_t turn);
/* The same to be changed, made where there is none; NULL without memory. */
sampled *sampled_of(sampled_list *l, uint64_t weights, sensitivity_kind kind);

/* A level that will be measured has its column. */
void sampled_expect(sampled *s, double level);
/* Takes a point in the place of an earlier one; points of another metric go. */
void sampled_put(sampled *s, const metric_row *metric, double own, sampled_point p);
const sampled_point *sampled_at(const sampled *s, int layer, double level);

/* Is the metric a share, so that changes are told in points? */
bool sampled_is_share(const sampled *s);
/* A change in points, or in percent of the model's own value. */
double sampled_part(const sampled *s, double change);
/* How much worse (above 0) the metric gets by CHANGE of it. */
double sampled_worse(const sampled *s, double change);

/* What the metric changes by when LAYER goes from NOW to THEN: linear between the levels
   that were measured on either side, and from (NOW, 0) to the first of them, for a layer
   that is left as it is changes nothing.  False where THEN lies beyond what was measured:
   nothing is extrapolated. */
bool sampled_change(const sampled *s, int layer, double now, double then, double *change);

#endif
