/* SPDX-License-Identifier: GPL-3.0-or-later
   child.h -- other programs, found and started without a shell.  Who starts one waits for
   its end. */
#ifndef LATHE_BASE_CHILD_H
#define LATHE_BASE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/error.h"

#define CHILD_NOWHERE (-1) /* /dev/null */
#define CHILD_SAME    (-2) /* this program's own */

typedef struct child_call {
    const char *program;         /* a path */
    char *const *arguments;      /* the first is its name, NULL ends them */
    char *const *environment;    /* NULL: this program's */
    const char *folder;          /* where it runs; NULL: here */
    int input, output, messages; /* descriptors, or as above */
    bool attached; /* keys of the terminal are its own as well: Ctrl-C, Ctrl-Z */
} child_call;

/* *PATH: the program NAME in a folder of PATH, for the caller to free; NULL where there is
   none. */
status child_find(const char *name, char **path, error *e);

/* Starts C with no signal blocked, and, where it is not attached, as a process group of
   its own, so that Ctrl-C reaches lathe alone and kill(-*CHILD, ...) reaches all of it.
   Returns 0, or what errno calls the failure. */
int child_start(const child_call *c, pid_t *child);

#endif
