/* SPDX-License-Identifier: GPL-3.0-or-later
   crash.c -- handlers that put the terminal back and let the signal have its way.
   Nothing in them allocates or takes a lock. */
#include "ui/screen/crash.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { RESTORE_BYTES = 256, STACK_BYTES = 1 << 16 };

static struct {
    int descriptor;
    struct termios modes;
    int has_modes;
    char restore[RESTORE_BYTES];
    size_t length;
} guard = {.descriptor = -1};

static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGQUIT};

static void write_all(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t done = write(guard.descriptor, bytes, length);
        if (done <= 0)
            return;
        bytes += done;
        length -= (size_t)done;
    }
}

static void say(int number)
{
    char words[] = "lathe: ended by signal 00\n";
    char *digits = strchr(words, '0');
    digits[0] = (char)('0' + number / 10 % 10);
    digits[1] = (char)('0' + number % 10);
    write_all(words, sizeof words - 1);
}

static void on_fatal(int number)
{
    if (guard.descriptor >= 0) {
        write_all(guard.restore, guard.length);
        if (guard.has_modes)
            tcsetattr(guard.descriptor, TCSANOW, &guard.modes);
        say(number);
        guard.descriptor = -1;
    }
    signal(number, SIG_DFL);
    raise(number);
}

void crash_remember(int descriptor)
{
    guard.has_modes = tcgetattr(descriptor, &guard.modes) == 0;
    guard.descriptor = descriptor;
}

void crash_guard(const char *restore)
{
    snprintf(guard.restore, sizeof guard.restore, "%s", restore);
    guard.length = strlen(guard.restore);
    struct sigaction action = {.sa_handler = on_fatal, .sa_flags = SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        sigaction(fatal[i], &action, NULL);
    crash_guard_thread();
}

void crash_release(void)
{
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        signal(fatal[i], SIG_DFL);
    guard.descriptor = -1;
}

void crash_guard_thread(void)
{
    static _Thread_local char memory[STACK_BYTES];
    const stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory};
    stack_t now = {0};
    /* A sanitizer's threads have one. */
    if (sigaltstack(NULL, &now) == 0 && now.ss_flags & SS_DISABLE)
        sigaltstack(&stack, NULL);
}
