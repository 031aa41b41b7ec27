/* SPDX-License-Identifier: GPL-3.0-or-later
   prose.c -- the words of a template: names put in, marks of emphasis read, and the
   numbers between double braces looked up. */
#include <ctype.h>
#include <string.h>
#include "base/memory.h"
#include "report/report_parts.h"

/* ---- names ---- */

static const char *value_of(const builder *b, const char *name)
{
    const report_hooks *h = &b->request->hooks;
    for (int64_t i = b->let_count - 1; i >= 0; i--)
        if (strcmp(b->lets[i].name, name) == 0)
            return b->lets[i].words;
    return h->variable ? h->variable(h->context, name) : NULL;
}

status report_expand(const builder *b, const char *words, text *out, error *e)
{
    for (const char *p = words; *p;) {
        const bool braces = p[0] == '$' && p[1] == '{';
        const char *begin = p + 1 + braces;
        size_t length = 0;
        while (isalnum((unsigned char)begin[length]) || begin[length] == '_')
            length++;
        if (*p != '$' || length == 0 || (braces && begin[length] != '}')) {
            text_add_bytes(out, p++, 1);
            continue;
        }
        char *name = memory_format(e, "%.*s", (int)(length < 200 ? length : 200), begin);
        const char *value = name ? value_of(b, name) : NULL;
        if (value)
            text_add(out, value);
        else if (name) {
            fail(e, E_NAME, "there is no '$%s'", name);
            fail_hint(e, "'@let %s WORDS' in the template or 'let %s=WORDS' before", name,
                      name);
        }
        memory_free(name);
        if (!value)
            return e->code;
        p = begin + length + braces;
    }
    return text_ok(out, e);
}

/* ---- numbers ---- */

enum { PARTS_MAX = 4 };

static char *trim(char *words)
{
    while (isspace((unsigned char)*words))
        words++;
    size_t length = strlen(words);
    while (length > 0 && isspace((unsigned char)words[length - 1]))
        words[--length] = '\0';
    return words;
}

/* "minus FILTER" and the like: *WORDS goes behind it. */
static operation read_operation(const char **words)
{
    static const struct {
        const char *word;
        operation operation;
    } rows[] = {{"minus", OPERATION_MINUS},
                {"change", OPERATION_CHANGE},
                {"over", OPERATION_OVER}};
    size_t length = strcspn(*words, " \t");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strlen(rows[i].word) == length &&
            strncmp(*words, rows[i].word, length) == 0) {
            *words += length + strspn(*words + length, " \t");
            return rows[i].operation;
        }
    return OPERATION_NONE;
}

/* PARTS: the key, then a filter, an operation and a form, of which any may be missing. */
static status look_parts(builder *b, char *const *parts, int count, source *s, error *e)
{
    const char *where = NULL, *than = NULL;
    operation how = OPERATION_NONE;
    form wanted = {0};
    bool formed = false, exact = false;
    for (int i = 1; i < count; i++) {
        const char *part = parts[i];
        operation found = read_operation(&part);
        if (found != OPERATION_NONE) {
            how = found;
            than = part;
        } else if (form_read(part, &wanted, &exact)) {
            formed = true;
        } else if (!where) {
            where = part;
        } else {
            return fail(e, E_USAGE,
                        "'%.80s' is no form and no 'minus', 'change' or "
                        "'over' of another run",
                        part);
        }
    }
    TRY(report_look(b, parts[0], where, s, e));
    if (how != OPERATION_NONE) {
        source other;
        TRY(report_look(b, parts[0], than, &other, e));
        s->operation = how;
        s->than = other.of;
    }
    return report_suit(b, s, formed ? &wanted : NULL, exact, e);
}

/* The LENGTH bytes between "{{" and "}}". */
static status put_number(builder *b, const char *words, size_t length, spans *to,
                         error *e)
{
    text expanded = {0};
    char *parts[PARTS_MAX], *copy = memory_format(e, "%.*s", (int)length, words);
    status result = copy ? report_expand(b, copy, &expanded, e) : E_MEMORY;
    memory_free(copy);
    char *all = result == E_OK ? text_take(&expanded, e) : NULL;
    text_clear(&expanded);
    if (!all)
        return result == E_OK ? E_MEMORY : result;
    int count = 0;
    source s;
    for (char *at = all; at && result == E_OK;) {
        char *bar = strchr(at, '|');
        if (count == PARTS_MAX)
            result = fail(e, E_USAGE, "'{{' has more than %d parts", PARTS_MAX);
        else
            parts[count++] = at;
        if (bar)
            *bar = '\0';
        at = bar ? bar + 1 : NULL;
    }
    for (int i = 0; i < count; i++)
        parts[i] = trim(parts[i]);
    if (result == E_OK)
        result = look_parts(b, parts, count, &s, e);
    if (result == E_OK)
        result = report_value(b, to, &s, true, e);
    memory_free(all);
    return result;
}

/* "${NAME}" at *AT, which goes behind it. */
static status put_name(builder *b, const char **at, text *plain, error *e)
{
    const char *end = strchr(*at, '}');
    char *name = memory_format(e, "%.*s", (int)(end - *at) + 1, *at);
    if (!name)
        return E_MEMORY;
    *at = end + 1;
    status result = report_expand(b, name, plain, e);
    memory_free(name);
    return result;
}

/* ---- marks ---- */

/* Addresses that a reader's program may follow, of the signs that they may have.
   Source: RFC 3986, section 2; brackets and quotes are left to prose. */
static bool is_safe_address(const char *words)
{
    static const char *const begins[] = {"https://", "http://", "mailto:"};
    bool known = false;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        known = known || text_starts(words, begins[i]);
    for (; known && *words; words++)
        known = isalnum((unsigned char)*words) || strchr("-._~:/?#@!$&*+,;=%", *words);
    return known;
}

static void put_plain(builder *b, text *plain, spans *to)
{
    document_span(b->document, to, SPAN_TEXT, text_get(plain), NULL);
    text_clear(plain);
}

static status put_span(builder *b, spans *to, span_kind kind, const char *words,
                       size_t length, const char *link, error *e)
{
    char *copy = memory_format(e, "%.*s", (int)length, words);
    if (!copy)
        return E_MEMORY;
    document_span(b->document, to, kind, copy, link);
    memory_free(copy);
    return E_OK;
}

/* A mark at *AT with what it holds; *AT goes behind it, or stays where none stands. */
static status read_mark(builder *b, const char **at, spans *to, error *e)
{
    static const struct {
        const char *mark;
        span_kind kind;
    } rows[] = {{"**", SPAN_STRONG}, {"*", SPAN_EMPHASIS}, {"`", SPAN_CODE}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const size_t n = strlen(rows[i].mark);
        const char *begin = *at + n;
        if (strncmp(*at, rows[i].mark, n) != 0)
            continue;
        const char *end = strstr(begin, rows[i].mark);
        if (!end || end == begin || *begin == ' ')
            return E_OK;
        *at = end + n;
        return put_span(b, to, rows[i].kind, begin, (size_t)(end - begin), NULL, e);
    }
    const char *close = **at == '[' ? strstr(*at, "](") : NULL;
    const char *end = close ? strchr(close, ')') : NULL;
    if (!end)
        return E_OK;
    char *link = memory_format(e, "%.*s", (int)(end - close - 2), close + 2);
    if (!link)
        return E_MEMORY;
    status result = E_OK;
    if (is_safe_address(link)) {
        result = put_span(b, to, SPAN_LINK, *at + 1, (size_t)(close - *at - 1), link, e);
        *at = end + 1;
    }
    memory_free(link);
    return result;
}

status report_prose(builder *b, const char *words, spans *to, error *e)
{
    text plain = {0};
    status result = E_OK;
    for (const char *p = words; *p && result == E_OK;) {
        const char *before = p, *end = strncmp(p, "{{", 2) == 0 ? strstr(p, "}}") : NULL;
        if (strncmp(p, "{{", 2) == 0 && !end)
            result = fail(e, E_USAGE, "'{{' without '}}'");
        else if (*p == '\\' && p[1] && strchr("*`[{\\", p[1])) {
            text_add_bytes(&plain, p + 1, 1);
            p += 2;
        } else if (end) {
            put_plain(b, &plain, to);
            result = put_number(b, p + 2, (size_t)(end - p - 2), to, e);
            p = end + 2;
        } else if (p[0] == '$' && p[1] == '{' && strchr(p, '}')) {
            result = put_name(b, &p, &plain, e);
        } else if (strchr("*`[", *p)) {
            spans marked = {0};
            result = read_mark(b, &p, &marked, e);
            if (p != before)
                put_plain(b, &plain, to);
            for (int64_t i = 0; i < marked.count; i++)
                document_span(b->document, to, marked.items[i].kind,
                              marked.items[i].words, marked.items[i].link);
            memory_free(marked.items);
        }
        if (p == before && result == E_OK)
            text_add_bytes(&plain, p++, 1);
    }
    put_plain(b, &plain, to);
    return result == E_OK ? document_ok(b->document, e) : result;
}
