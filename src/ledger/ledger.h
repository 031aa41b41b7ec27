/* SPDX-License-Identifier: GPL-3.0-or-later
   ledger.h -- the database of runs: what was done, with which numbers, by whom and on what
   it came out.  It runs no command and prints nothing.

   One SQLite file in WAL mode.  A receipt is written in one transaction, so that a reader,
   or whoever opens the file after a crash, finds it whole or not at all; two programs may
   write at once, each waiting for the other.
   Source: https://www.sqlite.org/wal.html */
#ifndef LATHE_LEDGER_LEDGER_H
#define LATHE_LEDGER_LEDGER_H

#include <stdint.h>
#include "base/error.h"
#include "base/table.h"
#include "base/text.h"

typedef struct ledger ledger;

/* The version of the tables that this program writes (PRAGMA user_version). */
#define LEDGER_VERSION 2

/* Opens or makes PATH, with its folder.  E_FORMAT: no database, one of another program, or
   of a later lathe; E_FILE: the system refused.  NULL on failure. */
ledger *ledger_open(const char *path, error *e);
void ledger_close(ledger *l); /* NULL is fine */
const char *ledger_path(const ledger *l);

/* ---- writing ---- */

/* A model at one moment, known by the hash of its structure and all of its numbers. */
typedef struct ledger_model {
    const char *name; /* in the session */
    const char *role; /* the option that named it; "output": the run made it */
    uint64_t hash;    /* graph_hash */
    const char *architecture;
    int64_t parameters, nonzero;
    int64_t bytes;         /* of its file; -1: not known */
    int64_t multiply_adds; /* of one sample; -1: not known */
} ledger_model;

/* Data at one moment, known by a digest of their content with its division. */
typedef struct ledger_data {
    const char *name; /* in the session */
    const char *role; /* the option that named them; "output": the run made them */
    uint64_t digest;
    const char *source, *origin; /* "gpe", and the words that made them */
    int64_t samples, train, val, test;
} ledger_data;

typedef struct ledger_argument {
    const char *key, *words;
    bool given; /* else it is the default */
} ledger_argument;

typedef struct ledger_point {
    const char *model, *series; /* "m", "val_loss" */
    double x, y;                /* points that are not finite are left out */
} ledger_point;

/* All of it is lent.  Of ROWS every cell is kept, up to LEDGER_CELLS_MAX; NAME_low and
   NAME_high become the interval of NAME, `split` is kept with every value of its row. */
typedef struct receipt {
    const char *session, *command;
    const char *line; /* the whole command as it can be written again */
    int64_t parent;   /* the run that ran this one; 0: none */
    int64_t seed;
    double started; /* seconds since 1970 */
    double seconds;
    const char *status; /* "done", "failed", "stopped", "running"; the ledger itself makes
                           the last "killed" where PROCESS is gone */
    const char *process; /* (process.h) where it is running, else NULL */
    const char *machine, *level;
    int64_t threads;
    const char *version;  /* of lathe */
    const char *error;    /* the sentence of a run that failed, or NULL */
    const char *warnings; /* one a line */
    const ledger_argument *arguments;
    int64_t argument_count;
    const ledger_model *models;
    int64_t model_count;
    const ledger_data *data;
    int64_t data_count;
    const ledger_point *points;
    int64_t point_count;
    const table *rows; /* NULL: none */
} receipt;

#define LEDGER_CELLS_MAX 200000

/* Writes R.  *ID 0: as a new run, whose number it becomes; else in place of run *ID, which
   was begun with the same call. */
status ledger_record(ledger *l, const receipt *r, int64_t *id, error *e);

/* ---- asking ---- */

typedef struct ledger_value {
    cell_kind kind; /* CELL_TEXT, CELL_INTEGER or CELL_REAL; CELL_NONE: NULL */
    const char *words;
    int64_t integer;
    double real;
} ledger_value;

#define LEDGER_TEXT(w)    ((ledger_value){.kind = CELL_TEXT, .words = (w)})
#define LEDGER_INTEGER(i) ((ledger_value){.kind = CELL_INTEGER, .integer = (i)})
#define LEDGER_REAL(r)    ((ledger_value){.kind = CELL_REAL, .real = (r)})

/* Appends the rows of the SELECT in SQL, with VALUES in the place of its ?1, ?2, ..., to
   OUT, whose columns they name.  SQL is the program's own text, never a user's. */
status ledger_select(ledger *l, const char *sql, const ledger_value *values,
                     int64_t count, table *out, error *e);

/* Runs whose process is gone were killed: says so in the database, as far as it can be
   written now. */
void ledger_mark_killed(ledger *l);

/* Is the file whole?  Asks SQLite to look at all of it; E_FORMAT says what is wrong. */
status ledger_check(ledger *l, error *e);

/* A hash as the tables have it: 16 hexadecimal digits. */
char *ledger_hash(char buffer[17], uint64_t hash);

#endif
