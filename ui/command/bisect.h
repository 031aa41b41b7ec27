/* SPDX-License-Identifier: GPL-3.0-or-later
   bisect.h -- what the files of `bisect` share: the versions that a model had, by undo. */
#ifndef LATHE_UI_COMMAND_BISECT_H
#define LATHE_UI_COMMAND_BISECT_H

#include "session/session.h"

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

#endif
