/* SPDX-License-Identifier: GPL-3.0-or-later
   lookup.h -- single numbers of the ledger by what they are: the run, the row of its
   answer and the key.  Within a scope: sessions, or whatever an expression holds for.
   Nothing is changed. */
#ifndef LATHE_LEDGER_LOOKUP_H
#define LATHE_LEDGER_LOOKUP_H

#include "ledger/ledger.h"

/* The runs that are looked at; those that failed, reports, and what these ran, never
   are. */
typedef struct ledger_scope {
    const char *sessions; /* with commas; theirs, and what these ran; NULL: all */
    const char *where;    /* an expression of filter.h; NULL: all */
    int64_t before;       /* runs of lower numbers only; 0: all */
} ledger_scope;

/* One row for each row of an answer for which WHERE (NULL: any) holds, in order: run, row,
   command, line, and KEYS.  Where neither WHERE nor KEYS ask for answers, one for each
   run, its row 0.  Sweeps are left out for the runs of their points, unless WHERE asks for
   the command. */
status ledger_find(ledger *l, const ledger_scope *scope, const char *where,
                   const char *const *keys, int64_t key_count, table *out, error *e);

/* The last row of the last run that has KEY and for which WHERE holds; *RUN is 0 where
   there is none. */
status ledger_find_last(ledger *l, const ledger_scope *scope, const char *where,
                        const char *key, int64_t *run, int64_t *row, error *e);

/* What KEY is in row ROW of the answer of RUN, else as its argument, else as a column of
   the run: appended to OUT as `value`, without a row where there is no such run. */
status ledger_find_cell(ledger *l, int64_t run, int64_t row, const char *key, table *out,
                        error *e);

/* The keys of all answers of the scope, in the order of the alphabet, as `key`. */
status ledger_find_keys(ledger *l, const ledger_scope *scope, table *out, error *e);

/* The figures and files that the scope's runs wrote, in order: run, row, command, line,
   file, digest (of the file's bytes), bytes. */
status ledger_find_files(ledger *l, const ledger_scope *scope, table *out, error *e);

/* The runs of the scope that no other one ran, in order: run, command, line, seed, machine,
   cpu, threads, lathe, started, own (1 where the line has the seed). */
status ledger_find_lines(ledger *l, const ledger_scope *scope, table *out, error *e);

/* The last run whose answer has DIGEST; 0: none. */
status ledger_find_digest(ledger *l, const char *digest, int64_t *run, error *e);

#endif
