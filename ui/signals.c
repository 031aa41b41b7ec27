/* SPDX-License-Identifier: GPL-3.0-or-later
   signals.c -- handlers that set flags, and nothing else. */
#include "ui/signals.h"

#include <stddef.h>
#include "ui/interpreter.h"

static volatile sig_atomic_t ended, resized, continued, stopped, interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interpreter_interrupted = 1;
    interrupted = 1;
}

static void on_end(int number)
{
    ended = number;
    interpreter_interrupted = 1;
    signal(number, SIG_DFL); /* who asks twice is not kept waiting */
}

static void on_resize(int number)
{
    (void)number;
    resized = 1;
}

static void on_continue(int number)
{
    (void)number;
    continued = 1;
}

static void on_stop(int number)
{
    (void)number;
    stopped = 1;
}

static void install(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

void signals_install(void)
{
    install(SIGINT, on_interrupt);
    install(SIGTERM, on_end);
    install(SIGHUP, on_end);
    install(SIGWINCH, on_resize);
    install(SIGCONT, on_continue);
    install(SIGPIPE, SIG_IGN);
}

int signals_ended(void)
{
    return ended;
}

bool signals_interrupted(void)
{
    bool was = interrupted;
    interrupted = 0;
    return was;
}

bool signals_resized(void)
{
    bool was = resized;
    resized = 0;
    return was;
}

bool signals_continued(void)
{
    bool was = continued;
    continued = 0;
    return was;
}

bool signals_stopped(void)
{
    bool was = stopped;
    stopped = 0;
    return was;
}

void signals_watch_stop(bool on)
{
    install(SIGTSTP, on ? on_stop : SIG_DFL);
}

void signals_stop(void)
{
    sigset_t one, before;
    install(SIGTSTP, SIG_DFL);
    sigemptyset(&one);
    sigaddset(&one, SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &one, &before);
    raise(SIGTSTP);
    sigprocmask(SIG_SETMASK, &before, NULL);
    install(SIGTSTP, on_stop);
}

void signals_block(sigset_t *waiting)
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    sigaddset(&held, SIGWINCH);
    sigaddset(&held, SIGCONT);
    sigaddset(&held, SIGTSTP);
    sigprocmask(SIG_BLOCK, &held, waiting);
}

void signals_release(const sigset_t *waiting)
{
    sigprocmask(SIG_SETMASK, waiting, NULL);
}
