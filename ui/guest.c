/* SPDX-License-Identifier: GPL-3.0-or-later
   guest.c -- finds a program that is to have the terminal, starts it and waits for its
   end.  What it is for is not its business. */
#include "ui/guest.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "base/child.h"
#include "base/memory.h"
#include "base/text.h"
#include "ui/interpreter.h"
#include "ui/signals.h"

enum { WORDS_MOST = 32 };

extern char **environ;

const char *guest_choice(const char *const *variables)
{
    for (; *variables; variables++) {
        const char *value = getenv(*variables);
        if (value && value[strspn(value, " \t")])
            return value;
    }
    return NULL;
}

/* ---- how it is called ---- */

/* WORDS in pieces and FILE behind them; WORDS is cut up. */
static status split(char *words, const char *file, char **arguments, error *e)
{
    int count = 0;
    char *rest = NULL;
    for (char *p = strtok_r(words, " \t", &rest); p; p = strtok_r(NULL, " \t", &rest)) {
        if (count == WORDS_MOST)
            return fail(e, E_RANGE, "%s: more than %d words", arguments[0], WORDS_MOST);
        arguments[count++] = p;
    }
    arguments[count++] = (char *)file;
    arguments[count] = NULL;
    return E_OK;
}

static status find(const char *name, char **path, error *e)
{
    *path = NULL;
    if (strchr(name, '/'))
        *path = memory_text(name, e);
    else if (child_find(name, path, e) == E_OK && !*path)
        return fail(e, E_FILE, "%s: not found in PATH", name);
    return *path ? E_OK : E_MEMORY;
}

/* The environment with SETTING, for the caller to free; NULL: it has one already. */
static status add_setting(const char *setting, char ***environment, error *e)
{
    const size_t length = setting ? strcspn(setting, "=") + 1 : 0;
    int64_t count = 0;
    *environment = NULL;
    for (; environ[count]; count++)
        if (setting && strncmp(environ[count], setting, length) == 0)
            return E_OK;
    if (!setting)
        return E_OK;
    *environment = memory_new(count + 2, sizeof **environment, e);
    if (!*environment)
        return E_MEMORY;
    memcpy(*environment, environ, (size_t)count * sizeof *environ);
    (*environment)[count] = (char *)setting;
    return E_OK;
}

static status start(const guest *g, pid_t *child, error *e)
{
    char *arguments[WORDS_MOST + 2] = {0}, *path = NULL, **environment = NULL;
    char *words = memory_text(g->words, e);
    status result = words ? split(words, g->file, arguments, e) : E_MEMORY;
    if (result == E_OK)
        result = find(arguments[0], &path, e);
    if (result == E_OK)
        result = add_setting(g->setting, &environment, e);
    if (result == E_OK) {
        const int failed = child_start(&(child_call){.program = path,
                                                     .arguments = arguments,
                                                     .environment = environment,
                                                     .input = g->input,
                                                     .output = g->output,
                                                     .messages = g->output,
                                                     .attached = true},
                                       child);
        if (failed)
            result = fail(e, E_FILE, "%s: %s", arguments[0], strerror(failed));
    }
    memory_free(environment);
    memory_free(path);
    memory_free(words);
    return result;
}

/* ---- its time ---- */

/* Who asks lathe to end means what runs within it too. */
static int await_end(pid_t child)
{
    int ended = 0;
    bool told = false;
    while (waitpid(child, &ended, 0) < 0 && errno == EINTR) {
        if (signals_ended() && !told)
            kill(child, SIGTERM);
        told = signals_ended() != 0;
    }
    return ended;
}

status guest_run(const guest *g, bool *failed, error *e)
{
    struct termios modes;
    pid_t child;
    const bool terminal = tcgetattr(STDIN_FILENO, &modes) == 0;
    const int length = (int)strcspn(g->words, " \t");
    if (failed)
        *failed = false;
    TRY(start(g, &child, e));
    const int ended = await_end(child);
    if (terminal)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
    if (!signals_ended()) { /* keys were not meant for us */
        interpreter_interrupted = 0;
        signals_interrupted();
    }
    if (WIFSIGNALED(ended) && WTERMSIG(ended) == SIGINT && g->output == CHILD_SAME)
        fputc('\n', stderr); /* behind the "^C" of the terminal */
    if (WIFEXITED(ended) && WEXITSTATUS(ended) == 0)
        return E_OK;
    if (failed)
        *failed = true;
    if (WIFSIGNALED(ended))
        return fail(e, E_FILE, "%.*s: ended by signal %d", length, g->words,
                    WTERMSIG(ended));
    return fail(e, E_FILE, "%.*s: ended with status %d", length, g->words,
                WEXITSTATUS(ended));
}
