/* SPDX-License-Identifier: GPL-3.0-or-later
   option.c -- checks the words of key=value against the rows that declare them.
   It knows no command: names of models and files are taken as they stand. */
#include "base/option.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"

static const struct {
    const char *noun;    /* in "a number is wanted" */
    const char *grammar; /* what may be written where the row has no range */
    bool list;
} kinds[] = {
    [OPTION_FLAG] = {"yes or no", "yes|no", false},
    [OPTION_INTEGER] = {"a whole number", "INTEGER", false},
    [OPTION_REAL] = {"a number", "NUMBER", false},
    [OPTION_WORD] = {"a word", "WORD", false},
    [OPTION_TEXT] = {"a text", "TEXT", false},
    [OPTION_REALS] = {"a list of numbers", "NUMBER,...", true},
    [OPTION_INTEGERS] = {"a list of whole numbers", "INTEGER,...", true},
    [OPTION_WORDS] = {"a list of words", "WORD,...", true},
    [OPTION_SPAN] = {"LOW:HIGH or one number", "LOW:HIGH", false},
    [OPTION_MODEL] = {"the name of a model", "MODEL", false},
    [OPTION_DATASET] = {"the name of a dataset", "DATASET", false},
    [OPTION_TABLE] = {"the name of a table", "TABLE", false},
    [OPTION_NAME] = {"a name", "NAME", false},
    [OPTION_FILE] = {"a file", "FILE", false},
};

/* The ends of "0..1", "1..", "..5"; infinite where open. */
static void range_ends(const char *range, double *low, double *high)
{
    *low = -INFINITY;
    *high = INFINITY;
    const char *dots = range ? strstr(range, "..") : NULL;
    if (!dots)
        return;
    char first[32];
    snprintf(first, sizeof first, "%.*s", (int)(dots - range), range);
    text_to_real(first, low);
    text_to_real(dots + 2, high);
}

static bool is_time(const option *row)
{
    return row->kind == OPTION_REAL && text_equal(row->unit, "s");
}

static status fail_kind(const option *row, const char *words, error *e)
{
    fail(e, E_USAGE, "%s=%s: %s is wanted", row->name, words,
         is_time(row) ? "a time as 90s, 10m or 2h" : kinds[row->kind].noun);
    if (row->range)
        fail_hint(e, "%s may be %s%s", row->name, row->range, is_time(row) ? " s" : "");
    return E_USAGE;
}

static status check_range(const option *row, const char *words, double number, error *e)
{
    double low, high;
    range_ends(row->range, &low, &high);
    if (number >= low && number <= high)
        return E_OK;
    return fail(e, E_RANGE, "%s=%s: outside %s%s", row->name, words, row->range,
                is_time(row) ? " s" : "");
}

bool option_choice(const char *range, int64_t i, char *buffer, int64_t size)
{
    const char *at = range;
    for (; at && i > 0; i--) {
        at = strchr(at, '|');
        at = at ? at + 1 : NULL;
    }
    if (!at || !*at)
        return false;
    snprintf(buffer, (size_t)size, "%.*s", (int)strcspn(at, "|"), at);
    return true;
}

/* Fails unless WORD is one of the row's choices. */
static status check_choice(const option *row, const char *word, error *e)
{
    enum { CHOICES = 64, LONGEST = 64 };
    char words[CHOICES][LONGEST];
    const char *pointers[CHOICES];
    if (!row->range)
        return E_OK;
    int64_t count = 0;
    while (count < CHOICES && option_choice(row->range, count, words[count], LONGEST)) {
        if (text_equal(word, words[count]))
            return E_OK;
        pointers[count] = words[count];
        count++;
    }
    text list = {0};
    for (int64_t i = 0; i < count; i++)
        text_addf(&list, "%s%s", i ? ", " : "", words[i]);
    fail(e, E_USAGE, "%s=%s: not one of %s", row->name, word, text_get(&list));
    text_clear(&list);
    const char *nearest = text_nearest(word, pointers, count);
    if (nearest)
        fail_hint(e, "did you mean '%s'?", nearest);
    return E_USAGE;
}

static void value_clear(option_value *v)
{
    memory_free(v->words);
    for (int64_t i = 0; i < OPTION_LIST_MAX; i++)
        memory_free(v->items[i]);
    *v = (option_value){.row = v->row};
}

static status read_flag(option_value *v, error *e)
{
    static const struct {
        const char *word;
        bool flag;
    } rows[] = {{"yes", true},  {"no", false},  {"on", true},
                {"off", false}, {"true", true}, {"false", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (text_equal(v->words, rows[i].word)) {
            v->flag = rows[i].flag;
            return E_OK;
        }
    }
    return fail_kind(v->row, v->words, e);
}

static status read_integer(option_value *v, error *e)
{
    if (!text_to_integer(v->words, &v->integer))
        return fail_kind(v->row, v->words, e);
    v->real = (double)v->integer;
    return check_range(v->row, v->words, v->real, e);
}

/* "90", "90s", "10m" or "2h", in seconds. */
static bool read_time(const char *words, double *seconds)
{
    static const struct {
        char unit;
        double seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}};
    char number[64];
    size_t length = strlen(words);
    for (size_t i = 0; length > 1 && i < sizeof units / sizeof *units; i++) {
        if (words[length - 1] != units[i].unit)
            continue;
        snprintf(number, sizeof number, "%.*s", (int)(length - 1), words);
        if (length > sizeof number || !text_to_real(number, seconds))
            return false;
        *seconds *= units[i].seconds;
        return true;
    }
    return text_to_real(words, seconds);
}

static status read_real(option_value *v, error *e)
{
    if (!(is_time(v->row) ? read_time : text_to_real)(v->words, &v->real))
        return fail_kind(v->row, v->words, e);
    return check_range(v->row, v->words, v->real, e);
}

static status read_item(option_value *v, const char *item, error *e)
{
    option_kind kind = v->row->kind;
    int64_t integer;
    double *number = &v->reals[v->count];
    if (kind == OPTION_WORDS)
        TRY(check_choice(v->row, item, e));
    else if (!text_to_real(item, number) ||
             (kind == OPTION_INTEGERS && !text_to_integer(item, &integer)))
        return fail_kind(v->row, v->words, e);
    else
        TRY(check_range(v->row, item, *number, e));
    v->items[v->count] = memory_text(item, e);
    if (!v->items[v->count])
        return E_MEMORY;
    v->count++;
    return E_OK;
}

static status read_list(option_value *v, error *e)
{
    const char *at = v->words;
    for (;;) {
        size_t length = strcspn(at, ",");
        if (length == 0)
            return fail(e, E_USAGE, "%s=%s: an item of the list is empty", v->row->name,
                        v->words);
        if (v->count == OPTION_LIST_MAX)
            return fail(e, E_RANGE, "%s: a list of more than %d items", v->row->name,
                        OPTION_LIST_MAX);
        char *item = memory_format(e, "%.*s", (int)length, at);
        if (!item)
            return E_MEMORY;
        status result = read_item(v, item, e);
        memory_free(item);
        TRY(result);
        at += length;
        if (!*at++)
            return E_OK;
    }
}

static status read_span(option_value *v, error *e)
{
    char first[64];
    const char *colon = strchr(v->words, ':');
    snprintf(first, sizeof first, "%.*s", (int)strcspn(v->words, ":"), v->words);
    double *ends = v->reals;
    if (!text_to_real(first, &ends[0]) ||
        !text_to_real(colon ? colon + 1 : first, &ends[1]))
        return fail_kind(v->row, v->words, e);
    if (ends[0] > ends[1])
        return fail(e, E_RANGE, "%s=%s: the low end is above the high end", v->row->name,
                    v->words);
    v->count = 2;
    v->real = ends[0];
    TRY(check_range(v->row, v->words, ends[0], e));
    return check_range(v->row, v->words, ends[1], e);
}

/* Names go into file names, expressions of scripts and lists, so they stay plain. */
static status read_name(option_value *v, error *e)
{
    const char *at = v->words;
    bool plain = isalpha((unsigned char)*at) || *at == '_';
    for (; plain && *at; at++)
        plain = isalnum((unsigned char)*at) || *at == '_' || *at == '-' || *at == '.';
    if (plain)
        return E_OK;
    fail(e, E_USAGE, "%s=%s: a name is wanted", v->row->name, v->words);
    return fail_hint(e, "a name is letters, digits, '_', '-' and '.', a letter first");
}

static status read_value(option_value *v, error *e)
{
    switch (v->row->kind) {
    case OPTION_FLAG:
        return read_flag(v, e);
    case OPTION_INTEGER:
        return read_integer(v, e);
    case OPTION_REAL:
        return read_real(v, e);
    case OPTION_WORD:
        return check_choice(v->row, v->words, e);
    case OPTION_REALS:
    case OPTION_INTEGERS:
    case OPTION_WORDS:
        return read_list(v, e);
    case OPTION_SPAN:
        return read_span(v, e);
    case OPTION_NAME:
        return read_name(v, e);
    case OPTION_TEXT:
        return E_OK;
    case OPTION_MODEL:
    case OPTION_DATASET:
    case OPTION_TABLE:
    case OPTION_FILE:
        break;
    }
    return *v->words ? E_OK : fail_kind(v->row, v->words, e);
}

/* V keeps what it had unless WORDS are a good value. */
static status value_put(option_value *v, const char *words, bool given, error *e)
{
    option_value fresh = {.row = v->row, .given = given, .present = true};
    fresh.words = memory_text(words, e);
    status result = fresh.words ? read_value(&fresh, e) : E_MEMORY;
    if (result != E_OK) {
        value_clear(&fresh);
        return result;
    }
    value_clear(v);
    *v = fresh;
    return E_OK;
}

static int64_t count_rows(const option *table)
{
    int64_t count = 0;
    while (table && table[count].name)
        count++;
    return count;
}

status option_set_init(option_set *set, const option *first, const option *second,
                       error *e)
{
    int64_t ours = count_rows(first), count = ours + count_rows(second);
    *set = (option_set){0};
    set->values = memory_new(count, sizeof *set->values, e);
    if (!set->values)
        return E_MEMORY;
    set->count = count;
    for (int64_t i = 0; i < count; i++) {
        option_value *v = &set->values[i];
        v->row = i < ours ? &first[i] : &second[i - ours];
        status result =
            v->row->standard ? value_put(v, v->row->standard, false, e) : E_OK;
        if (result != E_OK) {
            option_set_clear(set);
            return result;
        }
    }
    return E_OK;
}

void option_set_clear(option_set *set)
{
    for (int64_t i = 0; i < set->count; i++)
        value_clear(&set->values[i]);
    memory_free(set->values);
    *set = (option_set){0};
}

static option_value *find_value(const option_set *set, const char *name)
{
    for (int64_t i = 0; i < set->count; i++)
        if (text_equal(set->values[i].row->name, name))
            return &set->values[i];
    return NULL;
}

static status fail_unknown(const option_set *set, const char *key, error *e)
{
    const char **names = memory_new(set->count, sizeof *names, e);
    if (!names)
        return E_MEMORY;
    text list = {0};
    for (int64_t i = 0; i < set->count; i++) {
        names[i] = set->values[i].row->name;
        text_addf(&list, "%s%s", i ? ", " : "", names[i]);
    }
    fail(e, E_NAME, "no option '%s'", key);
    const char *nearest = text_nearest(key, names, set->count);
    if (nearest)
        fail_hint(e, "did you mean '%s'?", nearest);
    else if (set->count)
        fail_hint(e, "options: %s", text_get(&list));
    else
        fail_hint(e, "there are no options here");
    text_clear(&list);
    memory_free(names);
    return E_NAME;
}

status option_set_put(option_set *set, const char *key, const char *words, error *e)
{
    option_value *v = find_value(set, key);
    return v ? value_put(v, words, true, e) : fail_unknown(set, key, e);
}

const option_value *option_get(const option_set *set, const char *name)
{
    static const option nothing = {.name = ""};
    static const option_value absent = {.row = &nothing};
    const option_value *v = find_value(set, name);
    assert(v);
    return v ? v : &absent;
}

bool option_flag(const option_set *set, const char *name)
{
    return option_get(set, name)->flag;
}

int64_t option_integer(const option_set *set, const char *name)
{
    return option_get(set, name)->integer;
}

double option_real(const option_set *set, const char *name)
{
    return option_get(set, name)->real;
}

const char *option_words(const option_set *set, const char *name)
{
    return option_get(set, name)->words;
}

bool option_is(const option_set *set, const char *name, const char *word)
{
    return text_equal(option_get(set, name)->words, word);
}

bool option_given(const option_set *set, const char *name)
{
    return option_get(set, name)->given;
}

const option *option_find(const option *table, const char *name)
{
    for (; table && table->name; table++)
        if (text_equal(table->name, name))
            return table;
    return NULL;
}

void option_grammar(const option *row, text *out)
{
    if (!row->range || row->kind == OPTION_SPAN || row->kind == OPTION_FLAG)
        text_add(out, kinds[row->kind].grammar);
    else if (row->kind == OPTION_REALS || row->kind == OPTION_INTEGERS)
        text_addf(out, "%s (%s)", kinds[row->kind].grammar, row->range);
    else
        text_addf(out, kinds[row->kind].list ? "%s,..." : "%s", row->range);
}
