/* SPDX-License-Identifier: GPL-3.0-or-later
   error.c -- fills the sentence, the hint and the prefix of an error.
   It never allocates: it must work when memory is gone. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

status fail(error *e, status code, const char *format, ...)
{
    if (!e)
        return code;
    /* A buffer beside, since an argument may point into e->text itself. */
    char words[sizeof e->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    e->code = code;
    memcpy(e->text, words, sizeof e->text);
    e->hint[0] = '\0';
    return code;
}

status fail_hint(error *e, const char *format, ...)
{
    if (!e)
        return E_USAGE;
    char words[sizeof e->hint];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    memcpy(e->hint, words, sizeof e->hint);
    return e->code;
}

status fail_prefix(error *e, const char *format, ...)
{
    if (!e)
        return E_USAGE;
    char words[sizeof e->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    size_t length = strlen(words), head = strcspn(words, ":");
    /* What both begin with, as "prune: ", is said once. */
    if (strncmp(e->text, words, head) == 0 && strncmp(e->text + head, ": ", 2) == 0)
        memmove(e->text, e->text + head + 2, strlen(e->text + head + 2) + 1);
    /* A sentence that is too long is cut. */
    if (snprintf(words + length, sizeof words - length, ": %s", e->text) >= 0)
        memcpy(e->text, words, sizeof e->text);
    return e->code;
}

void error_clear(error *e)
{
    if (!e)
        return;
    e->code = E_OK;
    e->text[0] = '\0';
    e->hint[0] = '\0';
}
