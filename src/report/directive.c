/* SPDX-License-Identifier: GPL-3.0-or-later
   directive.c -- the table of directives, and how a line becomes one.  It runs none. */
#include <ctype.h>
#include <string.h>
#include "base/memory.h"
#include "report/report_parts.h"

static const directive_row rows[] = {
    {"baseline", report_baseline},
    {"conclusions", report_conclusions},
    {"deployment", report_deployment},
    {"environment", report_environment},
    {"figure", report_figure},
    {"pipeline", report_pipeline},
    {"plot", report_plot},
    {"published", report_published},
    {"receipts", report_receipts},
    {"replay", report_replay},
    {"summary", report_summary},
    {"table", report_table},
    {"techniques", report_techniques},
};

enum { ROWS = sizeof rows / sizeof *rows };

const directive_row *directive_find(const char *name)
{
    for (int i = 0; i < ROWS; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

status directive_unknown(const char *name, error *e)
{
    const char *names[ROWS + 4] = {"let", "when", "else", "end"};
    for (int i = 0; i < ROWS; i++)
        names[4 + i] = rows[i].name;
    const char *near = text_nearest(name, names, ROWS + 4);
    fail(e, E_NAME, "there is no directive '@%.60s'", name);
    if (near)
        return fail_hint(e, "did you mean '@%s'?", near);
    text all = {0};
    for (int i = 0; i < ROWS + 4; i++)
        text_addf(&all, "%s@%s", i ? " " : "", names[i]);
    fail_hint(e, "there are %s", text_get(&all));
    text_clear(&all);
    return E_NAME;
}

/* ---- reading ---- */

/* The word at *AT, whose quotes are taken out, into WORD; EQUALS is where the first "="
   outside quotes stands in it, or -1. */
static status read_word(const char **at, text *word, int64_t *equals, error *e)
{
    char quote = '\0';
    *equals = -1;
    const char *p = *at;
    for (; *p && (quote || !isspace((unsigned char)*p)); p++) {
        if (quote ? *p == quote : *p == '"')
            quote = quote ? '\0' : *p;
        else if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
            text_add_bytes(word, ++p, 1);
        else {
            if (*p == '=' && !quote && *equals < 0)
                *equals = (int64_t)word->length;
            text_add_bytes(word, p, 1);
        }
    }
    *at = p;
    if (quote)
        return fail(e, E_USAGE, "a closing quote is missing");
    return text_ok(word, e);
}

static bool is_key(const char *word, int64_t length)
{
    for (int64_t i = 0; i < length; i++)
        if (!islower((unsigned char)word[i]) && word[i] != '_')
            return false;
    return length > 0;
}

static status add_word(directive *d, const text *word, int64_t equals, error *e)
{
    const char *words = text_get(word);
    char **key = &d->keys[d->key_count], **value = &d->values[d->key_count];
    if (d->word_count + d->key_count == REPORT_WORDS_MAX)
        return fail(e, E_RANGE, "more than %d words", REPORT_WORDS_MAX);
    if (!is_key(words, equals)) {
        d->words[d->word_count] = memory_text(words, e);
        return d->words[d->word_count] ? (d->word_count++, E_OK) : E_MEMORY;
    }
    *key = memory_format(e, "%.*s", (int)equals, words);
    *value = memory_text(words + equals + 1, e);
    d->key_count++; /* cleared with the others, also where one is missing */
    return *key && *value ? E_OK : E_MEMORY;
}

status directive_read(directive *d, const char *line, error *e)
{
    *d = (directive){.rest = line};
    while (true) {
        text word = {0};
        int64_t equals;
        line += strspn(line, " \t");
        if (*line == '\0')
            return E_OK;
        status s = read_word(&line, &word, &equals, e);
        if (s == E_OK)
            s = add_word(d, &word, equals, e);
        text_clear(&word);
        TRY(s);
    }
}

void directive_clear(directive *d)
{
    for (int64_t i = 0; i < d->word_count; i++)
        memory_free(d->words[i]);
    for (int64_t i = 0; i < d->key_count; i++) {
        memory_free(d->keys[i]);
        memory_free(d->values[i]);
    }
    *d = (directive){0};
}

const char *directive_get(const directive *d, const char *key)
{
    for (int64_t i = 0; i < d->key_count; i++)
        if (strcmp(d->keys[i], key) == 0)
            return d->values[i];
    return NULL;
}

status directive_check(const directive *d, const char *const *known, int64_t most,
                       error *e)
{
    for (int64_t i = 0; i < d->key_count; i++) {
        int64_t count = 0;
        while (known[count] && strcmp(known[count], d->keys[i]) != 0)
            count++;
        if (known[count])
            continue;
        fail(e, E_NAME, "@%s has no '%.60s='", d->name, d->keys[i]);
        const char *near = text_nearest(d->keys[i], known, count);
        return near ? fail_hint(e, "did you mean '%s='?", near) : e->code;
    }
    if (d->word_count > most)
        return fail(e, E_USAGE, "@%s: '%.80s' has no key and no place", d->name,
                    d->words[most]);
    return E_OK;
}
