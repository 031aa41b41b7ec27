/* SPDX-License-Identifier: GPL-3.0-or-later
   autosave.h -- the session at the prompt, kept in a folder of its own below
   $XDG_STATE_HOME/lathe/autosave while it works, and afterwards where it left results that
   stand in no file.  It reads no key and prints nothing. */
#ifndef LATHE_UI_AUTOSAVE_H
#define LATHE_UI_AUTOSAVE_H

#include <stdbool.h>
#include "base/table.h"
#include "base/text.h"
#include "session/session.h"

typedef struct autosave autosave;

/* For S, which has nothing yet.  Removes folders that are too old or too many.  NULL on
   failure. */
autosave *autosave_new(const session *s, error *e);
void autosave_free(autosave *a); /* NULL is fine; what is kept stays */

/* Is S other than it was kept? */
bool autosave_is_due(const autosave *a);
/* Keeps S as it is now; what did not change is not written again. */
status autosave_now(autosave *a, error *e);

/* How many models and tables of S stand in no file: those that were trained, compressed or
   swept. */
int64_t autosave_unsaved(const session *s);

/* At the end: keeps S where it has unsaved results, and appends a line to OUT that tells
   how to get them back; else removes what was kept. */
void autosave_finish(autosave *a, text *out);

/* FOLDER was read into S: where it is of other sessions, it goes when S is kept or has nothing unsaved. */
void autosave_inherit(autosave *a, const char *folder);

/* The folders that were left, the latest first: folder, saved, models, datasets, tables,
   commands, state: "running" or "left". */
status autosave_list(table *out, error *e);
/* The latest that nobody works on; the caller frees; NULL where there is none. */
char *autosave_latest(error *e);
/* Appends a line to OUT about what was left since this was asked last. */
void autosave_tell(text *out);

#endif
