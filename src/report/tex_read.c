/* SPDX-License-Identifier: GPL-3.0-or-later
   tex_read.c -- finds numbers with their sources, figures and command lines in a report
   in LaTeX, also where someone has edited it.  It is no reader of LaTeX in general. */
#include <string.h>
#include "report/tex_words.h"
#include "report/writer.h"

enum {
    COLUMNS_MAX = 256,
    ARGUMENTS = 3,
    REACH = 1 << 12 /* bytes in which a brace must be closed */
};

typedef struct page {
    const char *words;
    size_t length, at;
    int64_t line;
    found_list *out;
    bool measured[COLUMNS_MAX]; /* of the table that is read */
    int column;
    bool table; /* behind the heading of one */
    text cell;  /* of the cell: what no macro of ours holds */
} page;

typedef struct part {
    const char *words;
    size_t length;
} part;

static void go_to(page *p, size_t at)
{
    at = at < p->length ? at : p->length;
    p->line += found_lines(p->words + p->at, at - p->at);
    p->at = at;
}

static bool starts(const page *p, const char *words)
{
    const size_t n = strlen(words);
    return p->length - p->at >= n && memcmp(p->words + p->at, words, n) == 0;
}

/* At AT stands "{": its words, and *AT goes behind "}".  False where there is none. */
static bool read_braces(const page *p, size_t *at, part *words)
{
    int depth = 0;
    if (*at >= p->length || p->words[*at] != '{')
        return false;
    for (size_t i = *at; i < p->length && i - *at < REACH; i++) {
        if (p->words[i] == '\\') {
            i++;
        } else if (p->words[i] == '{') {
            depth++;
        } else if (p->words[i] == '}' && --depth == 0) {
            *words = (part){p->words + *at + 1, i - *at - 1};
            *at = i + 1;
            return true;
        } else if (p->words[i] == '\n' && i + 1 < p->length && p->words[i + 1] == '\n') {
            return false; /* no argument goes beyond its paragraph */
        }
    }
    return false;
}

static void add(page *p, found_kind kind, part source, part words)
{
    text shown = {0};
    tex_words_read(words.words, words.length, &shown);
    found_add(p->out, kind, p->line, source.words, source.length, text_get(&shown),
              shown.length);
    p->out->failed = p->out->failed || shown.failed;
    text_clear(&shown);
}

/* ---- macros ---- */

static void take_measured(page *p, const part a[ARGUMENTS])
{
    add(p, FOUND_NUMBER, a[1], a[2]);
}

static void take_published(page *p, const part a[ARGUMENTS])
{
    add(p, FOUND_NUMBER, a[0], a[1]);
}

/* "run-12" and what is shown of it. */
static void take_run(page *p, const part a[ARGUMENTS])
{
    static const char begin[] = "run-";
    const size_t n = sizeof begin - 1;
    if (a[0].length > n && memcmp(a[0].words, begin, n) == 0)
        found_run(p->out, p->line, a[0].words + n, a[0].length - n, a[1].words,
                  a[1].length);
}

static void take_picture(page *p, const part a[ARGUMENTS])
{
    found_add(p->out, FOUND_PICTURE, p->line, a[0].words, a[0].length, a[1].words,
              a[1].length);
}

static void take_line(page *p, const part a[ARGUMENTS])
{
    text shown = {0};
    tex_words_read(a[0].words, a[0].length, &shown);
    found_script_line(p->out, p->line, text_get(&shown), shown.length);
    p->out->failed = p->out->failed || shown.failed;
    text_clear(&shown);
}

static void take_bare(page *p, const part a[ARGUMENTS])
{
    (void)a;
    add(p, FOUND_BARE, (part){"", 0}, (part){"a figure", 8});
}

static bool is(part words, const char *name)
{
    return words.length == strlen(name) && memcmp(words.words, name, words.length) == 0;
}

/* "l", "r", ">{...}p{...}": which columns are flush right. */
static void begin_table(page *p, const part a[ARGUMENTS])
{
    int column = 0, depth = 0;
    memset(p->measured, 0, sizeof p->measured);
    if (!is(a[0], "longtable") && !is(a[0], "tabular"))
        return;
    for (size_t i = 0; i < a[1].length && column < COLUMNS_MAX; i++) {
        char c = a[1].words[i];
        depth += c == '{' ? 1 : c == '}' ? -1 : 0;
        if (depth == 0 && strchr("lrcp", c) && c)
            p->measured[column++] = c == 'r';
    }
    p->column = 0;
}

static void end_heading(page *p, const part a[ARGUMENTS])
{
    (void)a;
    p->table = true;
    text_clear(&p->cell);
    p->column = 0;
}

static void end_table(page *p, const part a[ARGUMENTS])
{
    (void)a;
    p->table = false;
    text_clear(&p->cell);
}

static const struct {
    const char *name;
    int arguments;
    void (*take)(page *p, const part a[ARGUMENTS]);
} macros[] = {
    {"\\typed", 3, take_measured},      {"\\measured", 3, take_measured},
    {"\\published", 2, take_published}, {"\\drawn", 2, take_picture},
    {"\\theline", 1, take_line},        {"\\includegraphics", 0, take_bare},
    {"\\begin", 2, begin_table},        {"\\hyperlink", 2, take_run},
    {"\\hypertarget", 2, take_run},     {"\\headend", 0, end_heading},
    {"\\end{longtable}", 0, end_table}, {"\\end{tabular}", 0, end_table},
    {"\\input", 0, take_bare},
};

/* One of the macros above, with its arguments.  False where none stands here. */
static bool take_macro(page *p)
{
    for (size_t i = 0; i < sizeof macros / sizeof *macros; i++) {
        part arguments[ARGUMENTS] = {{"", 0}, {"", 0}, {"", 0}};
        if (!starts(p, macros[i].name))
            continue;
        size_t at = p->at + strlen(macros[i].name);
        int k = 0;
        while (k < macros[i].arguments && read_braces(p, &at, &arguments[k]))
            k++;
        if (k < macros[i].arguments && macros[i].take != begin_table)
            continue;
        macros[i].take(p, arguments);
        go_to(p, at);
        return true;
    }
    return false;
}

/* ---- words ---- */

static void end_cell(page *p)
{
    if (p->table && p->column < COLUMNS_MAX && p->measured[p->column] &&
        found_digit(text_get(&p->cell), p->cell.length))
        add(p, FOUND_BARE, (part){"", 0}, (part){text_get(&p->cell), p->cell.length});
    text_clear(&p->cell);
    p->column++;
}

static void take_sign(page *p)
{
    const char *at = p->words + p->at;
    if (*at == '%') {
        const char *end = memchr(at, '\n', p->length - p->at);
        go_to(p, end ? (size_t)(end - p->words) : p->length);
    } else if (starts(p, "\\\\")) {
        end_cell(p);
        p->column = 0;
        go_to(p, p->at + 2);
    } else if (*at == '\\') {
        go_to(p, p->at + 2); /* an escaped sign, or the begin of another macro */
    } else {
        if (*at == '&')
            end_cell(p);
        else if (p->table)
            text_add_bytes(&p->cell, at, 1);
        go_to(p, p->at + 1);
    }
}

void tex_read(const char *words, size_t length, found_list *out)
{
    static const char mark[] = "\\begin{document}";
    page p = {.words = words, .length = length, .line = 1, .out = out};
    const char *begin = strstr(words, mark);
    if (begin)
        go_to(&p, (size_t)(begin - words) + sizeof mark - 1);
    while (p.at < p.length && !out->failed)
        if (p.words[p.at] != '\\' || !take_macro(&p))
            take_sign(&p);
    out->failed = out->failed || p.cell.failed;
    text_clear(&p.cell);
}
