/* SPDX-License-Identifier: GPL-3.0-or-later
   section_published.c -- the directive @published: numbers that others published, from a
   file, beside those of the ledger.  What was not measured says so, and why. */
#include <math.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "report/csv.h"
#include "report/report_parts.h"

#define FILE_BYTES_MAX ((size_t)4 << 20)

enum {
    OF_ROW,
    OF_KEY,
    OF_PUBLISHED,
    OF_MEASURED,
    OF_INTERVAL,
    OF_AGAINST,
    OF_RUN,
    OF_NOTE
};

static const struct {
    const char *title;
    column_kind kind;
} columns[] = {
    [OF_ROW] = {"what", COLUMN_NOTE},
    [OF_KEY] = {"key", COLUMN_WORDS},
    [OF_PUBLISHED] = {"published", COLUMN_MEASURED},
    [OF_MEASURED] = {"measured", COLUMN_MEASURED},
    [OF_INTERVAL] = {"interval", COLUMN_MEASURED},
    [OF_AGAINST] = {"compared", COLUMN_MEASURED},
    [OF_RUN] = {"run", COLUMN_WORDS},
    [OF_NOTE] = {"note", COLUMN_NOTE},
};

static const char *words_of(const table *t, int64_t row, const char *column)
{
    const cell *c = table_get(t, row, table_column(t, column));
    return c->kind == CELL_TEXT ? c->words : "";
}

static spans *cell_of(builder *b, block *to, int64_t column)
{
    return document_cell(b->document, &to->grid, column);
}

/* [low, high], where the ledger has them. */
static status put_interval(builder *b, const source *measured, spans *to, error *e)
{
    static const char *const ends[] = {"_low", "_high"};
    source s[2] = {*measured, *measured};
    for (int i = 0; i < 2; i++) {
        const size_t length = strlen(measured->of.key), n = strlen(ends[i]) + 1;
        if (length + n > sizeof s[i].of.key)
            return E_OK;
        memcpy(s[i].of.key + length, ends[i], n);
        error none = {0};
        text words = {0};
        status found = source_words(b->request->ledger, &s[i], &words, &none);
        text_clear(&words);
        if (found != E_OK)
            return found == E_NAME ? E_OK : fail(e, found, "%s", none.text);
    }
    document_span(b->document, to, SPAN_TEXT, "[", NULL);
    TRY(report_value(b, to, &s[0], false, e));
    document_span(b->document, to, SPAN_TEXT, ", ", NULL);
    TRY(report_value(b, to, &s[1], false, e));
    document_span(b->document, to, SPAN_TEXT, "]", NULL);
    return E_OK;
}

/* Shares, and what is in points, differ by points, all else by a factor. */
static status put_against(builder *b, const source *measured, const source *published,
                          spans *to, error *e)
{
    source s = *measured;
    const bool points = form_is_share(s.of.key) || text_ends(s.of.key, "_points");
    s.operation = points ? OPERATION_MINUS : OPERATION_OVER;
    s.than = published->of;
    if (s.operation == OPERATION_OVER && published->of.published == 0)
        return E_OK;
    TRY(report_suit(b, &s, NULL, false, e));
    return report_value(b, to, &s, true, e);
}

static status put_measured(builder *b, block *to, const source *measured,
                           const source *published, error *e)
{
    TRY(report_value(b, cell_of(b, to, OF_MEASURED), measured, true, e));
    TRY(put_interval(b, measured, cell_of(b, to, OF_INTERVAL), e));
    TRY(put_against(b, measured, published, cell_of(b, to, OF_AGAINST), e));
    document_run(b->document, cell_of(b, to, OF_RUN), measured->of.run);
    return E_OK;
}

/* The number that the file has, in a form that suits its key. */
static status read_published(const char *words, const char *key, source *s, error *e)
{
    int64_t whole;
    *s = (source){0};
    if (!text_to_real(words, &s->of.published))
        return fail(e, E_FORMAT, "'%.40s' is no number", words);
    if (strlen(key) >= sizeof s->of.key)
        return fail(e, E_FORMAT, "'%.40s...' is too long for a key", key);
    memcpy(s->of.key, key, strlen(key) + 1); /* for its unit: it is not of a run */
    s->form = form_choose(key, OPERATION_NONE, &s->of.published, 1,
                          text_to_integer(words, &whole), NULL);
    return E_OK;
}

/* What was measured, if it was: MEASURED has no run else. */
static status look(builder *b, const char *key, const char *where, source *measured,
                   error *e)
{
    int64_t run = 0, row = 0;
    text expanded = {0};
    status s = report_expand(b, where, &expanded, e);
    if (s == E_OK && expanded.length > 0)
        s = ledger_find_last(b->request->ledger, &b->request->scope, text_get(&expanded),
                             key, &run, &row, e);
    text_clear(&expanded);
    *measured = report_source(run, row, key, OPERATION_NONE, NULL);
    return s;
}

/* Both in one form, so that they are compared at a glance. */
static status suit_both(builder *b, source *published, source *measured, bool whole,
                        error *e)
{
    double values[2] = {published->of.published, NAN};
    table *answer = table_new(e);
    status s = answer ? source_value(b->request->ledger, measured, answer, e) : E_MEMORY;
    if (s == E_OK && !table_number(answer, 0, "value", &values[1]))
        s = fail(e, E_NUMERIC, "'%s' of run %lld is no number", measured->of.key,
                 (long long)measured->of.run);
    if (s == E_OK) {
        whole = whole && table_get(answer, 0, 0)->kind == CELL_INTEGER;
        published->form =
            form_choose(measured->of.key, OPERATION_NONE, values, 2, whole, NULL);
        measured->form = published->form;
    }
    table_free(answer);
    return s;
}

static status put_row(builder *b, const table *file, int64_t row, block *to, error *e)
{
    const char *key = words_of(file, row, "key"), *note = words_of(file, row, "note");
    const char *where = words_of(file, row, "where");
    source published, measured;
    TRY(read_published(words_of(file, row, "published"), key, &published, e));
    TRY(look(b, key, where, &measured, e));
    if (measured.of.run > 0)
        TRY(suit_both(b, &published, &measured, published.form.kind == FORM_INTEGER, e));
    document_row(b->document, &to->grid);
    document_span(b->document, cell_of(b, to, OF_ROW), SPAN_TEXT,
                  words_of(file, row, "row"), NULL);
    document_span(b->document, cell_of(b, to, OF_KEY), SPAN_CODE, key, NULL);
    TRY(report_value(b, cell_of(b, to, OF_PUBLISHED), &published, true, e));
    if (measured.of.run > 0) {
        TRY(put_measured(b, to, &measured, &published, e));
    } else {
        b->unmeasured++;
        document_span(b->document, cell_of(b, to, OF_MEASURED), SPAN_TEXT, "not measured",
                      NULL);
        note = *note || !*where ? note : "no run here was of this kind";
    }
    document_span(b->document, cell_of(b, to, OF_NOTE), SPAN_TEXT, note, NULL);
    return document_ok(b->document, e);
}

/* The rows of one section under CAPTION. */
static status put_section(builder *b, const table *file, const char *section,
                          const char *path, const char *caption, error *e)
{
    block *to = document_add(b->document, BLOCK_TABLE);
    document_span(b->document, &to->words, SPAN_TEXT, caption, NULL);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        document_column(b->document, &to->grid, columns[i].title, columns[i].kind);
    for (int64_t i = 0; i < file->row_count; i++) {
        if (strcmp(words_of(file, i, "section"), section) != 0)
            continue;
        if (put_row(b, file, i, to, e) != E_OK)
            return fail_prefix(
                e, "%s:%lld", path,
                (long long)table_get(file, i, table_column(file, "#line"))->integer);
    }
    return document_ok(b->document, e);
}

static status check_columns(const table *file, const char *path, error *e)
{
    static const char *const wanted[] = {"section",   "row",   "key",
                                         "published", "where", "note"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (table_column(file, wanted[i]) < 0) {
            fail(e, E_FORMAT, "%s: the column '%s' is missing", path, wanted[i]);
            return fail_hint(e, "the first line is section,row,key,published,where,note");
        }
    return E_OK;
}

static status put_sections(builder *b, const directive *d, const table *file,
                           const char *path, error *e)
{
    const char *wanted = directive_get(d, "section");
    const char *caption = wanted ? directive_get(d, "caption") : NULL;
    int64_t told = 0;
    TRY(check_columns(file, path, e));
    for (int64_t i = 0; i < file->row_count; i++) {
        const char *section = words_of(file, i, "section");
        bool first = true;
        for (int64_t k = 0; k < i; k++)
            first = first && strcmp(words_of(file, k, "section"), section) != 0;
        if (!first || (wanted && strcmp(wanted, section) != 0))
            continue;
        TRY(put_section(b, file, section, path, caption ? caption : section, e));
        told++;
    }
    if (told > 0)
        return E_OK;
    return fail(e, E_NAME, "%s: no row%s%.100s", path, wanted ? " of the section " : "",
                wanted ? wanted : "");
}

status report_published(builder *b, const directive *d, error *e)
{
    static const char *const known[] = {"section", "caption", NULL};
    void *bytes = NULL;
    size_t length = 0;
    text path = {0};
    TRY(directive_check(d, known, 1, e));
    if (d->word_count == 0)
        return fail(e, E_USAGE, "@published wants a file");
    table *file = table_new(e);
    status s = file ? report_find_file(b, d->words[0], &path, e) : E_MEMORY;
    if (s == E_OK)
        s = file_read_regular(text_get(&path), FILE_BYTES_MAX, &bytes, &length, e);
    if (s == E_OK && csv_read(bytes, length, file, e) != E_OK)
        s = fail_prefix(e, "%s", d->words[0]);
    if (s == E_OK)
        s = put_sections(b, d, file, d->words[0], e);
    memory_free(bytes);
    table_free(file);
    text_clear(&path);
    return s;
}
