/* SPDX-License-Identifier: GPL-3.0-or-later
   log.c -- the command `log`: begins and ends the transcript of the session.  What stands
   in it is not its business. */
#include "base/file.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"
#include "ui/interpreter.h"
#include "ui/transcript.h"

static const option log_options[] = {
    {"file", OPTION_FILE, NULL, NULL, NULL,
     "the script to write, or off; without it: tell which one is written"},
    {"force", OPTION_FLAG, NULL, "no", NULL, "replace whatever the file was"},
    {0},
};

static void put_transcript(call *c, const transcript *t)
{
    if (!t) {
        rows_note(c, "no transcript is written");
        return;
    }
    table_row(c->rows);
    table_text(c->rows, "file", transcript_path(t));
    table_integer(c->rows, "commands", transcript_commands(t));
}

/* An older transcript is replaced by a script that is run again, and where a person says
   so; other files stay. */
static status may_replace(call *c, const char *path, error *e)
{
    if (!file_exists(path) || option_flag(&c->options, "force"))
        return E_OK;
    if (interpreter_can_ask(c->interpreter)) {
        text question = {0};
        text_addf(&question, "%s exists: replace it?", path);
        bool yes = interpreter_confirm(c->interpreter, text_get(&question));
        text_clear(&question);
        if (yes)
            return E_OK;
    } else if (transcript_is(path)) {
        return E_OK;
    }
    fail(e, E_FILE, "log: %s exists already", path);
    return fail_hint(e, "force=yes replaces it");
}

static status log_command(call *c, error *e)
{
    const char *path = option_words(&c->options, "file");
    if (!path) {
        put_transcript(c, interpreter_transcript(c->interpreter));
        return E_OK;
    }
    if (text_equal(path, "off")) {
        if (!interpreter_transcript(c->interpreter))
            return fail(e, E_USAGE, "log: no transcript is written");
        put_transcript(c, interpreter_transcript(c->interpreter));
        interpreter_end_transcript(c->interpreter);
        return E_OK;
    }
    TRY(may_replace(c, path, e));
    TRY(interpreter_begin_transcript(c->interpreter, path, e));
    put_transcript(c, interpreter_transcript(c->interpreter));
    return E_OK;
}

const command command_log = {
    .name = "log",
    .group = "session",
    .summary = "write what is done from now on as a script that does it again",
    .options = log_options,
    .arguments = 1,
    .flags = COMMAND_WHOLE,
    .example = "log work.lathe",
    .details =
        "Every command is written as it ran, when it has run: variables put in, the seed "
        "with it also where it was the session's, files as they are called from the "
        "folder of the script.  Behind it stands the hash of each model that it made, "
        "which 'show m' tells too; what failed is a comment.  What the session did "
        "before stands first.  'lathe work.lathe' in that folder ends in the same "
        "hashes, with any number of threads.  'log off' ends the script, 'log' alone "
        "tells which one is written.",
    .see = "history, source, session",
    .run = log_command,
};
