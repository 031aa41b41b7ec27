/* SPDX-License-Identifier: GPL-3.0-or-later
   script_commands.c -- the commands `let`, `source`, `set` and `quit`: what scripts and
   the program itself are governed by.  They touch no model and no data. */
#include <inttypes.h>
#include <string.h>

#include "base/cpu.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/spill.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"
#include "ui/interpreter.h"
#include "ui/lexer.h"

/* ---- let ---- */

static const option let_options[] = {
    {"assignment", OPTION_TEXT, NULL, NULL, NULL,
     "NAME = VALUE, or NAME ?= VALUE where it has none yet; nothing lists them"},
    {0},
};

static void list_variables(call *c)
{
    for (int64_t i = 0; i < session_variable_count(c->session); i++) {
        const char *name = session_variable_name(c->session, i);
        table_row(c->rows);
        table_text(c->rows, "variable", name);
        table_text(c->rows, "value", session_variable(c->session, name));
    }
}

static status fail_let(error *e)
{
    fail(e, E_USAGE, "let: want NAME = VALUE");
    return fail_hint(e, "for example: let amounts = 0.5,0.7,0.9");
}

/* "x = a b", "x=a b", "x =a": everything behind the first "=" is the value. */
static status split_assignment(const sentence *w, text *name, text *value, error *e)
{
    bool found = false;
    for (int64_t i = 0; i < w->count; i++) {
        const char *words = w->items[i].words;
        size_t equals = w->items[i].equals;
        if (found) {
            text_addf(value, "%s%s", value->length ? " " : "", words);
        } else if (equals != LEXER_NONE) {
            text_add_bytes(name, words, equals);
            text_add(value, words + equals + 1);
            found = true;
        } else if (name->length == 0) {
            text_add(name, words);
        } else {
            return fail_let(e);
        }
    }
    if (!found || name->length == 0)
        return fail_let(e);
    TRY(text_ok(name, e));
    return text_ok(value, e);
}

static status let_command(call *c, error *e)
{
    const char *assignment = option_words(&c->options, "assignment");
    sentence words;
    text name = {0}, value = {0};
    size_t at = 0;
    bool kept = false;
    if (!assignment) {
        list_variables(c);
        return E_OK;
    }
    status result = lexer_next(assignment, &at, NULL, &words, e);
    if (result == E_OK)
        result = split_assignment(&words, &name, &value, e);
    if (result == E_OK && name.length > 1 && name.data[name.length - 1] == '?') {
        name.data[--name.length] = '\0'; /* NAME ?= VALUE */
        kept = session_variable(c->session, text_get(&name)) != NULL;
    }
    if (result == E_OK && !kept)
        result = session_let(c->session, text_get(&name), text_get(&value), e);
    sentence_clear(&words);
    text_clear(&name);
    text_clear(&value);
    return result;
}

const command command_let = {
    .name = "let",
    .group = "session",
    .summary = "set a variable, to be put in as $NAME",
    .options = let_options,
    .arguments = 1,
    .flags = COMMAND_REST,
    .example = "let amounts = 0.5,0.7,0.9",
    .details = "$NAME or ${NAME} in a later command is replaced by the value.  Outside "
               "quotes its blanks part words.",
    .see = "source, sweep",
    .run = let_command,
};

/* ---- source ---- */

static const option source_options[] = {
    {"file", OPTION_FILE, NULL, NULL, NULL, "a script"},
    {"when", OPTION_FILE, NULL, NULL, NULL,
     "run it only where this file exists; or yes, or no"},
    {"unless", OPTION_FILE, NULL, NULL, NULL,
     "run it only where this file is missing; or no, or yes"},
    {0},
};

/* The words yes and no are what they say, also where files are called so. */
static bool condition_holds(const char *words)
{
    return text_equal(words, "yes") || (!text_equal(words, "no") && file_exists(words));
}

static void note_left_out(call *c, const char *condition, bool holds)
{
    const char *file = option_words(&c->options, "file");
    if (text_equal(condition, "yes") || text_equal(condition, "no"))
        rows_note(c, "source: %s is left out: %s=%s", file, holds ? "unless" : "when",
                  condition);
    else
        rows_note(c, "source: %s is left out: %s is %s", file, condition,
                  holds ? "there" : "missing");
}

static status source_command(call *c, error *e)
{
    const char *when = option_words(&c->options, "when");
    const char *unless = option_words(&c->options, "unless");
    bool lacks = when && !condition_holds(when);
    if (lacks || (unless && condition_holds(unless))) {
        note_left_out(c, lacks ? when : unless, !lacks);
        return E_OK;
    }
    return interpreter_source(c->interpreter, option_words(&c->options, "file"), e);
}

const command command_source = {
    .name = "source",
    .group = "session",
    .summary = "run the commands of a script",
    .options = source_options,
    .arguments = 1,
    .required = 1,
    .flags = COMMAND_WHOLE,
    .example = "source script.lathe",
    .details =
        "The file is looked for from here, and then beside the script that names it.  "
        "The script stops at its first error.  Ctrl-C leaves the script, not the "
        "session.  Each of its commands is undone by itself.  when= and unless= run it "
        "only where a file exists or is missing, and say so where it is left out; with "
        "'let full ?= no' before it, when=$full is for who sets full to yes.",
    .see = "history, let",
    .run = source_command,
};

/* ---- set ---- */

static const option set_options[] = {
    {"format", OPTION_WORD, "text|csv|md|tex|json", NULL, NULL,
     "how answers are written"},
    {"seed", OPTION_INTEGER, "0..", NULL, NULL, "of what is drawn at random"},
    {"threads", OPTION_INTEGER, "0..256", NULL, NULL,
     "threads at work, 0 for all cores; results do not depend on it"},
    {"memory", OPTION_TEXT, NULL, NULL, NULL,
     "what data may take, as 2GiB, before they are kept in files and streamed; auto for "
     "half of what is left"},
    {"db", OPTION_FILE, NULL, NULL, NULL,
     "the database that runs are recorded in, or none"},
    {"autosave", OPTION_FLAG, NULL, NULL, NULL,
     "at the prompt, keep the session so that it can be recovered"},
    {"picture", OPTION_WORD, "auto|kitty|sixel|blocks|characters|off", NULL, NULL,
     "how plot shows figures without '> FILE'; auto: as the terminal can"},
    {"pager", OPTION_FLAG, NULL, NULL, NULL,
     "at the prompt, show answers longer than the screen by $LATHE_PAGER, $PAGER or "
     "less"},
    {"mouse", OPTION_FLAG, NULL, NULL, NULL,
     "on the screen, the wheel scrolls and a click chooses; the terminal's own selection "
     "wants Shift then"},
    {"timer", OPTION_FLAG, NULL, NULL, NULL, "tell the time of every command"},
    {"echo", OPTION_FLAG, NULL, NULL, NULL, "print the lines of scripts as they run"},
    {"colour", OPTION_FLAG, NULL, NULL, NULL, "colours at the terminal"},
    {"quiet", OPTION_FLAG, NULL, NULL, NULL, "no notes and no progress"},
    {0},
};

/* The settings that are yes or no. */
static bool *find_flag(settings *s, const char *name)
{
    const struct {
        const char *name;
        bool *flag;
    } rows[] = {{"autosave", &s->autosave}, {"pager", &s->pager}, {"mouse", &s->mouse},
                {"timer", &s->timer},       {"echo", &s->echo},   {"colour", &s->colour},
                {"quiet", &s->quiet}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (text_equal(rows[i].name, name))
            return rows[i].flag;
    return NULL;
}

static status set_seed(call *c, error *e)
{
    int64_t seed = option_integer(&c->options, "seed");
    char *line = memory_format(e, "set seed=%" PRId64, seed);
    if (!line)
        return E_MEMORY;
    status result = session_journal_add(c->session, line, e);
    if (result == E_OK)
        session_set_seed(c->session, (uint64_t)seed);
    memory_free(line);
    return result;
}

static status set_memory(const call *c, error *e)
{
    const char *words = option_words(&c->options, "memory");
    double bytes = 0;
    if (!text_equal(words, "auto") &&
        (!text_to_bytes(words, &bytes) || bytes < 1 || bytes > 0x1p60))
        return fail(e, E_RANGE,
                    "set: memory=%s, a size as 2GiB or 500MB, or auto, was "
                    "wanted",
                    words);
    spill_set_budget((size_t)bytes);
    return E_OK;
}

static void put_setting(call *c, const char *name)
{
    settings *s = interpreter_settings(c->interpreter);
    bool *flag = find_flag(s, name);
    char words[32];
    table_row(c->rows);
    table_text(c->rows, "setting", name);
    if (flag)
        table_flag(c->rows, "value", *flag);
    else if (text_equal(name, "format"))
        table_text(c->rows, "value", output_format_name(s->format));
    else if (text_equal(name, "picture"))
        table_text(c->rows, "value", graphics_form_name(s->picture));
    else if (text_equal(name, "db"))
        table_text(c->rows, "value", interpreter_database(c->interpreter));
    else if (text_equal(name, "memory"))
        table_text(c->rows, "value",
                   spill_budget() ? text_bytes(words, (double)spill_budget()) : "auto");
    else if (text_equal(name, "seed"))
        table_integer(c->rows, "value", (int64_t)session_seed(c->session));
    else
        table_integer(c->rows, "value", cpu_threads());
}

static status set_command(call *c, error *e)
{
    settings *s = interpreter_settings(c->interpreter);
    bool any = false;
    if (option_given(&c->options, "seed"))
        TRY(set_seed(c, e));
    if (option_given(&c->options, "memory"))
        TRY(set_memory(c, e));
    if (option_given(&c->options, "db"))
        TRY(interpreter_set_database(c->interpreter, option_words(&c->options, "db"),
                                     true, e));
    if (option_given(&c->options, "format"))
        output_format_find(option_words(&c->options, "format"), &s->format);
    if (option_given(&c->options, "picture"))
        graphics_form_find(option_words(&c->options, "picture"), &s->picture);
    if (option_given(&c->options, "threads"))
        cpu_set_threads((int)option_integer(&c->options, "threads"));
    for (int64_t i = 0; i < c->options.count; i++) {
        const option_value *v = &c->options.values[i];
        bool *flag = find_flag(s, v->row->name);
        if (v->given && flag)
            *flag = v->flag;
        any = any || v->given;
    }
    for (const option *row = set_options; !any && row->name; row++)
        put_setting(c, row->name);
    return E_OK;
}

const command command_set = {
    .name = "set",
    .group = "session",
    .summary = "show or change the settings of this session",
    .options = set_options,
    .example = "set seed=7 timer=yes",
    .see = "let, help",
    .run = set_command,
};

/* ---- quit ---- */

static const option quit_options[] = {
    {"status", OPTION_INTEGER, "0..255", "0", NULL, "exit status of the program"},
    {0},
};

static status quit_command(call *c, error *e)
{
    (void)e;
    interpreter_quit(c->interpreter, (int)option_integer(&c->options, "status"));
    return E_OK;
}

const command command_quit = {
    .name = "quit",
    .group = "session",
    .summary = "leave lathe",
    .options = quit_options,
    .arguments = 1,
    .flags = COMMAND_WHOLE,
    .example = "quit",
    .details = "Ctrl-D at the prompt does the same.",
    .see = "session, history",
    .run = quit_command,
};
