/* SPDX-License-Identifier: GPL-3.0-or-later
   runs.c -- questions about runs as SELECTs.  It changes nothing. */
#include "ledger/runs.h"

#include <string.h>
#include "ledger/filter.h"
#include "ledger/ledger_parts.h"

/* ---- lists of runs ---- */

static const char base_columns[] = "r.id AS run, r.started AS started, r.line AS line,"
                                   " r.status AS status, r.seconds AS seconds";

static bool is_base_column(const char *key)
{
    static const char *const names[] = {"run",  "row",    "started",
                                        "line", "status", "seconds"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], key) == 0)
            return true;
    return false;
}

/* "coalesce(...) AS "KEY"" for every key once.  Keys hold no quote (filter.h). */
static status add_columns(filter *f, const char *const *keys, int64_t count, error *e)
{
    for (int64_t i = 0; i < count; i++) {
        bool there = is_base_column(keys[i]);
        for (int64_t k = 0; k < i; k++)
            there = there || strcmp(keys[k], keys[i]) == 0;
        if (there)
            continue;
        text_add(&f->sql, ", ");
        TRY(filter_add_key(f, keys[i], e));
        text_addf(&f->sql, " AS \"%s\"", keys[i]);
    }
    return E_OK;
}

/* Everything a SELECT of runs is made of.  The condition is read first, since the columns
   depend on the keys in it. */
typedef struct question {
    filter where, all; /* the condition alone; the whole SELECT */
    const char *keys[FILTER_VALUES_MAX];
    int64_t key_count;
} question;

static status add_key(question *a, const char *key, error *e)
{
    if (a->key_count == FILTER_VALUES_MAX)
        return fail(e, E_RANGE, "more than %d columns", FILTER_VALUES_MAX);
    a->keys[a->key_count++] = key;
    return E_OK;
}

static status gather_keys(question *a, const runs_query *q, error *e)
{
    for (int64_t i = 0; i < a->where.key_count; i++)
        TRY(add_key(a, a->where.keys[i], e));
    if (q->sort)
        TRY(add_key(a, q->sort, e));
    for (int64_t i = 0; i < q->column_count; i++)
        TRY(add_key(a, q->columns[i], e));
    return E_OK;
}

static bool wants_rows(const question *a)
{
    for (int64_t i = 0; i < a->key_count; i++)
        if (!filter_is_column(a->keys[i]))
            return true;
    return false;
}

static void write_end(text *sql, const runs_query *q, bool rows)
{
    text_addf(sql, " ORDER BY run DESC%s", rows ? ", row DESC" : "");
    if (q->last > 0)
        text_addf(sql, " LIMIT %lld", (long long)q->last);
    text_add(sql, ") ORDER BY ");
    if (q->sort)
        text_addf(sql, "\"%s\" IS NULL, \"%s\" %s, ", q->sort, q->sort,
                  q->descending ? "DESC" : "ASC");
    text_addf(sql, "run%s%s", q->descending && !q->sort ? " DESC" : "",
              rows ? ", row" : "");
    if (q->most > 0)
        text_addf(sql, " LIMIT %lld", (long long)q->most);
}

static status write_question(question *a, const runs_query *q, error *e)
{
    if (q->where)
        TRY(filter_read(&a->where, q->where, e));
    TRY(gather_keys(a, q, e));
    bool rows = wants_rows(a);
    text *sql = &a->all.sql;
    text_addf(sql, "SELECT * FROM (SELECT %s%s", base_columns,
              rows ? ", w.row AS row" : "");
    TRY(add_columns(&a->all, a->keys, a->key_count, e));
    text_add(sql, " FROM run r");
    if (rows)
        text_add(sql, " JOIN (SELECT DISTINCT run, row FROM value) w ON w.run = r.id"
                      " WHERE r.command <> 'sweep'");
    if (q->where) {
        text_add(sql, rows ? " AND " : " WHERE ");
        TRY(filter_read(&a->all, q->where, e));
    }
    write_end(sql, q, rows);
    return text_ok(sql, e);
}

static void question_clear(question *a)
{
    filter_clear(&a->where);
    filter_clear(&a->all);
}

status ledger_runs(ledger *l, const runs_query *q, table *out, error *e)
{
    question a = {0};
    ledger_mark_killed(l);
    status s = write_question(&a, q, e);
    if (s == E_OK)
        s = ledger_select(l, text_get(&a.all.sql), a.all.values, a.all.count, out, e);
    question_clear(&a);
    return s;
}

/* ---- export ---- */

static void put_named(table *out, const char *prefix, const table *from, int64_t row,
                      const char *column, const char *suffix)
{
    const cell *value = table_get(from, row, table_column(from, column));
    text name = {0};
    if (value->kind == CELL_NONE)
        return;
    text_addf(&name, "%s%s%s", prefix,
              table_get(from, row, table_column(from, "key"))->words, suffix);
    table_cell(out, text_get(&name), value);
    text_clear(&name);
}

static status ask_about(ledger *l, const char *sql, int64_t run, int64_t row, table *out,
                        error *e)
{
    const ledger_value values[] = {LEDGER_INTEGER(run), LEDGER_INTEGER(row)};
    return ledger_select(l, sql, values, 2, out, e);
}

/* The values and arguments of RUN, ROW into the current row of OUT. */
static status put_values(ledger *l, int64_t run, int64_t row, table *out, error *e)
{
    table *values = table_new(e), *arguments = table_new(e);
    status s = values && arguments ? E_OK : E_MEMORY;
    if (s == E_OK)
        s = ask_about(l,
                      "SELECT key, coalesce(words, number) AS value, low, high FROM value"
                      " WHERE run = ?1 AND row = ?2",
                      run, row, values, e);
    if (s == E_OK)
        s = ask_about(l,
                      "SELECT key, coalesce(number, words) AS value FROM argument"
                      " WHERE run = ?1 AND given AND ?2 IS NOT NULL",
                      run, row, arguments, e);
    for (int64_t i = 0; s == E_OK && i < values->row_count; i++) {
        put_named(out, "", values, i, "value", "");
        put_named(out, "", values, i, "low", "_low");
        put_named(out, "", values, i, "high", "_high");
    }
    for (int64_t i = 0; s == E_OK && i < arguments->row_count; i++)
        put_named(out, "argument.", arguments, i, "value", "");
    table_free(values);
    table_free(arguments);
    return s;
}

/* How many rows the answer of RUN has, at least 1. */
static status count_rows(ledger *l, int64_t run, int64_t *rows, error *e)
{
    double most = 1;
    const ledger_value values[] = {LEDGER_INTEGER(run)};
    table *answer = table_new(e);
    status s = answer
                   ? ledger_select(l, "SELECT max(row) AS rows FROM value WHERE run = ?1",
                                   values, 1, answer, e)
                   : E_MEMORY;
    if (s == E_OK)
        table_number(answer, 0, "rows", &most);
    table_free(answer);
    *rows = (int64_t)most;
    return s;
}

/* Row I of what was FOUND: the row of an answer, or a run with all rows of its answer. */
static status export_found(ledger *l, const table *found, int64_t i, table *out, error *e)
{
    const int64_t run = table_get(found, i, table_column(found, "run"))->integer;
    const cell *row = table_get(found, i, table_column(found, "row"));
    int64_t first = 1, last = 1;
    if (row->kind == CELL_INTEGER)
        first = last = row->integer;
    else
        TRY(count_rows(l, run, &last, e));
    for (int64_t k = first; k <= last; k++) {
        table_row(out);
        for (int64_t j = 0; j < found->column_count; j++)
            table_cell(out, found->columns[j], table_get(found, i, j));
        table_integer(out, "row", k);
        TRY(put_values(l, run, k, out, e));
    }
    return E_OK;
}

status ledger_export(ledger *l, const runs_query *q, table *out, error *e)
{
    table *found = table_new(e);
    status s = found ? ledger_runs(l, q, found, e) : E_MEMORY;
    for (int64_t i = 0; s == E_OK && i < found->row_count; i++)
        s = export_found(l, found, i, out, e);
    table_free(found);
    return s == E_OK ? table_ok(out, e) : s;
}

/* ---- one run ---- */

static const char show_run[] =
    "SELECT part, row, key, value, low, high FROM ("
    " SELECT 0 AS place, 'run' AS part, NULL AS row, k.column1 AS key,"
    "  CASE k.column1 WHEN 'run' THEN id WHEN 'parent' THEN parent"
    "  WHEN 'session' THEN session WHEN 'command' THEN command WHEN 'line' THEN line"
    "  WHEN 'seed' THEN seed WHEN 'started' THEN started WHEN 'seconds' THEN seconds"
    "  WHEN 'status' THEN status WHEN 'machine' THEN machine WHEN 'cpu' THEN cpu"
    "  WHEN 'threads' THEN threads WHEN 'lathe' THEN lathe ELSE error END AS value,"
    "  NULL AS low, NULL AS high, k.rank AS rank FROM run,"
    "  (SELECT column1, row_number() OVER () AS rank FROM (VALUES ('run'), ('parent'),"
    "   ('session'), ('command'), ('line'), ('seed'), ('started'), ('seconds'),"
    "   ('status'), ('machine'), ('cpu'), ('threads'), ('lathe'), ('error'))) k"
    "  WHERE id = ?1"
    " UNION ALL SELECT 1, 'argument', NULL, key, coalesce(number, words), NULL, NULL, 0"
    "  FROM argument WHERE run = ?1 AND given"
    " UNION ALL SELECT 2, CASE role WHEN 'output' THEN 'output' ELSE 'input' END, NULL,"
    "  name, hash, NULL, NULL, 0 FROM model WHERE run = ?1"
    " UNION ALL SELECT 2, CASE role WHEN 'output' THEN 'data made' ELSE 'data' END, NULL,"
    "  name, " LEDGER_DATA_WORDS ", NULL, NULL, 1"
    "  FROM data a JOIN dataset d ON d.digest = a.digest WHERE a.run = ?1"
    " UNION ALL SELECT 3, 'value', row, key, coalesce(words, number), low, high, 0"
    "  FROM value WHERE run = ?1"
    " UNION ALL SELECT 4, 'point', x, model || '.' || series, y, NULL, NULL, 0"
    "  FROM point WHERE run = ?1"
    " UNION ALL SELECT 5, 'warning', number, '', words, NULL, NULL, 0"
    "  FROM warning WHERE run = ?1)"
    " WHERE value IS NOT NULL ORDER BY place, rank, part, row, key";

status ledger_show_run(ledger *l, int64_t number, table *out, error *e)
{
    const ledger_value values[] = {LEDGER_INTEGER(number)};
    int64_t before = out->row_count;
    ledger_mark_killed(l);
    TRY(ledger_select(l, show_run, values, 1, out, e));
    if (out->row_count > before)
        return E_OK;
    fail(e, E_NAME, "no run %lld in %s", (long long)number, ledger_path(l));
    return fail_hint(e, "'runs' lists the latest ones");
}
