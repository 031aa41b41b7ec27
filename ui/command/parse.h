/* SPDX-License-Identifier: GPL-3.0-or-later
   parse.h -- from words to a command and its checked options.  It reads the command table
   and runs nothing. */
#ifndef LATHE_UI_PARSE_H
#define LATHE_UI_PARSE_H

#include <stdbool.h>
#include "base/option.h"
#include "base/text.h"
#include "ui/command/command.h"
#include "ui/lexer.h"

/* The command called WORD; where ABBREVIATE, a beginning that only one has will do.
   NULL with E_NAME and "did you mean". */
const command *parse_command(const char *word, bool abbreviate, error *e);

/* Sets every option of C from W, whose first word is the command itself.  Names of things
   are taken as they stand.  Where ABBREVIATE, a beginning that only one key has will do;
   W then gets the whole key.  On failure *BLAME is the word at fault, or -1.  Free OUT
   with option_set_clear, also after a failure. */
status parse_options(const command *c, sentence *w, bool abbreviate, option_set *out,
                     int64_t *blame, error *e);

/* The extra options that C has for the words of W.  *OUT is empty where it has none, or
   where the word they depend on is not there; E_NAME where that is unknown. */
status parse_extra(const command *c, const sentence *w, extra *out, int64_t *blame,
                   error *e);

/* Is the word KEY=VALUE?  Then the bytes of KEY; else 0. */
size_t parse_key_length(const word *w);

/* The I-th option given without its key, in order, or NULL beyond the last. */
const option *parse_positional(const command *c, const extra *more, int64_t i);
int64_t parse_positional_count(const command *c, const extra *more);

/* "prune MODEL [key=value]..." */
void parse_usage(const command *c, const extra *more, text *out);

#endif
