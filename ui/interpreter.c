/* SPDX-License-Identifier: GPL-3.0-or-later
   interpreter.c -- runs command lines: finds the command, checks its options, brackets it
   for undo, keeps the journal, prints what came of it.  It reads no key but the answer to
   a question. */
#include "ui/interpreter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "ui/command/command.h"
#include "ui/command/parse.h"
#include "ui/lexer.h"
#include "ui/output/progress.h"
#include "ui/output/terminal.h"
#include "ui/script.h"

enum { SCRIPT_DEPTH_MAX = 16 };

#define TIMED_SECONDS 2.0 /* at the prompt, longer commands say how long they took */

volatile sig_atomic_t interpreter_interrupted;

struct interpreter {
    session *session;
    settings settings;
    bool quit;
    int exit_code;
    int depth;    /* scripts within scripts */
    int captures; /* commands run by commands */
    bool lost;    /* standard output could not be written */
};

/* Where a command stands. */
typedef struct place {
    const char *file; /* NULL: at the prompt */
    int64_t number;
    const char *line;
    size_t begin; /* of the command in the line */
} place;

/* One command on its way. */
typedef struct run {
    interpreter *i;
    const command *command;
    sentence words;
    text line;  /* as it can be written again */
    call call;
    bool abbreviate;
    int64_t blame; /* the word at fault, or -1 */
    double seconds;
} run;

interpreter *interpreter_new(session *s, const settings *initial, error *e)
{
    interpreter *i = memory_new(1, sizeof *i, e);
    if (i) {
        i->session = s;
        i->settings = *initial;
    }
    return i;
}

void interpreter_free(interpreter *i)
{
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

bool interpreter_confirm(interpreter *i, const char *question)
{
    if (!i->settings.interactive || i->depth > 0 || i->captures > 0 ||
        !isatty(STDIN_FILENO))
        return false;
    fflush(stdout);
    fprintf(stderr, "%s [y/n] ", question);
    fflush(stderr);
    /* Byte by byte, past stdio: what is typed behind the answer is the prompt's. */
    char answer = '\0', byte;
    ssize_t got;
    while ((got = read(STDIN_FILENO, &byte, 1)) == 1 && byte != '\n')
        answer = answer ? answer : byte;
    if (got != 1)
        fputc('\n', stderr);
    return got == 1 && (answer == 'y' || answer == 'Y');
}

/* ---- what is printed ---- */

static void print_error_text(const char *words)
{
    text safe = {0};
    output_safe(words, &safe);
    fputs(text_get(&safe), stderr);
    text_clear(&safe);
}

/* Results.  A full disk is an error of its own, said once. */
static status print_result(interpreter *i, const char *words)
{
    errno = 0;
    if (fputs(words, stdout) != EOF && fflush(stdout) == 0)
        return E_OK;
    if (!i->lost && errno != EPIPE)
        fprintf(stderr, "lathe: standard output cannot be written: %s\n",
                strerror(errno));
    i->lost = true;
    return E_FILE;
}

/* Points at the bytes BEGIN to END of the line that stands above, where it fits there. */
static void print_caret(const interpreter *i, const place *at, size_t begin, size_t end)
{
    const settings *s = &i->settings;
    if (at->file || s->prompt_columns == 0 || at->begin > 0 || strchr(at->line, '\n'))
        return;
    text before = {0}, under = {0};
    text_add_bytes(&before, at->line, begin);
    text_add_bytes(&under, at->line + begin, end > begin ? end - begin : 0);
    int column = s->prompt_columns + text_columns(text_get(&before));
    int width = text_columns(text_get(&under));
    if (column + width < s->columns) {
        fprintf(stderr, "%*s^", column, "");
        for (int k = 1; k < width; k++)
            fputc('~', stderr);
        fputc('\n', stderr);
    }
    text_clear(&before);
    text_clear(&under);
}

static void print_place(const place *at, text *out)
{
    if (at->file)
        text_addf(out, "%s:%lld: ", at->file, (long long)at->number);
}

/* One line: where, the sentence, the hint.  A hint that the terminal would break has a
   line of its own. */
static void print_error(const interpreter *i, const place *at, const error *e)
{
    const settings *s = &i->settings;
    fflush(stdout);
    if (e->text[0] == '\0')
        return;
    text out = {0};
    print_place(at, &out);
    if (!at->file)
        text_add(&out, s->interactive ? "error: " : "lathe: ");
    text_add(&out, e->text);
    if (e->hint[0]) {
        bool fits = at->file || !s->interactive ||
                    text_columns(text_get(&out)) + text_columns(e->hint) + 2 <= s->columns;
        text_addf(&out, fits ? "; %s" : "\n  %s", e->hint);
    }
    bool red = !at->file && s->interactive && s->colour;
    fputs(red ? "\033[31m" : "", stderr);
    print_error_text(text_get(&out));
    fputs(red ? "\033[0m\n" : "\n", stderr);
    text_clear(&out);
}

static void print_notes(const run *r, const place *at)
{
    const settings *s = &r->i->settings;
    if (s->quiet || (r->command->flags & COMMAND_TEXT))
        return;
    for (const char *line = text_get(&r->call.notes); *line;) {
        size_t length = strcspn(line, "\n");
        text out = {0};
        print_place(at, &out);
        text_addf(&out, "%s%.*s\n", at->file ? "note: " : "", (int)length, line);
        print_error_text(text_get(&out));
        text_clear(&out);
        line += length + (line[length] == '\n');
    }
}

static void print_seconds(const run *r, const place *at)
{
    const settings *s = &r->i->settings;
    char buffer[32];
    bool slow = s->interactive && !at->file && r->seconds >= TIMED_SECONDS;
    if (s->timer || (slow && !s->quiet))
        fprintf(stderr, "(%s)\n", text_seconds(buffer, r->seconds));
}

/* Text for people has no rows: a program gets it as one. */
static status format_answer(const run *r, output_format f, const output_style *style,
                            text *out, error *e)
{
    const table *rows = r->call.rows;
    bool words = (r->command->flags & COMMAND_TEXT) != 0;
    if (f == FORMAT_TEXT)
        text_add(out, text_get(&r->call.picture));
    if (words && f == FORMAT_JSON && rows->row_count == 0) {
        table_row(r->call.rows);
        table_text(r->call.rows, "text", text_get(&r->call.notes));
    } else if (words && (f == FORMAT_TEXT || rows->row_count == 0)) {
        text_add(out, text_get(&r->call.notes));
        return text_ok(out, e);
    }
    return output_table(rows, f, style, r->command->name, r->seconds, out, e);
}

static status print_answer(const run *r, const place *at, error *e)
{
    const settings *s = &r->i->settings;
    const output_style style = {s->columns, s->unicode, s->colour};
    bool elsewhere = r->call.output_file && !(r->command->flags & COMMAND_FILE);
    text out = {0};
    status result = E_OK;
    if (s->format == FORMAT_JSON || !elsewhere)
        result = format_answer(r, s->format, &style, &out, e);
    if (result == E_OK && out.length > 0)
        result = print_result(r->i, text_get(&out));
    text_clear(&out);
    print_notes(r, at);
    print_seconds(r, at);
    return result;
}

/* The answer into the file behind ">", in the format of its ending. */
static status write_answer(const run *r, error *e)
{
    const settings *s = &r->i->settings;
    const output_style plain = {0, s->unicode, false};
    output_format f = s->format;
    if (!r->call.output_file || (r->command->flags & COMMAND_FILE))
        return E_OK;
    output_format_of_file(r->call.output_file, &f);
    text out = {0};
    atomic_file file;
    status result = format_answer(r, f, &plain, &out, e);
    if (result == E_OK)
        result = atomic_open(&file, r->call.output_file, e);
    if (result == E_OK) {
        fwrite(text_get(&out), 1, out.length, file.stream); /* commit asks ferror */
        result = atomic_commit(&file, e);
    }
    text_clear(&out);
    return result;
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
    status result =
        parse_options(r->command, &r->words, r->abbreviate, &r->call.options, &r->blame, e);
    if (result != E_OK) {
        char who[64];
        snprintf(who, sizeof who, "%s: ", name);
        return text_starts(e->text, who) ? result : fail_prefix(e, "%s", name);
    }
    r->blame = -1;
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
    if ((flags & COMMAND_CHANGES) || r->call.output_file)
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
    TRY(write_answer(r, e));
    if (belongs_to_journal(r))
        return session_journal_add(r->i->session, r->call.line, e);
    return E_OK;
}

/* What a stopped command gave to the session it meant to keep; a replay runs it to its
   end, and says so. */
static void keep_stopped(run *r)
{
    session *s = r->i->session;
    if (session_end(s) && belongs_to_journal(r) &&
        session_journal_add(s, "# stopped before its end:", NULL) == E_OK)
        session_journal_add(s, r->call.line, NULL);
}

static status perform(run *r, const task *watch, error *e)
{
    session *s = r->i->session;
    bool changes = (r->command->flags & COMMAND_CHANGES) != 0;
    if (changes)
        TRY(session_begin(s, r->call.line, e));
    status result = call_command(r, watch, e);
    if (result == E_OK)
        result = finish(r, e);
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

/* The next command of AT's line, from byte *FROM. */
static status run_next(interpreter *i, place *at, size_t *from, error *e)
{
    run r = {.i = i, .abbreviate = i->settings.interactive && !at->file, .blame = -1};
    at->begin = *from;
    status result = lexer_next(at->line, from, i->session, &r.words, e);
    if (result != E_OK) {
        print_caret(i, at, *from, *from);
        *from = strlen(at->line); /* where the next command begins is not known */
    } else if (r.words.count > 0) {
        result = prepare(&r, e);
        if (result != E_OK && r.blame >= 0)
            print_caret(i, at, r.words.items[r.blame].begin, r.words.items[r.blame].end);
        if (result == E_OK)
            result = perform(&r, NULL, e);
        if (result == E_OK || (result == E_STOPPED && r.call.rows->row_count > 0)) {
            status printed = print_answer(&r, at, e);
            result = result == E_OK ? printed : result;
        } else if (r.command) {
            print_notes(&r, at);
        }
    }
    run_clear(&r);
    return result;
}

static bool is_blank_line(const char *line)
{
    return line[strspn(line, " \t\r\n")] == '\0';
}

status interpreter_line(interpreter *i, const char *line, const char *file, int64_t number)
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
            print_error(i, &at, &e);
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
    i->depth++;
    status result = run_lines(i, s, &line, e);
    i->depth--;
    e->code = result;
    text_clear(&line);
    script_close(s);
    return result;
}

status interpreter_source(interpreter *i, const char *path, error *e)
{
    script s;
    error_clear(e);
    if (i->depth == SCRIPT_DEPTH_MAX)
        return fail(e, E_USAGE, "%s: scripts stand within scripts more than %d deep", path,
                    SCRIPT_DEPTH_MAX);
    status result = script_open(&s, path, e);
    if (result == E_OK)
        return run_script(i, &s, e);
    if (command_find(path))
        fail_hint(e, "a command is run by lathe -c '%s'", path);
    return result;
}

static status report_script(interpreter *i, status result, const error *e)
{
    if (result != E_OK)
        print_error(i, &(place){.line = ""}, e);
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
static status capture_next(interpreter *i, const char *line, size_t *from, const task *watch,
                           table *rows, text *notes, error *e)
{
    run r = {.i = i};
    status result = lexer_next(line, from, i->session, &r.words, e);
    if (result == E_OK && r.words.count > 0) {
        result = prepare(&r, e);
        if (result == E_OK)
            result = perform(&r, watch, e);
        if (result == E_OK)
            table_append(rows, r.call.rows);
        text_add(notes, text_get(&r.call.notes));
    }
    run_clear(&r);
    return result;
}

status interpreter_capture(interpreter *i, const char *line, const task *watch, table *rows,
                           text *notes, error *e)
{
    static const task nobody = {.cancel = &interpreter_interrupted};
    status result = E_OK;
    i->captures++;
    for (size_t from = 0; result == E_OK && line[from];)
        result =
            capture_next(i, line, &from, watch ? watch : &nobody, rows, notes, e);
    i->captures--;
    TRY(result);
    TRY(text_ok(notes, e));
    return table_ok(rows, e);
}
