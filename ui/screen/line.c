/* SPDX-License-Identifier: GPL-3.0-or-later
   line.c -- Readline within the screen, by its callbacks: it gets bytes from here, and what
   it holds is drawn by us.  It runs nothing: what was typed goes to the worker. */
#include "ui/screen/line.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <readline/readline.h>
#include "base/memory.h"
#include "ui/editor.h"
#include "ui/screen/parts.h"

enum { BYTES_MOST = 64 };

/* Readline's callbacks carry no context: there is one line in a program. */
static struct {
    screen *s;
    bool open;
    line_kind kind;
    unsigned char bytes[BYTES_MOST]; /* fed and not yet read */
    int first, count;
    FILE *nowhere; /* where Readline's bell goes */
    editor_place place;
    const editor_place *before;
} line;

/* What the prompt's Readline had. */
static struct {
    rl_getc_func_t *getc;
    rl_voidfunc_t *redisplay, *deprep;
    rl_vintfunc_t *prep;
    rl_hook_func_t *available;
    rl_compdisp_func_t *matches;
    int environment, signals, resizes;
    FILE *out;
} saved;

/* ---- what Readline calls ---- */

/* Only a paste, or a key of several bytes, asks for more than was fed. */
static int next_byte(FILE *stream)
{
    (void)stream;
    if (line.count > 0) {
        line.count--;
        return line.bytes[line.first++ % BYTES_MOST];
    }
    for (int tries = 0; tries < 50; tries++) {
        const int c = canvas_read(true);
        struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
        if (c >= 0)
            return c;
        poll(&in, 1, 20);
    }
    return EOF;
}

static int byte_is_there(void)
{
    return line.count > 0;
}

static void draw_nothing(void)
{
}

static void show_matches(char **matches, int count, int longest)
{
    text *out = &line.s->offers;
    const int width = longest + 2, columns = canvas_columns();
    const int across = columns / width > 0 ? columns / width : 1;
    text_clear(out);
    for (int i = 1; i <= count; i++) {
        const char *slash = strrchr(matches[i], '/');
        text_addf(out, "%-*s%s", width, slash && slash[1] ? slash + 1 : matches[i],
                  i % across == 0 || i == count ? "\n" : "");
    }
}

void line_submit(screen *s, const char *words)
{
    for (const char *p = words; *p;) {
        const size_t length = strcspn(p, "\n");
        char *one = memory_format(NULL, "%.*s", (int)length, p);
        if (one)
            editor_remember(one);
        memory_free(one);
        p += length + (p[length] == '\n');
    }
    if (!words[strspn(words, " \t\n")])
        return;
    screen_submit(s, words);
    if (s->layout.single) /* its answer would be out of sight */
        s->focus = PANE_LOG;
}

static void on_line(char *words)
{
    rl_callback_handler_remove();
    line.open = false;
    text_clear(&line.s->offers);
    if (words && line.kind == LINE_COMMAND)
        line_submit(line.s, words);
    free(words);
}

/* ---- the editor's place ---- */

static const session *borrow(void *context)
{
    return worker_borrow(((screen *)context)->worker)->names;
}

static void give_back(void *context)
{
    worker_give_back(((screen *)context)->worker);
}

static int columns_of_help(void *context)
{
    const rectangle r = ((screen *)context)->layout.panes[PANE_LOG];
    return r.columns > 0 ? r.columns : canvas_columns();
}

static void show_help(void *context, const text *page)
{
    screen *s = context;
    list_view *v = &s->lists[PANE_LOG];
    /* Its begin is what one wants to see. */
    v->filter[0] = '\0';
    v->chosen = s->log.count + v->room - 1;
    s->held = true;
    log_add(&s->log, page->data, page->length);
    if (s->layout.single)
        s->focus = PANE_LOG;
}

/* ---- from outside ---- */

status line_start(screen *s, error *e)
{
    line.s = s;
    line.nowhere = fopen("/dev/null", "we");
    if (!line.nowhere)
        return fail(e, E_FILE, "/dev/null cannot be opened");
    line.place = (editor_place){s, borrow, give_back, columns_of_help, show_help};
    saved.out = rl_outstream;
    rl_outstream = line.nowhere;
    line.before = editor_open(&line.place);
    saved.getc = rl_getc_function;
    saved.redisplay = rl_redisplay_function;
    saved.prep = rl_prep_term_function;
    saved.deprep = rl_deprep_term_function;
    saved.available = rl_input_available_hook;
    saved.matches = rl_completion_display_matches_hook;
    saved.environment = rl_change_environment;
    saved.signals = rl_catch_signals;
    saved.resizes = rl_catch_sigwinch;
    rl_getc_function = next_byte;
    rl_redisplay_function = draw_nothing;
    rl_prep_term_function = NULL;
    rl_deprep_term_function = NULL;
    rl_input_available_hook = byte_is_there;
    rl_completion_display_matches_hook = show_matches;
    rl_change_environment = 0; /* else ncurses would not see another size */
    rl_catch_signals = rl_catch_sigwinch = 0;
    return E_OK;
}

void line_stop(void)
{
    if (!line.nowhere)
        return;
    line_cancel();
    rl_getc_function = saved.getc;
    rl_redisplay_function = saved.redisplay;
    rl_prep_term_function = saved.prep;
    rl_deprep_term_function = saved.deprep;
    rl_input_available_hook = saved.available;
    rl_completion_display_matches_hook = saved.matches;
    rl_change_environment = saved.environment;
    rl_catch_signals = saved.signals;
    rl_catch_sigwinch = saved.resizes;
    rl_outstream = saved.out;
    editor_close(line.before);
    fclose(line.nowhere);
    line.nowhere = NULL;
}

void line_open(screen *s, line_kind kind)
{
    line.kind = kind;
    line.open = true;
    line.first = line.count = 0;
    text_clear(&s->offers);
    rl_callback_handler_install("", on_line);
    if (kind == LINE_FILTER)
        rl_insert_text(s->lists[s->focus].filter);
}

bool line_is_open(void)
{
    return line.open;
}

static void take_filter(void)
{
    screen *s = line.s;
    list_view *v = &s->lists[s->focus];
    if (line.open && line.kind == LINE_FILTER) {
        snprintf(v->filter, sizeof v->filter, "%s", rl_line_buffer);
        v->chosen = v->top = 0;
    }
}

void line_feed(int byte)
{
    /* An empty line is left by what takes the sign before it. */
    if (line.kind == LINE_COMMAND && rl_end == 0 && (byte == 127 || byte == 8)) {
        line_cancel();
        return;
    }
    text_clear(&line.s->offers);
    line.bytes[(line.first + line.count++) % BYTES_MOST] = (unsigned char)byte;
    while (line.open && line.count > 0)
        rl_callback_read_char();
    take_filter();
}

void line_cancel(void)
{
    if (!line.open)
        return;
    if (line.kind == LINE_FILTER)
        line.s->lists[line.s->focus].filter[0] = '\0';
    rl_callback_sigcleanup(); /* leaves a search in the history */
    rl_free_line_state();
    rl_replace_line("", 1);
    rl_callback_handler_remove();
    text_clear(&line.s->offers);
    line.open = false;
    line.count = 0;
}

/* Columns of the first BYTES of WORDS. */
static int columns_of(const char *words, size_t bytes)
{
    char *part = memory_format(NULL, "%.*s", (int)bytes, words);
    const int columns = part ? text_columns(part) : 0;
    memory_free(part);
    return columns;
}

int line_draw(int row)
{
    const char *words = rl_line_buffer ? rl_line_buffer : "";
    const char *sign = line.kind == LINE_FILTER ? "/" : ":";
    const int room = canvas_columns() - 1;
    /* A search in the history has a prompt of its own. */
    const char *prompt =
        RL_ISSTATE(RL_STATE_ISEARCH) && rl_display_prompt ? rl_display_prompt : sign;
    const int head = columns_of(prompt, strlen(prompt));
    int cursor = head + columns_of(words, (size_t)rl_point);
    size_t from = 0;
    while (cursor >= room && words[from]) { /* its begin goes out of sight */
        do
            from++;
        while (((unsigned char)words[from] & 0xc0) == 0x80);
        cursor = head + columns_of(words + from, (size_t)rl_point - from);
    }
    canvas_write(row, 0, head, STYLE_KEY, prompt);
    canvas_write(row, head, canvas_columns() - head, STYLE_PLAIN, words + from);
    /* Where a pasted block has its lines' ends. */
    for (const char *p = words + from; (p = strchr(p, '\n')); p++) {
        const int column = head + columns_of(words + from, (size_t)(p - words) - from);
        canvas_write(row, column, 1, STYLE_KEY, canvas_unicode() ? "\u21b5" : "|");
    }
    return cursor;
}
