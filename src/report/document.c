/* SPDX-License-Identifier: GPL-3.0-or-later
   document.c -- growing documents.  It knows no format and no ledger. */
#include "report/document.h"

#include <stdio.h>
#include <string.h>
#include "base/memory.h"

static void spans_clear(spans *s)
{
    memory_free(s->items);
}

static void block_clear(block *b)
{
    spans_clear(&b->words);
    for (int64_t i = 0; i < b->grid.cell_count; i++)
        spans_clear(&b->grid.cells[i]);
    memory_free(b->grid.cells);
    memory_free(b->grid.columns);
    memory_free(b->picture.bytes);
}

void document_clear(document *d)
{
    for (int64_t i = 0; i < d->count; i++)
        block_clear(&d->blocks[i]);
    memory_free(d->blocks);
    for (int64_t i = 0; i < d->kept_count; i++)
        memory_free(d->kept[i]);
    memory_free(d->kept);
    *d = (document){0};
}

status document_ok(const document *d, error *e)
{
    return d->failed ? fail(e, E_MEMORY, "memory: no room for the report") : E_OK;
}

/* ---- words ---- */

/* Bytes of the UTF-8 character at P, 0 where there is none.
   Source: RFC 3629, the table of section 4. */
static size_t character_length(const unsigned char *p)
{
    static const struct {
        unsigned char first, last, second_first, second_last;
        size_t length;
    } rows[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2},
        {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
        {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (p[0] < rows[i].first || p[0] > rows[i].last)
            continue;
        if (rows[i].length > 1 &&
            (p[1] < rows[i].second_first || p[1] > rows[i].second_last))
            return 0;
        for (size_t k = 2; k < rows[i].length; k++)
            if ((p[k] & 0xc0) != 0x80)
                return 0;
        return rows[i].length;
    }
    return 0;
}

void document_clean(const char *words, bool lines, text *out)
{
    for (const unsigned char *p = (const unsigned char *)words; *p;) {
        size_t length = character_length(p);
        bool second = p[0] == 0xc2 && p[1] < 0xa0; /* U+0080 to U+009F */
        if (lines && (*p == '\n' || *p == '\t'))
            text_add_bytes(out, (const char *)p, 1);
        else if (*p == '\n' || *p == '\t' || *p == '\r')
            text_add(out, " ");
        else if (length == 0 || *p < 0x20 || *p == 0x7f || second)
            text_add(out, "\xef\xbf\xbd");
        else
            text_add_bytes(out, (const char *)p, length);
        p += length ? length : 1;
    }
}

const char *document_keep(document *d, const char *words, bool lines)
{
    text clean = {0};
    document_clean(words, lines, &clean);
    char *copy = clean.failed ? NULL : memory_text(text_get(&clean), NULL);
    text_clear(&clean);
    if (!copy || memory_grow((void **)&d->kept, &d->kept_capacity, d->kept_count + 1,
                             sizeof *d->kept, NULL)) {
        memory_free(copy);
        d->failed = true;
        return "";
    }
    d->kept[d->kept_count++] = copy;
    return copy;
}

block *document_add(document *d, block_kind kind)
{
    static block nowhere;
    if (memory_grow((void **)&d->blocks, &d->capacity, d->count + 1, sizeof *d->blocks,
                    NULL)) {
        d->failed = true;
        nowhere = (block){.kind = kind};
        return &nowhere;
    }
    d->blocks[d->count] = (block){.kind = kind};
    return &d->blocks[d->count++];
}

static span *add_span(document *d, spans *to)
{
    if (d->failed || memory_grow((void **)&to->items, &to->capacity, to->count + 1,
                                 sizeof *to->items, NULL)) {
        d->failed = true;
        return NULL;
    }
    return &to->items[to->count++];
}

void document_span(document *d, spans *to, span_kind kind, const char *words,
                   const char *link)
{
    const char *kept = document_keep(d, words, false);
    const char *address = link ? document_keep(d, link, false) : NULL;
    span *s = *kept ? add_span(d, to) : NULL;
    if (s)
        *s = (span){.kind = kind, .words = kept, .link = address};
}

void document_value(document *d, spans *to, const source *s, const cell *value, bool unit)
{
    text words = {0};
    form_write(s->form, value, &words);
    d->failed = d->failed || words.failed;
    const char *kept = document_keep(d, text_get(&words), false);
    span *added = add_span(d, to);
    if (added)
        *added = (span){.kind = SPAN_VALUE, .words = kept, .source = *s};
    text_clear(&words);
    const char *name = form_unit(s->form, s->of.key, s->operation);
    if (!unit || !*name || value->kind == CELL_TEXT)
        return;
    document_span(d, to, SPAN_UNIT, name, NULL);
}

void document_line(document *d, spans *to, int64_t run, const char *line)
{
    source s = {.form = {.kind = FORM_WORDS}};
    const char *kept = document_keep(d, line, false);
    reference_set(&s.of, run, 0, "line");
    span *added = add_span(d, to);
    if (added)
        *added = (span){.kind = SPAN_LINE, .words = kept, .source = s};
}

void document_run(document *d, spans *to, int64_t run)
{
    char words[24];
    snprintf(words, sizeof words, "%lld", (long long)run);
    document_span(d, to, SPAN_RUN, words, NULL);
}

/* ---- tables ---- */

void document_column(document *d, grid *g, const char *title, column_kind kind)
{
    const char *kept = document_keep(d, title, false);
    if (d->failed || memory_grow((void **)&g->columns, &g->column_capacity,
                                 g->column_count + 1, sizeof *g->columns, NULL))
        d->failed = true;
    else
        g->columns[g->column_count++] = (struct grid_column){kept, kind};
}

void document_row(document *d, grid *g)
{
    if (d->failed || memory_grow((void **)&g->cells, &g->cell_capacity,
                                 g->cell_count + g->column_count, sizeof *g->cells, NULL))
        d->failed = true;
    else
        g->cell_count += g->column_count;
}

spans *document_cell(document *d, grid *g, int64_t column)
{
    static spans nowhere;
    if (d->failed || g->cell_count < g->column_count || column >= g->column_count) {
        memory_free(nowhere.items);
        nowhere = (spans){0};
        d->failed = true;
        return &nowhere;
    }
    return &g->cells[g->cell_count - g->column_count + column];
}

static bool is_empty(const grid *g, int64_t column)
{
    for (int64_t i = column; i < g->cell_count; i += g->column_count)
        if (g->cells[i].count > 0)
            return false;
    return true;
}

void document_trim(grid *g)
{
    const int64_t rows = grid_rows(g), columns = g->column_count;
    int64_t kept = 0;
    bool *keep = memory_new(columns, sizeof *keep, NULL);
    if (!keep || rows == 0) {
        memory_free(keep);
        return;
    }
    for (int64_t j = 0; j < columns; j++)
        kept += keep[j] = !is_empty(g, j);
    int64_t at = 0;
    for (int64_t i = 0; i < g->cell_count; i++) {
        if (keep[i % columns])
            g->cells[at++] = g->cells[i];
        else
            spans_clear(&g->cells[i]);
    }
    g->cell_count = at;
    at = 0;
    for (int64_t j = 0; j < columns; j++)
        if (keep[j])
            g->columns[at++] = g->columns[j];
    g->column_count = kept;
    memory_free(keep);
}

int64_t grid_rows(const grid *g)
{
    return g->column_count > 0 ? g->cell_count / g->column_count : 0;
}

const spans *grid_cell(const grid *g, int64_t row, int64_t column)
{
    return &g->cells[row * g->column_count + column];
}
