/* SPDX-License-Identifier: GPL-3.0-or-later
   yardstick.h -- a model measured beside the one it came from: the bytes of its file, its
   time in the same rounds, its metrics read back from the file.  For commands that judge
   several models by requirements. */
#ifndef LATHE_UI_COMMAND_YARDSTICK_H
#define LATHE_UI_COMMAND_YARDSTICK_H

#include "compress/requirement.h"
#include "ui/command/rows.h"

typedef struct yardstick {
    const task *task;
    const model *base; /* lent */
    sample_set on;
    int64_t batch;   /* of the timed runs */
    double seconds;  /* for the rounds of both models */
    uint64_t seed;   /* of their input */
    quantities zero; /* the base itself */
} yardstick;

/* Measures the base.  Everything but ZERO is set. */
status yardstick_begin(yardstick *y, error *e);
status yardstick_measure(const yardstick *y, const model *m, quantities *out, error *e);
/* The times of M and the base alone: medians of rounds of both for SECONDS.  Rounds that
   something else disturbed (their slow runs take twice as long as their fast ones) are
   measured again, twice at most; those with the least spread count. */
status yardstick_time(const yardstick *y, const model *m, double seconds, quantities *q,
                      error *e);

/* In T's current row: bytes size_change median_ms time_change, the first metric and those
   that REQUIRED names with their change (points of a share). */
void yardstick_put(const yardstick *y, const quantities *q, const requirement *required,
                   int count, table *t);

/* Adds "size is 91, size=-30% wants 70" for each requirement that Q misses; the count. */
int yardstick_missed(const yardstick *y, const quantities *q, const requirement *required,
                     int count, text *words);

#endif
