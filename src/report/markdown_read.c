/* SPDX-License-Identifier: GPL-3.0-or-later
   markdown_read.c -- finds numbers with their sources, figures and command lines in a
   report in Markdown, also where someone has edited it. */
#include <string.h>
#include "report/writer.h"

#define RUN "#run-"

enum {
    COLUMNS_MAX = 256,
    REACH = 1 << 12 /* bytes in which what is opened must be closed */
};

/* One line of the report, and what its place means. */
typedef struct page {
    found_list *out;
    int64_t line;
    const char *words; /* of the line */
    size_t length;
    int fence; /* backticks that end the code; 0: none */
    bool measured[COLUMNS_MAX];
    bool table; /* behind the row of a table that has the alignments */
} page;

static size_t ticks_at(const page *p, size_t at)
{
    size_t n = 0;
    while (at + n < p->length && p->words[at + n] == '`')
        n++;
    return n;
}

/* Behind the code that begins at AT, or behind its backticks where it does not end. */
static size_t skip_code(const page *p, size_t at)
{
    const size_t n = ticks_at(p, at), begin = at + n;
    for (size_t i = begin; i < p->length && i - begin < REACH;) {
        size_t other = ticks_at(p, i);
        if (other == n)
            return i + n;
        i += other ? other : 1;
    }
    return begin;
}

/* Where the bracket that opens at AT is closed by CLOSE, or the line's end. */
static size_t skip_to(const page *p, size_t at, char close)
{
    while (at < p->length && p->words[at] != close)
        at += p->words[at] == '\\' && at + 1 < p->length ? 2 : 1;
    return at < p->length ? at : p->length;
}

/* The same, near enough for what stands between brackets. */
static size_t skip_near(const page *p, size_t at, char close)
{
    page near = {.words = p->words, .length = p->length};
    if (at < p->length && p->length - at > REACH)
        near.length = at + REACH;
    const size_t found = skip_to(&near, at, close);
    return found < near.length ? found : p->length;
}

static void add(page *p, found_kind kind, const char *source, size_t source_length,
                const char *words, size_t length)
{
    text shown = {0};
    for (size_t i = 0; i < length; i++) {
        bool escape = words[i] == '\\' && i + 1 < length;
        text_add_bytes(&shown, words + i + escape, 1);
        i += escape;
    }
    found_add(p->out, kind, p->line, source, source_length, text_get(&shown),
              shown.length);
    p->out->failed = p->out->failed || shown.failed;
    text_clear(&shown);
}

static bool starts(const page *p, size_t at, const char *words)
{
    const size_t n = strlen(words);
    return p->length - at >= n && memcmp(p->words + at, words, n) == 0;
}

static void add_picture(page *p, const char *digest, size_t digest_length,
                        const char *path, size_t length)
{
    text decoded = {0};
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)path[i];
        if (byte == '%' && i + 2 < length) {
            const char *hex = "0123456789ABCDEF";
            const char *a = strchr(hex, path[i + 1]), *b = strchr(hex, path[i + 2]);
            if (a && b && path[i + 1] && path[i + 2]) {
                byte = (unsigned char)((a - hex) * 16 + (b - hex));
                i += 2;
            }
        }
        text_add_bytes(&decoded, (const char *)&byte, 1);
    }
    found_add(p->out, FOUND_PICTURE, p->line, digest, digest_length, text_get(&decoded),
              decoded.length);
    p->out->failed = p->out->failed || decoded.failed;
    text_clear(&decoded);
}

/* "[words](address "title")" at AT; behind it, or behind the bracket where it is no link.
   *SOURCED says whether it was a number with a source. */
static size_t take_link(page *p, size_t at, bool image, bool *sourced)
{
    size_t words = at + 1, close = skip_near(p, words, ']');
    *sourced = false;
    if (close + 1 >= p->length || p->words[close + 1] != '(')
        return at + 1;
    size_t address = close + 2, end = skip_near(p, address, ')');
    size_t title = address;
    while (title < end && p->words[title] != '"')
        title++;
    size_t title_end = title + 1 < end ? skip_near(p, title + 1, '"') : end;
    bool titled = title_end < end;
    if (image && titled && starts(p, title + 1, "digest ") && p->words[address] == '<') {
        size_t path = address + 1, path_end = skip_near(p, path, '>');
        add_picture(p, p->words + title + 8, title_end - title - 8, p->words + path,
                    path_end - path);
        return end + 1;
    }
    if (image) {
        add(p, FOUND_BARE, "", 0, "a figure", 8);
        return end + 1;
    }
    if (!starts(p, address, RUN))
        return at + 1;
    if (!titled) {
        found_run(p->out, p->line, p->words + address + strlen(RUN),
                  end - address - strlen(RUN), p->words + words, close - words);
        return end + 1;
    }
    add(p, FOUND_NUMBER, p->words + title + 1, title_end - title - 1, p->words + words,
        close - words);
    *sourced = true;
    return end + 1;
}

/* "0.878<!-- =0.878 p1 -->": AT is the comment, FROM where its line or cell begins; behind
   the comment. */
static size_t take_comment(page *p, size_t from, size_t at)
{
    size_t begin = at, end = at;
    while (end + 3 <= p->length && !starts(p, end, "-->"))
        end++;
    if (end + 3 > p->length)
        return p->length;
    while (begin > from && !strchr(" |", p->words[begin - 1]))
        begin--;
    if (starts(p, at, "<!-- ="))
        add(p, FOUND_NUMBER, p->words + at + 5, end - at - 5, p->words + begin,
            at - begin);
    return end + 3;
}

/* "<a id="run-12"></a>12": AT is the tag, END the cell's; behind the number. */
static size_t take_receipt(page *p, size_t at, size_t end)
{
    static const char begin[] = "<a id=\"run-", close[] = "\"></a>";
    size_t run = at + sizeof begin - 1, n = run;
    while (n < end && p->words[n] >= '0' && p->words[n] <= '9')
        n++;
    size_t words = n + sizeof close - 1, last = words;
    if (words > end || !starts(p, n, close))
        return at + 1;
    while (last < end && p->words[last] != ' ')
        last++;
    found_run(p->out, p->line, p->words + run, n - run, p->words + words, last - words);
    return last;
}

/* The words from AT to END: of a line, or of a cell, which BARE numbers must not be in. */
static void take_words(page *p, size_t from, size_t end, bool bare)
{
    const size_t length = p->length;
    text rest = {0};
    size_t at = from;
    bool sourced;
    p->length = end;
    while (at < end) {
        const size_t before = at;
        if (p->words[at] == '\\' && at + 1 < end) {
            at += 2;
        } else if (p->words[at] == '`') {
            at = skip_code(p, at);
        } else if (starts(p, at, "![")) {
            at = take_link(p, at + 1, true, &sourced);
        } else if (p->words[at] == '[') {
            at = take_link(p, at, false, &sourced);
            if (sourced)
                continue;
        } else if (starts(p, at, "<a id=\"run-")) {
            at = take_receipt(p, at, end);
        } else if (starts(p, at, "<!--")) {
            at = take_comment(p, from, at);
            text_clear(&rest); /* it was the comment's */
            continue;
        } else {
            at++;
        }
        text_add_bytes(&rest, p->words + before, at - before);
    }
    if (bare && found_digit(text_get(&rest), rest.length))
        add(p, FOUND_BARE, "", 0, text_get(&rest), rest.length);
    p->out->failed = p->out->failed || rest.failed;
    text_clear(&rest);
    p->length = length;
}

/* ---- tables ---- */

static bool is_alignment(const page *p)
{
    bool dash = false;
    for (size_t i = 0; i < p->length; i++) {
        if (!strchr("|-: ", p->words[i]))
            return false;
        dash = dash || p->words[i] == '-';
    }
    return dash;
}

static void take_row(page *p)
{
    bool alignment = is_alignment(p);
    int column = 0;
    if (alignment)
        memset(p->measured, 0, sizeof p->measured);
    for (size_t at = 1; at < p->length && column < COLUMNS_MAX; column++) {
        size_t end = skip_to(p, at, '|');
        bool right = end > at && p->words[end - 1] == ':' && p->words[at] != ':';
        if (alignment)
            p->measured[column] = right;
        else
            take_words(p, at, end, p->table && p->measured[column]);
        at = end + 1;
    }
    p->table = p->table || alignment;
}

static void take_line(page *p)
{
    size_t ticks = ticks_at(p, 0);
    if (p->fence > 0) {
        if (ticks >= (size_t)p->fence && ticks == p->length)
            p->fence = 0;
        else
            found_script_line(p->out, p->line, p->words, p->length);
        return;
    }
    if (ticks >= 3 && ticks < 1000) {
        p->fence = (int)ticks;
    } else if (p->length > 0 && p->words[0] == '|') {
        take_row(p);
        return;
    } else {
        take_words(p, 0, p->length, false);
    }
    p->table = false;
}

void markdown_read(const char *words, size_t length, found_list *out)
{
    page p = {.out = out};
    for (size_t at = 0; at < length && !out->failed; at += p.length + 1) {
        const char *end = memchr(words + at, '\n', length - at);
        p.words = words + at;
        p.length = end ? (size_t)(end - p.words) : length - at;
        p.line++;
        take_line(&p);
    }
}
