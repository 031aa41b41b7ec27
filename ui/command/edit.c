/* SPDX-License-Identifier: GPL-3.0-or-later
   edit.c -- the command `edit`: a script or the last command in an editor.  It runs
   nothing: whoever reads lines does. */
#include "ui/edit.h"

#include "base/child.h"
#include "ui/command/command.h"
#include "ui/interpreter.h"

static const option options[] = {
    {"file", OPTION_FILE, NULL, NULL, NULL, "a script (default: the last command)"},
    {0},
};

static status edit_here(interpreter *i, const char *path, error *e)
{
    text lines = {0};
    status result = edit_run(path, CHILD_SAME, &lines, e);
    if (result == E_OK && lines.length > 0)
        result = interpreter_wish_lines(i, text_get(&lines), e);
    text_clear(&lines);
    return result;
}

static status edit(call *c, error *e)
{
    const front *f = interpreter_front(c->interpreter);
    const char *file = option_words(&c->options, "file");
    if (!interpreter_can_ask(c->interpreter)) {
        fail(e, E_USAGE, "edit: nobody is at a terminal here");
        return fail_hint(e, "it is for the prompt and the screen");
    }
    text path = {0};
    status result = E_OK;
    if (file)
        result = interpreter_find(c->interpreter, file, &path, e);
    if (result == E_OK)
        result = f ? f->edit(f->context, text_get(&path), e)
                   : edit_here(c->interpreter, text_get(&path), e);
    text_clear(&path);
    return result == E_OK ? E_OK : fail_prefix(e, "edit");
}

const command command_edit = {
    .name = "edit",
    .group = "session",
    .summary = "the last command, or a script, in your editor",
    .options = options,
    .arguments = 1,
    .flags = COMMAND_WHOLE,
    .example = "edit script.lathe",
    .details =
        "The editor is $VISUAL, $EDITOR, or else editor or vi.  The last command is run "
        "when the editor is left, line by line up to the first error, and its lines are "
        "in the history; nothing is run where nothing is left of it, or where the editor "
        "ends with a failure.  A script is edited alone: source runs it.",
    .see = "history, source",
    .run = edit,
};
