/* SPDX-License-Identifier: GPL-3.0-or-later
   schema.c -- the tables of the database and how an older file gets those of today.
   It writes no receipt. */
#include "ledger/ledger_parts.h"

#include <stdio.h>

/* "lthe": tells the file from databases of other programs (PRAGMA application_id). */
#define APPLICATION 0x6c746865

/* Row N brings a file of version N to version N + 1. */
static const char *const steps[LEDGER_VERSION] = {
    "CREATE TABLE run ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " parent INTEGER REFERENCES run (id),"
    " session TEXT NOT NULL,"
    " command TEXT NOT NULL,"
    " line TEXT NOT NULL,"
    " seed INTEGER,"
    " started TEXT NOT NULL," /* UTC, "2026-01-31T08:15:30.125Z" */
    " seconds REAL,"
    " status TEXT NOT NULL,"
    " machine TEXT,"
    " cpu TEXT,"
    " threads INTEGER,"
    " lathe TEXT,"
    " error TEXT);"
    "CREATE INDEX run_parent ON run (parent);"
    "CREATE INDEX run_command ON run (command);"
    "CREATE TABLE argument ("
    " run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,"
    " key TEXT NOT NULL,"
    " words TEXT,"
    " number,"
    " given INTEGER NOT NULL,"
    " PRIMARY KEY (run, key)) WITHOUT ROWID;"
    "CREATE TABLE value ("
    " run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,"
    " row INTEGER NOT NULL,"
    " key TEXT NOT NULL,"
    " words TEXT,"
    " number,"
    " low REAL,"
    " high REAL,"
    " split TEXT,"
    " PRIMARY KEY (run, row, key)) WITHOUT ROWID;"
    "CREATE TABLE point ("
    " run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,"
    " model TEXT NOT NULL,"
    " series TEXT NOT NULL,"
    " x REAL NOT NULL,"
    " y REAL NOT NULL,"
    " PRIMARY KEY (run, model, series, x)) WITHOUT ROWID;"
    "CREATE TABLE warning ("
    " run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,"
    " number INTEGER NOT NULL,"
    " words TEXT NOT NULL,"
    " PRIMARY KEY (run, number)) WITHOUT ROWID;"
    "CREATE TABLE version ("
    " hash TEXT PRIMARY KEY,"
    " architecture TEXT,"
    " parameters INTEGER,"
    " nonzero INTEGER,"
    " bytes INTEGER,"
    " multiply_adds INTEGER) WITHOUT ROWID;"
    "CREATE TABLE model ("
    " run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,"
    " role TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " hash TEXT NOT NULL REFERENCES version (hash),"
    " PRIMARY KEY (run, role, name)) WITHOUT ROWID;"
    "CREATE INDEX model_hash ON model (hash);",
    /* What data a run read or made, by a digest of its content; which process a run is at
       work in.  A file of version 1 has no run at work: nobody knows whose they were. */
    "ALTER TABLE run ADD COLUMN process TEXT;"
    "UPDATE run SET status = 'killed' WHERE status = 'running';"
    "CREATE INDEX run_at_work ON run (process) WHERE status = 'running';"
    "CREATE TABLE dataset ("
    " digest TEXT PRIMARY KEY,"
    " source TEXT,"
    " origin TEXT,"
    " samples INTEGER,"
    " train INTEGER,"
    " val INTEGER,"
    " test INTEGER) WITHOUT ROWID;"
    "CREATE TABLE data ("
    " run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,"
    " role TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " digest TEXT NOT NULL REFERENCES dataset (digest),"
    " PRIMARY KEY (run, role, name)) WITHOUT ROWID;"
    "CREATE INDEX data_digest ON data (digest);",
};

/* The only number that SQL answers with. */
static status ask_number(ledger *l, const char *sql, int64_t *number, error *e)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(l->handle, sql, -1, &s, NULL) != SQLITE_OK)
        return ledger_fail(l, "cannot be read", e);
    status result = E_OK;
    if (sqlite3_step(s) == SQLITE_ROW)
        *number = sqlite3_column_int64(s, 0);
    else
        result = ledger_fail(l, "cannot be read", e);
    sqlite3_finalize(s);
    return result;
}

/* What version the file is of: 0 for an empty one. */
static status ask_version(ledger *l, int64_t *version, error *e)
{
    int64_t tables = 0, application = 0;
    TRY(ask_number(l, "PRAGMA user_version", version, e));
    TRY(ask_number(l, "PRAGMA application_id", &application, e));
    TRY(ask_number(l, "SELECT count(*) FROM sqlite_schema", &tables, e));
    if (tables > 0 && application != APPLICATION) {
        fail(e, E_FORMAT, "%s: a database of another program", l->path);
        return fail_hint(e, "--db FILE or 'set db=FILE' names another file");
    }
    if (*version > LEDGER_VERSION) {
        fail(e, E_FORMAT,
             "%s: written by a later lathe (tables of version %lld, want %d)", l->path,
             (long long)*version, LEDGER_VERSION);
        return fail_hint(e, "--db FILE or 'set db=FILE' names another file");
    }
    if (*version < 0 || (*version == 0) != (tables == 0))
        return fail(e, E_FORMAT, "%s: tables of version %lld, which there never was",
                    l->path, (long long)*version);
    return E_OK;
}

static status take_steps(ledger *l, error *e)
{
    int64_t version = 0;
    char sql[96];
    TRY(ask_version(l, &version, e)); /* again: another program may have been faster */
    for (; version < LEDGER_VERSION; version++)
        TRY(ledger_execute(l, steps[version], e));
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             APPLICATION, LEDGER_VERSION);
    return ledger_execute(l, sql, e);
}

status ledger_prepare_tables(ledger *l, error *e)
{
    int64_t version = 0;
    /* All answers are of one moment: another program may be making the tables. */
    TRY(ledger_execute(l, "BEGIN", e));
    TRY(ledger_end(l, ask_version(l, &version, e), e));
    if (version == LEDGER_VERSION)
        return E_OK;
    TRY(ledger_begin(l, e));
    return ledger_end(l, take_steps(l, e), e);
}
