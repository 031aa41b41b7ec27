/* SPDX-License-Identifier: GPL-3.0-or-later
   pager.c -- hands an answer to the pager by a file without a name, so that it can be left
   before it has read all of it. */
#include "ui/pager.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/child.h"
#include "base/text.h"
#include "ui/guest.h"

/* Columns of the first LENGTH bytes of LINE without the escapes of colours. */
static int columns_of(const char *line, size_t length)
{
    text plain = {0};
    const char *const end = line + length;
    while (line < end) {
        if (line[0] == '\033' && line[1] == '[') {
            line += strcspn(line, "m\n");
            line += *line == 'm';
        } else {
            text_add_bytes(&plain, line++, 1);
        }
    }
    const int columns = text_columns(text_get(&plain));
    text_clear(&plain);
    return columns;
}

bool pager_is_due(const char *words, int rows, int columns)
{
    int64_t used = 0;
    for (const char *line = words; *line && used < rows;) {
        const size_t length = strcspn(line, "\n");
        const int width = columns_of(line, length);
        used += columns > 0 && width > columns ? (width + columns - 1) / columns : 1;
        line += length + (line[length] == '\n');
    }
    return rows > 0 && used >= rows;
}

status pager_show(const char *words, size_t length, error *e)
{
    static const char *const variables[] = {"LATHE_PAGER", "PAGER", NULL};
    const char *choice = guest_choice(variables);
    FILE *file = tmpfile();
    if (!file)
        return fail(e, E_FILE, "no temporary file: %s", strerror(errno));
    if (fwrite(words, 1, length, file) != length || fflush(file) != 0 ||
        lseek(fileno(file), 0, SEEK_SET) != 0) {
        fail(e, E_FILE, "a temporary file: %s", strerror(errno));
        fclose(file);
        return E_FILE;
    }
    bool shown = false;
    status result =
        guest_run(&(guest){.words = choice ? choice : "less -FRX",
                           .setting = "LESS=FRX", /* others pass colours too */
                           .input = fileno(file),
                           .output = CHILD_SAME},
                  &shown, e);
    fclose(file);
    if (shown) { /* how it ended is between it and the user */
        error_clear(e);
        result = E_OK;
    }
    return result;
}
