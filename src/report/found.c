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

void found_script_line(found_list *list, int64_t line, const char *words, size_t length)
{
    static const char mark[] = "  # run ";
    const size_t mark_length = sizeof mark - 1;
    size_t digits = 0;
    while (digits < length && words[length - 1 - digits] >= '0' &&
           words[length - 1 - digits] <= '9')
        digits++;
    size_t rest = length - digits;
    if (digits == 0 || rest < mark_length ||
        memcmp(words + rest - mark_length, mark, mark_length) != 0)
        return;
    found_add(list, FOUND_LINE, line, words + rest, digits, words, rest - mark_length);
}

int64_t found_lines(const char *words, size_t length)
{
    int64_t lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += words[i] == '\n';
    return lines;
}
