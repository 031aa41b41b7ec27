/* SPDX-License-Identifier: GPL-3.0-or-later
   interpreter.c -- runs command lines: finds the command, checks its options, brackets it
   for undo, keeps the journal.  It reads no key but the answer to a question. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "ui/command/parse.h"
#include "ui/interpreter_parts.h"
#include "ui/output/progress.h"
#include "ui/output/terminal.h"
#include "ui/script.h"

enum { SCRIPT_DEPTH_MAX = 16 };

volatile sig_atomic_t interpreter_interrupted;

interpreter *interpreter_new(session *s, const settings *initial, error *e)
{
    interpreter *i = memory_new(1, sizeof *i, e);
    if (i) {
        i->session = s;
        i->settings = *initial;
        i->recorder.off = true;
        i->first_seed = session_seed(s);
    }
    return i;
}

void interpreter_free(interpreter *i)
{
    if (i) {
        interpreter_end_transcript(i);
        text_clear(&i->wanted);
        text_clear(&i->typed);
        autosave_free(i->autosave);
        memory_free(i->digests.items);
        recorder_clear(&i->recorder);
    }
    memory_free(i);
}

settings *interpreter_settings(interpreter *i)
{
    return &i->settings;
}

session *interpreter_session(interpreter *i)
{
    return i->session;
}

bool interpreter_begin_autosave(interpreter *i, error *e)
{
    autosave_free(i->autosave);
    i->autosave = autosave_new(i->session, e);
    return i->autosave != NULL;
}

autosave *interpreter_autosave(interpreter *i)
{
    return i->autosave;
}

bool interpreter_wants_quit(const interpreter *i, int *exit_code)
{
    if (i->quit)
        *exit_code = i->exit_code;
    return i->quit;
}

void interpreter_quit(interpreter *i, int exit_code)
{
    i->quit = true;
    i->exit_code = exit_code;
}

/* ---- one command ---- */

static void run_clear(run *r)
{
    sentence_clear(&r->words);
    text_clear(&r->line);
    option_set_clear(&r->call.options);
    text_clear(&r->call.notes);
    text_clear(&r->call.picture);
    table_free(r->call.rows);
    record_free(r->record);
    text_clear(&r->transcript);
    earlier_models_clear(&r->before);
}

static void write_line(run *r)
{
    text_add(&r->line, r->command->name);
    if (r->words.count > 1)
        text_add(&r->line, " ");
    sentence_write(&r->words, 1, &r->line);
    if (r->words.output) {
        text_add(&r->line, " > ");
        lexer_quote(r->words.output, &r->line);
    }
}

/* A message tells which command it is of. */
static status name_command(const run *r, error *e)
{
    char who[64];
    snprintf(who, sizeof who, "%s: ", r->command->name);
    return text_starts(e->text, who) ? e->code : fail_prefix(e, "%s", r->command->name);
}

/* What the command will make must find its name free, or held by its own kind: said before
   it works, not behind an hour of training. */
static status check_names(const run *r, error *e)
{
    const option_set *o = &r->call.options;
    for (int64_t k = 0; r->command->makes != OBJECT_NONE && k < o->count; k++)
        if (o->values[k].given && o->values[k].row->kind == OPTION_NAME)
            TRY(session_check_put(r->i->session, o->values[k].words, r->command->makes,
                                  e));
    return E_OK;
}

/* R->words are there; finds the command and sets its options. */
static status prepare(run *r, error *e)
{
    interpreter *i = r->i;
    r->blame = 0;
    r->command = parse_command(r->words.items[0].words, r->abbreviate, e);
    if (!r->command)
        return E_NAME;
    const char *name = r->command->name;
    if (i->captures > 0 && (r->command->flags & COMMAND_WHOLE))
        return fail(e, E_USAGE, "%s: cannot stand within another command", name);
    status result = parse_options(r->command, &r->words, r->abbreviate, &r->call.options,
                                  &r->blame, e);
    if (result != E_OK)
        return name_command(r, e);
    r->blame = -1;
    if (check_names(r, e) != E_OK)
        return name_command(r, e);
    write_line(r);
    TRY(text_ok(&r->line, e));
    r->call.rows = table_new(e);
    r->call.session = i->session;
    r->call.line = text_get(&r->line);
    r->call.output_file = r->words.output;
    r->call.interpreter = i;
    return r->call.rows ? E_OK : E_MEMORY;
}

static progress_form form_of_progress(const run *r)
{
    const settings *s = &r->i->settings;
    if (!(r->command->flags & COMMAND_LONG) || s->quiet)
        return PROGRESS_NONE;
    return s->columns > 0 && isatty(STDERR_FILENO) ? PROGRESS_BAR : PROGRESS_LINES;
}

/* WATCH is of the command that runs this one; NULL: nobody watches but us. */
static status call_command(run *r, const task *watch, error *e)
{
    const settings *s = &r->i->settings;
    const output_style style = {s->columns, s->unicode, s->colour};
    progress_view view;
    progress_begin(&view, watch ? PROGRESS_NONE : form_of_progress(r), &style,
                   &interpreter_interrupted);
    r->call.task = watch ? watch : &view.task;
    double start = task_clock();
    status result = r->command->run(&r->call, e);
    if (result != E_OK && !(r->command->flags & COMMAND_WHOLE))
        name_command(r, e); /* what scripts say names their own commands */
    r->seconds = task_clock() - start;
    r->call.task = NULL;
    progress_end(&view);
    return result;
}

/* Does a replay need the line?  It changed names, or wrote a file. */
static bool belongs_to_journal(const run *r)
{
    unsigned flags = r->command->flags;
    if (r->i->captures > 0 || (flags & (COMMAND_TEXT | COMMAND_WHOLE)))
        return false;
    if (((flags & COMMAND_CHANGES) && session_is_changed(r->i->session)) ||
        r->call.output_file)
        return true;
    for (int64_t k = 0; k < r->call.options.count; k++) {
        const option_value *v = &r->call.options.values[k];
        if (v->given && v->row->kind == OPTION_FILE)
            return true;
    }
    return false;
}

static status finish(run *r, error *e)
{
    TRY(table_ok(r->call.rows, e));
    TRY(text_ok(&r->call.notes, e));
    TRY(text_ok(&r->call.picture, e));
    TRY(interpreter_write_answer(r, e));
    if (belongs_to_journal(r))
        return session_journal_add(r->i->session, r->call.line, e);
    return E_OK;
}

/* What a stopped command gave to the session it meant to keep; a replay runs it to its
   end, and says so. */
static void keep_stopped(run *r)
{
    session *s = r->i->session;
    const bool belongs = belongs_to_journal(r);
    r->kept = session_end(s);
    if (r->kept && belongs &&
        session_journal_add(s, "# stopped before its end:", NULL) == E_OK)
        session_journal_add(s, r->call.line, NULL);
}

static status perform(run *r, const task *watch, error *e)
{
    session *s = r->i->session;
    bool changes = (r->command->flags & COMMAND_CHANGES) != 0;
    if (changes)
        TRY(session_begin(s, r->call.line, e));
    r->outer = r->i->running;
    record_begin(r);
    r->i->running = r;
    status result = call_command(r, watch, e);
    if (result == E_OK)
        result = finish(r, e);
    if (result == E_OK && r->i->front && r->i->captures == 0)
        r->i->front->answered(r->i->front->context, r->command->name, &r->call);
    r->i->running = r->outer;
    record_end(r, result, e);
    if (!changes)
        return result;
    if (result == E_OK)
        session_end(s);
    else if (result == E_STOPPED)
        keep_stopped(r);
    else
        session_rollback(s);
    return result;
}

/* ---- lines ---- */

/* Has a command that did not come to its end an answer all the same? */
static bool tells_rows(const run *r, status result)
{
    bool judges = r->command && (r->command->flags & COMMAND_JUDGES);
    return (result == E_STOPPED || judges) && r->call.rows && r->call.rows->row_count > 0;
}

/* The next command of AT's line, from byte *FROM. */
static status run_next(interpreter *i, place *at, size_t *from, error *e)
{
    run r = {.i = i, .abbreviate = i->settings.interactive && !at->file, .blame = -1};
    at->begin = *from;
    status result = lexer_next(at->line, from, i->session, &r.words, e);
    if (result != E_OK) {
        interpreter_print_caret(i, at, *from, *from);
        *from = strlen(at->line); /* where the next command begins is not known */
    } else if (r.words.count > 0) {
        result = prepare(&r, e);
        if (result != E_OK && r.blame >= 0)
            interpreter_print_caret(i, at, r.words.items[r.blame].begin,
                                    r.words.items[r.blame].end);
        if (result == E_OK) {
            interpreter_log_begin(&r);
            result = perform(&r, i->front ? i->front->watch : NULL, e);
        }
        interpreter_log_end(&r, at, *from, result, e);
        if (result == E_OK || tells_rows(&r, result)) {
            status printed = interpreter_print_answer(&r, at, e);
            result = result == E_OK ? printed : result;
        } else if (r.command) {
            interpreter_print_notes(&r, at);
        }
    }
    run_clear(&r);
    return result;
}

static bool is_blank_line(const char *line)
{
    return line[strspn(line, " \t\r\n")] == '\0';
}

status interpreter_line(interpreter *i, const char *line, const char *file,
                        int64_t number)
{
    place at = {.file = file, .number = number, .line = line};
    status first = E_OK;
    int columns = terminal_columns(STDOUT_FILENO);
    if (i->settings.columns > 0 && columns > 0)
        i->settings.columns = columns;
    if (!file && i->depth == 0)
        interpreter_interrupted = 0;
    for (size_t from = 0; line[from] && !i->quit;) {
        error e = {0};
        if (is_blank_line(line + from))
            break;
        status result = interpreter_interrupted ? fail(&e, E_STOPPED, "stopped")
                                                : run_next(i, &at, &from, &e);
        if (result == E_OK)
            continue;
        first = first == E_OK ? result : first;
        if (!i->lost)
            interpreter_print_error(i, &at, &e);
        if (result == E_STOPPED || i->lost || !i->settings.keep_going)
            return result == E_STOPPED ? E_STOPPED : first;
    }
    return first;
}

static status run_lines(interpreter *i, script *s, text *line, error *e)
{
    status first = E_OK;
    for (;;) {
        int64_t number;
        bool end;
        TRY(script_next(s, line, &number, &end, e));
        if (end || i->quit)
            return first;
        if (i->settings.echo && !is_blank_line(text_get(line))) {
            fflush(stdout);
            fprintf(stderr, "+ %s\n", text_get(line));
        }
        status result = interpreter_line(i, text_get(line), s->name, number);
        first = first == E_OK ? result : first;
        if (result == E_STOPPED ||
            (result != E_OK && (i->lost || !i->settings.keep_going))) {
            e->code = result;
            return result;
        }
    }
}

/* Runs S and closes it. */
static status run_script(interpreter *i, script *s, error *e)
{
    text line = {0};
    const char *outer = i->script;
    i->depth++;
    i->script = s->name;
    status result = run_lines(i, s, &line, e);
    i->depth--;
    i->script = outer;
    e->code = result;
    text_clear(&line);
    script_close(s);
    return result;
}

status interpreter_find(const interpreter *i, const char *path, text *found, error *e)
{
    const char *end = i->script ? strrchr(i->script, '/') : NULL;
    text_clear(found);
    if (end && path[0] != '/' && !file_exists(path)) {
        text_addf(found, "%.*s/%s", (int)(end - i->script), i->script, path);
        if (file_exists(text_get(found)))
            return text_ok(found, e);
        text_clear(found);
    }
    text_add(found, path);
    return text_ok(found, e);
}

static status open_and_run(interpreter *i, const char *path, error *e)
{
    script s;
    status result = script_open(&s, path, e);
    if (result == E_OK)
        return run_script(i, &s, e);
    if (command_find(path))
        fail_hint(e, "a command is run by lathe -c '%s'", path);
    return result;
}

status interpreter_source(interpreter *i, const char *path, error *e)
{
    text found = {0};
    error_clear(e);
    if (i->depth == SCRIPT_DEPTH_MAX)
        return fail(e, E_USAGE, "%s: scripts stand within scripts more than %d deep",
                    path, SCRIPT_DEPTH_MAX);
    status result = interpreter_find(i, path, &found, e);
    if (result == E_OK)
        result = open_and_run(i, text_get(&found), e);
    text_clear(&found);
    return result;
}

static status report_script(interpreter *i, status result, const error *e)
{
    if (result != E_OK)
        interpreter_print_error(i, &(place){.line = ""}, e);
    return result;
}

status interpreter_file(interpreter *i, const char *path)
{
    error e = {0};
    return report_script(i, interpreter_source(i, path, &e), &e);
}

status interpreter_words(interpreter *i, const char *words, const char *name)
{
    error e = {0};
    script s;
    status result = script_open_words(&s, words, name, &e);
    if (result == E_OK)
        result = run_script(i, &s, &e);
    return report_script(i, result, &e);
}

/* One command of a captured line. */
static status capture_next(interpreter *i, const char *line, size_t *from,
                           const task *watch, table *rows, text *notes, error *e)
{
    run r = {.i = i};
    status result = lexer_next(line, from, i->session, &r.words, e);
    if (result == E_OK && r.words.count > 0) {
        result = prepare(&r, e);
        if (result == E_OK)
            result = perform(&r, watch, e);
        if (result == E_OK)
            table_append(rows, r.call.rows);
        if (result == E_OK && i->running && r.call.picture.length > 0) {
            text_add(&i->running->call.picture, text_get(&r.call.picture));
            i->running->call.pixels |= r.call.pixels;
        }
        text_add(notes, text_get(&r.call.notes));
    }
    run_clear(&r);
    return result;
}

status interpreter_capture(interpreter *i, const char *line, const task *watch,
                           table *rows, text *notes, error *e)
{
    static const task nobody = {.cancel = &interpreter_interrupted};
    status result = E_OK;
    i->captures++;
    for (size_t from = 0; result == E_OK && line[from];)
        result = capture_next(i, line, &from, watch ? watch : &nobody, rows, notes, e);
    i->captures--;
    TRY(result);
    TRY(text_ok(notes, e));
    return table_ok(rows, e);
}
