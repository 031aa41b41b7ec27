/* SPDX-License-Identifier: GPL-3.0-or-later
   lookup.c -- where a number of the ledger is, and what it is, as SELECTs.  It changes
   nothing. */
#include "ledger/lookup.h"

#include <ctype.h>
#include <string.h>
#include "ledger/filter.h"

/* ---- the scope ---- */

/* "'A', 'B'" of "A,B".  A session is a word of hexadecimal digits: no quote gets in. */
static status add_sessions(const char *sessions, text *sql, error *e)
{
    for (const char *p = sessions; *p;) {
        size_t length = strspn(p, "0123456789abcdef");
        if (length == 0 || (p[length] != ',' && p[length] != '\0')) {
            fail(e, E_USAGE, "'%.60s' is no session, want hexadecimal digits", p);
            return fail_hint(e, "'runs columns=session' shows them");
        }
        text_addf(sql, "%s'%.*s'", p == sessions ? "" : ", ", (int)length, p);
        p += length + (p[length] == ',');
    }
    return E_OK;
}

/* Begins F with the runs of SCOPE as the table "inside", and the rows of their answers as
   "lines". */
static status begin(filter *f, const ledger_scope *scope, error *e)
{
    text_add(&f->sql, "WITH RECURSIVE inside (id) AS (SELECT id FROM run r");
    if (scope->sessions) {
        text_add(&f->sql, " WHERE session IN (");
        TRY(add_sessions(scope->sessions, &f->sql, e));
        text_add(&f->sql, ") UNION SELECT r.id FROM run r JOIN inside i"
                          " ON r.parent = i.id");
    }
    text_add(&f->sql, "), lines AS MATERIALIZED (SELECT DISTINCT v.run AS run,"
                      " v.row AS row FROM inside i JOIN value v ON v.run = i.id) ");
    return text_ok(&f->sql, e);
}

/* Is WORD one of the keys that F's expressions named? */
static bool names(const filter *f, const char *word)
{
    for (int64_t i = 0; i < f->key_count; i++)
        if (strcmp(f->keys[i], word) == 0)
            return true;
    return false;
}

/* " FROM ... WHERE ...": the runs r and rows w of SCOPE for which WHERE holds. */
static status add_runs(filter *f, const ledger_scope *scope, const char *where, bool rows,
                       bool sweeps, error *e)
{
    text_addf(&f->sql,
              " FROM run r JOIN inside i ON i.id = r.id%s"
              " WHERE r.status <> 'failed' AND r.command <> 'report'"
              " AND NOT EXISTS (SELECT 1 FROM run o WHERE o.id = r.parent"
              " AND o.command = 'report')",
              rows ? " LEFT JOIN lines w ON w.run = r.id" : "");
    if (!sweeps)
        text_add(&f->sql, " AND r.command <> 'sweep'");
    if (scope->before > 0)
        text_addf(&f->sql, " AND r.id < %lld", (long long)scope->before);
    const char *const conditions[] = {scope->where, where};
    for (size_t i = 0; i < 2; i++) {
        if (!conditions[i] || !*conditions[i])
            continue;
        text_add(&f->sql, " AND ");
        TRY(filter_read(f, conditions[i], e));
    }
    return text_ok(&f->sql, e);
}

/* What CONDITIONS and KEYS ask for: rows of answers, and the command? */
static status look_ahead(const ledger_scope *scope, const char *where,
                         const char *const *keys, int64_t key_count, bool *rows,
                         bool *command, error *e)
{
    filter f = {0};
    status s = scope->where && *scope->where ? filter_read(&f, scope->where, e) : E_OK;
    if (s == E_OK && where && *where)
        s = filter_read(&f, where, e);
    *rows = f.by_row;
    *command = names(&f, "command") || names(&f, "run");
    for (int64_t i = 0; i < key_count; i++)
        *rows = *rows || !filter_is_column(keys[i]);
    filter_clear(&f);
    return s;
}

static status ask(ledger *l, filter *f, status s, table *out, error *e)
{
    if (s == E_OK)
        s = text_ok(&f->sql, e);
    if (s == E_OK)
        s = ledger_select(l, text_get(&f->sql), f->values, f->count, out, e);
    filter_clear(f);
    return s;
}

/* ---- questions ---- */

static status write_find(filter *f, const ledger_scope *scope, const char *where,
                         const char *const *keys, int64_t key_count, error *e)
{
    bool rows = false, command = false;
    TRY(look_ahead(scope, where, keys, key_count, &rows, &command, e));
    TRY(begin(f, scope, e));
    text_addf(&f->sql,
              "SELECT r.id AS run, %s AS row, r.command AS command, r.line AS line",
              rows ? "coalesce(w.row, 0)" : "0");
    for (int64_t i = 0; i < key_count; i++) {
        if (strcmp(keys[i], "run") == 0 || strcmp(keys[i], "row") == 0 ||
            strcmp(keys[i], "command") == 0 || strcmp(keys[i], "line") == 0)
            continue;
        text_add(&f->sql, ", ");
        TRY(filter_add_key(f, keys[i], e));
        text_addf(&f->sql, " AS \"%s\"", keys[i]); /* a key holds no quote (filter.h) */
    }
    TRY(add_runs(f, scope, where, rows, command || !rows, e));
    text_add(&f->sql, " ORDER BY 1, 2");
    return E_OK;
}

status ledger_find(ledger *l, const ledger_scope *scope, const char *where,
                   const char *const *keys, int64_t key_count, table *out, error *e)
{
    filter f = {0};
    return ask(l, &f, write_find(&f, scope, where, keys, key_count, e), out, e);
}

static status write_last(filter *f, const ledger_scope *scope, const char *where,
                         const char *key, error *e)
{
    bool rows = false, command = false;
    TRY(look_ahead(scope, where, &key, 1, &rows, &command, e));
    TRY(begin(f, scope, e));
    text_addf(&f->sql, "SELECT r.id AS run, %s AS row",
              rows ? "coalesce(w.row, 0)" : "0");
    TRY(add_runs(f, scope, where, rows, true, e));
    text_add(&f->sql, " AND ");
    TRY(filter_add_key(f, key, e));
    text_add(&f->sql, " IS NOT NULL ORDER BY 1 DESC, 2 DESC LIMIT 1");
    return E_OK;
}

status ledger_find_last(ledger *l, const ledger_scope *scope, const char *where,
                        const char *key, int64_t *run, int64_t *row, error *e)
{
    filter f = {0};
    double number = 0;
    table *found = table_new(e);
    if (!found)
        return E_MEMORY;
    status s = ask(l, &f, write_last(&f, scope, where, key, e), found, e);
    *run = *row = 0;
    if (s == E_OK && table_number(found, 0, "run", &number))
        *run = (int64_t)number;
    if (s == E_OK && table_number(found, 0, "row", &number))
        *row = (int64_t)number;
    table_free(found);
    return s;
}

status ledger_find_cell(ledger *l, int64_t run, int64_t row, const char *key, table *out,
                        error *e)
{
    filter f = {0};
    text_add(&f.sql, "SELECT ");
    status s = filter_add_key(&f, key, e);
    text_addf(&f.sql, " AS value FROM run r, (SELECT %lld AS row) w WHERE r.id = %lld",
              (long long)row, (long long)run);
    return ask(l, &f, s, out, e);
}

static status write_keys(filter *f, const ledger_scope *scope, error *e)
{
    TRY(begin(f, scope, e));
    text_add(&f->sql, "SELECT DISTINCT v.key AS key FROM value v WHERE v.run IN"
                      " (SELECT r.id");
    TRY(add_runs(f, scope, NULL, true, true, e));
    text_add(&f->sql, ") ORDER BY 1");
    return E_OK;
}

status ledger_find_keys(ledger *l, const ledger_scope *scope, table *out, error *e)
{
    filter f = {0};
    return ask(l, &f, write_keys(&f, scope, e), out, e);
}

/* A digest is words even where all its digits are decimal ones. */
#define VALUE_OF(key)                                                                    \
    "(SELECT %s FROM value WHERE run = r.id AND row = w.row AND key = '" key "')"

static status write_files(filter *f, const ledger_scope *scope, error *e)
{
    TRY(begin(f, scope, e));
    text_addf(&f->sql,
              "SELECT * FROM (SELECT r.id AS run, w.row AS row, r.command AS command,"
              " r.line AS line, " VALUE_OF("file") " AS file, " VALUE_OF(
                  "digest") " AS digest, " VALUE_OF("bytes") " AS bytes",
              "words", "words", "number");
    TRY(add_runs(f, scope, NULL, true, true, e));
    text_add(&f->sql, ") WHERE file IS NOT NULL ORDER BY run, row");
    return E_OK;
}

status ledger_find_files(ledger *l, const ledger_scope *scope, table *out, error *e)
{
    filter f = {0};
    return ask(l, &f, write_files(&f, scope, e), out, e);
}

static status write_lines(filter *f, const ledger_scope *scope, error *e)
{
    TRY(begin(f, scope, e));
    text_add(&f->sql, "SELECT r.id AS run, r.command AS command, r.line AS line,"
                      " r.seed AS seed, r.machine AS machine, r.cpu AS cpu,"
                      " r.threads AS threads, r.lathe AS lathe, r.started AS started,"
                      " (SELECT given FROM argument WHERE run = r.id AND key = 'seed')"
                      " AS own");
    TRY(add_runs(f, scope, NULL, scope->where && *scope->where, true, e));
    text_add(&f->sql, " AND (r.parent IS NULL OR r.parent NOT IN (SELECT id FROM inside))"
                      " GROUP BY r.id ORDER BY r.id");
    return E_OK;
}

status ledger_find_lines(ledger *l, const ledger_scope *scope, table *out, error *e)
{
    filter f = {0};
    return ask(l, &f, write_lines(&f, scope, e), out, e);
}

status ledger_find_digest(ledger *l, const char *digest, int64_t *run, error *e)
{
    const ledger_value values[] = {LEDGER_TEXT(digest)};
    double number = 0;
    table *found = table_new(e);
    if (!found)
        return E_MEMORY;
    status s = ledger_select(l,
                             "SELECT max(run) AS run FROM value"
                             " WHERE key = 'digest' AND words = ?1",
                             values, 1, found, e);
    if (s == E_OK)
        table_number(found, 0, "run", &number);
    *run = (int64_t)number;
    table_free(found);
    return s;
}
