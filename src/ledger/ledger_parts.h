/* SPDX-License-Identifier: GPL-3.0-or-later
   ledger_parts.h -- what the files of the ledger share: the connection, and statements
   whose failures are errors of ours.  Others use ledger.h. */
#ifndef LATHE_LEDGER_LEDGER_PARTS_H
#define LATHE_LEDGER_LEDGER_PARTS_H

#include <sqlite3.h>
#include "ledger/ledger.h"

/* The statements of a receipt, prepared when first used and kept. */
typedef enum insert_kind {
    INSERT_RUN,
    REPLACE_RUN,
    INSERT_ARGUMENT,
    INSERT_VALUE,
    INSERT_POINT,
    INSERT_WARNING,
    INSERT_VERSION,
    INSERT_MODEL,
    INSERT_DATASET,
    INSERT_DATA,
    INSERT_COUNT
} insert_kind;

/* A dataset d in words: "0123456789abcdef gpe n=8 seed=1, 16 samples (10/3/3)". */
#define LEDGER_DATA_WORDS                                                                \
    "(d.digest || ' ' || coalesce(d.origin, d.source, '') || ', ' || d.samples ||"       \
    " ' samples (' || d.train || '/' || d.val || '/' || d.test || ')')"

struct ledger {
    sqlite3 *handle;
    char *path;
    sqlite3_stmt *inserts[INSERT_COUNT];
};

/* E for the last failure of L's connection: E_FILE, or E_FORMAT where the file is bad. */
status ledger_fail(const ledger *l, const char *what, error *e);

/* One statement without an answer. */
status ledger_execute(ledger *l, const char *sql, error *e);

/* BEGIN IMMEDIATE, waiting for other writers; E_FILE after LEDGER_PATIENCE. */
status ledger_begin(ledger *l, error *e);
/* COMMIT where RESULT is E_OK, else ROLLBACK: the status of it all. */
status ledger_end(ledger *l, status result, error *e);

/* Makes the tables of a new file, or those that an older lathe did not have. */
status ledger_prepare_tables(ledger *l, error *e);

#endif
