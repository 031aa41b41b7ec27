/* SPDX-License-Identifier: GPL-3.0-or-later
   ledger.c -- the connection to the database: opening, transactions that wait for other
   writers, questions.  It knows no table. */
#include "ledger/ledger_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/task.h"

/* How long one attempt waits for another writer, the pause behind it, and how long it is
   tried. */
enum { BUSY_MILLISECONDS = 5000, PAUSE_MILLISECONDS = 5, PATIENCE_SECONDS = 20 };

status ledger_fail(const ledger *l, const char *what, error *e)
{
    int code = sqlite3_errcode(l->handle) & 0xff;
    const char *why = sqlite3_errmsg(l->handle);
    switch (code) {
    case SQLITE_NOMEM:
        return fail(e, E_MEMORY, "%s: no memory for the database", l->path);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_ERROR: /* tables that are not as this program made them */
        fail(e, E_FORMAT, "%s: %s: %s", l->path, what, why);
        break;
    default:
        fail(e, E_FILE, "%s: %s: %s", l->path, what, why);
    }
    return fail_hint(e, "--db FILE or 'set db=FILE' names another file");
}

status ledger_execute(ledger *l, const char *sql, error *e)
{
    return sqlite3_exec(l->handle, sql, NULL, NULL, NULL) == SQLITE_OK
               ? E_OK
               : ledger_fail(l, "cannot be written", e);
}

/* SQLite waits for other programs, but not where two that wait for each other would do so
   for ever: then it is asked again. */
static int insist(ledger *l, const char *sql)
{
    const double end = task_clock() + PATIENCE_SECONDS;
    int code = sqlite3_exec(l->handle, sql, NULL, NULL, NULL);
    while ((code & 0xff) == SQLITE_BUSY && task_clock() < end) {
        sqlite3_sleep(PAUSE_MILLISECONDS);
        code = sqlite3_exec(l->handle, sql, NULL, NULL, NULL);
    }
    return code;
}

status ledger_begin(ledger *l, error *e)
{
    int code = insist(l, "BEGIN IMMEDIATE");
    return code == SQLITE_OK ? E_OK : ledger_fail(l, "cannot be written", e);
}

status ledger_end(ledger *l, status result, error *e)
{
    if (result == E_OK)
        result = ledger_execute(l, "COMMIT", e);
    if (result != E_OK && !sqlite3_get_autocommit(l->handle))
        sqlite3_exec(l->handle, "ROLLBACK", NULL, NULL, NULL);
    return result;
}

/* Nothing that stands in the file may run: no trigger, no view, no function of it. */
static void distrust(sqlite3 *handle)
{
    static const struct {
        int option, value;
    } rows[] = {{SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
                {SQLITE_DBCONFIG_DEFENSIVE, 1},      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                {SQLITE_DBCONFIG_ENABLE_FKEY, 1},    {SQLITE_DBCONFIG_DQS_DML, 0},
                {SQLITE_DBCONFIG_DQS_DDL, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        sqlite3_db_config(handle, rows[i].option, rows[i].value, NULL);
    sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
}

/* A write is on the disk at the next checkpoint of the log: what a power cut can take is
   the last runs, never the file.  Source: https://www.sqlite.org/pragma.html#pragma_synchronous */
static status set_up(ledger *l, error *e)
{
    distrust(l->handle);
    sqlite3_busy_timeout(l->handle, BUSY_MILLISECONDS);
    if (insist(l, "PRAGMA journal_mode = WAL") != SQLITE_OK)
        return ledger_fail(l, "cannot be opened", e);
    TRY(ledger_execute(l, "PRAGMA synchronous = NORMAL", e));
    return ledger_prepare_tables(l, e);
}

static status make_folder_of(const char *path, error *e)
{
    const char *end = strrchr(path, '/');
    if (!end || end == path)
        return E_OK;
    char *folder = memory_format(e, "%.*s", (int)(end - path), path);
    if (!folder)
        return e->code;
    status s = folder_exists(folder) ? E_OK : file_make_folder(folder, e);
    memory_free(folder);
    return s;
}

static status open_file(ledger *l, error *e)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX |
                      SQLITE_OPEN_EXRESCODE;
    TRY(make_folder_of(l->path, e));
    if (sqlite3_open_v2(l->path, &l->handle, flags, NULL) != SQLITE_OK)
        return l->handle ? ledger_fail(l, "cannot be opened", e)
                         : fail(e, E_MEMORY, "%s: no memory for the database", l->path);
    return set_up(l, e);
}

ledger *ledger_open(const char *path, error *e)
{
    error own = {0};
    e = e ? e : &own;
    ledger *l = memory_new(1, sizeof *l, e);
    if (!l)
        return NULL;
    l->path = memory_text(path, e);
    if (!l->path || open_file(l, e) != E_OK) {
        ledger_close(l);
        return NULL;
    }
    ledger_mark_killed(l);
    return l;
}

void ledger_close(ledger *l)
{
    if (!l)
        return;
    for (int i = 0; i < INSERT_COUNT; i++)
        sqlite3_finalize(l->inserts[i]);
    sqlite3_close(l->handle);
    memory_free(l->path);
    memory_free(l);
}

const char *ledger_path(const ledger *l)
{
    return l->path;
}

char *ledger_hash(char buffer[17], uint64_t hash)
{
    snprintf(buffer, 17, "%016" PRIx64, hash);
    return buffer;
}

/* ---- asking ---- */

static int bind(sqlite3_stmt *s, int at, const ledger_value *v)
{
    switch (v->kind) {
    case CELL_TEXT:
        return sqlite3_bind_text(s, at, v->words, -1, SQLITE_STATIC);
    case CELL_INTEGER:
    case CELL_FLAG:
        return sqlite3_bind_int64(s, at, v->integer);
    case CELL_REAL:
        return sqlite3_bind_double(s, at, v->real);
    case CELL_NONE:
        break;
    }
    return sqlite3_bind_null(s, at);
}

static void put_column(sqlite3_stmt *s, int i, table *out)
{
    const char *name = sqlite3_column_name(s, i);
    if (!name)
        name = "";
    switch (sqlite3_column_type(s, i)) {
    case SQLITE_INTEGER:
        table_integer(out, name, sqlite3_column_int64(s, i));
        break;
    case SQLITE_FLOAT:
        table_real(out, name, sqlite3_column_double(s, i));
        break;
    case SQLITE_TEXT:
        table_text(out, name, (const char *)sqlite3_column_text(s, i));
        break;
    default:
        table_none(out, name);
    }
}

static status take_rows(ledger *l, sqlite3_stmt *s, table *out, error *e)
{
    int code;
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        table_row(out);
        for (int i = 0; i < sqlite3_column_count(s); i++)
            put_column(s, i, out);
    }
    return code == SQLITE_DONE ? table_ok(out, e) : ledger_fail(l, "cannot be read", e);
}

status ledger_select(ledger *l, const char *sql, const ledger_value *values,
                     int64_t count, table *out, error *e)
{
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(l->handle, sql, -1, &s, NULL);
    for (int64_t i = 0; code == SQLITE_OK && i < count; i++)
        code = bind(s, (int)i + 1, &values[i]);
    status result =
        code == SQLITE_OK ? take_rows(l, s, out, e) : ledger_fail(l, "cannot be read", e);
    sqlite3_finalize(s);
    return result;
}

void ledger_mark_killed(ledger *l)
{
    table *at_work = table_new(NULL);
    if (at_work && ledger_select(l,
                                 "SELECT DISTINCT process FROM run"
                                 " WHERE status = 'running' AND process IS NOT NULL",
                                 NULL, 0, at_work, NULL) != E_OK)
        at_work->row_count = 0;
    for (int64_t i = 0; at_work && i < at_work->row_count; i++) {
        const char *process = table_get(at_work, i, 0)->words;
        sqlite3_stmt *s = NULL;
        if (!process_is_gone(process))
            continue;
        if (sqlite3_prepare_v2(l->handle,
                               "UPDATE run SET status = 'killed', process = NULL"
                               " WHERE status = 'running' AND process = ?1",
                               -1, &s, NULL) == SQLITE_OK &&
            sqlite3_bind_text(s, 1, process, -1, SQLITE_STATIC) == SQLITE_OK)
            (void)sqlite3_step(s); /* where it is busy, the next one says so */
        sqlite3_finalize(s);
    }
    table_free(at_work);
}

status ledger_check(ledger *l, error *e)
{
    table *answer = table_new(e);
    if (!answer)
        return E_MEMORY;
    status s = ledger_select(l, "PRAGMA integrity_check(1)", NULL, 0, answer, e);
    const char *words = answer->row_count > 0 ? table_get(answer, 0, 0)->words : NULL;
    if (s == E_OK && !text_equal(words, "ok"))
        s = fail(e, E_FORMAT, "%s: damaged: %s", l->path, words ? words : "no answer");
    table_free(answer);
    return s;
}
