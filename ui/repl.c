/* SPDX-License-Identifier: GPL-3.0-or-later
   repl.c -- the prompt.  It reads lines and hands them on; what they mean is not its
   business.

   Readline's own reading cannot be left by a signal without losing a key, so its callback
   interface is used: we wait, in ppoll, and only there do signals come in. */
#include "ui/repl.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <readline/readline.h>
#include "base/task.h"
#include "ui/editor.h"
#include "ui/keep.h"
#include "ui/lexer.h"
#include "ui/screen/screen.h"
#include "ui/signals.h"

static const char prompt_plain[] = "lathe> ";
static const char prompt_bold[] = "\001\033[1m\002lathe> \001\033[0m\002";
static const char prompt_more[] = "  ...> ";

typedef enum reading { READ_LINE, READ_CANCELLED, READ_END } reading;

/* Readline's callbacks carry no context: there is one prompt in a program. */
static struct {
    interpreter *i;
    char *line; /* what was read; readline's memory */
    bool done;
    text typed; /* and not yet read */
} repl;

/* ---- what the editor asks for ---- */

static const session *borrow_session(void *context)
{
    return interpreter_session(context);
}

static void give_back_session(void *context)
{
    (void)context;
}

static int columns_of_help(void *context)
{
    return interpreter_settings(context)->columns;
}

static void show_help(void *context, const text *page)
{
    (void)context;
    fprintf(rl_outstream, "\n%s", text_get(page));
    rl_on_new_line();
    rl_redisplay();
}

/* ---- reading a line ---- */

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

/* Keeps the session where that is due.  A failure is told once. */
static void keep_session(void)
{
    error e = {0};
    if (keep_is_due(repl.i) && keep_now(repl.i, &e) != E_OK) {
        fprintf(rl_outstream, "\nthe session is not kept: %s\n", e.text);
        rl_forced_update_display();
    }
}

/* Waits for a key; where the session is to be kept, no longer than until AT. */
static int wait_for_key(const sigset_t *waiting, double at)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    const double left = at - task_clock();
    const struct timespec idle = {.tv_sec = left > 0 ? (time_t)left : 0,
                                  .tv_nsec = left > 0 ? (long)(fmod(left, 1) * 1e9) : 0};
    return ppoll(&in, 1, keep_is_due(repl.i) ? &idle : NULL, waiting);
}

/* What was typed while the terminal was asked something. */
static void read_typed(void)
{
    text typed;
    if (repl.typed.length == 0 && interpreter_takes_typed(repl.i, &typed))
        repl.typed = typed;
    while (repl.typed.length > 0 && !repl.done) {
        rl_stuff_char((unsigned char)repl.typed.data[0]);
        memmove(repl.typed.data, repl.typed.data + 1, repl.typed.length--);
        rl_callback_read_char();
    }
    if (repl.typed.length == 0)
        text_clear(&repl.typed);
}

static reading read_line(const char *prompt, const sigset_t *waiting)
{
    repl.done = false;
    repl.line = NULL;
    rl_callback_handler_install(prompt, on_line);
    read_typed();
    double at = task_clock() + KEEP_SECONDS;
    while (!repl.done) {
        int ready = wait_for_key(waiting, at);
        if (ready == 0 && task_clock() >= at)
            keep_session();
        if (ready > 0)
            at = task_clock() + KEEP_SECONDS;
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
    editor_remember(line);
    interpreter_settings(repl.i)->prompt_columns = prompt_columns;
    signals_release(waiting);
    const double start = task_clock();
    status result = interpreter_line(repl.i, line, NULL, 0);
    signals_block(&ignored);
    if (task_clock() - start > KEEP_SECONDS)
        keep_session();
    interpreter_interrupted = 0;
    return result;
}

/* A pasted block comes as one string: its lines run one by one, each echoed (one line alone
   where it does not stand on the screen: UNSEEN), up to the first error.  What a backslash
   leaves open stays in PENDING. */
static void run_block(const char *block, bool unseen, text *pending,
                      const sigset_t *waiting)
{
    bool several = unseen || strchr(block, '\n') != NULL,
         alone = pending->length == 0 && !several;
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

static void open_screen(const sigset_t *waiting)
{
    error e = {0};
    sigset_t ignored;
    signals_release(waiting);
    if (screen_run(repl.i, NULL, &e) != E_OK)
        fprintf(stderr, "error: %s\n", e.text);
    signals_block(&ignored);
}

/* What a line that was run wants of us. */
static void grant_wishes(text *pending, const sigset_t *waiting)
{
    text lines;
    while (!must_leave() && interpreter_takes_lines(repl.i, &lines)) {
        run_block(text_get(&lines), true, pending, waiting);
        text_clear(&lines);
    }
    if (interpreter_takes_screen(repl.i))
        open_screen(waiting);
}

void repl_run(interpreter *i)
{
    sigset_t waiting;
    text pending = {0};
    const editor_place place = {i, borrow_session, give_back_session, columns_of_help,
                                show_help};
    repl.i = i;
    signals_block(&waiting);
    editor_open(&place);
    if (!interpreter_settings(i)->quiet)
        puts("lathe " PACKAGE_VERSION
             ": 'tour' shows what it does, 'help' its commands, Ctrl-D leaves");
    keep_begin(i);
    while (!must_leave()) {
        bool colour = interpreter_settings(i)->colour;
        const char *prompt = pending.length ? prompt_more
                             : colour       ? prompt_bold
                                            : prompt_plain;
        reading got = read_line(prompt, &waiting);
        if (got == READ_LINE)
            run_block(repl.line, false, &pending, &waiting);
        else
            text_clear(&pending);
        free(repl.line);
        repl.line = NULL;
        grant_wishes(&pending, &waiting);
        if (got == READ_END) {
            if (!signals_ended())
                putchar('\n');
            break;
        }
    }
    text_clear(&pending);
    text_clear(&repl.typed);
    editor_close(NULL);
    keep_finish(i);
    signals_release(&waiting);
}
