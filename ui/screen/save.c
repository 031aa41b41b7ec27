/* SPDX-License-Identifier: GPL-3.0-or-later
   save.c -- what stands on the screen as a file, whole or not at all.  It draws nothing. */
#include "ui/screen/save.h"

#include <stdio.h>
#include "base/file.h"
#include "ui/screen/canvas.h"

status screen_save(const char *path, bool colour, error *e)
{
    text shown = {0};
    atomic_file file;
    canvas_text(colour, &shown);
    status result = text_ok(&shown, e);
    if (result == E_OK)
        result = atomic_open(&file, path, e);
    if (result == E_OK) {
        fwrite(text_get(&shown), 1, shown.length, file.stream); /* commit asks ferror */
        result = atomic_commit(&file, e);
    }
    text_clear(&shown);
    return result;
}
