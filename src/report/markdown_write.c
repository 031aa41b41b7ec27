/* SPDX-License-Identifier: GPL-3.0-or-later
   markdown_write.c -- a document as Markdown: every number is a link to its receipt whose
   title is its source.  What was words stays words.
   Source: GitHub Flavored Markdown 0.29, chapters 2.4 (backslashes), 4.10 (tables). */
#include <string.h>
#include "report/markup.h"
#include "report/writer.h"

/* ---- words ---- */

static void add_escaped(const char *words, text *out)
{
    for (const char *p = words; *p; p++) {
        if (strchr("\\`*_[]<>|#~&$", *p))
            text_add(out, "\\");
        text_add_bytes(out, *p == '\n' || *p == '\r' ? " " : p, 1);
    }
}

/* The longest row of backticks in WORDS. */
static int longest_ticks(const char *words)
{
    int longest = 0, run = 0;
    for (const char *p = words; *p; p++) {
        run = *p == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

static void add_ticks(int count, text *out)
{
    for (int i = 0; i < count; i++)
        text_add(out, "`");
}

/* Within tables a bar ends the cell, even in code. */
static void add_code(const char *words, bool cell, text *out)
{
    int ticks = longest_ticks(words) + 1;
    bool space = *words == '`' || text_ends(words, "`");
    add_ticks(ticks, out);
    text_add(out, space ? " " : "");
    for (const char *p = words; *p; p++) {
        text_add(out, cell && *p == '|' ? "\\" : "");
        text_add_bytes(out, p, 1);
    }
    text_add(out, space ? " " : "");
    add_ticks(ticks, out);
}

static void add_value(const span *s, text *out)
{
    text notation = {0};
    source_write(&s->source, &notation);
    if (s->source.of.run == 0) {
        add_escaped(s->words, out);
        text_addf(out, "<!-- %s -->", text_get(&notation));
    } else {
        text_add(out, "[");
        add_escaped(s->words, out);
        text_addf(out, "](#run-%lld \"%s\")", (long long)s->source.of.run,
                  text_get(&notation));
    }
    out->failed = out->failed || notation.failed;
    text_clear(&notation);
}

/* An address between "<" and ">". */
static void add_address(const char *words, text *out)
{
    text_add(out, "<");
    for (const char *p = words; *p; p++)
        if (strchr("<>\\ ", *p))
            text_addf(out, "%%%02X", (unsigned)(unsigned char)*p);
        else
            text_add_bytes(out, p, 1);
    text_add(out, ">");
}

static const markup marks = {
    .unit = " ",
    .strong = {"**", "**"},
    .emphasis = {"*", "*"},
    .link = {"[", "](", ")"},
    .run = {"[", "](#run-", ")"},
    .words_first = true,
    .words = add_escaped,
    .address = add_address,
    .code = add_code,
    .value = add_value,
};

/* A paragraph must not begin like a list, a heading's line or a rule. */
static void add_paragraph(const spans *words, text *out)
{
    const char *first = words->count > 0 && words->items[0].kind == SPAN_TEXT
                            ? words->items[0].words
                            : "";
    size_t digits = strspn(first, "0123456789");
    if (*first && strchr("-+=", *first)) {
        text_add(out, "\\");
    } else if (digits > 0 && (first[digits] == '.' || first[digits] == ')')) {
        text_addf(out, "%.*s\\", (int)digits, first);
        add_escaped(first + digits, out);
        for (int64_t i = 1; i < words->count; i++)
            markup_span(&marks, &words->items[i], false, out);
        return;
    }
    markup_spans(&marks, words, false, out);
}

/* ---- blocks ---- */

static void add_row(const block *b, int64_t row, text *out)
{
    const grid *g = &b->grid;
    for (int64_t j = 0; j < g->column_count; j++) {
        const spans *cell = grid_cell(g, row, j);
        text_add(out, j ? " " : "| ");
        if (b->receipts && j == 0 && cell->count > 0)
            text_addf(out, "<a id=\"run-%s\"></a>%s", cell->items[0].words,
                      cell->items[0].words);
        else
            markup_spans(&marks, cell, true, out);
        text_add(out, " |");
    }
    text_add(out, "\n");
}

static void add_table(const block *b, text *out)
{
    const grid *g = &b->grid;
    if (b->words.count > 0) {
        add_paragraph(&b->words, out);
        text_add(out, "\n\n");
    }
    for (int64_t j = 0; j < g->column_count; j++) {
        text_add(out, j ? " " : "| ");
        add_escaped(g->columns[j].title, out);
        text_add(out, " |");
    }
    text_add(out, "\n|");
    for (int64_t j = 0; j < g->column_count; j++)
        text_add(out, g->columns[j].kind == COLUMN_MEASURED ? "--:|" : "---|");
    text_add(out, "\n");
    for (int64_t i = 0; i < grid_rows(g); i++)
        add_row(b, i, out);
}

static void add_figure(const block *b, text *out)
{
    const picture *p = &b->picture;
    text_add(out, "![");
    for (int64_t i = 0; i < b->words.count; i++) {
        text_add(out, b->words.items[i].kind == SPAN_UNIT ? " " : "");
        add_escaped(b->words.items[i].words, out);
    }
    text_add(out, "](");
    add_address(p->path, out);
    text_addf(out, " \"digest %s\")\n\n", p->digest);
    markup_spans(&marks, &b->words, false, out);
    if (b->run > 0)
        text_addf(out, " ([run %lld](#run-%lld))", (long long)b->run, (long long)b->run);
    text_add(out, "\n");
}

static void add_fenced(const char *code, text *out)
{
    int ticks = longest_ticks(code) + 1;
    ticks = ticks < 3 ? 3 : ticks;
    add_ticks(ticks, out);
    text_addf(out, "\n%s%s", code, *code && !text_ends(code, "\n") ? "\n" : "");
    add_ticks(ticks, out);
    text_add(out, "\n");
}

static void add_block(const block *b, text *out)
{
    switch (b->kind) {
    case BLOCK_HEADING:
        for (int i = 0; i < (b->level < 1 ? 1 : b->level); i++)
            text_add(out, "#");
        text_add(out, " ");
        markup_spans(&marks, &b->words, false, out);
        text_add(out, "\n");
        break;
    case BLOCK_PARAGRAPH:
        add_paragraph(&b->words, out);
        text_add(out, "\n");
        break;
    case BLOCK_ITEM:
        text_add(out, "- ");
        add_paragraph(&b->words, out);
        text_add(out, "\n");
        break;
    case BLOCK_CODE:
        add_fenced(b->code, out);
        break;
    case BLOCK_TABLE:
        add_table(b, out);
        break;
    case BLOCK_FIGURE:
        add_figure(b, out);
        break;
    }
}

void markdown_write(const document *d, text *out)
{
    bool dated = !d->date;
    for (int64_t i = 0; i < d->count; i++) {
        const block *b = &d->blocks[i];
        bool list = i > 0 && b->kind == BLOCK_ITEM && b[-1].kind == BLOCK_ITEM;
        text_add(out, i > 0 && !list ? "\n" : "");
        add_block(b, out);
        if (!dated && b->kind == BLOCK_HEADING && b->level == 1) {
            text_addf(out, "\n%s\n", d->date);
            dated = true;
        }
    }
}
