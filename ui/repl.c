/* SPDX-License-Identifier: GPL-3.0-or-later
   repl.c -- the prompt.  It reads lines and hands them on; what they mean is not its
   business.

   Readline's own reading cannot be left by a signal without losing a key, so its callback
   interface is used: we wait, in ppoll, and only there do signals come in. */
#include "ui/repl.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <readline/history.h>
#include <readline/readline.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/task.h"
#include "ui/command/parse.h"
#include "ui/complete.h"
#include "ui/lexer.h"
#include "ui/manual.h"
#include "ui/signals.h"

enum { HISTORY_LINES = 10000 };

/* Work that took this long is kept at once, other when nobody has typed for as long. */
#define AUTOSAVE_SECONDS 2

static const char prompt_plain[] = "lathe> ";
static const char prompt_bold[] = "\001\033[1m\002lathe> \001\033[0m\002";
static const char prompt_more[] = "  ...> ";

typedef enum reading { READ_LINE, READ_CANCELLED, READ_END } reading;

/* Readline's callbacks carry no context: there is one prompt in a program. */
static struct {
    interpreter *i;
    char *line; /* what was read; readline's memory */
    bool done;
    char *history; /* its file, or NULL */
    completions found;
    int64_t given; /* of them */
} repl;

/* ---- completion ---- */

static char *next_completion(const char *word, int again)
{
    (void)word;
    if (!again)
        repl.given = 0;
    return repl.given < repl.found.count ? strdup(repl.found.words[repl.given++]) : NULL;
}

static char **complete(const char *word, int begin, int end)
{
    char **matches = NULL;
    if (complete_line(interpreter_session(repl.i), rl_line_buffer, (size_t)begin,
                      (size_t)end, &repl.found, NULL) == E_OK)
        matches = rl_completion_matches(word, next_completion);
    /* Without words of ours, readline completes the names of files. */
    rl_attempted_completion_over = matches || !repl.found.files;
    if (matches && !matches[1] && text_ends(matches[0], "="))
        rl_completion_suppress_append = 1;
    completions_clear(&repl.found);
    return matches;
}

/* ---- help on the word under the cursor ---- */

static void describe(const char *line, text *out)
{
    int columns = interpreter_settings(repl.i)->columns;
    size_t at = 0;
    sentence w = {0};
    const command *c = NULL;
    const char *key = NULL;
    if (lexer_next(line, &at, NULL, &w, NULL) == E_OK && w.count > 0)
        c = parse_command(w.items[0].words, true, NULL);
    word *last = w.count > 0 ? &w.items[w.count - 1] : NULL;
    if (last && parse_key_length(last) > 0) {
        last->words[last->equals] = '\0';
        key = last->words;
    }
    if (!c)
        manual_overview(columns, out);
    else if (manual_page(c, key, columns, out, NULL) != E_OK)
        manual_page(c, NULL, columns, out, NULL);
    sentence_clear(&w);
}

static int help_key(int count, int key)
{
    text page = {0};
    (void)count;
    (void)key;
    char *before = memory_format(NULL, "%.*s", rl_point, rl_line_buffer);
    const char *line = before ? before : "";
    for (const char *p = line; (p = strchr(p, ';'));)
        line = ++p;
    describe(line, &page);
    memory_free(before);
    fprintf(rl_outstream, "\n%s", text_get(&page));
    text_clear(&page);
    rl_on_new_line();
    rl_redisplay();
    return 0;
}

/* ---- history ---- */

static void open_history(void)
{
    error e = {0};
    char *folder = file_state_folder(&e);
    using_history();
    stifle_history(HISTORY_LINES);
    if (folder && file_make_folder(folder, &e) == E_OK)
        repl.history = memory_format(&e, "%s/history", folder);
    memory_free(folder);
    int descriptor =
        repl.history ? open(repl.history, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (descriptor < 0) {
        fprintf(stderr, "lathe: the history of commands is not kept: %s\n",
                repl.history ? strerror(errno) : e.text);
        memory_free(repl.history);
        repl.history = NULL;
        return;
    }
    close(descriptor);
    read_history(repl.history);
}

/* What was edited of its lines hangs on them, and clear_history leaves it. */
static void free_edits(void)
{
    HIST_ENTRY **lines = history_list();
    for (int k = 0; lines && lines[k]; k++) {
        rl_undo_list = lines[k]->data;
        if (rl_undo_list)
            rl_free_undo_list();
        lines[k]->data = NULL;
    }
}

static void close_history(void)
{
    free_edits();
    if (repl.history)
        history_truncate_file(repl.history, HISTORY_LINES);
    memory_free(repl.history);
    repl.history = NULL;
    clear_history();
}

/* Nothing twice in a row. */
static void remember(const char *line)
{
    HIST_ENTRY *last =
        history_length > 0 ? history_get(history_base + history_length - 1) : NULL;
    if (!line[strspn(line, " \t")] || (last && text_equal(last->line, line)))
        return;
    add_history(line);
    if (repl.history)
        append_history(1, repl.history);
}

/* ---- reading a line ---- */

/* An arrow key searches by what is typed, unless the user has bound it otherwise. */
static void bind_search(const char *bytes, const char *key, rl_command_func_t *standard,
                        rl_command_func_t *search)
{
    if (rl_function_of_keyseq(bytes, NULL, NULL) == standard)
        rl_bind_keyseq(key, search);
}

static void start_readline(void)
{
    rl_readline_name = "lathe"; /* for "$if lathe" in ~/.inputrc */
    rl_catch_signals = 0;
    rl_catch_sigwinch = 0;
    rl_attempted_completion_function = complete;
    rl_completer_word_break_characters = COMPLETE_BREAKS;
    rl_completer_quote_characters = "\"'";
    rl_filename_quote_characters = " \t;#$>\"'\\=,";
    rl_initialize();
    bind_search("\033[A", "\\e[A", rl_get_previous_history, rl_history_search_backward);
    bind_search("\033OA", "\\eOA", rl_get_previous_history, rl_history_search_backward);
    bind_search("\033[B", "\\e[B", rl_get_next_history, rl_history_search_forward);
    bind_search("\033OB", "\\eOB", rl_get_next_history, rl_history_search_forward);
    rl_bind_keyseq_if_unbound("\\eOP", help_key);
    rl_bind_keyseq_if_unbound("\\e[11~", help_key);
}

static void on_line(char *line)
{
    repl.line = line;
    repl.done = true;
    rl_callback_handler_remove();
}

/* Drops the line that is being typed. */
static void cancel_line(bool interrupted)
{
    rl_callback_sigcleanup(); /* leaves a search in the history */
    rl_point = rl_end;
    rl_redisplay();
    /* Before the last cleanup, which sends a carriage return. */
    fputs(interrupted ? "^C\n" : "\n", rl_outstream);
    fflush(rl_outstream);
    rl_free_line_state();
    rl_replace_line("", 1);
    rl_cleanup_after_signal();
    rl_callback_handler_remove();
}

/* A signal came in: READ_LINE says go on waiting. */
static reading after_signal(void)
{
    if (signals_resized())
        rl_resize_terminal();
    if (signals_continued()) {
        rl_cleanup_after_signal();
        rl_reset_after_signal();
        rl_forced_update_display();
    }
    if (signals_ended()) {
        cancel_line(false);
        return READ_END;
    }
    if (interpreter_interrupted) {
        interpreter_interrupted = 0;
        cancel_line(true);
        return READ_CANCELLED;
    }
    return READ_LINE;
}

static bool must_keep(void)
{
    const autosave *a = interpreter_autosave(repl.i);
    return a && interpreter_settings(repl.i)->autosave && autosave_is_due(a);
}

/* Keeps the session where that is due.  A failure is told once. */
static void keep_session(void)
{
    error e = {0};
    if (!must_keep() || autosave_now(interpreter_autosave(repl.i), &e) == E_OK)
        return;
    interpreter_settings(repl.i)->autosave = false;
    fprintf(rl_outstream, "\nthe session is not kept: %s\n", e.text);
    rl_forced_update_display();
}

/* Waits for a key; where the session is to be kept, no longer than until AT. */
static int wait_for_key(const sigset_t *waiting, double at)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    const double left = at - task_clock();
    const struct timespec idle = {.tv_sec = left > 0 ? (time_t)left : 0,
                                  .tv_nsec = left > 0 ? (long)(fmod(left, 1) * 1e9) : 0};
    return ppoll(&in, 1, must_keep() ? &idle : NULL, waiting);
}

static reading read_line(const char *prompt, const sigset_t *waiting)
{
    repl.done = false;
    repl.line = NULL;
    rl_callback_handler_install(prompt, on_line);
    double at = task_clock() + AUTOSAVE_SECONDS;
    while (!repl.done) {
        int ready = wait_for_key(waiting, at);
        if (ready == 0 && task_clock() >= at)
            keep_session();
        if (ready > 0)
            at = task_clock() + AUTOSAVE_SECONDS;
        if (ready > 0) {
            rl_callback_read_char();
            continue;
        }
        if (ready < 0 && errno != EINTR) {
            rl_callback_handler_remove();
            return READ_END;
        }
        reading now = ready == 0 ? READ_LINE : after_signal();
        if (now != READ_LINE)
            return now;
    }
    return repl.line ? READ_LINE : READ_END;
}

/* ---- running what was read ---- */

static bool must_leave(void)
{
    int code;
    return signals_ended() || interpreter_wants_quit(repl.i, &code);
}

static status run_line(const char *line, int prompt_columns, const sigset_t *waiting)
{
    sigset_t ignored;
    remember(line);
    interpreter_settings(repl.i)->prompt_columns = prompt_columns;
    signals_release(waiting);
    const double start = task_clock();
    status result = interpreter_line(repl.i, line, NULL, 0);
    signals_block(&ignored);
    if (task_clock() - start > AUTOSAVE_SECONDS)
        keep_session();
    interpreter_interrupted = 0;
    return result;
}

/* A pasted block comes as one string: its lines run one by one, each echoed, up to the
   first error.  What a backslash leaves open stays in PENDING. */
static void run_block(const char *block, text *pending, const sigset_t *waiting)
{
    bool several = strchr(block, '\n') != NULL, alone = pending->length == 0 && !several;
    const char *p = block;
    error e = {0};
    do {
        size_t length = strcspn(p, "\n");
        text_add_bytes(pending, p, length);
        p += length + (p[length] == '\n');
        if (text_ok(pending, &e) != E_OK) {
            fprintf(stderr, "error: %s\n", e.text);
            text_clear(pending);
            return;
        }
        if (lexer_continues(text_get(pending))) {
            pending->data[--pending->length] = '\0';
            continue;
        }
        text line = *pending;
        *pending = (text){0};
        if (several)
            fprintf(stderr, "+ %s\n", text_get(&line));
        status result =
            run_line(text_get(&line), alone ? (int)sizeof prompt_plain - 1 : 0, waiting);
        text_clear(&line);
        if (result != E_OK && p[strspn(p, " \t\r\n")])
            fputs("the lines below it were not run\n", stderr);
        if (result != E_OK || must_leave())
            return;
    } while (*p);
}

static void begin_session(void)
{
    text told = {0};
    error e = {0};
    if (!interpreter_begin_autosave(repl.i, &e))
        fprintf(stderr, "lathe: the session is not kept: %s\n", e.text);
    if (!interpreter_settings(repl.i)->quiet)
        autosave_tell(&told);
    fputs(text_get(&told), stdout);
    text_clear(&told);
}

static void finish_session(void)
{
    autosave *a = interpreter_autosave(repl.i);
    text told = {0};
    if (a && interpreter_settings(repl.i)->autosave)
        autosave_finish(a, &told);
    fputs(text_get(&told), stderr);
    text_clear(&told);
}

void repl_run(interpreter *i)
{
    sigset_t waiting;
    text pending = {0};
    repl.i = i;
    signals_block(&waiting);
    start_readline();
    open_history();
    if (!interpreter_settings(i)->quiet)
        puts("lathe " PACKAGE_VERSION
             ": 'help' lists the commands, Ctrl-C stops a job, Ctrl-D leaves");
    begin_session();
    while (!must_leave()) {
        bool colour = interpreter_settings(i)->colour;
        const char *prompt = pending.length ? prompt_more
                             : colour       ? prompt_bold
                                            : prompt_plain;
        reading got = read_line(prompt, &waiting);
        if (got == READ_LINE)
            run_block(repl.line, &pending, &waiting);
        else
            text_clear(&pending);
        free(repl.line);
        repl.line = NULL;
        if (got == READ_END) {
            if (!signals_ended())
                putchar('\n');
            break;
        }
    }
    text_clear(&pending);
    close_history();
    finish_session();
    signals_release(&waiting);
}
