/* SPDX-License-Identifier: GPL-3.0-or-later
   session_commands.c -- the commands `undo`, `redo`, `history` and `session`: the session
   as a whole, back and forth, as a script and as a folder. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "session/store.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"

/* ---- undo, redo ---- */

static const option undo_options[] = {
    {"steps", OPTION_INTEGER, "1..", "1", NULL, "how many commands to take back"},
    {"list", OPTION_FLAG, NULL, "no", NULL, "only tell what could be taken back"},
    {0},
};

static const option redo_options[] = {
    {"steps", OPTION_INTEGER, "1..", "1", NULL, "how many commands to do again"},
    {0},
};

/* STEP over so many commands; one row each.  The journal gets the line, so that a replay
   goes the same way. */
static status step_over(call *c, status (*step)(session *, const char **, error *),
                        const char *word, const char *column, error *e)
{
    int64_t steps = option_integer(&c->options, "steps");
    for (int64_t i = 0; i < steps; i++) {
        const char *done;
        status result = step(c->session, &done, e);
        if (result == E_NAME && i > 0) {
            rows_note(c, "%s", e->text);
            error_clear(e);
            break;
        }
        TRY(result);
        table_row(c->rows);
        table_text(c->rows, column, done);
        if (strstr(done, " > "))
            rows_note(c, "files that it wrote stay as they are");
        TRY(session_journal_add(c->session, word, e));
    }
    return E_OK;
}

static status undo_command(call *c, error *e)
{
    if (!option_flag(&c->options, "list"))
        return step_over(c, session_undo, "undo", "undone", e);
    for (int64_t i = 0; i < session_undo_count(c->session); i++) {
        table_row(c->rows);
        table_integer(c->rows, "steps", i + 1);
        table_text(c->rows, "command", session_undo_command(c->session, i));
    }
    return E_OK;
}

const command command_undo = {
    .name = "undo",
    .group = "session",
    .summary = "take back the last command that changed names",
    .options = undo_options,
    .arguments = 1,
    .flags = COMMAND_WHOLE,
    .example = "undo",
    .details = "Models, datasets and tables are as they were before; files that were "
               "written, variables and settings stay.",
    .see = "redo, history",
    .run = undo_command,
};

static status redo_command(call *c, error *e)
{
    return step_over(c, session_redo, "redo", "redone", e);
}

const command command_redo = {
    .name = "redo",
    .group = "session",
    .summary = "do again what was undone",
    .options = redo_options,
    .arguments = 1,
    .flags = COMMAND_WHOLE,
    .example = "redo",
    .see = "undo",
    .run = redo_command,
};

/* ---- history ---- */

static const option history_options[] = {
    {"last", OPTION_INTEGER, "1..", NULL, NULL, "only so many lines, the latest"},
    {0},
};

static status write_script(const call *c, int64_t first, error *e)
{
    atomic_file f;
    const session *s = c->session;
    TRY(atomic_open(&f, c->output_file, e));
    fprintf(f.stream, "# lathe " PACKAGE_VERSION ": the commands of a session\n");
    for (int64_t i = first; i < session_journal_count(s); i++)
        fprintf(f.stream, "%s\n", session_journal_line(s, i));
    return atomic_commit(&f, e); /* asks ferror */
}

static status history_command(call *c, error *e)
{
    int64_t count = session_journal_count(c->session), first = 0;
    int64_t last = option_integer(&c->options, "last");
    if (option_given(&c->options, "last") && last < count)
        first = count - last;
    if (c->output_file)
        return write_script(c, first, e);
    for (int64_t i = first; i < count; i++) {
        table_row(c->rows);
        table_integer(c->rows, "line", i + 1);
        table_text(c->rows, "command", session_journal_line(c->session, i));
    }
    return E_OK;
}

const command command_history = {
    .name = "history",
    .group = "session",
    .summary = "show what was done, or write it as a script that does it again",
    .options = history_options,
    .arguments = 1,
    .flags = COMMAND_FILE | COMMAND_WHOLE,
    .example = "history > session.lathe",
    .details =
        "Every command that succeeded and changed a name or wrote a file is there, "
        "with variables put in; 'lathe session.lathe' does the same again.",
    .see = "source, undo",
    .run = history_command,
};

/* ---- session ---- */

static const option session_options[] = {
    {"action", OPTION_WORD, "save|load", NULL, NULL, "what to do"},
    {"folder", OPTION_FILE, NULL, NULL, NULL, "the folder of the session"},
    {0},
};

static void put_session(call *c, const char *folder)
{
    int64_t counts[OBJECT_TABLE + 1] = {0};
    for (int64_t i = 0; i < session_count(c->session); i++) {
        object_kind kind;
        session_name(c->session, i, &kind);
        counts[kind]++;
    }
    for (int64_t i = 0; i < session_count(c->session); i++) {
        object_kind kind;
        const char *name = session_name(c->session, i, &kind);
        if (kind == OBJECT_MODEL)
            rows_note_methods(c, name, session_get_model(c->session, name, NULL));
    }
    table_row(c->rows);
    table_text(c->rows, "folder", folder);
    table_integer(c->rows, "models", counts[OBJECT_MODEL]);
    table_integer(c->rows, "datasets", counts[OBJECT_DATASET]);
    table_integer(c->rows, "tables", counts[OBJECT_TABLE]);
    table_integer(c->rows, "commands", session_journal_count(c->session));
}

/* Into an empty session the journal comes too, and there is nothing to undo; otherwise it
   is one step, and one line of the journal. */
static status load_session(call *c, const char *folder, error *e)
{
    session *s = c->session;
    bool fresh = session_count(s) == 0 && session_journal_count(s) == 0;
    TRY(session_begin(s, c->line, e));
    status result = session_load(s, folder, e);
    if (result == E_OK && !fresh)
        result = session_journal_add(s, c->line, e);
    if (result != E_OK) {
        session_rollback(s);
        return result;
    }
    session_end(s);
    if (fresh)
        session_forget_undo(s);
    return E_OK;
}

static status session_command(call *c, error *e)
{
    const char *folder = option_words(&c->options, "folder");
    if (option_is(&c->options, "action", "save"))
        TRY(session_save(c->session, folder, e));
    else
        TRY(load_session(c, folder, e));
    put_session(c, folder);
    return E_OK;
}

const command command_session = {
    .name = "session",
    .group = "session",
    .summary = "write everything that has a name to a folder, or read it back",
    .options = session_options,
    .arguments = 2,
    .required = 2,
    .flags = COMMAND_WHOLE,
    .example = "session save work",
    .details =
        "The folder holds a file for each model, dataset and table, the variables, "
        "the seed and the history; it is replaced as a whole.  Loading adds to what "
        "is there and replaces what has the same name.",
    .see = "save, load, history",
    .run = session_command,
};
