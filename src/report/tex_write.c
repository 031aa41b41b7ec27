/* SPDX-License-Identifier: GPL-3.0-or-later
   tex_write.c -- a document as LaTeX source for pdflatex or lualatex: tables with booktabs,
   every number in a macro that has its run and its source.  What was words stays words. */
#include <string.h>
#include "report/tex_words.h"
#include "report/markup.h"
#include "report/writer.h"

static const char preamble[] =
    "\\documentclass[a4paper,10pt]{article}\n"
    "\\usepackage{iftex}\n"
    "\\ifPDFTeX\n"
    "\\usepackage[utf8]{inputenc}\n"
    "\\usepackage[T1]{fontenc}\n"
    "\\usepackage{textcomp}\n"
    "\\IfFileExists{lmodern.sty}{\\usepackage{lmodern}}{}\n"
    "\\DeclareUnicodeCharacter{03BC}{\\textmu}\n"
    "\\DeclareUnicodeCharacter{2212}{\\ensuremath{-}}\n"
    "\\DeclareUnicodeCharacter{2264}{\\ensuremath{\\le}}\n"
    "\\DeclareUnicodeCharacter{2265}{\\ensuremath{\\ge}}\n"
    "\\DeclareUnicodeCharacter{2192}{\\ensuremath{\\to}}\n"
    "\\DeclareUnicodeCharacter{FFFD}{?}\n"
    "\\fi\n"
    "\\usepackage[margin=22mm]{geometry}\n"
    "\\usepackage{array,booktabs,longtable,graphicx,color}\n"
    "\\usepackage[hidelinks]{hyperref}\n"
    "\\setlength{\\parindent}{0pt}\n"
    "\\setlength{\\parskip}{5pt}\n"
    "\\setlength{\\tabcolsep}{4pt}\n"
    "% A number: its run, its source in the database of runs, and what is shown.\n"
    "\\newcommand{\\measured}[3]{\\hyperlink{run-#1}{#3}}\n"
    "% A command line, in the same way.\n"
    "\\newcommand{\\typed}[3]{\\hyperlink{run-#1}{\\texttt{#3}}}\n"
    "% A number from elsewhere.\n"
    "\\newcommand{\\published}[2]{#2}\n"
    "% A figure: the digest of its file, and the file.\n"
    "\\newcommand{\\drawn}[2]{\\includegraphics[width=\\linewidth,"
    "height=0.8\\textheight,keepaspectratio]{#2}}\n"
    "% A table that is no wider than the page; behind its heading.\n"
    "\\newsavebox{\\tablebox}\n"
    "\\newenvironment{fitted}{\\begin{lrbox}{\\tablebox}}{\\end{lrbox}%\n"
    "\\ifdim\\wd\\tablebox>\\linewidth\\resizebox{\\linewidth}{!}{\\usebox\\tablebox}%\n"
    "\\else\\usebox\\tablebox\\fi}\n"
    "\\newcommand{\\headend}{\\midrule}\n"
    "% A line as it is typed.\n"
    "\\newcommand{\\theline}[1]{\\texttt{#1}\\par}\n"
    "\\begin{document}\n"
    "\\sloppy\n";

/* ---- words ---- */

/* Numbers have a true minus. */
static void add_number(const char *words, text *out)
{
    bool minus = words[0] == '-' && words[1] >= '0' && words[1] <= '9';
    text_add(out, minus ? "$-$" : "");
    tex_words_write(words + minus, out);
}

static void add_value(const span *s, text *out)
{
    text notation = {0};
    source_write(&s->source, &notation);
    if (s->source.of.run == 0)
        text_addf(out, "\\published{%s}{", text_get(&notation));
    else
        text_addf(out, "\\%s{%lld}{%s}{", s->kind == SPAN_LINE ? "typed" : "measured",
                  (long long)s->source.of.run, text_get(&notation));
    add_number(s->words, out);
    text_add(out, "}");
    out->failed = out->failed || notation.failed;
    text_clear(&notation);
}

/* An address as hyperref takes it: what TeX would read otherwise in hexadecimal. */
static void add_address(const char *words, text *out)
{
    for (const char *p = words; *p; p++)
        if (strchr("\\{}^`\"<> ", *p))
            text_addf(out, "\\%%%02X", (unsigned)(unsigned char)*p);
        else if (strchr("%#&_~", *p))
            text_addf(out, "\\%c%s", *p, *p == '~' ? "{}" : "");
        else
            text_add_bytes(out, p, 1);
}

static void add_typed(const char *words, bool cell, text *out)
{
    (void)cell;
    text_add(out, "\\texttt{");
    tex_words_write(words, out);
    text_add(out, "}");
}

static const markup marks = {
    .unit = "~",
    .strong = {"\\textbf{", "}"},
    .emphasis = {"\\emph{", "}"},
    .link = {"\\href{", "}{", "}"},
    .run = {"\\hyperlink{run-", "}{", "}"},
    .words = tex_words_write,
    .address = add_address,
    .code = add_typed,
    .value = add_value,
};

/* ---- blocks ---- */

static void add_row(const block *b, int64_t row, text *out)
{
    const grid *g = &b->grid;
    for (int64_t j = 0; j < g->column_count; j++) {
        const spans *cell = grid_cell(g, row, j);
        text_add(out, j ? " & " : "");
        if (b->receipts && j == 0 && cell->count > 0)
            text_addf(out, "\\hypertarget{run-%s}{%s}", cell->items[0].words,
                      cell->items[0].words);
        else
            markup_spans(&marks, cell, false, out);
    }
    text_add(out, " \\\\\n");
}

/* Wide columns share what the others leave of the page. */
static void add_columns(const grid *g, text *out)
{
    int64_t wide = 0;
    for (int64_t j = 0; j < g->column_count; j++)
        wide += g->columns[j].kind == COLUMN_NOTE;
    double share = wide > 0 ? 0.5 / (double)wide : 0;
    for (int64_t j = 0; j < g->column_count; j++)
        if (g->columns[j].kind == COLUMN_NOTE)
            text_addf(out, ">{\\raggedright\\arraybackslash}p{%.2f\\linewidth}", share);
        else
            text_add(out, g->columns[j].kind == COLUMN_MEASURED ? "r" : "l");
}

/* A heading of several words takes two lines. */
static void add_title(const char *words, column_kind kind, text *out)
{
    enum { WIDE = 12 };
    const size_t length = strlen(words);
    size_t cut = 0;
    for (size_t i = 1; i + 1 < length; i++)
        if (words[i] == ' ' && (cut == 0 || i <= (length + 1) / 2))
            cut = i;
    if (length < WIDE || cut == 0) {
        tex_words_write(words, out);
        return;
    }
    text first = {0};
    text_add_bytes(&first, words, cut);
    text_addf(out, "\\shortstack[%s]{", kind == COLUMN_MEASURED ? "r" : "l");
    tex_words_write(text_get(&first), out);
    text_add(out, "\\\\");
    tex_words_write(words + cut + 1, out);
    text_add(out, "}");
    out->failed = out->failed || first.failed;
    text_clear(&first);
}

static void add_head(const grid *g, text *out)
{
    text_add(out, "\\toprule\n");
    for (int64_t j = 0; j < g->column_count; j++) {
        text_add(out, j ? " & " : "");
        add_title(g->columns[j].title, g->columns[j].kind, out);
    }
    text_add(out, " \\\\\n\\headend\n");
}

/* Tables of many rows go over pages, others are made to fit one's width. */
static void add_table(const block *b, text *out)
{
    enum { PAGE_ROWS = 36 };
    const grid *g = &b->grid;
    const bool breaks = grid_rows(g) > PAGE_ROWS || b->receipts;
    text_add(out, "{\\footnotesize\\raggedright\n");
    if (b->words.count > 0) {
        markup_spans(&marks, &b->words, false, out);
        text_add(out, "\\par\\nopagebreak\n");
    }
    text_add(out, breaks ? "\\begin{longtable}{" : "\\begin{fitted}\\begin{tabular}{");
    add_columns(g, out);
    text_add(out, "}\n");
    add_head(g, out);
    text_add(out, breaks ? "\\endhead\n" : "");
    for (int64_t i = 0; i < grid_rows(g); i++)
        add_row(b, i, out);
    text_addf(out, "\\bottomrule\n%s}\n",
              breaks ? "\\end{longtable}" : "\\end{tabular}\\end{fitted}\\par");
}

/* A path as TeX takes it; a report with others cannot be made (figures.c). */
static void add_figure(const block *b, text *out)
{
    const picture *p = &b->picture;
    text_addf(out, "\\begin{center}\n\\drawn{%s}{%s}\n\n\\small ", p->digest, p->path);
    markup_spans(&marks, &b->words, false, out);
    if (b->run > 0)
        text_addf(out, " (\\hyperlink{run-%lld}{run %lld})", (long long)b->run,
                  (long long)b->run);
    text_add(out, "\n\\end{center}\n");
}

/* Blanks stay as many as they are; a line that a run is the source of says so. */
static void add_code_line(const char *line, size_t length, text *out)
{
    text words = {0}, written = {0};
    text_add_bytes(&words, line, length);
    tex_words_write(text_get(&words), &written);
    text_add(out, "\\theline{");
    for (const char *p = text_get(&written); *p; p++)
        text_add_bytes(out, *p == ' ' ? "~" : p, 1);
    text_add(out, "}\n");
    out->failed = out->failed || words.failed || written.failed;
    text_clear(&words);
    text_clear(&written);
}

static void add_code(const char *code, text *out)
{
    text_add(out, "{\\small\\raggedright\n");
    while (*code) {
        size_t length = strcspn(code, "\n");
        add_code_line(code, length, out);
        code += length + (code[length] == '\n');
    }
    text_add(out, "}\n");
}

static void add_heading(const block *b, const document *d, text *out)
{
    static const char *const levels[] = {"section*", "section", "subsection",
                                         "subsubsection"};
    if (b->level == 1) {
        text_add(out, "{\\LARGE\\bfseries ");
        markup_spans(&marks, &b->words, false, out);
        text_add(out, "\\par}\n");
        if (d->date)
            text_addf(out, "%s\n", d->date);
        text_add(out, "\\tableofcontents\n");
        return;
    }
    text_addf(out, "\\%s{", levels[b->level > 4 ? 3 : b->level - 1]);
    for (int64_t i = 0; i < b->words.count; i++) {
        text_add(out, b->words.items[i].kind == SPAN_UNIT ? "~" : "");
        tex_words_write(b->words.items[i].words, out);
    }
    text_add(out, "}\n");
}

static void add_block(const document *d, int64_t i, text *out)
{
    const block *b = &d->blocks[i];
    bool before = i > 0 && b[-1].kind == BLOCK_ITEM;
    bool after = i + 1 < d->count && b[1].kind == BLOCK_ITEM;
    switch (b->kind) {
    case BLOCK_HEADING:
        add_heading(b, d, out);
        break;
    case BLOCK_PARAGRAPH:
        markup_spans(&marks, &b->words, false, out);
        text_add(out, "\n");
        break;
    case BLOCK_ITEM:
        text_add(out, before ? "\\item " : "\\begin{itemize}\n\\item ");
        markup_spans(&marks, &b->words, false, out);
        text_add(out, after ? "\n" : "\n\\end{itemize}\n");
        break;
    case BLOCK_CODE:
        add_code(b->code, out);
        break;
    case BLOCK_TABLE:
        add_table(b, out);
        break;
    case BLOCK_FIGURE:
        add_figure(b, out);
        break;
    }
}

void tex_write(const document *d, text *out)
{
    text_add(out, preamble);
    for (int64_t i = 0; i < d->count; i++) {
        text_add(out, i > 0 && d->blocks[i].kind != BLOCK_ITEM ? "\n" : "");
        add_block(d, i, out);
    }
    text_add(out, "\\end{document}\n");
}
