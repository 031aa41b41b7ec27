/* SPDX-License-Identifier: GPL-3.0-or-later
   complete.h -- what may come next in a line: commands, names, option keys and values,
   files.  All of it is read from the command table and the session.  It runs nothing. */
#ifndef LATHE_UI_COMPLETE_H
#define LATHE_UI_COMPLETE_H

#include <stdbool.h>
#include "base/error.h"
#include "session/session.h"

typedef struct completions {
    char **words; /* in the order of the tables; a key ends in "=" */
    int64_t count, capacity;
    bool files; /* the names of files come beside them */
    bool failed;
} completions;

/* The characters that part the word under the cursor from what stands before it. */
#define COMPLETE_BREAKS " \t\n;>=,"

/* Words for bytes BEGIN..END of LINE, where BEGIN is behind a break.  Free OUT with
   completions_clear. */
status complete_line(const session *s, const char *line, size_t begin, size_t end,
                     completions *out, error *e);
void completions_clear(completions *c);

/* Where the word that ends at END begins. */
size_t complete_begin(const char *line, size_t end);

#endif
