/* SPDX-License-Identifier: GPL-3.0-or-later
   transcript.h -- what a session did, as a script that does it again: every command as it
   ran, with its seed, behind it the hash of each model that it made, and as comments what
   failed.  It runs no command and prints nothing. */
#ifndef LATHE_UI_TRANSCRIPT_H
#define LATHE_UI_TRANSCRIPT_H

#include "base/error.h"
#include "base/text.h"
#include "session/session.h"
#include "ui/command/command.h"
#include "ui/lexer.h"

typedef struct transcript transcript;

/* The models of a session before a command, so that those it made are known after it. */
typedef struct earlier_model {
    char *name;
    const model *model; /* compared, never followed */
} earlier_model;
typedef struct earlier_models {
    earlier_model *items;
    int64_t count, capacity;
} earlier_models;
void earlier_models_take(earlier_models *m, const session *s);
void earlier_models_clear(earlier_models *m);

/* Begins the script PATH with what S did before.  FIRST_SEED is that of the session at its
   very beginning.  NULL on failure. */
transcript *transcript_open(const char *path, const session *s, uint64_t first_seed,
                            error *e);
void transcript_close(transcript *t); /* NULL is fine */
const char *transcript_path(const transcript *t);
int64_t transcript_commands(const transcript *t); /* since it was opened */

/* Is PATH a transcript, which another may replace? */
bool transcript_is(const char *path);

/* What ran: LINE as transcript_line made it, or what was written where it did not get so
   far; how it ended, KEPT where it was stopped and the session has some of it; and the models that it made, those that are not among BEFORE.  It is
   with the system when this returns: a session that is killed leaves it. */
status transcript_add(transcript *t, const char *line, status result, bool kept,
                      const error *why, const earlier_models *before, const session *s,
                      error *e);

/* Appends the command C with its words W to OUT as a script in FOLDER needs it: the seed
   that the session lends it, and its files as they are called from there. */
void transcript_line(const command *c, const sentence *w, const option_set *options,
                     uint64_t seed, const char *folder, text *out);
const char *transcript_folder(const transcript *t);

#endif
