/* SPDX-License-Identifier: GPL-3.0-or-later
   sweep_axis.c -- the values that a sweep gives to an option, and how they stand in its
   table.  It runs nothing. */
#include <string.h>

#include "base/memory.h"
#include "ui/command/sweep_parts.h"

bool sweep_is_scalar(option_kind kind)
{
    switch (kind) {
    case OPTION_REALS:
    case OPTION_INTEGERS:
    case OPTION_WORDS:
    case OPTION_SPAN:
        return false;
    default:
        return true;
    }
}

status sweep_axis_fill(axis *a, const char *list, error *e)
{
    for (const char *begin = list;; begin++) {
        size_t length = strcspn(begin, ",");
        if (length == 0)
            return fail(e, E_USAGE, "sweep: an empty value in %s=%s", a->key, list);
        if (a->count == OPTION_LIST_MAX)
            return fail(e, E_RANGE, "sweep: %s has more than %d values", a->key,
                        OPTION_LIST_MAX);
        a->values[a->count] = memory_format(e, "%.*s", (int)length, begin);
        if (!a->values[a->count])
            return E_MEMORY;
        a->count++;
        begin += length;
        if (*begin == '\0')
            return E_OK;
    }
}

void sweep_axis_clear(axis *a)
{
    memory_free(a->key);
    for (int64_t i = 0; i < a->count; i++)
        memory_free(a->values[i]);
    *a = (axis){0};
}

void sweep_put_value(table *t, const char *column, const char *words)
{
    int64_t integer;
    double real;
    if (text_to_integer(words, &integer))
        table_integer(t, column, integer);
    else if (text_to_real(words, &real))
        table_real(t, column, real);
    else
        table_text(t, column, words);
}
