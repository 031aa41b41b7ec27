/* SPDX-License-Identifier: GPL-3.0-or-later
   keep.c -- when the session of a person is kept.  How, is autosave's business. */
#include "ui/keep.h"

#include <stdio.h>

void keep_begin(interpreter *i)
{
    text told = {0};
    error e = {0};
    if (!interpreter_begin_autosave(i, &e))
        fprintf(stderr, "lathe: the session is not kept: %s\n", e.text);
    if (!interpreter_settings(i)->quiet)
        autosave_tell(&told);
    fputs(text_get(&told), stdout);
    text_clear(&told);
}

bool keep_is_due(interpreter *i)
{
    const autosave *a = interpreter_autosave(i);
    return a && interpreter_settings(i)->autosave && autosave_is_due(a);
}

status keep_now(interpreter *i, error *e)
{
    const status result = autosave_now(interpreter_autosave(i), e);
    if (result != E_OK)
        interpreter_settings(i)->autosave = false;
    return result;
}

void keep_finish(interpreter *i)
{
    autosave *a = interpreter_autosave(i);
    text told = {0};
    if (a && interpreter_settings(i)->autosave)
        autosave_finish(a, &told);
    fputs(text_get(&told), stderr);
    text_clear(&told);
}
