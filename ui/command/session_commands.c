/* SPDX-License-Identifier: GPL-3.0-or-later
   session_commands.c -- the commands `undo`, `redo`, `history` and `session`: the session
   as a whole, back and forth, as a script and as a folder. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "session/store.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"
#include "ui/interpreter.h"

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
    {"action", OPTION_WORD, "save|load|recover|list", NULL, NULL,
     "what to do; list: the sessions that were not saved"},
    {"folder", OPTION_FILE, NULL, NULL, NULL,
     "the folder of the session (recover: the latest, unless given)"},
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

/* Everything that came after the object FIRST stands in a folder of the user's. */
static void keep_all(session *s, int64_t first)
{
    for (int64_t i = 0; i < session_count(s); i++)
        if (session_serial(s, session_name(s, i, NULL)) > first)
            session_keep(s, session_name(s, i, NULL));
}

static int64_t last_serial(const session *s)
{
    int64_t last = 0;
    for (int64_t i = 0; i < session_count(s); i++) {
        const int64_t serial = session_serial(s, session_name(s, i, NULL));
        last = serial > last ? serial : last;
    }
    return last;
}

/* What was too large to be kept is named. */
static void tell_left_out(call *c, const char *folder)
{
    store_summary about;
    if (store_summarize(folder, &about, NULL) != E_OK)
        return;
    if (about.left_out)
        rows_note(c,
                  "session: too large to be kept: %s; 'history' has the lines that made "
                  "them",
                  about.left_out);
    store_summary_clear(&about);
}

static status read_left(call *c, const char *folder, error *e)
{
    autosave *own = interpreter_autosave(c->interpreter);
    const transcript *log = interpreter_transcript(c->interpreter);
    TRY(load_session(c, folder, e));
    tell_left_out(c, folder);
    put_session(c, folder);
    if (own)
        autosave_inherit(own, folder);
    /* What the recovered session did stands in the transcript first. */
    return log ? interpreter_begin_transcript(c->interpreter, transcript_path(log), e)
               : E_OK;
}

/* A session that another program left; ours keeps it from now on.  It comes with its
   history, so there must be no other. */
static status recover_session(call *c, const char *words, error *e)
{
    error own = {0};
    if (session_count(c->session) > 0 || session_journal_count(c->session) > 0) {
        fail(e, E_USAGE, "session: something was done here already");
        return fail_hint(e, "begin with 'session recover', or 'session load' a folder of "
                            "'session list'");
    }
    char *folder = words ? memory_text(words, &own) : autosave_latest(&own);
    status result = folder ? read_left(c, folder, e) : own.code;
    memory_free(folder);
    if (folder || own.code != E_OK)
        return own.code != E_OK ? fail(e, own.code, "%s", own.text) : result;
    return fail(e, E_FILE, "session: no unsaved session was left");
}

static status session_command(call *c, error *e)
{
    const char *folder = option_words(&c->options, "folder");
    if (option_is(&c->options, "action", "list"))
        return autosave_list(c->rows, e);
    if (option_is(&c->options, "action", "recover"))
        return recover_session(c, folder, e);
    if (!folder)
        return fail(e, E_USAGE, "session: the folder is missing");
    const bool save = option_is(&c->options, "action", "save");
    const int64_t last = save ? 0 : last_serial(c->session);
    TRY(save ? session_save(c->session, folder, e) : load_session(c, folder, e));
    keep_all(c->session, last);
    put_session(c, folder);
    return E_OK;
}

const command command_session = {
    .name = "session",
    .group = "session",
    .summary = "write everything that has a name to a folder, or read it back",
    .options = session_options,
    .arguments = 2,
    .required = 1,
    .flags = COMMAND_WHOLE,
    .example = "session save work",
    .details =
        "The folder holds a file for each model, dataset and table, the variables, "
        "the seed and the history, with a checksum of every file; it is replaced as a "
        "whole, also where lathe is killed at it.  Loading adds to what "
        "is there and replaces what has the same name; nothing changes where a file is "
        "damaged.  At the prompt, trained and compressed models and tables of sweeps "
        "that stand in no file are kept below $XDG_STATE_HOME/lathe/autosave while "
        "lathe waits and when it leaves: 'session recover' gets the latest back, after a "
        "crash too, 'session list' tells which there are, 'set autosave=no' keeps none.  "
        "Ten are kept for 30 days, without datasets above 256 MiB.",
    .see = "save, load, history",
    .run = session_command,
};
