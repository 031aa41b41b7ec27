/* SPDX-License-Identifier: GPL-3.0-or-later
   found.c -- the list of what stands in a report.  It reads no format. */
#include "report/found.h"

#include <string.h>
#include "base/memory.h"

static char *copy_of(const char *words, size_t length)
{
    char *copy = memory_new((int64_t)length + 1, 1, NULL);
    if (copy && length > 0)
        memcpy(copy, words, length);
    return copy;
}

found *found_add(found_list *list, found_kind kind, int64_t line, const char *source,
                 size_t source_length, const char *words, size_t words_length)
{
    if (list->failed || memory_grow((void **)&list->items, &list->capacity,
                                    list->count + 1, sizeof *list->items, NULL)) {
        list->failed = true;
        return NULL;
    }
    found *f = &list->items[list->count++];
    *f = (found){.kind = kind,
                 .line = line,
                 .source = copy_of(source, source_length),
                 .words = copy_of(words, words_length)};
    list->failed = !f->source || !f->words;
    return f;
}

void found_clear(found_list *list)
{
    for (int64_t i = 0; i < list->count; i++) {
        memory_free(list->items[i].source);
        memory_free(list->items[i].words);
    }
    memory_free(list->items);
    *list = (found_list){0};
}

bool found_digit(const char *words, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (words[i] >= '0' && words[i] <= '9')
            return true;
    return false;
}

/* Does MARK stand at the end of the LENGTH bytes of WORDS? */
static bool ends_with(const char *words, size_t length, const char *mark)
{
    const size_t n = strlen(mark);
    return length >= n && memcmp(words + length - n, mark, n) == 0;
}

/* WORDS are what the run RUN has for KEY. */
static void add_of_run(found_list *list, int64_t line, const char *run, size_t run_length,
                       const char *key, const char *words, size_t length)
{
    text source = {0};
    text_add_bytes(&source, run, run_length);
    text_addf(&source, "/0/%s w", key);
    list->failed = list->failed || source.failed;
    found_add(list, FOUND_RUN, line, text_get(&source), source.length, words, length);
    text_clear(&source);
}

void found_run(found_list *list, int64_t line, const char *target, size_t target_length,
               const char *words, size_t length)
{
    static const char begin[] = "run ";
    const size_t n = sizeof begin - 1;
    const size_t skipped = length > n && memcmp(words, begin, n) == 0 ? n : 0;
    add_of_run(list, line, target, target_length, "run", words + skipped,
               length - skipped);
}

/* "set seed=7" of RUN. */
static void add_seed(found_list *list, int64_t line, const char *run, size_t run_length,
                     const char *words, size_t length)
{
    static const char begin[] = "set seed=";
    const size_t n = sizeof begin - 1;
    if (length < n || memcmp(words, begin, n) != 0)
        found_add(list, FOUND_BARE, line, "", 0, words, length);
    else
        add_of_run(list, line, run, run_length, "seed", words + n, length - n);
}

void found_script_line(found_list *list, int64_t line, const char *words, size_t length)
{
    static const char of_line[] = "  # run ", of_seed[] = "  # seed of run ";
    size_t digits = 0;
    while (digits < length && words[length - 1 - digits] >= '0' &&
           words[length - 1 - digits] <= '9')
        digits++;
    const size_t rest = length - digits;
    if (digits > 0 && ends_with(words, rest, of_line))
        found_add(list, FOUND_LINE, line, words + rest, digits, words,
                  rest - strlen(of_line));
    else if (digits > 0 && ends_with(words, rest, of_seed))
        add_seed(list, line, words + rest, digits, words, rest - strlen(of_seed));
}

int64_t found_lines(const char *words, size_t length)
{
    int64_t lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += words[i] == '\n';
    return lines;
}
