/* SPDX-License-Identifier: GPL-3.0-or-later
   help.c -- the command `help`: pages of the manual and the search in it. */
#include <string.h>
#include "ui/command/command.h"
#include "ui/command/parse.h"
#include "ui/interpreter.h"
#include "ui/manual.h"

static const option options[] = {
    {"command", OPTION_TEXT, NULL, NULL, NULL, "a command, any word to look for, or all"},
    {"topic", OPTION_TEXT, NULL, NULL, NULL,
     "one of its options, or a source, architecture or figure"},
    {0},
};

/* Every command's page. */
static status run_all(call *c, int columns, error *e)
{
    const command *about;
    for (int i = 0; (about = command_at(i)); i++) {
        text_add(&c->notes, i ? "\n" : "");
        TRY(manual_page(about, NULL, columns, &c->notes, e));
    }
    return E_OK;
}

static status run(call *c, error *e)
{
    int columns = interpreter_settings(c->interpreter)->columns;
    const char *word = option_words(&c->options, "command");
    if (!word) {
        manual_overview(columns, &c->notes);
        return E_OK;
    }
    if (strcmp(word, "all") == 0)
        return run_all(c, columns, e);
    error unknown = {0};
    const command *about = parse_command(word, true, &unknown);
    if (about)
        return manual_page(about, option_words(&c->options, "topic"), columns, &c->notes,
                           e);
    if (manual_search(word, columns, &c->notes))
        return E_OK;
    fail(e, E_NAME, "help: nothing speaks of '%.80s'", word);
    return unknown.hint[0] ? fail_hint(e, "%s", unknown.hint) : E_NAME;
}

const command command_help = {
    .name = "help",
    .group = "help",
    .summary = "explain a command, or find those that speak of a word",
    .options = options,
    .arguments = 2,
    .flags = COMMAND_TEXT,
    .example = "help train",
    .details =
        "'help data gpe' explains the source gpe with its options, 'help train lr' one "
        "option.  A word that is no command is searched for in all help.",
    .see = "list",
    .run = run,
};
