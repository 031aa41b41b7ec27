/* SPDX-License-Identifier: GPL-3.0-or-later
   template.c -- reads a template line by line into a document: headings, paragraphs,
   lists, code, conditions; directives are done by those that know them. */
#include <ctype.h>
#include <string.h>
#include "base/memory.h"
#include "report/report_parts.h"

enum { DEPTH_MAX = 16, PARAGRAPH_MAX = 1 << 16 };

/* What the lines stand in. */
typedef struct reading {
    builder *b;
    const char *at; /* the rest of the template */
    text paragraph, code;
    int64_t paragraph_line; /* where it began */
    bool item;              /* the paragraph is one of a list */
    bool in_code;
    int depth; /* conditions that are open */
    struct {
        bool taken, other; /* the condition held; behind @else */
    } conditions[DEPTH_MAX];
} reading;

/* The next line without its end, "\" at the end joined with the one behind it. */
static bool next_line(reading *r, text *line)
{
    text_clear(line);
    if (*r->at == '\0')
        return false;
    for (bool more = true; more;) {
        size_t length = strcspn(r->at, "\n"), kept = length;
        while (kept > 0 && (r->at[kept - 1] == '\r' || r->at[kept - 1] == ' '))
            kept--;
        more = !r->in_code && kept > 0 && r->at[kept - 1] == '\\' && r->at[length];
        text_add_bytes(line, r->at, kept - more);
        text_add(line, more ? " " : "");
        r->at += length + (r->at[length] == '\n');
        r->b->line++;
    }
    return true;
}

/* Is nothing read, since a condition does not hold? */
static bool is_off(const reading *r)
{
    for (int i = 0; i < r->depth; i++)
        if (r->conditions[i].taken == r->conditions[i].other)
            return true;
    return false;
}

static status end_paragraph(reading *r, error *e)
{
    if (r->paragraph.length == 0)
        return text_ok(&r->paragraph, e);
    spans words = {0};
    const int64_t line = r->b->line;
    r->b->line = r->paragraph_line;
    status s = report_prose(r->b, text_get(&r->paragraph), &words, e);
    if (s == E_OK) {
        document_add(r->b->document, r->item ? BLOCK_ITEM : BLOCK_PARAGRAPH)->words =
            words;
        r->b->line = line;
        if (r->b->document->failed)
            s = document_ok(r->b->document, e);
    } else {
        memory_free(words.items);
    }
    text_clear(&r->paragraph);
    return s;
}

static status put_heading(reading *r, const char *line, error *e)
{
    spans words = {0};
    int level = (int)strspn(line, "#");
    status s = report_prose(r->b, line + level + strspn(line + level, " \t"), &words, e);
    if (s != E_OK) {
        memory_free(words.items);
        return s;
    }
    block *b = document_add(r->b->document, BLOCK_HEADING);
    b->level = level;
    b->words = words;
    return document_ok(r->b->document, e);
}

/* ---- directives ---- */

static status put_let(builder *b, const char *rest, error *e)
{
    size_t length = strcspn(rest, " \t=");
    const char *words = rest + length;
    words += strspn(words, " \t");
    words += *words == '=';
    words += strspn(words, " \t");
    bool good = length > 0 && isalpha((unsigned char)*rest);
    for (size_t i = 0; i < length; i++)
        good = good && (isalnum((unsigned char)rest[i]) || rest[i] == '_');
    if (!good)
        return fail(e, E_USAGE, "@let wants a name, then words");
    text value = {0};
    status s = report_expand(b, words, &value, e);
    if (s == E_OK)
        s = memory_grow((void **)&b->lets, &b->let_capacity, b->let_count + 1,
                        sizeof *b->lets, e);
    if (s == E_OK) {
        let *l = &b->lets[b->let_count++];
        l->name = memory_format(e, "%.*s", (int)length, rest);
        l->words = memory_text(text_get(&value), e);
        s = l->name && l->words ? E_OK : E_MEMORY;
    }
    text_clear(&value);
    return s;
}

static status open_condition(reading *r, const char *rest, error *e)
{
    text where = {0};
    if (r->depth == DEPTH_MAX)
        return fail(e, E_RANGE, "@when more than %d deep", DEPTH_MAX);
    int64_t run = 0, row = 0;
    status s = E_OK;
    if (!is_off(r)) {
        s = report_expand(r->b, rest, &where, e);
        if (s == E_OK)
            s = ledger_find_last(r->b->request->ledger, &r->b->request->scope,
                                 text_get(&where), "run", &run, &row, e);
    }
    text_clear(&where);
    r->conditions[r->depth].taken = run > 0;
    r->conditions[r->depth++].other = false;
    return s;
}

/* "@when", "@else" and "@end"; *DONE is false for others. */
static status read_condition(reading *r, const char *name, const char *rest, bool *done,
                             error *e)
{
    *done = true;
    if (strcmp(name, "when") == 0)
        return open_condition(r, rest, e);
    if (strcmp(name, "else") == 0 || strcmp(name, "end") == 0) {
        if (r->depth == 0)
            return fail(e, E_USAGE, "@%s without @when", name);
        if (name[1] == 'n')
            r->depth--;
        else if (r->conditions[r->depth - 1].other)
            return fail(e, E_USAGE, "a second @else");
        else
            r->conditions[r->depth - 1].other = true;
        return E_OK;
    }
    *done = false;
    return E_OK;
}

static status run_directive(builder *b, const char *name, const char *rest, error *e)
{
    const directive_row *row = directive_find(name);
    text expanded = {0};
    directive d = {0};
    if (strcmp(name, "let") == 0)
        return put_let(b, rest, e);
    if (!row)
        return directive_unknown(name, e);
    status s = report_expand(b, rest, &expanded, e);
    if (s == E_OK)
        s = directive_read(&d, text_get(&expanded), e);
    d.name = row->name;
    if (s == E_OK)
        s = row->run(b, &d, e);
    directive_clear(&d);
    text_clear(&expanded);
    return s;
}

static status read_directive(reading *r, const char *line, error *e)
{
    size_t length = strcspn(line + 1, " \t");
    const char *rest = line + 1 + length;
    rest += strspn(rest, " \t");
    bool done;
    char *name = memory_format(e, "%.*s", (int)length, line + 1);
    if (!name)
        return E_MEMORY;
    status s = read_condition(r, name, rest, &done, e);
    if (s == E_OK && !done && !is_off(r))
        s = run_directive(r->b, name, rest, e);
    memory_free(name);
    return s;
}

/* ---- lines ---- */

static void put_code(reading *r)
{
    block *b = document_add(r->b->document, BLOCK_CODE);
    b->code = "";
    if (!r->b->document->failed)
        b->code = document_keep(r->b->document, text_get(&r->code), true);
    text_clear(&r->code);
}

static status add_words(reading *r, const char *line, bool item, error *e)
{
    if (item)
        TRY(end_paragraph(r, e));
    if (r->paragraph.length == 0) {
        r->paragraph_line = r->b->line;
        r->item = item;
    } else {
        text_add(&r->paragraph, " ");
    }
    text_add(&r->paragraph, line);
    if (r->paragraph.length > PARAGRAPH_MAX)
        return fail(e, E_RANGE, "a paragraph of more than %d bytes", PARAGRAPH_MAX);
    return E_OK;
}

static status read_line(reading *r, const char *line, error *e)
{
    const char *words = line + strspn(line, " \t");
    const int marks = (int)strspn(words, "#");
    if (strncmp(words, "```", 3) == 0) {
        TRY(end_paragraph(r, e));
        if (r->in_code && !is_off(r))
            put_code(r);
        r->in_code = !r->in_code;
        return E_OK;
    }
    if (r->in_code) {
        if (!is_off(r))
            text_addf(&r->code, "%s\n", line);
        return text_ok(&r->code, e);
    }
    if (*words == '@') {
        TRY(end_paragraph(r, e));
        return read_directive(r, words, e);
    }
    if (is_off(r) || strncmp(words, "//", 2) == 0)
        return E_OK;
    if (*words == '\0')
        return end_paragraph(r, e);
    if (marks > 0 && marks <= 4 && isspace((unsigned char)words[marks])) {
        TRY(end_paragraph(r, e));
        return put_heading(r, words, e);
    }
    bool item = words[0] == '-' && words[1] == ' ';
    return add_words(r, item ? words + 2 : words, item, e);
}

static status read_all(reading *r, error *e)
{
    text line = {0};
    status s = E_OK;
    while (s == E_OK && next_line(r, &line)) {
        s = text_ok(&line, e);
        if (s == E_OK)
            s = read_line(r, text_get(&line), e);
    }
    text_clear(&line);
    TRY(s);
    TRY(end_paragraph(r, e));
    if (r->in_code)
        return fail(e, E_USAGE, "'```' without its end");
    if (r->depth > 0)
        return fail(e, E_USAGE, "@when without @end");
    return E_OK;
}

/* Counts what the document has. */
static void count_spans(const spans *words, report_counts *counts)
{
    for (int64_t i = 0; i < words->count; i++)
        counts->numbers +=
            words->items[i].kind == SPAN_VALUE || words->items[i].kind == SPAN_LINE;
}

static void count_all(const document *d, report_counts *counts)
{
    for (int64_t i = 0; i < d->count; i++) {
        const block *b = &d->blocks[i];
        counts->figures += b->kind == BLOCK_FIGURE;
        count_spans(&b->words, counts);
        for (int64_t k = 0; k < b->grid.cell_count; k++)
            count_spans(&b->grid.cells[k], counts);
    }
}

static void builder_clear(builder *b)
{
    for (int64_t i = 0; i < b->let_count; i++) {
        memory_free(b->lets[i].name);
        memory_free(b->lets[i].words);
    }
    memory_free(b->lets);
    candidates_free(b->models);
}

status report_build(const report_request *request, document *d, report_counts *counts,
                    error *e)
{
    builder b = {.request = request, .document = d, .receipts = -1};
    reading r = {.b = &b, .at = request->words};
    *counts = (report_counts){0};
    status s = read_all(&r, e);
    text_clear(&r.paragraph);
    text_clear(&r.code);
    if (s != E_OK && s != E_STOPPED)
        fail_prefix(e, "%s:%lld", request->name ? request->name : "the built-in template",
                    (long long)b.line);
    if (s == E_OK)
        s = receipts_fill(&b, &counts->runs, e);
    for (int64_t i = 0; s == E_OK && i < d->count; i++)
        document_trim(&d->blocks[i].grid);
    if (s == E_OK)
        s = document_ok(d, e);
    counts->unmeasured = b.unmeasured;
    count_all(d, counts);
    builder_clear(&b);
    return s;
}
