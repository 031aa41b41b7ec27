/* SPDX-License-Identifier: GPL-3.0-or-later
   main.c -- scripts, commands or the prompt, as the options say, and the exit status.
   It knows no command. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "format/calibration_file.h"
#include "ui/arguments.h"
#include "ui/command/sweep_child.h"
#include "ui/complete.h"
#include "ui/interpreter.h"
#include "ui/keep.h"
#include "ui/manual.h"
#include "ui/repl.h"
#include "ui/screen/screen.h"
#include "ui/signals.h"

enum { EXIT_SIGNAL = 128 };

static int print_and_leave(const text *out)
{
    int code = fputs(text_get(out), stdout) == EOF ? EXIT_FAILURE : EXIT_SUCCESS;
    return arguments_close_output(code);
}

static int print_manual(const char *form)
{
    text out = {0};
    error e = {0};
    int code = EXIT_FAILURE;
    if (text_equal(form, "man"))
        manual_man(&out);
    else
        manual_json(&out, &e);
    if (e.code == E_OK && text_ok(&out, &e) == E_OK)
        code = print_and_leave(&out);
    else
        fprintf(stderr, "lathe: %s\n", e.text);
    text_clear(&out);
    return code;
}

static int print_completions(const char *line)
{
    error e = {0};
    completions found = {0};
    text out = {0};
    session *s = session_new(0, &e);
    size_t end = strlen(line);
    if (s && complete_line(s, line, complete_begin(line, end), end, &found, &e) == E_OK)
        for (int64_t i = 0; i < found.count; i++)
            text_addf(&out, "%s\n", found.words[i]);
    completions_clear(&found);
    session_free(s);
    int code = print_and_leave(&out);
    text_clear(&out);
    return code;
}

/* ---- running ---- */

static settings make_settings(const arguments *a)
{
    bool batch = a->batch || !isatty(STDOUT_FILENO);
    bool plain = batch && a->colour == COLOUR_AUTO;
    bool prompt =
        (a->action_count == 0 || a->interactive || a->screen) && isatty(STDIN_FILENO);
    return (settings){
        .format = a->format,
        .interactive = prompt && !batch,
        .echo = a->echo,
        .keep_going = a->keep_going,
        .colour = !plain && terminal_colour(a->colour, STDOUT_FILENO),
        .unicode = terminal_unicode(),
        .autosave = true,
        .pager = true,
        .columns = batch ? 0 : terminal_columns(STDOUT_FILENO),
        .quiet = a->quiet,
    };
}

static status run_actions(interpreter *i, const arguments *a)
{
    status first = E_OK;
    int code;
    for (int64_t k = 0; k < a->action_count && !interpreter_wants_quit(i, &code); k++) {
        const action *next = &a->actions[k];
        status result = next->is_command ? interpreter_words(i, next->words, "-c")
                                         : interpreter_file(i, next->words);
        first = first == E_OK ? result : first;
        if (result == E_STOPPED)
            return result;
        if (result != E_OK && !a->keep_going)
            break;
    }
    return first;
}

static int exit_code(const interpreter *i, status result)
{
    int code = EXIT_SUCCESS;
    if (signals_ended())
        return EXIT_SIGNAL + signals_ended();
    if (interpreter_wants_quit(i, &code))
        return code;
    if (result == E_STOPPED)
        return EXIT_SIGNAL + SIGINT;
    return result == E_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* After what was to be run first, where nothing of it failed. */
static status open_screen(interpreter *i, const arguments *a, status before, error *e)
{
    int code;
    if (before != E_OK || signals_ended() || interpreter_wants_quit(i, &code))
        return before;
    const status result = screen_run(i, a->keys, e);
    keep_finish(i);
    return result;
}

static int run(session *s, const arguments *a, error *e)
{
    const settings chosen = make_settings(a);
    interpreter *i = interpreter_new(s, &chosen, e);
    int code;
    if (!i)
        return EXIT_FAILURE;
    if (interpreter_set_database(i, a->database, false, e) != E_OK) {
        fprintf(stderr, "lathe: runs are not recorded: %s\n", e->text);
        error_clear(e);
    }
    if (a->point) {
        code = sweep_child_run(i, a->point, e) == E_OK ? EXIT_SUCCESS : EXIT_FAILURE;
        interpreter_free(i);
        return code;
    }
    status result = run_actions(i, a);
    if (a->screen) {
        result = open_screen(i, a, result, e);
    } else if (a->action_count == 0 && !chosen.interactive) {
        result = interpreter_file(i, "-");
    } else if (chosen.interactive && !signals_ended() &&
               !interpreter_wants_quit(i, &code)) {
        repl_run(i);
        result = E_OK; /* whatever failed at the prompt, the user has seen */
    }
    code = exit_code(i, result);
    interpreter_free(i);
    return code;
}

/* The seed goes into the journal: a replay needs it. */
static status start_session(const arguments *a, session **s, error *e)
{
    TRY(cpu_start(e));
    if (a->threads > 0)
        cpu_set_threads((int)a->threads);
    calibration_set_finder(calibration_find);
    *s = session_new((uint64_t)a->seed, e);
    if (!*s)
        return e->code;
    char line[64];
    snprintf(line, sizeof line, "set seed=%lld", (long long)a->seed);
    return a->seed_given ? session_journal_add(*s, line, e) : E_OK;
}

static int start(const arguments *a)
{
    error e = {0};
    session *s = NULL;
    if (a->complete)
        return print_completions(a->complete);
    if (a->manual)
        return print_manual(a->manual);
    signals_install();
    int code = start_session(a, &s, &e) == E_OK ? run(s, a, &e) : EXIT_FAILURE;
    if (e.text[0])
        fprintf(stderr, "lathe: %s\n", e.text);
    session_free(s);
    return code;
}

int main(int argc, char **argv)
{
    arguments a;
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C"); /* scripts and tables are the same everywhere */
    int code = arguments_read(&a, argc, argv);
    if (code < 0)
        code = arguments_close_output(start(&a));
    arguments_clear(&a);
    return code;
}
