/* SPDX-License-Identifier: GPL-3.0-or-later
   child.c -- other programs, found and started without a shell.  It does not wait for
   them and knows none of them. */
#include "base/child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/memory.h"

extern char **environ;

static bool is_program(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode) && access(path, X_OK) == 0;
}

status child_find(const char *name, char **path, error *e)
{
    const char *folders = getenv("PATH");
    *path = NULL;
    for (folders = folders ? folders : "/usr/local/bin:/usr/bin:/bin"; *folders;) {
        size_t length = strcspn(folders, ":");
        /* A relative folder would run whatever lies in the working one. */
        if (*folders == '/') {
            char *found = memory_format(e, "%.*s/%s", (int)length, folders, name);
            if (!found)
                return E_MEMORY;
            if (is_program(found)) {
                *path = found;
                return E_OK;
            }
            memory_free(found);
        }
        folders += length + (folders[length] == ':');
    }
    return E_OK;
}

/* DESCRIPTOR of the child becomes FROM. */
static int direct(posix_spawn_file_actions_t *actions, int from, int descriptor)
{
    if (from == CHILD_SAME)
        return 0;
    if (from == CHILD_NOWHERE)
        return posix_spawn_file_actions_addopen(actions, descriptor, "/dev/null",
                                                descriptor == 0 ? O_RDONLY : O_WRONLY, 0);
    return posix_spawn_file_actions_adddup2(actions, from, descriptor);
}

static int prepare(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes,
                   const child_call *c)
{
    sigset_t none, standard;
    sigemptyset(&none);
    sigemptyset(&standard);
    sigaddset(&standard, SIGPIPE);
    sigaddset(&standard, SIGINT);
    int failed = direct(actions, c->input, 0);
    failed = failed ? failed : direct(actions, c->output, 1);
    failed = failed ? failed : direct(actions, c->messages, 2);
    if (!failed && c->folder)
        failed = posix_spawn_file_actions_addchdir_np(actions, c->folder);
    failed = failed ? failed : posix_spawnattr_setsigmask(attributes, &none);
    failed = failed ? failed : posix_spawnattr_setsigdefault(attributes, &standard);
    failed = failed ? failed : posix_spawnattr_setpgroup(attributes, 0);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (!c->attached)
        flags |= POSIX_SPAWN_SETPGROUP;
    return failed ? failed : posix_spawnattr_setflags(attributes, flags);
}

int child_start(const child_call *c, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int failed = prepare(&actions, &attributes, c);
    if (!failed)
        failed = posix_spawn(child, c->program, &actions, &attributes, c->arguments,
                             c->environment ? c->environment : environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failed;
}
