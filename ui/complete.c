/* SPDX-License-Identifier: GPL-3.0-or-later
   complete.c -- what may come next in a line.  It reads the command table and the session
   and runs nothing. */
#include "ui/complete.h"

#include <string.h>
#include "base/memory.h"
#include "base/option.h"
#include "base/text.h"
#include "ui/command/command.h"
#include "ui/command/parse.h"
#include "ui/lexer.h"

/* What the completion is made from. */
typedef struct context {
    const session *session;
    char *word;  /* what is typed of it */
    bool within; /* it goes on what stands before it: no key can begin here */
    completions *out;
} context;

void completions_clear(completions *c)
{
    for (int64_t i = 0; i < c->count; i++)
        memory_free(c->words[i]);
    memory_free(c->words);
    *c = (completions){0};
}

static void add(context *x, const char *word, const char *ending)
{
    completions *c = x->out;
    if (!text_starts(word, x->word))
        return;
    if (memory_grow((void **)&c->words, &c->capacity, c->count + 1, sizeof *c->words,
                    NULL) != E_OK) {
        c->failed = true;
        return;
    }
    c->words[c->count] = memory_format(NULL, "%s%s", word, ending);
    if (c->words[c->count])
        c->count++;
    else
        c->failed = true;
}

static void add_commands(context *x)
{
    for (int i = 0; command_at(i); i++)
        add(x, command_at(i)->name, "");
}

static void add_names(context *x, object_kind wanted)
{
    for (int64_t i = 0; i < session_count(x->session); i++) {
        object_kind kind;
        const char *name = session_name(x->session, i, &kind);
        if (wanted == OBJECT_NONE || kind == wanted)
            add(x, name, "");
    }
}

static void add_variables(context *x)
{
    for (int64_t i = 0; i < session_variable_count(x->session); i++) {
        char *words = memory_format(NULL, "$%s", session_variable_name(x->session, i));
        if (words)
            add(x, words, "");
        memory_free(words);
    }
}

static void add_choices(context *x, const char *range)
{
    char choice[64];
    for (int64_t i = 0; option_choice(range, i, choice, sizeof choice); i++)
        add(x, choice, "");
}

/* What ROW may be by its kind. */
static void add_values(context *x, const option *row)
{
    switch (row->kind) {
    case OPTION_FLAG:
        add_choices(x, "yes|no");
        break;
    case OPTION_WORD:
    case OPTION_WORDS:
        if (row->range)
            add_choices(x, row->range);
        else
            add_names(x, OBJECT_NONE);
        break;
    case OPTION_MODEL:
        add_names(x, OBJECT_MODEL);
        break;
    case OPTION_DATASET:
        add_names(x, OBJECT_DATASET);
        break;
    case OPTION_TABLE:
        add_names(x, OBJECT_TABLE);
        break;
    case OPTION_FILE:
        x->out->files = true;
        break;
    case OPTION_TEXT:
        if (text_equal(row->name, "command"))
            add_commands(x);
        else if (row->range)
            add_choices(x, row->range);
        else if (row->standard && !*x->word)
            add(x, row->standard, "");
        break;
    default: /* numbers: the usual one, to be changed */
        if (row->standard && !*x->word)
            add(x, row->standard, "");
    }
}

static bool is_given(const sentence *w, const char *key)
{
    for (int64_t i = 1; i < w->count; i++) {
        size_t length = parse_key_length(&w->items[i]);
        if (length > 0 && strlen(key) == length &&
            strncmp(w->items[i].words, key, length) == 0)
            return true;
    }
    return false;
}

/* Keys not given yet; the first SKIP rows are left out. */
static void add_keys(context *x, const sentence *w, const option *rows, int skip)
{
    for (int i = 0; rows && rows[i].name; i++)
        if (i >= skip && !is_given(w, rows[i].name))
            add(x, rows[i].name, "=");
}

/* The row that the next word without key belongs to, or NULL. */
static const option *next_argument(const command *c, const extra *more, const sentence *w)
{
    int64_t plain = 0;
    for (int64_t i = 1; i < w->count; i++)
        plain += parse_key_length(&w->items[i]) == 0;
    for (int64_t i = 0; i < parse_positional_count(c, more); i++) {
        const option *row = parse_positional(c, more, i);
        if (is_given(w, row->name))
            continue;
        if (row->kind == OPTION_WORDS || plain-- == 0)
            return row;
    }
    return NULL;
}

/* What ROW of C may be. */
static void add_row(context *x, const command *c, const option *row)
{
    if (!c->more_word || row != &c->options[c->more_argument]) {
        add_values(x, row);
        return;
    }
    for (int i = 0; c->more_word(i); i++)
        add(x, c->more_word(i), "");
}

static void add_topics(context *x, const command *about)
{
    for (int i = 0; about->more_word && about->more_word(i); i++)
        add(x, about->more_word(i), "");
    for (const option *row = about->options; row && row->name; row++)
        add(x, row->name, "");
}

/* The words before the one to be completed are in W. */
static void complete_sentence(context *x, sentence *w, const char *key)
{
    if (w->count == 0) {
        add_commands(x);
        return;
    }
    const command *c = parse_command(w->items[0].words, true, NULL);
    if (!c)
        return;
    if ((c->flags & COMMAND_REST) && w->count >= c->arguments &&
        text_equal(c->options[c->arguments - 1].name, "command")) {
        sentence inner = {.items = w->items + c->arguments,
                          .count = w->count - c->arguments};
        complete_sentence(x, &inner, key);
        return;
    }
    if (c == &command_help && w->count == 2) {
        const command *about = parse_command(w->items[1].words, true, NULL);
        if (about)
            add_topics(x, about);
        return;
    }
    extra more;
    int64_t blame;
    if (parse_extra(c, w, &more, &blame, NULL) != E_OK)
        more = (extra){0};
    if (key) {
        const option *row = option_find(c->options, key);
        if (!row && more.options)
            row = option_find(more.options, key);
        if (row)
            add_row(x, c, row);
        return;
    }
    const option *argument = next_argument(c, &more, w);
    if (argument)
        add_row(x, c, argument);
    bool typed = *x->word != '\0', nothing = x->out->count == 0 && !x->out->files;
    if (!x->within && !(c->flags & COMMAND_REST) && (typed || nothing)) {
        add_keys(x, w, c->options, typed ? 0 : c->arguments);
        add_keys(x, w, more.options, typed ? 0 : more.arguments);
    }
}

size_t complete_begin(const char *line, size_t end)
{
    while (end > 0 && !strchr(COMPLETE_BREAKS, line[end - 1]))
        end--;
    return end;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* The last command of BEFORE, cut into words. */
static status last_sentence(const char *before, sentence *w, error *e)
{
    size_t at = 0;
    *w = (sentence){0};
    while (before[at]) {
        size_t start = at;
        sentence_clear(w);
        TRY(lexer_next(before, &at, NULL, w, e));
        if (at > start && before[at - 1] == ';')
            sentence_clear(w);
    }
    return E_OK;
}

static void complete_before(context *x, const char *before)
{
    size_t length = strlen(before), end = length;
    while (end > 0 && is_blank(before[end - 1]))
        end--;
    if (end > 0 && before[end - 1] == '>') {
        x->out->files = true;
        return;
    }
    sentence w;
    error open = {0};
    char *key = NULL;
    bool glued = length > 0 && !is_blank(before[length - 1]) && before[length - 1] != ';';
    if (last_sentence(before, &w, &open) != E_OK) {
        x->out->files = true; /* within quotes: most likely a path */
    } else {
        if (glued && w.count > 0) { /* key=, or a list going on */
            x->within = true;
            word *current = &w.items[--w.count];
            size_t bytes = parse_key_length(current);
            if (bytes > 0)
                key = memory_format(NULL, "%.*s", (int)bytes, current->words);
            memory_free(current->words);
        }
        complete_sentence(x, &w, key);
    }
    memory_free(key);
    sentence_clear(&w);
}

status complete_line(const session *s, const char *line, size_t begin, size_t end,
                     completions *out, error *e)
{
    *out = (completions){0};
    context x = {.session = s, .out = out};
    char *before = memory_format(e, "%.*s", (int)begin, line);
    x.word = before ? memory_format(e, "%.*s", (int)(end - begin), line + begin) : NULL;
    if (x.word && x.word[0] == '$')
        add_variables(&x);
    else if (x.word)
        complete_before(&x, before);
    bool whole = x.word && !out->failed;
    memory_free(before);
    memory_free(x.word);
    return whole ? E_OK : fail(e, E_MEMORY, "memory: no room for completions");
}
