/* SPDX-License-Identifier: GPL-3.0-or-later
   bisect.h -- what the files of `bisect` share: what is looked for, and the versions that a
   model had, by undo and by the database of runs. */
#ifndef LATHE_UI_COMMAND_BISECT_H
#define LATHE_UI_COMMAND_BISECT_H

#include "measure/metric.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"

/* "METRIC < NUMBER" or "METRIC > NUMBER"; with "=" equality holds, too. */
typedef struct condition {
    char metric[METRIC_NAME];
    bool below, equal;
    double limit;
} condition;

bool condition_holds(const condition *when, double value);

typedef struct version {
    const model *model;  /* lent by the session */
    const char *command; /* that made it, lent; NULL: undo reaches no further back */
} version;

typedef struct versions {
    version *items; /* the oldest first */
    int64_t count, capacity;
} versions;

/* The versions of the model NAME, from now back through all steps of undo; where it got its
   name by a command on another model, that one's before. */
status versions_find(const session *s, const char *name, versions *v, error *e);
void versions_clear(versions *v);

/* Further back than undo: rows of the runs by which M came to be and of which WHEN was
   measured on the split of ON, the oldest first, and a note on where it began to hold.
   Without a database, or where no run is known, there are none. */
status bisect_runs(call *c, const model *m, const condition *when, const sample_set *on,
                   error *e);

#endif
