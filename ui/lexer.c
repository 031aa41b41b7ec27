/* SPDX-License-Identifier: GPL-3.0-or-later
   lexer.c -- cuts a line into commands and words.
   It knows no command and runs nothing. */
#include "ui/lexer.h"

#include <ctype.h>
#include <string.h>
#include "base/memory.h"

/* What the reading of one command stands at. */
typedef struct reader {
    const char *line;
    size_t at;
    const session *session; /* NULL: variables stay as written */
    sentence *out;
    text word;    /* the word being read */
    bool open;    /* there is one, perhaps empty ("") */
    bool to_file; /* it is the FILE of "> FILE" */
    size_t begin, equals;
} reader;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name_start(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static void open_word(reader *r)
{
    if (r->open)
        return;
    r->open = true;
    r->begin = r->at;
    r->equals = LEXER_NONE;
}

static status close_word(reader *r, error *e)
{
    if (!r->open)
        return E_OK;
    r->open = false;
    TRY(text_ok(&r->word, e));
    if (r->to_file) {
        r->to_file = false;
        if (r->word.length == 0)
            return fail(e, E_USAGE, "'>' wants the name of a file");
        r->out->output = text_take(&r->word, e);
        return r->out->output ? E_OK : E_MEMORY;
    }
    if (r->out->output)
        return fail(e, E_USAGE, "'%.80s' stands behind '> %.80s', which ends a command",
                    text_get(&r->word), r->out->output);
    TRY(memory_grow((void **)&r->out->items, &r->out->capacity, r->out->count + 1,
                    sizeof(word), e));
    char *words = r->word.length ? text_take(&r->word, e) : memory_text("", e);
    if (!words)
        return E_MEMORY;
    r->out->items[r->out->count++] =
        (word){.words = words, .begin = r->begin, .end = r->at, .equals = r->equals};
    return E_OK;
}

static void add_character(reader *r, char c)
{
    open_word(r);
    text_add_bytes(&r->word, &c, 1);
}

/* A variable's value outside quotes: its blanks part words, nothing else in it counts. */
static status add_parted(reader *r, const char *value, error *e)
{
    for (; *value; value++) {
        if (is_blank(*value) && !r->to_file)
            TRY(close_word(r, e));
        else
            add_character(r, *value);
    }
    return E_OK;
}

/* At "$".  A "$" that no name follows is itself. */
static status read_variable(reader *r, bool quoted, error *e)
{
    const char *p = r->line + r->at + 1;
    bool braces = *p == '{';
    const char *name = p + braces;
    size_t length = 0;
    if (is_name_start(name[0]))
        while (is_name(name[length]))
            length++;
    if (!braces && (length == 0 || !r->session)) {
        add_character(r, '$');
        r->at++;
        return E_OK;
    }
    if (braces && (length == 0 || name[length] != '}'))
        return fail(e, E_USAGE, "'${' wants a name and '}'");
    if (!r->session) {
        add_character(r, '$');
        r->at++;
        return E_OK;
    }
    char buffer[128];
    if (length >= sizeof buffer)
        return fail(e, E_NAME, "the name of a variable is longer than %d letters",
                    (int)sizeof buffer - 1);
    memcpy(buffer, name, length);
    buffer[length] = '\0';
    const char *value = session_variable(r->session, buffer);
    if (!value) {
        fail(e, E_NAME, "no variable '%s'", buffer);
        return fail_hint(e, "set it with let %s = VALUE, or write \\$ for the sign",
                         buffer);
    }
    if (quoted)
        text_add(&r->word, value);
    else
        TRY(add_parted(r, value, e));
    r->at += (size_t)(name - (r->line + r->at)) + length + braces;
    return E_OK;
}

/* At the opening quote. */
static status read_quoted(reader *r, char quote, error *e)
{
    size_t start = r->at;
    open_word(r);
    r->at++;
    for (char c; (c = r->line[r->at]) != quote;) {
        if (c == '\0') {
            r->at = start;
            return fail(e, E_USAGE, "a quote %c is opened and never closed", quote);
        }
        char next = r->line[r->at + 1];
        if (quote == '"' && c == '$') {
            TRY(read_variable(r, true, e));
            continue;
        }
        if (quote == '"' && c == '\\' && (next == '"' || next == '\\' || next == '$')) {
            c = next;
            r->at++;
        }
        add_character(r, c);
        r->at++;
    }
    r->at++;
    return E_OK;
}

static status begin_file(reader *r, error *e)
{
    TRY(close_word(r, e));
    if (r->out->output || r->to_file)
        return fail(e, E_USAGE, "a second '>': an answer goes to one file");
    if (r->line[r->at + 1] == '>')
        return fail(e, E_USAGE,
                    "'>>' adds to a file; want '> FILE', which writes a whole one");
    r->at++;
    while (is_blank(r->line[r->at]))
        r->at++;
    r->to_file = true;
    char c = r->line[r->at];
    if (c == '\0' || c == ';' || c == '#' || c == '>')
        return fail(e, E_USAGE, "'>' wants the name of a file");
    return E_OK;
}

/* At the next character of a command; *END after the last one. */
static status read_character(reader *r, bool *end, error *e)
{
    char c = r->line[r->at];
    switch (c) {
    case '\0':
    case ';':
        *end = true;
        return close_word(r, e);
    case '#':
        if (r->open)
            break;
        r->at += strlen(r->line + r->at);
        *end = true;
        return E_OK;
    case '"':
    case '\'':
        return read_quoted(r, c, e);
    case '$':
        return read_variable(r, false, e);
    case '>':
        return begin_file(r, e);
    case '\\':
        r->at++;
        if (r->line[r->at] == '\n') { /* a continued line: the break parts nothing */
            r->at++;
            return E_OK;
        }
        c = r->line[r->at];
        if (c == '\0') {
            *end = true;
            return close_word(r, e);
        }
        break;
    case '=':
        open_word(r);
        if (r->equals == LEXER_NONE)
            r->equals = r->word.length;
        break;
    default:
        if (is_blank(c)) {
            TRY(close_word(r, e));
            r->at++;
            return E_OK;
        }
    }
    add_character(r, c);
    r->at++;
    return E_OK;
}

status lexer_next(const char *line, size_t *at, const session *s, sentence *out, error *e)
{
    *out = (sentence){0};
    reader r = {.line = line, .at = *at, .session = s, .out = out};
    status result = E_OK;
    for (bool end = false; result == E_OK && !end;)
        result = read_character(&r, &end, e);
    text_clear(&r.word);
    if (result == E_OK && line[r.at] == ';')
        r.at++;
    if (result == E_OK && out->output && out->count == 0)
        result = fail(e, E_USAGE, "'> %.80s' stands without a command", out->output);
    *at = r.at;
    return result;
}

void sentence_clear(sentence *w)
{
    for (int64_t i = 0; i < w->count; i++)
        memory_free(w->items[i].words);
    memory_free(w->items);
    memory_free(w->output);
    *w = (sentence){0};
}

void sentence_drop(sentence *w, int64_t i)
{
    memory_free(w->items[i].words);
    w->count--;
    memmove(&w->items[i], &w->items[i + 1], (size_t)(w->count - i) * sizeof *w->items);
}

bool lexer_continues(const char *line)
{
    size_t length = strlen(line);
    size_t slashes = 0;
    while (slashes < length && line[length - 1 - slashes] == '\\')
        slashes++;
    if (slashes % 2 == 0)
        return false;
    char quote = '\0';
    bool inside = false; /* a word */
    for (size_t i = 0; i < length; i++) {
        char c = line[i];
        if (quote) {
            if (c == '\\' && quote == '"')
                i++;
            else if (c == quote)
                quote = '\0';
            continue;
        }
        if (c == '#' && !inside)
            return false;
        if (c == '\\')
            i++;
        if (c == '"' || c == '\'')
            quote = c;
        inside = !is_blank(c) && c != ';' && c != '>';
    }
    return quote != '\'';
}

static bool is_plain(char c)
{
    return isalnum((unsigned char)c) || strchr("_-+.,:/%@^*?!()[]{}|&~<", c) != NULL ||
           (unsigned char)c >= 0x80;
}

static void quote_bytes(const char *bytes, size_t length, text *out)
{
    bool plain = length > 0;
    for (size_t i = 0; i < length; i++)
        plain = plain && is_plain(bytes[i]);
    if (plain) {
        text_add_bytes(out, bytes, length);
        return;
    }
    text_add(out, "\"");
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '"' || bytes[i] == '\\' || bytes[i] == '$')
            text_add(out, "\\");
        text_add_bytes(out, bytes + i, 1);
    }
    text_add(out, "\"");
}

void lexer_quote(const char *words, text *out)
{
    quote_bytes(words, strlen(words), out);
}

void sentence_write(const sentence *w, int64_t from, text *out)
{
    for (int64_t i = from; i < w->count; i++) {
        const word *x = &w->items[i];
        if (i > from)
            text_add(out, " ");
        if (x->equals == LEXER_NONE) {
            lexer_quote(x->words, out);
            continue;
        }
        if (x->equals > 0)
            quote_bytes(x->words, x->equals, out);
        text_add(out, "=");
        if (x->words[x->equals + 1])
            lexer_quote(x->words + x->equals + 1, out);
    }
}
