/* SPDX-License-Identifier: GPL-3.0-or-later
   parse.c -- from words to a command and its checked options.
   It reads the command table and runs nothing. */
#include "ui/command/parse.h"

#include <ctype.h>
#include <string.h>
#include "base/memory.h"

#define NAMES_MAX 128

/* ---- which command ---- */

static status fail_ambiguous(const char *word, const char *const *names, int64_t count,
                             error *e)
{
    text list = {0};
    for (int64_t i = 0; i < count; i++)
        text_addf(&list, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", names[i]);
    fail(e, E_NAME, "'%.80s' may be %s", word, text_get(&list));
    text_clear(&list);
    return E_NAME;
}

/* The only one of NAMES that begins with WORD, NULL with E_NAME where there are several
   (BEGINNING is how many). */
static const char *complete_name(const char *word, const char *const *names,
                                 int64_t count, int64_t *beginning, error *e)
{
    const char *found[NAMES_MAX];
    *beginning = 0;
    for (int64_t i = 0; i < count; i++)
        if (text_starts(names[i], word))
            found[(*beginning)++] = names[i];
    if (*beginning > 1)
        fail_ambiguous(word, found, *beginning, e);
    return *beginning == 1 ? found[0] : NULL;
}

/* Words that stand elsewhere, and where. */
static const struct {
    const char *word, *hint;
} elsewhere[] = {
    {"stage", "stages stand in the file of a recipe: 'help recipe'"},
    {"require", "requirements stand in the file of a recipe: 'help recipe'"},
};

/* What helps who wrote WORD, which is no command. */
static void hint_command(const char *word, const char *const *names, int64_t count,
                         error *e)
{
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (text_equal(word, elsewhere[i].word)) {
            fail_hint(e, "%s", elsewhere[i].hint);
            return;
        }
    const char *near = text_nearest(word, names, count);
    if (near)
        fail_hint(e, "did you mean '%s'?", near);
    else
        fail_hint(e, "'help' lists the commands");
}

const command *parse_command(const char *word, bool abbreviate, error *e)
{
    const command *exact = command_find(word);
    if (exact)
        return exact;
    if (abbreviate && text_equal(word, "?"))
        return command_find("help");
    const char *names[NAMES_MAX];
    int64_t count = 0, beginning = 0;
    for (int i = 0; command_at(i); i++)
        names[count++] = command_at(i)->name;
    if (abbreviate && *word) {
        const char *name = complete_name(word, names, count, &beginning, e);
        if (name)
            return command_find(name);
        if (beginning > 1)
            return NULL;
    }
    fail(e, E_NAME, "no command '%.80s'", word);
    hint_command(word, names, count, e);
    return NULL;
}

/* ---- words and rows ---- */

size_t parse_key_length(const word *w)
{
    if (w->equals == LEXER_NONE || w->equals == 0)
        return 0;
    const char *p = w->words;
    if (!isalpha((unsigned char)*p) && *p != '_')
        return 0;
    for (size_t i = 0; i < w->equals; i++)
        if (!isalnum((unsigned char)p[i]) && p[i] != '_' && p[i] != '-')
            return 0;
    return w->equals;
}

static bool has_key(const word *w, const char *key)
{
    size_t length = parse_key_length(w);
    return length > 0 && length == strlen(key) && strncmp(w->words, key, length) == 0;
}

/* The word that gives KEY, or -1. */
static int64_t find_key(const sentence *w, const char *key)
{
    for (int64_t i = 1; i < w->count; i++)
        if (has_key(&w->items[i], key))
            return i;
    return -1;
}

const option *parse_positional(const command *c, const extra *more, int64_t i)
{
    if (i < c->arguments)
        return &c->options[i];
    i -= c->arguments;
    return i < more->arguments ? &more->options[i] : NULL;
}

int64_t parse_positional_count(const command *c, const extra *more)
{
    return c->arguments + more->arguments;
}

static bool is_required(const command *c, const extra *more, int64_t i)
{
    return i < c->arguments ? i < c->required : i - c->arguments < more->required;
}

status parse_extra(const command *c, const sentence *w, extra *out, int64_t *blame,
                   error *e)
{
    *out = (extra){0};
    *blame = -1;
    if (!c->more)
        return E_OK;
    int64_t skip = c->more_argument;
    for (int i = 0; i < c->more_argument; i++)
        skip -= find_key(w, c->options[i].name) >= 0;
    int64_t at = find_key(w, c->options[c->more_argument].name);
    const char *deciding = at >= 0 ? w->items[at].words + w->items[at].equals + 1 : NULL;
    for (int64_t i = 1; i < w->count && !deciding; i++) {
        if (parse_key_length(&w->items[i]) > 0 || skip-- > 0)
            continue;
        at = i;
        deciding = w->items[i].words;
    }
    if (!deciding || c->more(deciding, out, e))
        return E_OK;
    *blame = at;
    return E_NAME;
}

/* ---- keys ---- */

/* The names of every option of SET. */
static int64_t option_names(const option_set *set, const char **names)
{
    int64_t count = 0;
    for (int64_t i = 0; i < set->count && count < NAMES_MAX; i++)
        names[count++] = set->values[i].row->name;
    return count;
}

/* Puts the whole key into a word that begins with an abbreviated one. */
static status complete_key(word *w, const option_set *set, error *e)
{
    const char *names[NAMES_MAX];
    int64_t count = option_names(set, names), beginning;
    char *key = memory_format(e, "%.*s", (int)w->equals, w->words);
    if (!key)
        return E_MEMORY;
    status result = E_OK;
    for (int64_t i = 0; i < count; i++)
        if (text_equal(names[i], key))
            goto out;
    const char *name = complete_name(key, names, count, &beginning, e);
    if (beginning > 1)
        result = E_NAME;
    if (name) {
        char *words = memory_format(e, "%s%s", name, w->words + w->equals);
        result = words ? E_OK : E_MEMORY;
        if (words) {
            memory_free(w->words);
            w->words = words;
            w->equals = strlen(name);
        }
    }
out:
    memory_free(key);
    return result;
}

static status put_key(const word *w, option_set *set, error *e)
{
    char *key = memory_format(e, "%.*s", (int)w->equals, w->words);
    if (!key)
        return E_MEMORY;
    status result = E_OK;
    for (int64_t i = 0; i < set->count && result == E_OK; i++)
        if (set->values[i].given && text_equal(set->values[i].row->name, key))
            result = fail(e, E_USAGE, "%s is given twice", key);
    if (result == E_OK)
        result = option_set_put(set, key, w->words + w->equals + 1, e);
    memory_free(key);
    return result;
}

static status put_keys(sentence *w, bool abbreviate, option_set *set, int64_t *blame,
                       error *e)
{
    for (int64_t i = 1; i < w->count; i++) {
        if (parse_key_length(&w->items[i]) == 0)
            continue;
        *blame = i;
        if (abbreviate)
            TRY(complete_key(&w->items[i], set, e));
        TRY(put_key(&w->items[i], set, e));
    }
    *blame = -1;
    return E_OK;
}

/* ---- arguments ---- */

static status fail_missing(const command *c, const extra *more, const option *row,
                           error *e)
{
    text usage = {0};
    parse_usage(c, more, &usage);
    fail(e, E_USAGE, "%s is missing", row->name);
    fail_hint(e, "usage: %s", text_get(&usage));
    text_clear(&usage);
    return E_USAGE;
}

static status fail_too_many(const command *c, const extra *more, const char *words,
                            const option_set *set, error *e)
{
    fail(e, E_USAGE, "'%.80s' is one word too many", words);
    const char *names[NAMES_MAX];
    int64_t count = option_names(set, names);
    for (int64_t i = 0; i < count; i++)
        if (text_equal(names[i], words))
            return fail_hint(e, "write %s=VALUE, without blanks", words);
    if (*words == '=')
        return fail_hint(e, "write key=value, without blanks");
    text usage = {0};
    parse_usage(c, more, &usage);
    fail_hint(e, "usage: %s", text_get(&usage));
    text_clear(&usage);
    return E_USAGE;
}

/* The arguments that are to be given without a key: rows[0..count-1], the LIST-th of them
   takes several words (-1: none), those behind it need BEHIND. */
typedef struct arguments {
    const option *rows[NAMES_MAX];
    int64_t count, list, behind;
} arguments;

static void find_arguments(const command *c, const extra *more, const option_set *set,
                           arguments *out)
{
    *out = (arguments){.list = -1};
    int64_t rows = parse_positional_count(c, more);
    for (int64_t i = 0; i < rows && out->count < NAMES_MAX; i++) {
        const option *row = parse_positional(c, more, i);
        if (option_given(set, row->name))
            continue;
        if (out->list >= 0)
            out->behind += is_required(c, more, i);
        else if (row->kind == OPTION_WORDS)
            out->list = out->count;
        out->rows[out->count++] = row;
    }
}

/* How many words row I takes when LEFT are left. */
static int64_t words_for(const arguments *a, int64_t i, int64_t left)
{
    if (i != a->list)
        return left > 0;
    return left > a->behind ? left - a->behind : 0;
}

static status put_arguments(const command *c, const extra *more, const sentence *w,
                            option_set *set, int64_t *blame, error *e)
{
    int64_t plain[OPTION_LIST_MAX + NAMES_MAX], count = 0;
    for (int64_t i = 1; i < w->count; i++) {
        *blame = i;
        if (parse_key_length(&w->items[i]) > 0)
            continue;
        if (count == OPTION_LIST_MAX + NAMES_MAX)
            return fail_too_many(c, more, w->items[i].words, set, e);
        plain[count++] = i;
    }
    arguments a;
    find_arguments(c, more, set, &a);
    int64_t at = 0;
    for (int64_t i = 0; i < a.count && at < count; i++) {
        int64_t take = words_for(&a, i, count - at);
        text value = {0};
        for (int64_t j = 0; j < take; j++)
            text_addf(&value, "%s%s", j ? "," : "", w->items[plain[at + j]].words);
        *blame = plain[at];
        status result = text_ok(&value, e);
        if (result == E_OK && take > 0)
            result = option_set_put(set, a.rows[i]->name, text_get(&value), e);
        text_clear(&value);
        TRY(result);
        at += take;
    }
    if (at < count) {
        *blame = plain[at];
        return fail_too_many(c, more, w->items[plain[at]].words, set, e);
    }
    *blame = -1;
    return E_OK;
}

static status check_required(const command *c, const extra *more, const option_set *set,
                             error *e)
{
    int64_t rows = parse_positional_count(c, more);
    for (int64_t i = 0; i < rows; i++) {
        const option *row = parse_positional(c, more, i);
        if (is_required(c, more, i) && !option_get(set, row->name)->present)
            return fail_missing(c, more, row, e);
    }
    return E_OK;
}

/* COMMAND_REST: single words, and then the raw rest as one. */
static status put_rest(const command *c, const sentence *w, option_set *set,
                       int64_t *blame, error *e)
{
    for (int64_t i = 1; i < w->count && i < c->arguments; i++) {
        *blame = i;
        TRY(option_set_put(set, c->options[i - 1].name, w->items[i].words, e));
    }
    *blame = -1;
    if (w->count <= c->arguments)
        return E_OK;
    text rest = {0};
    sentence_write(w, c->arguments, &rest);
    status result = text_ok(&rest, e);
    if (result == E_OK)
        result =
            option_set_put(set, c->options[c->arguments - 1].name, text_get(&rest), e);
    text_clear(&rest);
    return result;
}

status parse_options(const command *c, sentence *w, bool abbreviate, option_set *out,
                     int64_t *blame, error *e)
{
    extra more;
    *out = (option_set){0};
    TRY(parse_extra(c, w, &more, blame, e));
    TRY(option_set_init(out, c->options, more.options, e));
    if (c->flags & COMMAND_REST) {
        TRY(put_rest(c, w, out, blame, e));
    } else {
        TRY(put_keys(w, abbreviate, out, blame, e));
        TRY(put_arguments(c, &more, w, out, blame, e));
    }
    return check_required(c, &more, out, e);
}

void parse_usage(const command *c, const extra *more, text *out)
{
    text_add(out, c->name);
    int64_t rows = parse_positional_count(c, more), listed = 0;
    for (int64_t i = 0; i < rows; i++) {
        const option *row = parse_positional(c, more, i);
        bool required = is_required(c, more, i);
        bool several = row->kind == OPTION_WORDS ||
                       ((c->flags & COMMAND_REST) && i + 1 == c->arguments);
        text_add(out, required ? " " : " [");
        for (const char *p = row->name; *p; p++) {
            char capital = (char)toupper((unsigned char)*p);
            text_add_bytes(out, &capital, 1);
        }
        text_addf(out, "%s%s", several ? "..." : "", required ? "" : "]");
    }
    for (const option *row = c->options; row && row->name; row++)
        listed++;
    for (const option *row = more->options; row && row->name; row++)
        listed++;
    if (listed > rows)
        text_add(out, " [key=value]...");
}
