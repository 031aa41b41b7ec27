/* SPDX-License-Identifier: GPL-3.0-or-later
   html_write.c -- a document as one page of HTML that needs no network: styles, figures
   and receipts are in it.  What was words stays words: nothing of it becomes markup. */
#include <string.h>
#include "report/markup.h"
#include "report/writer.h"

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1b1d21;--faint:#5c6370;--line:#d5d9e0;"
    "--page:#fff;--band:#f4f6f9;--link:#0b57a4}\n"
    "@media (prefers-color-scheme:dark){:root{--ink:#e4e6ea;--faint:#9aa2af;"
    "--line:#3a404a;--page:#15171b;--band:#1e2127;--link:#7db8f5}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--page);color:var(--ink);"
    "font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif}\n"
    "main{max-width:64rem;margin:0 auto;padding:1.5rem 1rem 4rem}\n"
    "h1{font-size:1.9rem;line-height:1.2;margin:.5rem 0}\n"
    "h2{font-size:1.35rem;margin:2.2rem 0 .6rem;padding-bottom:.2rem;"
    "border-bottom:1px solid var(--line)}\n"
    "h3{font-size:1.1rem;margin:1.5rem 0 .4rem}\n"
    "p,ul{max-width:46rem}\n"
    "nav{background:var(--band);border-radius:.4rem;padding:.6rem 1rem;margin:1rem 0}\n"
    "nav ol{margin:.3rem 0;padding-left:1.4rem;columns:14rem}\n"
    "a{color:var(--link)}\n"
    ".date{color:var(--faint)}\n"
    ".n,.r{color:inherit;text-decoration:none;font-variant-numeric:tabular-nums}\n"
    ".n:hover,.n:focus,.r:hover{color:var(--link);text-decoration:underline}\n"
    ".r{color:var(--faint)}\n"
    "div.scroll{overflow-x:auto;margin:.8rem 0}\n"
    "table{border-collapse:collapse;font-size:.92rem}\n"
    "caption{text-align:left;color:var(--faint);padding:.2rem 0 .4rem}\n"
    "th,td{padding:.25rem .7rem;text-align:left;vertical-align:top;"
    "border-bottom:1px solid var(--line)}\n"
    "thead th{border-bottom:2px solid var(--faint);vertical-align:bottom}\n"
    "tbody tr:nth-child(even){background:var(--band)}\n"
    "tbody tr:target{outline:2px solid var(--link)}\n"
    "td.m{white-space:nowrap}\n"
    ".m{text-align:right;font-variant-numeric:tabular-nums}\n"
    ".o{min-width:11rem}\n"
    "figure{margin:1.2rem 0}\n"
    "figure "
    "img{max-width:min(100%,44rem);height:auto;background:#fff;border-radius:.3rem;"
    "padding:.3rem}\n"
    "figcaption{color:var(--faint);font-size:.92rem;max-width:46rem}\n"
    "code,pre{font-family:ui-monospace,'DejaVu Sans Mono',Menlo,monospace;"
    "font-size:.88em}\n"
    "pre{background:var(--band);border-radius:.4rem;padding:.8rem 1rem;"
    "overflow-x:auto}\n"
    "@media print{:root{--ink:#000;--faint:#444;--line:#bbb;--page:#fff;--band:#fff;"
    "--link:#000}body{font-size:10pt}main{max-width:none;padding:0}"
    "nav{display:none}div.scroll{overflow:visible}tr,figure{break-inside:avoid}"
    "h2,h3{break-after:avoid}pre{white-space:pre-wrap;border:1px solid #bbb}"
    "thead{display:table-header-group}}\n";

/* ---- words ---- */

static void add_escaped(const char *words, text *out)
{
    static const struct {
        char character;
        const char *written;
    } rows[] = {
        {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    for (const char *p = words; *p; p++) {
        size_t i = 0;
        while (i < sizeof rows / sizeof *rows && rows[i].character != *p)
            i++;
        if (i < sizeof rows / sizeof *rows)
            text_add(out, rows[i].written);
        else
            text_add_bytes(out, p, 1);
    }
}

static void add_source(const source *s, text *out)
{
    text notation = {0};
    source_write(s, &notation);
    text_add(out, " data-source=\"");
    add_escaped(text_get(&notation), out);
    text_add(out, "\"");
    out->failed = out->failed || notation.failed;
    text_clear(&notation);
}

/* Numbers have a true minus. */
static void add_number(const char *words, text *out)
{
    bool minus = words[0] == '-' && words[1] >= '0' && words[1] <= '9';
    text_add(out, minus ? "\xe2\x88\x92" : "");
    add_escaped(words + minus, out);
}

static void add_value(const span *s, text *out)
{
    const reference *r = &s->source.of;
    if (r->run == 0) {
        text_add(out, "<span class=\"p\"");
        add_source(&s->source, out);
        text_add(out, ">");
        add_number(s->words, out);
        text_add(out, "</span>");
        return;
    }
    text_addf(out,
              "<a class=\"n\" href=\"#run-%lld\" data-run=\"%lld\" data-row=\"%lld\"",
              (long long)r->run, (long long)r->run, (long long)r->row);
    text_add(out, " data-key=\"");
    add_escaped(r->key, out);
    text_add(out, "\"");
    add_source(&s->source, out);
    text_addf(out, " title=\"run %lld, ", (long long)r->run);
    add_escaped(r->key, out);
    text_add(out, "\">");
    add_number(s->words, out);
    text_add(out, "</a>");
}

static void add_typed(const char *words, bool cell, text *out)
{
    (void)cell;
    text_add(out, "<code>");
    add_escaped(words, out);
    text_add(out, "</code>");
}

static void add_looked_up(const span *s, text *out)
{
    text_add(out, s->kind == SPAN_LINE ? "<code>" : "");
    add_value(s, out);
    text_add(out, s->kind == SPAN_LINE ? "</code>" : "");
}

static const markup marks = {
    .unit = "&nbsp;",
    .strong = {"<strong>", "</strong>"},
    .emphasis = {"<em>", "</em>"},
    .link = {"<a href=\"", "\">", "</a>"},
    .run = {"<a class=\"r\" href=\"#run-", "\">", "</a>"},
    .words = add_escaped,
    .address = add_escaped,
    .code = add_typed,
    .value = add_looked_up,
};

/* ---- blocks ---- */

static const char *class_of(column_kind kind)
{
    return kind == COLUMN_MEASURED ? " class=\"m\""
           : kind == COLUMN_NOTE   ? " class=\"o\""
                                   : "";
}

static void add_row(const block *b, int64_t row, text *out)
{
    const grid *g = &b->grid;
    const spans *first = grid_cell(g, row, 0);
    if (b->receipts && first->count > 0)
        text_addf(out, "<tr id=\"run-%s\">", first->items[0].words);
    else
        text_add(out, "<tr>");
    for (int64_t j = 0; j < g->column_count; j++) {
        text_addf(out, "<td%s>", class_of(g->columns[j].kind));
        markup_spans(&marks, grid_cell(g, row, j), false, out);
        text_add(out, "</td>");
    }
    text_add(out, "</tr>\n");
}

static void add_table(const block *b, text *out)
{
    const grid *g = &b->grid;
    text_add(out, "<div class=\"scroll\"><table>\n");
    if (b->words.count > 0) {
        text_add(out, "<caption>");
        markup_spans(&marks, &b->words, false, out);
        text_add(out, "</caption>\n");
    }
    text_add(out, "<thead><tr>");
    for (int64_t j = 0; j < g->column_count; j++) {
        text_addf(out, "<th%s>", class_of(g->columns[j].kind));
        add_escaped(g->columns[j].title, out);
        text_add(out, "</th>");
    }
    text_add(out, "</tr></thead>\n<tbody>\n");
    for (int64_t i = 0; i < grid_rows(g); i++)
        add_row(b, i, out);
    text_add(out, "</tbody></table></div>\n");
}

/* Source: RFC 4648, section 4. */
static void add_base64(const unsigned char *bytes, size_t length, text *out)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        size_t n = length - i < 3 ? length - i : 3;
        unsigned bits = (unsigned)bytes[i] << 16;
        bits |= n > 1 ? (unsigned)bytes[i + 1] << 8 : 0;
        bits |= n > 2 ? bytes[i + 2] : 0;
        char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
                        n > 1 ? digits[bits >> 6 & 63] : '=',
                        n > 2 ? digits[bits & 63] : '='};
        text_add_bytes(out, four, sizeof four);
    }
}

static const char *media_type(const char *ending)
{
    return strcmp(ending, ".svg") == 0   ? "image/svg+xml"
           : strcmp(ending, ".gif") == 0 ? "image/gif"
                                         : "image/png";
}

static void add_words_alone(const spans *words, text *out)
{
    for (int64_t i = 0; i < words->count; i++) {
        text_add(out, words->items[i].kind == SPAN_UNIT ? "&nbsp;" : "");
        add_escaped(words->items[i].words, out);
    }
}

static void add_figure(const block *b, text *out)
{
    const picture *p = &b->picture;
    text_addf(out, "<figure><img data-digest=\"%s\" alt=\"", p->digest);
    add_words_alone(&b->words, out);
    text_addf(out, "\" src=\"data:%s;base64,", media_type(p->ending));
    add_base64(p->bytes, p->length, out);
    text_add(out, "\">\n<figcaption>");
    markup_spans(&marks, &b->words, false, out);
    if (b->run > 0)
        text_addf(out, " (<a class=\"r\" href=\"#run-%lld\">run %lld</a>)",
                  (long long)b->run, (long long)b->run);
    text_add(out, "</figcaption></figure>\n");
}

static void add_block(const document *d, int64_t i, text *out)
{
    const block *b = &d->blocks[i];
    bool before = i > 0 && b[-1].kind == BLOCK_ITEM;
    bool after = i + 1 < d->count && b[1].kind == BLOCK_ITEM;
    int level = b->level < 1 ? 1 : b->level > 4 ? 4 : b->level;
    switch (b->kind) {
    case BLOCK_HEADING:
        text_addf(out, "<h%d id=\"s%lld\">", level, (long long)i);
        markup_spans(&marks, &b->words, false, out);
        text_addf(out, "</h%d>\n", level);
        break;
    case BLOCK_PARAGRAPH:
        text_add(out, "<p>");
        markup_spans(&marks, &b->words, false, out);
        text_add(out, "</p>\n");
        break;
    case BLOCK_ITEM:
        text_add(out, before ? "<li>" : "<ul>\n<li>");
        markup_spans(&marks, &b->words, false, out);
        text_add(out, after ? "</li>\n" : "</li>\n</ul>\n");
        break;
    case BLOCK_CODE:
        text_add(out, "<pre><code>");
        add_escaped(b->code, out);
        text_add(out, "</code></pre>\n");
        break;
    case BLOCK_TABLE:
        add_table(b, out);
        break;
    case BLOCK_FIGURE:
        add_figure(b, out);
        break;
    }
}

static bool is_title(const block *b)
{
    return b->kind == BLOCK_HEADING && b->level == 1;
}

/* Links to the headings of the second level. */
static void add_contents(const document *d, text *out)
{
    text_add(out, "<nav aria-label=\"contents\"><ol>\n");
    for (int64_t i = 0; i < d->count; i++) {
        if (d->blocks[i].kind != BLOCK_HEADING || d->blocks[i].level != 2)
            continue;
        text_addf(out, "<li><a href=\"#s%lld\">", (long long)i);
        add_words_alone(&d->blocks[i].words, out);
        text_add(out, "</a></li>\n");
    }
    text_add(out, "</ol></nav>\n");
}

void html_write(const document *d, text *out)
{
    int64_t title = 0;
    while (title < d->count && !is_title(&d->blocks[title]))
        title++;
    text_add(out,
             "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width,"
             "initial-scale=1\">\n<meta name=\"generator\" content=\"lathe\">\n"
             "<title>");
    if (title < d->count)
        add_words_alone(&d->blocks[title].words, out);
    else
        text_add(out, "Report");
    text_addf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n", style);
    for (int64_t i = 0; i < d->count; i++) {
        add_block(d, i, out);
        if (i == title && d->date)
            text_addf(out, "<p class=\"date\">%s</p>\n", d->date);
        if (i == title || (i == 0 && title == d->count))
            add_contents(d, out);
    }
    text_add(out, "</main>\n</body>\n</html>\n");
}
