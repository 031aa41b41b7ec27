/* SPDX-License-Identifier: GPL-3.0-or-later
   filter.c -- an expression over keys into SQL.  What the user wrote is bound to
   parameters, never pasted: it opens no file and asks no database. */
#include "ledger/filter.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/memory.h"

enum { DEPTH_MAX = 40, KEY_MAX = 100, LENGTH_MAX = 4000 };

/* Columns of every run, and what they are in SQL. */
static const struct {
    const char *key, *sql;
} columns[] = {
    {"run", "r.id"},          {"parent", "r.parent"},   {"session", "r.session"},
    {"command", "r.command"}, {"line", "r.line"},       {"seed", "r.seed"},
    {"started", "r.started"}, {"seconds", "r.seconds"}, {"status", "r.status"},
    {"machine", "r.machine"}, {"cpu", "r.cpu"},         {"threads", "r.threads"},
    {"lathe", "r.lathe"},     {"error", "r.error"}};

static const char *column_sql(const char *key)
{
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (strcmp(columns[i].key, key) == 0)
            return columns[i].sql;
    return NULL;
}

bool filter_is_column(const char *key)
{
    return column_sql(key) != NULL;
}

void filter_clear(filter *f)
{
    for (int64_t i = 0; i < f->word_count; i++)
        memory_free(f->words[i]);
    memory_free(f->words);
    memory_free(f->keys);
    text_clear(&f->sql);
    *f = (filter){0};
}

/* ---- values and keys ---- */

/* A copy of LENGTH bytes that lives as long as F; NULL without memory. */
static char *keep(filter *f, const char *words, size_t length, error *e)
{
    if (memory_grow((void **)&f->words, &f->word_capacity, f->word_count + 1,
                    sizeof *f->words, e))
        return NULL;
    char *copy = memory_format(e, "%.*s", (int)length, words);
    if (copy)
        f->words[f->word_count++] = copy;
    return copy;
}

/* The number of the parameter that V is bound to. */
static status add_value(filter *f, ledger_value v, int64_t *number, error *e)
{
    if (f->count == FILTER_VALUES_MAX)
        return fail(e, E_RANGE, "more than %d values in one question", FILTER_VALUES_MAX);
    f->values[f->count++] = v;
    *number = f->count;
    return E_OK;
}

static status check_key(const char *key, error *e)
{
    bool good = isalpha((unsigned char)key[0]) && strlen(key) <= KEY_MAX;
    for (const char *p = key; *p; p++)
        good = good && (isalnum((unsigned char)*p) || strchr("_.-", *p));
    if (good)
        return E_OK;
    return fail(e, E_NAME,
                "'%.80s' is no key: a letter, then letters, digits, '_', '.' and '-'",
                key);
}

static status note_key(filter *f, char *key, error *e)
{
    for (int64_t i = 0; i < f->key_count; i++)
        if (strcmp(f->keys[i], key) == 0)
            return E_OK;
    TRY(memory_grow((void **)&f->keys, &f->key_capacity, f->key_count + 1,
                    sizeof *f->keys, e));
    f->keys[f->key_count++] = key;
    return E_OK;
}

/* NAME_low and NAME_high are the ends of the interval of NAME. */
static status write_interval(filter *f, const char *key, error *e)
{
    static const char *const ends[] = {"low", "high"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        int64_t number = 0;
        size_t length = strlen(key), cut = strlen(ends[i]) + 1;
        if (length <= cut || key[length - cut] != '_' || !text_ends(key, ends[i]))
            continue;
        char *name = keep(f, key, length - cut, e);
        if (!name)
            return E_MEMORY;
        TRY(add_value(f, LEDGER_TEXT(name), &number, e));
        text_addf(&f->sql,
                  ", (SELECT %s FROM value WHERE run = r.id AND row = w.row"
                  " AND key = ?%lld)",
                  ends[i], (long long)number);
    }
    return E_OK;
}

/* FORM of the tables' rows is what the comparison wants: "number", "words" or either. */
static status write_key(filter *f, char *key, const char *form, error *e)
{
    int64_t number = 0;
    const char *column = column_sql(key);
    TRY(note_key(f, key, e));
    if (column) {
        text_add(&f->sql, column);
        return text_ok(&f->sql, e);
    }
    f->by_row = true;
    TRY(add_value(f, LEDGER_TEXT(key), &number, e));
    text_addf(&f->sql,
              "coalesce((SELECT %s FROM value WHERE run = r.id AND row = w.row"
              " AND key = ?%lld), (SELECT %s FROM argument WHERE run = r.id"
              " AND key = ?%lld)",
              form, (long long)number, form, (long long)number);
    TRY(write_interval(f, key, e));
    text_add(&f->sql, ")");
    return text_ok(&f->sql, e);
}

/* A number, or else words; flags are words. */
static const char either[] =
    "CASE WHEN words IN ('yes', 'no') THEN words ELSE coalesce(number, words) END";

status filter_add_key(filter *f, const char *key, error *e)
{
    TRY(check_key(key, e));
    char *copy = keep(f, key, strlen(key), e);
    return copy ? write_key(f, copy, either, e) : E_MEMORY;
}

/* ---- the grammar ---- */

typedef struct reader {
    filter *filter;
    const char *at;
    int depth;
} reader;

static void skip_blanks(reader *r)
{
    r->at += strspn(r->at, " \t\r\n");
}

static status wanted(const reader *r, const char *what, error *e)
{
    if (*r->at == '\0')
        return fail(e, E_USAGE, "at the end: %s was wanted", what);
    return fail(e, E_USAGE, "at '%.40s': %s was wanted", r->at, what);
}

/* The length of the word that stands here: of a key, a number or a literal. */
static size_t word_length(const reader *r)
{
    size_t n = 0;
    while (isalnum((unsigned char)r->at[n]) || (r->at[n] && strchr("_.-+:/", r->at[n])) ||
           (unsigned char)r->at[n] >= 0x80)
        n++;
    return n;
}

/* Is the next word WORD (in any case)?  Then it is taken. */
static bool take_word(reader *r, const char *word)
{
    skip_blanks(r);
    size_t n = word_length(r);
    if (n != strlen(word) || strncasecmp(r->at, word, n) != 0)
        return false;
    r->at += n;
    return true;
}

static const char *take_operator(reader *r)
{
    static const struct {
        const char *written, *sql;
    } rows[] = {{"==", "="}, {"!=", "<>"}, {"<>", "<>"}, {"<=", "<="}, {">=", ">="},
                {"=", "="},  {"<", "<"},   {">", ">"},   {"~", "~"}};
    skip_blanks(r);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (text_starts(r->at, rows[i].written)) {
            r->at += strlen(rows[i].written);
            return rows[i].sql;
        }
    return NULL;
}

/* The literal that stands here, as V; its words are kept. */
static status take_literal(reader *r, ledger_value *v, error *e)
{
    const char *begin = r->at;
    char quote = *begin == '\'' || *begin == '"' ? *begin : '\0';
    size_t n = quote ? strcspn(begin + 1, quote == '"' ? "\"" : "'") : word_length(r);
    if (quote && begin[1 + n] != quote)
        return wanted(r, "a closing quote", e);
    if (!quote && n == 0)
        return wanted(r, "a number, a word or a 'string'", e);
    char *words = keep(r->filter, begin + (quote != '\0'), n, e);
    if (!words)
        return E_MEMORY;
    r->at += n + (quote ? 2 : 0);
    double number;
    if (!quote && (text_to_real(words, &number) || text_to_bytes(words, &number)))
        *v = LEDGER_REAL(number);
    else if (!quote && (strcmp(words, "true") == 0 || strcmp(words, "false") == 0))
        *v = LEDGER_TEXT(strcmp(words, "true") == 0 ? "yes" : "no");
    else
        *v = LEDGER_TEXT(words);
    return E_OK;
}

static status write_comparison(filter *f, char *key, const char *comparator,
                               ledger_value v, error *e)
{
    int64_t number = 0;
    bool contains = strcmp(comparator, "~") == 0, words = v.kind == CELL_TEXT || contains;
    if (contains && v.kind != CELL_TEXT)
        return fail(e, E_USAGE, "'%s ~' wants a word or a 'string'", key);
    text_add(&f->sql, contains ? "instr(lower(" : words ? "(CAST(" : "(");
    TRY(write_key(f, key, words ? "coalesce(words, number)" : "number", e));
    TRY(add_value(f, v, &number, e));
    if (contains)
        text_addf(&f->sql, "), lower(?%lld)) > 0", (long long)number);
    else
        text_addf(&f->sql, "%s %s ?%lld)", words ? " AS TEXT)" : "", comparator,
                  (long long)number);
    return text_ok(&f->sql, e);
}

static status read_comparison(reader *r, error *e)
{
    ledger_value v;
    size_t n = word_length(r);
    if (n == 0)
        return wanted(r, "a key", e);
    char *key = keep(r->filter, r->at, n, e);
    if (!key)
        return E_MEMORY;
    TRY(check_key(key, e));
    r->at += n;
    const char *comparator = take_operator(r);
    if (!comparator)
        return wanted(r, "one of = != < <= > >= ~", e);
    skip_blanks(r);
    TRY(take_literal(r, &v, e));
    return write_comparison(r->filter, key, comparator, v, e);
}

static status read_expression(reader *r, error *e);

static status read_factor(reader *r, error *e)
{
    text *sql = &r->filter->sql;
    status s;
    if (++r->depth > DEPTH_MAX)
        return fail(e, E_RANGE, "brackets and nots more than %d deep", DEPTH_MAX);
    if (take_word(r, "not")) {
        text_add(sql, "NOT (");
        s = read_factor(r, e);
        text_add(sql, ")");
    } else if (*r->at == '(') {
        r->at++;
        text_add(sql, "(");
        s = read_expression(r, e);
        skip_blanks(r);
        if (s == E_OK && *r->at != ')')
            return wanted(r, "')', 'and' or 'or'", e);
        r->at += s == E_OK;
        text_add(sql, ")");
    } else {
        s = read_comparison(r, e);
    }
    r->depth--;
    return s;
}

static status read_term(reader *r, error *e)
{
    TRY(read_factor(r, e));
    while (take_word(r, "and")) {
        text_add(&r->filter->sql, " AND ");
        TRY(read_factor(r, e));
    }
    return E_OK;
}

static status read_expression(reader *r, error *e)
{
    TRY(read_term(r, e));
    while (take_word(r, "or")) {
        text_add(&r->filter->sql, " OR ");
        TRY(read_term(r, e));
    }
    return E_OK;
}

status filter_read(filter *f, const char *words, error *e)
{
    reader r = {.filter = f, .at = words};
    if (strlen(words) > LENGTH_MAX)
        return fail(e, E_RANGE, "an expression of more than %d letters", LENGTH_MAX);
    text_add(&f->sql, "(");
    status s = read_expression(&r, e);
    skip_blanks(&r);
    if (s == E_OK && *r.at)
        s = wanted(&r, "'and', 'or' or the end", e);
    text_add(&f->sql, ")");
    if (s != E_OK)
        return s;
    return text_ok(&f->sql, e);
}
