/* SPDX-License-Identifier: GPL-3.0-or-later
   learned.h -- ranges of values that are trained: an end moves where the gradient of what
   stands at it says so.  Nobody outside of compress/ reads it. */
#ifndef LATHE_COMPRESS_LEARNED_H
#define LATHE_COMPRESS_LEARNED_H

#include "base/error.h"
#include "graph/graph.h"

/* dL/d(end) of each value of the trained graph, summed since the last step. */
typedef struct learned_ranges {
    double *low, *high; /* [values] */
    int values;
} learned_ranges;

status learned_new(learned_ranges *r, int values, error *e);
void learned_clear(learned_ranges *r);

/* Adds what GRADIENT [n] asks of VALUE, whose codes Q have the quantizer given. */
void learned_add(learned_ranges *r, int value, const int8_t *q, int64_t n,
                 const quantizer *format, const float *gradient);

/* One step of the sign of each sum: RATE of the range's width, so that no state beside the
   ranges is needed.  A low end that is 0 stays.  G is the trained graph, DEPLOYED takes
   over its formats by SOURCE (pairing.h).  Sums are 0 afterwards.
   Source: Choi et al. 2018, arXiv:1805.06085, section 3 (the gradient); Bernstein et al.
   2018, arXiv:1802.04434 (the step). */
void learned_step(learned_ranges *r, graph *g, graph *deployed, const int *source,
                  double rate);

/* dL/d(scale) of each output channel of a weight, summed since the last step. */
typedef struct learned_scales {
    double **sum; /* [parameters of the trained graph] [channels]; NULL: not trained */
    int *codes;   /* [parameters] of the deployed graph, those of the same name */
    int parameters;
} learned_scales;

/* The scales of every weight of G that is coded in DEPLOYED; weights of G that have none
   take those of DEPLOYED. */
status learned_scales_new(learned_scales *r, graph *g, const graph *deployed, error *e);
void learned_scales_clear(learned_scales *r);

/* Takes GRADIENT by what weight NUMBER means in its codes, of SHARE of a step, and makes it
   that by the weight.  With v = w / S and codes q from -Qn to Qp:
     dL/dS = sum dL/d(Sq) (q - v, or q where v is beyond the codes) / sqrt(n Qp),
   n the weights of the channel; what is beyond the codes takes no gradient.
   Source: Esser et al. 2020, arXiv:1902.08153, sections 2.1 and 2.2. */
void learned_scales_add(learned_scales *r, const graph *g, const graph *deployed,
                        int number, double share, float *gradient);

/* S -= RATE dL/dS, but by no more than a tenth of S.  Sums are 0 afterwards. */
void learned_scales_step(learned_scales *r, graph *g, double rate);

#endif
