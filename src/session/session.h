/* SPDX-License-Identifier: GPL-3.0-or-later
   session.h -- the named models, datasets and tables that commands work on.
   The session owns every named object.  Commands borrow what they read (session_get_*)
   and give what they make (session_put_*); a stored object is never changed in place, so
   undo is a step back in a list of name tables. */
#ifndef LATHE_SESSION_SESSION_H
#define LATHE_SESSION_SESSION_H

#include <stdbool.h>
#include "base/error.h"
#include "base/table.h"
#include "data/dataset.h"
#include "graph/model.h"

typedef struct session session;

typedef enum object_kind {
    OBJECT_NONE,
    OBJECT_MODEL,
    OBJECT_DATASET,
    OBJECT_TABLE
} object_kind;

session *session_new(uint64_t seed, error *e);
void session_free(session *s);
uint64_t session_seed(const session *s);
void session_set_seed(session *s, uint64_t seed);

/* Lent until the next put, drop or undo.  E_NAME with "did you mean". */
const model *session_get_model(const session *s, const char *name, error *e);
const dataset *session_get_dataset(const session *s, const char *name, error *e);
const table *session_get_table(const session *s, const char *name, error *e);
object_kind session_kind(const session *s, const char *name);

/* May an object of KIND have NAME?  E_NAME where one of another kind has it: such a one is
   dropped by the user, never replaced. */
status session_check_put(const session *s, const char *name, object_kind kind, error *e);
/* Takes the object, also on failure; one of that name and kind is replaced. */
status session_put_model(session *s, const char *name, model *m, error *e);
status session_put_dataset(session *s, const char *name, dataset *d, error *e);
status session_put_table(session *s, const char *name, table *t, error *e);
status session_rename(session *s, const char *from, const char *to, error *e);
status session_copy(session *s, const char *from, const char *to, error *e);
status session_drop(session *s, const char *name, error *e);

/* Names in alphabetical order. */
int64_t session_count(const session *s);
const char *session_name(const session *s, int64_t i, object_kind *kind);

/* Which object NAME is: no two objects of the process ever have the same number.  0: none. */
int64_t session_serial(const session *s, const char *name);
/* Does what NAME is stand in a file of the user's, too?  Whoever writes or reads one says
   so. */
void session_keep(session *s, const char *name);
bool session_is_kept(const session *s, const char *name);

/* The names and variables of S as they are now, without undo and journal; the objects are
   shared, so it is made and freed by the thread that owns S. */
session *session_view(const session *s, error *e);

/* Letters, digits, - _ and . ; not a number; E_NAME says what is wrong. */
status session_check_name(const char *name, error *e);

/* Undo.  A command that changes names is bracketed by begin and end; all its puts are one
   step; rollback (also for errors) leaves the session as it was at begin. */
status session_begin(session *s, const char *command, error *e);
bool session_end(session *s);              /* did anything change? */
bool session_is_changed(const session *s); /* did anything change since the begin? */
void session_rollback(session *s);
/* Name of the command undone or done again (lent); E_NAME where there is none. */
status session_undo(session *s, const char **command, error *e);
status session_redo(session *s, const char **command, error *e);
int64_t session_undo_count(const session *s);
const char *session_undo_command(const session *s, int64_t i); /* 0: the latest */
/* The model NAME as it was before command I (0: the latest), lent like session_get_model;
   NULL where there was none. */
const model *session_past_model(const session *s, const char *name, int64_t i);
/* Drops every step: after a whole session was read there is nothing to go back to. */
void session_forget_undo(session *s);

/* Variables of `let`, as text; NULL where unset. */
status session_let(session *s, const char *name, const char *words, error *e);
const char *session_variable(const session *s, const char *name);
int64_t session_variable_count(const session *s);
const char *session_variable_name(const session *s, int64_t i); /* in order of setting */

/* The command journal: every line that was done, for `history`, saving, replay. */
status session_journal_add(session *s, const char *line, error *e);
int64_t session_journal_count(const session *s);
const char *session_journal_line(const session *s, int64_t i);

#endif
