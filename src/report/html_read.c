/* SPDX-License-Identifier: GPL-3.0-or-later
   html_read.c -- finds numbers with their sources, figures and command lines in a report
   in HTML, also where someone has edited it.  It is no reader of HTML in general. */
#include <stdlib.h>
#include <string.h>
#include "base/random.h"
#include "report/writer.h"

enum {
    COLUMNS_MAX = 256,
    ATTRIBUTES_MAX = 4096 /* bytes in a tag, but for images, which hold figures */
};

/* Where the reading stands. */
typedef struct page {
    const char *words;
    size_t length, at;
    int64_t line; /* of AT */
    found_list *out;
    bool measured[COLUMNS_MAX]; /* of the table that is read */
    int column;                 /* of the row, from 0; -1: before the first */
    bool head, cell;            /* within a heading's row; within a measured cell */
    bool open_image;            /* there was one without an end: no other is read */
} page;

/* A tag: the bytes between "<" and ">". */
typedef struct tag {
    const char *name, *attributes;
    size_t name_length, attributes_length;
    bool closing;
} tag;

static void go_to(page *p, size_t at)
{
    p->line += found_lines(p->words + p->at, at - p->at);
    p->at = at;
}

/* Where NEEDLE next stands, or the end. */
static size_t find(const page *p, const char *needle)
{
    const size_t n = strlen(needle);
    for (size_t at = p->at; at + n <= p->length; at++) {
        const char *next = memchr(p->words + at, needle[0], p->length - n + 1 - at);
        if (!next)
            break;
        at = (size_t)(next - p->words);
        if (memcmp(next, needle, n) == 0)
            return at;
    }
    return p->length;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_tag(const tag *t, const char *name)
{
    return t->name_length == strlen(name) && memcmp(t->name, name, t->name_length) == 0;
}

/* At "<": reads the tag and goes behind it.  False where it is none. */
static bool read_tag(page *p, tag *t)
{
    size_t at = p->at + 1;
    *t = (tag){.closing = at < p->length && p->words[at] == '/'};
    at += t->closing;
    t->name = p->words + at;
    while (at < p->length && is_letter(p->words[at]))
        at++;
    t->name_length = (size_t)(p->words + at - t->name);
    t->attributes = p->words + at;
    char quote = '\0';
    bool image = is_tag(t, "img") && !p->open_image;
    size_t most =
        image || p->length - at < ATTRIBUTES_MAX ? p->length : at + ATTRIBUTES_MAX;
    for (; at < most && (quote || p->words[at] != '>'); at++) {
        char c = p->words[at];
        if (quote)
            quote = c == quote ? '\0' : quote;
        else if (c == '"' || c == '\'')
            quote = c;
    }
    p->open_image = p->open_image || (image && at >= most);
    if (t->name_length == 0 || at >= most)
        return false;
    t->attributes_length = (size_t)(p->words + at - t->attributes);
    go_to(p, at + 1);
    return true;
}

/* The value of the attribute NAME, not decoded; false where there is none. */
static bool attribute(const tag *t, const char *name, const char **value, size_t *length)
{
    const char *at = t->attributes, *end = at + t->attributes_length;
    const size_t n = strlen(name);
    while (at < end) {
        while (at < end && strchr(" \t\r\n/", *at))
            at++;
        const char *key = at;
        while (at < end && !strchr("= \t\r\n", *at))
            at++;
        size_t key_length = (size_t)(at - key);
        if (at >= end || *at != '=') {
            at += at < end;
            continue;
        }
        char quote = ++at < end ? *at : '\0';
        bool quoted = quote == '"' || quote == '\'';
        const char *begin = at + quoted;
        for (at = begin; at < end && (quoted ? *at != quote : *at != ' ');)
            at++;
        if (key_length == n && memcmp(key, name, n) == 0) {
            *value = begin;
            *length = (size_t)(at - begin);
            return true;
        }
        at += quoted && at < end;
    }
    return false;
}

static bool has_class(const tag *t, const char *name)
{
    const char *value;
    size_t length;
    return attribute(t, "class", &value, &length) && length == strlen(name) &&
           memcmp(value, name, length) == 0;
}

/* Entities back into signs, and the true minus into ours. */
static void decode(const char *words, size_t length, text *out)
{
    static const struct {
        const char *written, *sign;
    } rows[] = {{"&amp;", "&"},   {"&lt;", "<"},  {"&gt;", ">"},
                {"&quot;", "\""}, {"&#39;", "'"}, {"\xe2\x88\x92", "-"}};
    enum { ROWS = sizeof rows / sizeof *rows };
    for (size_t at = 0; at < length;) {
        size_t i = 0, n = 0;
        for (; i < ROWS; i++) {
            n = strlen(rows[i].written);
            if (n <= length - at && memcmp(words + at, rows[i].written, n) == 0)
                break;
        }
        text_add_bytes(out, i < ROWS ? rows[i].sign : words + at, 1);
        at += i < ROWS ? n : 1;
    }
}

static void add_found(page *p, found_kind kind, const char *source, size_t source_length,
                      const char *words, size_t length)
{
    text from = {0}, shown = {0};
    decode(source, source_length, &from);
    decode(words, length, &shown);
    found_add(p->out, kind, p->line, text_get(&from), from.length, text_get(&shown),
              shown.length);
    p->out->failed = p->out->failed || from.failed || shown.failed;
    text_clear(&from);
    text_clear(&shown);
}

/* ---- figures ---- */

/* The hash of the bytes that LENGTH bytes of base64 stand for. */
static uint64_t hash_base64(const char *words, size_t length)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint64_t hash = HASH_START;
    unsigned bits = 0;
    int count = 0;
    for (size_t i = 0; i < length && words[i] != '='; i++) {
        const char *digit = words[i] ? strchr(digits, words[i]) : NULL;
        if (!digit)
            continue;
        bits = bits << 6 | (unsigned)(digit - digits);
        count += 6;
        if (count >= 8) {
            count -= 8;
            unsigned char byte = (unsigned char)(bits >> count & 255);
            hash = random_hash(&byte, 1, hash);
        }
    }
    return hash;
}

static void take_image(page *p, const tag *t)
{
    static const char mark[] = ";base64,";
    const char *digest, *address = "";
    size_t digest_length, length = 0;
    attribute(t, "src", &address, &length);
    if (!attribute(t, "data-digest", &digest, &digest_length)) {
        add_found(p, FOUND_BARE, "", 0, "a figure", 8);
        return;
    }
    found *f =
        found_add(p->out, FOUND_PICTURE, p->line, digest, digest_length, "figure", 6);
    size_t at = 0;
    while (at + sizeof mark - 1 < length &&
           memcmp(address + at, mark, sizeof mark - 1) != 0 && at < 64)
        at++;
    if (!f)
        return;
    f->held = true;
    f->hash = at + sizeof mark - 1 < length ? hash_base64(address + at + sizeof mark - 1,
                                                          length - at - (sizeof mark - 1))
                                            : 0;
}

/* ---- numbers, tables, scripts ---- */

/* Behind the tag of a number: its words up to the next tag. */
static void take_number(page *p, const tag *t)
{
    const char *source;
    size_t length, end = find(p, "<");
    const char *words = p->words + p->at;
    if (attribute(t, "data-source", &source, &length))
        add_found(p, FOUND_NUMBER, source, length, words, end - p->at);
    else
        add_found(p, FOUND_BARE, "", 0, words, end - p->at);
    go_to(p, end);
}

/* Behind the tag of a link to a receipt. */
static void take_run(page *p, const tag *t)
{
    static const char begin[] = "#run-";
    const size_t n = sizeof begin - 1;
    const char *target;
    size_t length, end = find(p, "<");
    if (!attribute(t, "href", &target, &length) || length <= n ||
        memcmp(target, begin, n) != 0)
        add_found(p, FOUND_BARE, "", 0, p->words + p->at, end - p->at);
    else
        found_run(p->out, p->line, target + n, length - n, p->words + p->at, end - p->at);
    go_to(p, end);
}

static void take_script(page *p)
{
    size_t end = find(p, "</");
    tag code;
    if (p->at < end && p->words[p->at] == '<')
        read_tag(p, &code);
    while (p->at < end) {
        size_t next = find(p, "\n");
        text line = {0};
        next = next < end ? next : end;
        decode(p->words + p->at, next - p->at, &line);
        found_script_line(p->out, p->line, text_get(&line), line.length);
        p->out->failed = p->out->failed || line.failed;
        text_clear(&line);
        go_to(p, next < end ? next + 1 : end);
    }
}

static void take_cell(page *p, const tag *t)
{
    p->column += p->column < COLUMNS_MAX - 1;
    bool marked = has_class(t, "m");
    p->head = is_tag(t, "th");
    if (p->head)
        p->measured[p->column] = marked;
    p->cell = !p->head && (marked || p->measured[p->column]);
}

static void take_tag(page *p, const tag *t)
{
    const char *value;
    size_t length;
    if (t->closing) {
        p->cell = p->cell && !is_tag(t, "td") && !is_tag(t, "tr") && !is_tag(t, "table");
        return;
    }
    if (is_tag(t, "style") || is_tag(t, "script"))
        go_to(p, find(p, is_tag(t, "style") ? "</style" : "</script"));
    else if (is_tag(t, "table"))
        memset(p->measured, 0, sizeof p->measured);
    else if (is_tag(t, "tr"))
        p->column = -1;
    else if (is_tag(t, "td") || is_tag(t, "th"))
        take_cell(p, t);
    else if (is_tag(t, "img"))
        take_image(p, t);
    else if (is_tag(t, "pre"))
        take_script(p);
    else if (has_class(t, "r"))
        take_run(p, t);
    else if (attribute(t, "data-source", &value, &length) || has_class(t, "n") ||
             has_class(t, "p"))
        take_number(p, t);
}

/* Words between two tags. */
static void take_words(page *p)
{
    size_t end = find(p, "<");
    const char *words = p->words + p->at;
    if (p->cell && found_digit(words, end - p->at))
        add_found(p, FOUND_BARE, "", 0, words, end - p->at);
    go_to(p, end);
}

void html_read(const char *words, size_t length, found_list *out)
{
    page p = {.words = words, .length = length, .line = 1, .out = out, .column = -1};
    tag t;
    while (p.at < p.length && !out->failed) {
        if (p.words[p.at] != '<')
            take_words(&p);
        else if (p.length - p.at >= 4 && memcmp(p.words + p.at, "<!--", 4) == 0) {
            size_t end = find(&p, "-->");
            go_to(&p, end < p.length ? end + 3 : end);
        } else if (read_tag(&p, &t))
            take_tag(&p, &t);
        else
            go_to(&p, p.at + 1);
    }
}
