/* SPDX-License-Identifier: GPL-3.0-or-later
   signals.c -- handlers that set flags, and nothing else. */
#include "ui/signals.h"

#include <stddef.h>
#include "ui/interpreter.h"

static volatile sig_atomic_t ended, resized, continued;

static void on_interrupt(int number)
{
    (void)number;
    interpreter_interrupted = 1;
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

void signals_block(sigset_t *waiting)
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    sigaddset(&held, SIGWINCH);
    sigaddset(&held, SIGCONT);
    sigprocmask(SIG_BLOCK, &held, waiting);
}

void signals_release(const sigset_t *waiting)
{
    sigprocmask(SIG_SETMASK, waiting, NULL);
}
