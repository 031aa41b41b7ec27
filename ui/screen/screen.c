/* SPDX-License-Identifier: GPL-3.0-or-later
   screen.c -- the loop of the screen: it waits for keys, for signals, for what commands
   print and for news of the worker, and draws.  What keys do is in actions.c.

   Signals come in only while it waits, in ppoll; their handlers set flags. */
#include "ui/screen/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/memory.h"
#include "ui/edit.h"
#include "ui/keep.h"
#include "ui/screen/actions.h"
#include "ui/screen/capture.h"
#include "ui/screen/line.h"
#include "ui/screen/parts.h"
#include "ui/screen/player.h"
#include "ui/screen/save.h"
#include "ui/signals.h"

/* Milliseconds: of a job, the clock goes on without news; the rest of a key. */
enum { TICK = 250, SOON = 10, REST_OF_KEY = 25, ROWS = 24, COLUMNS = 80 };

typedef struct loop {
    screen *s;
    interpreter *i;
    capture printed;
    int wake[2];
    int terminal; /* or -1 */
    int64_t done; /* blocks of the worker that were noticed */
    sigset_t waiting;
    player *player;  /* NULL: none, or played */
    settings before; /* of the interpreter */
} loop;

/* ---- what comes in ---- */

/* Empties DESCRIPTOR; into the log where LOG is not NULL. */
static void drain(int descriptor, printed *log)
{
    char bytes[4096];
    ssize_t got;
    while ((got = read(descriptor, bytes, sizeof bytes)) > 0)
        if (log)
            log_add(log, bytes, (size_t)got);
}

static void take_signals(loop *l)
{
    screen *s = l->s;
    if (signals_resized())
        canvas_resize(0, 0);
    if (signals_stopped()) {
        canvas_leave();
        signals_stop();
        canvas_return();
        canvas_resize(0, 0);
    }
    if (signals_continued())
        canvas_redraw();
    if (signals_ended())
        s->leaves = true;
    if (!signals_interrupted() || signals_ended())
        return;
    /* Ctrl-C is the line's, or the job's. */
    if (line_is_open())
        line_cancel();
    else
        action_key(s, KEY_OF_CONTROL('c'));
}

/* Esc alone leaves the line; with more behind it, it is a key of Readline's. */
static void feed_line(const loop *l, int byte)
{
    struct pollfd in = {.fd = l->terminal, .events = POLLIN};
    if (byte == KEY_OF_ESCAPE && poll(&in, 1, REST_OF_KEY) == 0)
        line_cancel();
    else
        line_feed(byte);
}

static void begin_paste(screen *s)
{
    if (!line_is_open())
        line_open(s, LINE_COMMAND);
    for (const char *p = "\033[200~"; *p; p++)
        line_feed((unsigned char)*p);
}

static void take_pointer(screen *s)
{
    pointer p;
    if (canvas_pointer(&p))
        action_pointer(s, &p);
}

static void take_keys(const loop *l)
{
    for (int tries = 0; tries < 1000 && !l->s->leaves; tries++) {
        const int code = canvas_read(line_is_open());
        if (code < 0)
            return;
        if (line_is_open())
            feed_line(l, code);
        else if (code == KEY_OF_PASTE)
            begin_paste(l->s);
        else if (code == KEY_OF_POINTER)
            take_pointer(l->s);
        else
            action_key(l->s, code);
        draw_screen(l->s); /* the next key means what is then chosen */
    }
}

/* The terminal is the editor's for a while; what it made of a line is run. */
static status edit(loop *l, const char *path, error *e)
{
    text lines = {0};
    if (l->terminal < 0)
        return fail(e, E_USAGE, "there is no terminal to edit in");
    canvas_leave();
    signals_watch_stop(false);
    signals_release(&l->waiting);
    status result = edit_run(path, l->printed.out, &lines, e);
    signals_block(&l->waiting);
    signals_watch_stop(true);
    canvas_return();
    canvas_resize(0, 0);
    if (result == E_OK && lines.length > 0)
        line_submit(l->s, text_get(&lines));
    text_clear(&lines);
    return result;
}

/* What the worker wants of the screen. */
static void serve_worker(loop *l)
{
    error e = {0};
    screen *s = l->s;
    worker_look(s->worker, &s->work);
    if (s->work.wish != WISH_NONE) {
        const status result = s->work.wish == WISH_EDIT
                                  ? edit(l, s->work.path, &e)
                                  : screen_save(s->work.path, s->work.save_colour, &e);
        worker_grant(s->worker, result, &e);
    }
    canvas_mouse(s->work.mouse);
    s->leaves = s->leaves || s->work.quit;
}

/* Text for people is read from its begin: the log stands there until one goes on. */
static void hold_text(screen *s)
{
    list_view *v = &s->lists[PANE_LOG];
    int64_t begin = s->log.count - 1;
    while (begin > 0 && !text_starts(log_at(&s->log, begin)->words, "> "))
        begin--;
    s->held = !*v->filter && s->log.count - begin > v->room;
    if (s->held)
        v->chosen = begin + v->room - 1;
}

/* ---- waiting ---- */

static int timeout_of(const loop *l)
{
    if (l->player)
        return player_waits(l->player) ? SOON : 0;
    return l->s->work.busy ? TICK : -1;
}

static status play(loop *l, error *e)
{
    bool end = false;
    if (!l->player)
        return E_OK;
    const status result = player_step(l->player, l->s, &end, e);
    if (result == E_OK && !end)
        return E_OK;
    player_free(l->player);
    l->player = NULL;
    l->s->leaves = l->s->leaves || result != E_OK || l->terminal < 0;
    return result;
}

static status turn(loop *l, error *e)
{
    struct pollfd in[] = {{.fd = l->wake[0], .events = POLLIN},
                          {.fd = l->printed.read, .events = POLLIN},
                          {.fd = l->terminal, .events = POLLIN}};
    const int wait = timeout_of(l);
    const struct timespec time = {wait / 1000, wait % 1000 * 1000000L};
    const nfds_t count = l->terminal >= 0 ? 3 : 2;
    const int ready = ppoll(in, count, wait < 0 ? NULL : &time, &l->waiting);
    if (ready < 0 && errno != EINTR)
        return fail(e, E_FILE, "screen: %s", strerror(errno));
    take_signals(l);
    drain(l->wake[0], NULL);
    serve_worker(l);
    drain(l->printed.read, &l->s->log);
    if (l->done != l->s->work.done && l->s->work.reads)
        hold_text(l->s);
    l->done = l->s->work.done;
    if (ready > 0 && count == 3 && in[2].revents & (POLLHUP | POLLERR))
        l->s->leaves = true; /* the terminal is gone */
    else if (ready > 0 && count == 3 && in[2].revents)
        take_keys(l);
    draw_screen(l->s);
    return l->s->leaves ? E_OK : play(l, e);
}

/* ---- begin and end ---- */

static int number_of(const char *variable, int standard)
{
    const char *words = getenv(variable);
    int64_t number;
    return words && text_to_integer(words, &number) && number > 0 && number <= 1000
               ? (int)number
               : standard;
}

static status open_canvas(loop *l, error *e)
{
    const settings *k = &l->before;
    const bool terminal = isatty(STDIN_FILENO) && isatty(l->printed.out);
    l->terminal = terminal ? STDIN_FILENO : -1;
    return canvas_open(terminal ? l->printed.out : -1, number_of("LINES", ROWS),
                       number_of("COLUMNS", COLUMNS), k->colour, k->unicode, e);
}

/* Tables as wide as the log, no escapes in them, and short words as at the prompt. */
static void change_settings(loop *l)
{
    settings *k = interpreter_settings(l->i);
    k->interactive = true;
    k->colour = false;
    k->prompt_columns = 0;
    k->columns = canvas_columns();
}

static int log_columns(const screen *s)
{
    const rectangle r =
        layout_make(canvas_rows(), canvas_columns(), PANE_LOG, s->alone).panes[PANE_LOG];
    return r.columns > 20 ? r.columns : canvas_columns();
}

static status loop_run(loop *l, error *e)
{
    status result = E_OK;
    int columns = log_columns(l->s);
    l->s->log.columns = columns;
    l->s->worker = worker_new(l->i, l->wake[1], columns, e);
    if (!l->s->worker)
        return E_MEMORY;
    draw_screen(l->s);
    while (result == E_OK && !l->s->leaves) {
        result = turn(l, e);
        if (log_columns(l->s) != columns) {
            l->s->log.columns = columns = log_columns(l->s);
            worker_set_columns(l->s->worker, columns);
        }
    }
    /* What it prints must be read, or it would wait for that. */
    while (worker_end(l->s->worker), !worker_ended(l->s->worker)) {
        struct pollfd in = {.fd = l->printed.read, .events = POLLIN};
        poll(&in, 1, SOON);
        drain(l->printed.read, &l->s->log);
    }
    worker_free(l->s->worker);
    return result;
}

static status open_loop(loop *l, const char *keys, error *e)
{
    if (keys) {
        l->player = player_new(keys, e);
        if (!l->player)
            return e->code;
    } else if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        return fail(e, E_USAGE, "screen: there is no terminal");
    }
    if (pipe2(l->wake, O_NONBLOCK | O_CLOEXEC) != 0)
        return fail(e, E_FILE, "screen: %s", strerror(errno));
    l->before = *interpreter_settings(l->i);
    /* Readline first: the terminal that is current in the end must be that of the canvas. */
    TRY(line_start(l->s, e));
    status result = capture_open(&l->printed, e);
    if (result == E_OK && l->before.interactive && !interpreter_autosave(l->i))
        keep_begin(l->i); /* what it tells is in the log */
    if (result == E_OK && open_canvas(l, e) != E_OK) {
        capture_close(&l->printed);
        result = e->code;
    }
    if (result != E_OK)
        line_stop();
    return result;
}

/* After the screen: what of the settings was its own goes, what was set stays. */
static void restore_settings(loop *l)
{
    settings *k = interpreter_settings(l->i);
    k->interactive = l->before.interactive;
    k->colour = l->before.colour;
    k->columns = l->before.columns;
}

status screen_run(interpreter *i, const char *keys, error *e)
{
    loop l = {.i = i, .wake = {-1, -1}, .terminal = -1};
    l.s = memory_new(1, sizeof *l.s, e);
    if (!l.s)
        return E_MEMORY;
    l.s->focus = PANE_SESSION;
    status result = open_loop(&l, keys, e);
    if (result == E_OK) {
        signals_block(&l.waiting);
        signals_watch_stop(true);
        change_settings(&l);
        result = loop_run(&l, e);
        restore_settings(&l);
        canvas_close();
        line_stop();
        capture_close(&l.printed);
        signals_watch_stop(false);
        signals_release(&l.waiting);
        if (!signals_ended())
            interpreter_interrupted = 0;
    }
    player_free(l.player);
    if (l.wake[0] >= 0) {
        close(l.wake[0]);
        close(l.wake[1]);
    }
    log_clear(&l.s->log);
    edits_clear(&l.s->edits);
    text_clear(&l.s->offers);
    text_clear(&l.s->known);
    memory_free(l.s);
    return result;
}
