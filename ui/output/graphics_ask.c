/* SPDX-License-Identifier: GPL-3.0-or-later
   graphics_ask.c -- what a terminal says of itself when it is asked: kitty's protocol, the
   size of a cell, and its attributes (DA1), which every terminal tells and which come
   last.  Nothing that was typed is lost. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "base/task.h"
#include "ui/output/graphics.h"

#define PATIENCE_SECONDS 0.1

/* An image of one pixel that is looked at and not kept; the cell's size; DA1. */
static const char question[] = "\033_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\033\\\033[16t\033[c";

graphics_depth graphics_terminal_depth(void)
{
    static const char *const rich[] = {"kitty", "ghostty", "alacritty",
                                       "foot",  "wezterm", "direct"};
    const char *colours = getenv("COLORTERM"), *type = getenv("TERM");
    const char *tmux = getenv("TMUX");
    if (text_equal(colours, "truecolor") || text_equal(colours, "24bit"))
        return DEPTH_TRUE;
    for (size_t i = 0; type && i < sizeof rich / sizeof *rich; i++)
        if (strstr(type, rich[i]))
            return DEPTH_TRUE;
    if (!type || text_starts(type, "vt"))
        return DEPTH_NONE;
    return strstr(type, "256color") || (tmux && *tmux) ? DEPTH_256 : DEPTH_16;
}

/* Parameter N of "1;2;3", or -1. */
static int parameter(const char *words, int n)
{
    for (; n > 0 && *words; n--) {
        words += strcspn(words, ";");
        words += *words == ';';
    }
    return *words >= '0' && *words <= '9' ? atoi(words) : -1;
}

/* A control sequence of LENGTH bytes, from its "[" to its last letter. */
static bool take_sequence(const char *bytes, size_t length, graphics_terminal *t,
                          bool *last)
{
    char words[64];
    snprintf(words, sizeof words, "%.*s", (int)length - 2, bytes + 1);
    const char letter = bytes[length - 1];
    if (letter == 'c' && words[0] == '?') {
        for (int n = 1; parameter(words + 1, n) >= 0; n++)
            t->sixel = t->sixel || parameter(words + 1, n) == 4;
        *last = true;
        return true;
    }
    if (letter != 't' || parameter(words, 0) != 6)
        return false;
    t->cell_height = parameter(words, 1) > 0 ? parameter(words, 1) : 0;
    t->cell_width = parameter(words, 2) > 0 ? parameter(words, 2) : 0;
    return true;
}

bool graphics_answers(const char *bytes, size_t length, graphics_terminal *t, text *typed)
{
    bool last = false;
    const char *const end = bytes + length;
    while (bytes < end) {
        const size_t rest = (size_t)(end - bytes);
        const char *close = rest > 2 ? memmem(bytes + 2, rest - 2, "\033\\", 2) : NULL;
        if (rest > 2 && bytes[0] == '\033' && bytes[1] == '_' && bytes[2] == 'G' &&
            close) {
            t->kitty = t->kitty || memmem(bytes, (size_t)(close - bytes), ";OK", 3);
            bytes = close + 2;
            continue;
        }
        size_t n = 2;
        if (rest > 2 && bytes[0] == '\033' && bytes[1] == '[')
            while (n < rest && strchr("0123456789;?", bytes[n]) && bytes[n])
                n++;
        if (n > 2 && n < rest && take_sequence(bytes + 1, n, t, &last)) {
            bytes += n + 1;
            continue;
        }
        text_add_bytes(typed, bytes++, 1);
    }
    return last;
}

static void read_answers(int in, graphics_terminal *t, text *typed)
{
    double until = task_clock() + PATIENCE_SECONDS;
    text got = {0};
    for (;;) {
        char bytes[256];
        text rest = {0};
        graphics_terminal said = {0};
        struct pollfd there = {.fd = in, .events = POLLIN};
        const double left = until - task_clock();
        const int ready = left > 0 ? poll(&there, 1, (int)(left * 1e3) + 1) : 0;
        const ssize_t length = ready > 0 ? read(in, bytes, sizeof bytes) : 0;
        if (length > 0 && got.length == 0) /* it has begun: the rest is near */
            until += PATIENCE_SECONDS;
        if (length > 0)
            text_add_bytes(&got, bytes, (size_t)length);
        const bool last = graphics_answers(text_get(&got), got.length, &said, &rest);
        if (last || left <= 0 || (ready > 0 && length <= 0)) {
            *t = said;
            text_add_bytes(typed, text_get(&rest), rest.length);
            text_clear(&rest);
            break;
        }
        text_clear(&rest);
    }
    text_clear(&got);
}

bool graphics_ask(int in, int out, graphics_terminal *t, text *typed)
{
    struct termios before, raw;
    int waiting = 0;
    *t = (graphics_terminal){0};
    if (tcgetattr(in, &before) != 0)
        return false;
    raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(in, TCSANOW, &raw) != 0)
        return false;
    const bool free = ioctl(in, FIONREAD, &waiting) == 0 && waiting == 0;
    if (free && write(out, question, sizeof question - 1) == sizeof question - 1)
        read_answers(in, t, typed);
    tcsetattr(in, TCSANOW, &before);
    struct winsize size;
    if (t->cell_width == 0 && ioctl(out, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 &&
        size.ws_row > 0) {
        t->cell_width = size.ws_xpixel / size.ws_col;
        t->cell_height = size.ws_ypixel / size.ws_row;
    }
    return free;
}
