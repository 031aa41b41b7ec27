/* SPDX-License-Identifier: GPL-3.0-or-later
   record.c -- a receipt into the tables, all of it or nothing.  It asks nothing of them. */
#include "ledger/ledger_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* In the order of insert_kind. */
static const char *const insert_words[INSERT_COUNT] = {
    "INSERT INTO run (parent, session, command, line, seed, started, seconds, status,"
    " machine, cpu, threads, lathe, error, process)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    "UPDATE run SET parent = ?1, session = ?2, command = ?3, line = ?4, seed = ?5,"
    " started = ?6, seconds = ?7, status = ?8, machine = ?9, cpu = ?10, threads = ?11,"
    " lathe = ?12, error = ?13, process = ?14 WHERE id = ?15",
    "INSERT OR REPLACE INTO argument (run, key, words, number, given)"
    " VALUES (?1, ?2, ?3, ?4, ?5)",
    "INSERT OR REPLACE INTO value (run, row, key, words, number, low, high, split)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    "INSERT OR REPLACE INTO point (run, model, series, x, y) VALUES (?1, ?2, ?3, ?4, ?5)",
    "INSERT OR REPLACE INTO warning (run, number, words) VALUES (?1, ?2, ?3)",
    "INSERT INTO version (hash, architecture, parameters, nonzero, bytes, multiply_adds)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (hash) DO UPDATE SET"
    " bytes = coalesce(bytes, excluded.bytes),"
    " multiply_adds = coalesce(multiply_adds, excluded.multiply_adds)",
    "INSERT OR REPLACE INTO model (run, role, name, hash) VALUES (?1, ?2, ?3, ?4)",
    "INSERT OR IGNORE INTO dataset (digest, source, origin, samples, train, val, test)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    "INSERT OR REPLACE INTO data (run, role, name, digest) VALUES (?1, ?2, ?3, ?4)",
};

/* One of the statements above being filled: parameters in their order. */
typedef struct filling {
    ledger *ledger;
    sqlite3_stmt *statement;
    int at, code; /* the parameters that have a value; the first failure */
} filling;

static filling fill(ledger *l, insert_kind kind)
{
    filling f = {.ledger = l};
    if (!l->inserts[kind])
        f.code = sqlite3_prepare_v3(l->handle, insert_words[kind], -1,
                                    SQLITE_PREPARE_PERSISTENT, &l->inserts[kind], NULL);
    f.statement = l->inserts[kind];
    return f;
}

static void note_code(filling *f, int code)
{
    f->code = f->code == SQLITE_OK ? code : f->code;
}

static void add_text(filling *f, const char *words) /* NULL: none */
{
    note_code(f, sqlite3_bind_text(f->statement, ++f->at, words, -1, SQLITE_STATIC));
}

static void add_integer(filling *f, int64_t value)
{
    note_code(f, sqlite3_bind_int64(f->statement, ++f->at, value));
}

static void add_count(filling *f, int64_t value) /* below 0: not known */
{
    if (value >= 0)
        add_integer(f, value);
    else
        note_code(f, sqlite3_bind_null(f->statement, ++f->at));
}

static void add_real(filling *f, double value) /* NaN: none */
{
    note_code(f, sqlite3_bind_double(f->statement, ++f->at, value));
}

static status run(filling *f, error *e)
{
    if (f->code == SQLITE_OK && sqlite3_step(f->statement) != SQLITE_DONE)
        f->code = SQLITE_ERROR;
    status s =
        f->code == SQLITE_OK ? E_OK : ledger_fail(f->ledger, "cannot be written", e);
    if (f->statement) {
        sqlite3_reset(f->statement);
        sqlite3_clear_bindings(f->statement);
    }
    return s;
}

/* Words that are a number are kept as one, too. */
static void add_number_of(filling *f, const char *words)
{
    int64_t integer;
    double real;
    if (words && text_to_integer(words, &integer))
        add_integer(f, integer);
    else if (words && text_to_real(words, &real))
        add_real(f, real);
    else
        add_real(f, NAN);
}

/* "2026-01-31T08:15:30.125Z" */
static const char *time_words(char buffer[40], double seconds)
{
    char day[24] = "1970-01-01T00:00:00";
    time_t whole = (time_t)floor(seconds);
    struct tm parts;
    if (gmtime_r(&whole, &parts))
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(buffer, 40, "%s.%03dZ", day, (int)((seconds - floor(seconds)) * 1000));
    return buffer;
}

static status put_run(ledger *l, const receipt *r, int64_t *id, error *e)
{
    char started[40];
    filling f = fill(l, *id ? REPLACE_RUN : INSERT_RUN);
    add_count(&f, r->parent > 0 ? r->parent : -1);
    add_text(&f, r->session);
    add_text(&f, r->command);
    add_text(&f, r->line);
    add_integer(&f, r->seed);
    add_text(&f, time_words(started, r->started));
    add_real(&f, r->seconds);
    add_text(&f, r->status);
    add_text(&f, r->machine);
    add_text(&f, r->level);
    add_integer(&f, r->threads);
    add_text(&f, r->version);
    add_text(&f, r->error);
    add_text(&f, r->process);
    if (*id)
        add_integer(&f, *id);
    TRY(run(&f, e));
    if (!*id)
        *id = sqlite3_last_insert_rowid(l->handle);
    return E_OK;
}

static status put_arguments(ledger *l, const receipt *r, int64_t id, error *e)
{
    for (int64_t i = 0; i < r->argument_count; i++) {
        const ledger_argument *a = &r->arguments[i];
        filling f = fill(l, INSERT_ARGUMENT);
        add_integer(&f, id);
        add_text(&f, a->key);
        add_text(&f, a->words);
        add_number_of(&f, a->words);
        add_integer(&f, a->given);
        TRY(run(&f, e));
    }
    return E_OK;
}

static status put_models(ledger *l, const receipt *r, int64_t id, error *e)
{
    char hash[17];
    for (int64_t i = 0; i < r->model_count; i++) {
        const ledger_model *m = &r->models[i];
        filling version = fill(l, INSERT_VERSION);
        add_text(&version, ledger_hash(hash, m->hash));
        add_text(&version, m->architecture);
        add_integer(&version, m->parameters);
        add_integer(&version, m->nonzero);
        add_count(&version, m->bytes);
        add_count(&version, m->multiply_adds);
        TRY(run(&version, e));
        filling f = fill(l, INSERT_MODEL);
        add_integer(&f, id);
        add_text(&f, m->role);
        add_text(&f, m->name);
        add_text(&f, hash);
        TRY(run(&f, e));
    }
    return E_OK;
}

static status put_data(ledger *l, const receipt *r, int64_t id, error *e)
{
    char digest[17];
    for (int64_t i = 0; i < r->data_count; i++) {
        const ledger_data *d = &r->data[i];
        filling set = fill(l, INSERT_DATASET);
        add_text(&set, ledger_hash(digest, d->digest));
        add_text(&set, d->source);
        add_text(&set, d->origin);
        add_integer(&set, d->samples);
        add_integer(&set, d->train);
        add_integer(&set, d->val);
        add_integer(&set, d->test);
        TRY(run(&set, e));
        filling f = fill(l, INSERT_DATA);
        add_integer(&f, id);
        add_text(&f, d->role);
        add_text(&f, d->name);
        add_text(&f, digest);
        TRY(run(&f, e));
    }
    return E_OK;
}

static status put_points(ledger *l, const receipt *r, int64_t id, error *e)
{
    for (int64_t i = 0; i < r->point_count; i++) {
        const ledger_point *p = &r->points[i];
        if (!isfinite(p->x) || !isfinite(p->y))
            continue;
        filling f = fill(l, INSERT_POINT);
        add_integer(&f, id);
        add_text(&f, p->model);
        add_text(&f, p->series);
        add_real(&f, p->x);
        add_real(&f, p->y);
        TRY(run(&f, e));
    }
    return E_OK;
}

/* ---- the answer ---- */

/* The column that holds an end of COLUMN's interval, or -1. */
static int64_t end_of_interval(const table *t, const char *column, const char *end)
{
    char name[160];
    int length = snprintf(name, sizeof name, "%s_%s", column, end);
    return length > 0 && length < (int)sizeof name ? table_column(t, name) : -1;
}

/* Is COLUMN an end of the interval of another? */
static bool is_end(const table *t, const char *column)
{
    static const char *const ends[] = {"_low", "_high"};
    for (size_t i = 0; i < 2; i++) {
        char name[160];
        size_t length = strlen(column), cut = strlen(ends[i]);
        if (!text_ends(column, ends[i]) || length - cut >= sizeof name)
            continue;
        memcpy(name, column, length - cut);
        name[length - cut] = '\0';
        if (table_column(t, name) >= 0)
            return true;
    }
    return false;
}

static double number_of(const cell *c)
{
    return c->kind == CELL_REAL      ? c->real
           : c->kind == CELL_INTEGER ? (double)c->integer
                                     : NAN;
}

static void add_cell(filling *f, const cell *c)
{
    add_text(f, c->kind == CELL_TEXT   ? c->words
                : c->kind == CELL_FLAG ? (c->flag ? "yes" : "no")
                                       : NULL);
    switch (c->kind) {
    case CELL_INTEGER:
        add_integer(f, c->integer);
        break;
    case CELL_FLAG:
        add_integer(f, c->flag);
        break;
    case CELL_TEXT:
        add_number_of(f, c->words);
        break;
    default:
        add_real(f, number_of(c));
    }
}

static status put_row(ledger *l, const table *t, int64_t id, int64_t row, error *e)
{
    const cell *split = table_get(t, row, table_column(t, "split"));
    for (int64_t k = 0; k < t->column_count; k++) {
        const cell *c = table_get(t, row, k);
        if (c->kind == CELL_NONE || is_end(t, t->columns[k]))
            continue;
        filling f = fill(l, INSERT_VALUE);
        add_integer(&f, id);
        add_integer(&f, row + 1);
        add_text(&f, t->columns[k]);
        add_cell(&f, c);
        add_real(&f,
                 number_of(table_get(t, row, end_of_interval(t, t->columns[k], "low"))));
        add_real(&f,
                 number_of(table_get(t, row, end_of_interval(t, t->columns[k], "high"))));
        add_text(&f, split->kind == CELL_TEXT ? split->words : NULL);
        TRY(run(&f, e));
    }
    return E_OK;
}

static status put_warning(ledger *l, int64_t id, int64_t number, const char *words,
                          size_t length, error *e)
{
    filling f = fill(l, INSERT_WARNING);
    add_integer(&f, id);
    add_integer(&f, number);
    note_code(&f,
              sqlite3_bind_text(f.statement, ++f.at, words, (int)length, SQLITE_STATIC));
    return run(&f, e);
}

static status put_answer(ledger *l, const receipt *r, int64_t id, int64_t *warnings,
                         error *e)
{
    const table *t = r->rows;
    int64_t rows = t ? t->row_count : 0;
    if (rows > 0 && rows * t->column_count > LEDGER_CELLS_MAX) {
        char words[120];
        rows = LEDGER_CELLS_MAX / t->column_count;
        int length = snprintf(words, sizeof words, "the first %lld of %lld rows are kept",
                              (long long)rows, (long long)t->row_count);
        TRY(put_warning(l, id, ++*warnings, words, (size_t)length, e));
    }
    for (int64_t i = 0; i < rows; i++)
        TRY(put_row(l, t, id, i, e));
    return E_OK;
}

static status put_warnings(ledger *l, const receipt *r, int64_t id, int64_t *warnings,
                           error *e)
{
    for (const char *line = r->warnings ? r->warnings : ""; *line;) {
        size_t length = strcspn(line, "\n");
        if (length > 0 && length < 1 << 20)
            TRY(put_warning(l, id, ++*warnings, line, length, e));
        line += length + (line[length] == '\n');
    }
    return E_OK;
}

static status put_all(ledger *l, const receipt *r, int64_t *id, error *e)
{
    int64_t warnings = 0;
    TRY(put_run(l, r, id, e));
    TRY(put_arguments(l, r, *id, e));
    TRY(put_models(l, r, *id, e));
    TRY(put_data(l, r, *id, e));
    TRY(put_answer(l, r, *id, &warnings, e));
    TRY(put_points(l, r, *id, e));
    return put_warnings(l, r, *id, &warnings, e);
}

status ledger_record(ledger *l, const receipt *r, int64_t *id, error *e)
{
    int64_t number = *id;
    TRY(ledger_begin(l, e));
    TRY(ledger_end(l, put_all(l, r, &number, e), e));
    *id = number;
    return E_OK;
}
