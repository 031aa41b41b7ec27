/* SPDX-License-Identifier: GPL-3.0-or-later
   runs.h -- questions to the ledger: which runs there were, what one of them was, where a
   model came from.  Answers are rows; nothing is changed. */
#ifndef LATHE_LEDGER_RUNS_H
#define LATHE_LEDGER_RUNS_H

#include "ledger/ledger.h"

typedef struct runs_query {
    const char *where; /* an expression of filter.h; NULL: all */
    const char *sort;  /* a key; NULL: in the order of their numbers */
    bool descending;
    int64_t last;               /* of what was found, so many of the latest; 0: all */
    int64_t most;               /* so many rows of the answer; 0: all */
    const char *const *columns; /* keys to be shown with those that are named above */
    int64_t column_count;
} runs_query;

/* One row a run: run started line status seconds, and the keys that Q names; where one of
   these is a value of answers, one row for each row of the answers, with the column row.
   Rows of sweeps are left out there: the runs of their points have them. */
status ledger_runs(ledger *l, const runs_query *q, table *out, error *e);

/* The same runs, and every value of their answers: KEY, KEY_low, KEY_high, and arguments
   that were given as argument.KEY. */
status ledger_export(ledger *l, const runs_query *q, table *out, error *e);

/* Run NUMBER in full: part (run, argument, input, output, value, point, warning), row, key,
   value, low, high.  E_NAME where there is none. */
status ledger_show_run(ledger *l, int64_t number, table *out, error *e);

#endif
