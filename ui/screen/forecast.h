/* SPDX-License-Identifier: GPL-3.0-or-later
   forecast.h -- what the changes set for layers of a model would make of it: bytes, time
   and error, each from what was measured.  It measures nothing, and what it cannot tell
   it leaves open. */
#ifndef LATHE_UI_SCREEN_FORECAST_H
#define LATHE_UI_SCREEN_FORECAST_H

#include "ui/screen/edits.h"
#include "ui/screen/evidence.h"

typedef struct forecast {
    int64_t bytes_now, bytes; /* of the file; -1: unknown */
    double ms_now, ms;        /* of one run; NaN: not timed */
    const metric_row *metric; /* NULL: not sampled */
    double value_now, value;  /* of the metric; NaN: not sampled at these ratios */
} forecast;

/* Bytes: by the rules of the file (edits_bytes).

   Time: t = t_now + sum over layers l that are pruned of (t_l(a_l) - t_l).  t_l is the
   median of the layer as `plan` timed it, t_l(a) that of the kernel that ran where `plan`
   had the layer pruned to a; nothing is scaled, for whether zeros save time depends on the
   kernel that is chosen.  Weights of fewer bits run in f32 as before.

   Error: m = m_now + sum over layers of c_l(a_l) + sum over layers of c_l(b_l).  c_l is
   what the metric was found to change by with this layer alone pruned to a, or its weights
   alone in b bits, linear between the levels that were sampled (sampled_change).  That
   layers' changes add up holds to first order only, so it is no more than a prediction. */
void forecast_make(forecast *f, const edits *e, const name_card *chosen,
                   const evidence *v);

/* A prediction whose changes were applied, until the next one. */
typedef struct applied {
    char model[CARD_WORDS]; /* "": none */
    int64_t from, to; /* serials of the version it was made of, and of what came out (0:
                         not there yet) */
    int64_t block;    /* blocks that were done when it was handed over */
    forecast forecast;
} applied;

/* Goes with the session: IDLE says that DONE blocks are done and nothing runs.  It ends
   where the command failed, or the model has gone on. */
void applied_follow(applied *a, const cards *c, bool idle, int64_t done);

#endif
