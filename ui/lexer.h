/* SPDX-License-Identifier: GPL-3.0-or-later
   lexer.h -- cuts a line into commands and words: blanks, quotes, escapes, variables,
   comments, ";" and "> FILE".  It knows no command and runs nothing.

   Blanks part words.  "..." keeps blanks and puts variables in; '...' keeps everything.
   Outside quotes a backslash takes the next character as it is; within "..." only before
   ", \ and $.  $NAME and ${NAME} are variables: outside quotes their blanks part words
   too.  "#" where a word could begin is a comment to the end, ";" ends a command, and
   "> FILE" says where its answer goes. */
#ifndef LATHE_UI_LEXER_H
#define LATHE_UI_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "base/text.h"
#include "session/session.h"

#define LEXER_NONE SIZE_MAX

typedef struct word {
    char *words;       /* never NULL; without quotes and escapes, variables put in */
    size_t begin, end; /* its bytes in the line */
    size_t equals;     /* place of the first "=" outside quotes in WORDS, or LEXER_NONE */
} word;

/* One command, cut into words. */
typedef struct sentence {
    word *items;
    int64_t count, capacity;
    char *output; /* the FILE of "> FILE", or NULL */
} sentence;

/* Cuts the command that begins at byte *AT of LINE and moves *AT behind it (and its ";").
   Variables come from S; where S is NULL they stay as written.  Free OUT with
   sentence_clear, also after a failure: E_USAGE for an open quote, a variable that is not
   set (E_NAME), a ">" without its file.  Then *AT is the byte to blame. */
status lexer_next(const char *line, size_t *at, const session *s, sentence *out,
                  error *e);
void sentence_clear(sentence *w);
void sentence_drop(sentence *w, int64_t i); /* takes out the I-th word */

/* Does LINE go on in the next one?  Its last character is a backslash that is neither
   escaped nor in a comment. */
bool lexer_continues(const char *line);

/* Appends WORDS so that the lexer reads them as one word without "=" of its own. */
void lexer_quote(const char *words, text *out);
/* Appends words FROM.. of W, without "> FILE", so that they are read back the same. */
void sentence_write(const sentence *w, int64_t from, text *out);

#endif
