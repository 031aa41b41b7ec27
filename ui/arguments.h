/* SPDX-License-Identifier: GPL-3.0-or-later
   arguments.h -- the options of the program, read and checked.  It runs nothing. */
#ifndef LATHE_UI_ARGUMENTS_H
#define LATHE_UI_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>
#include "ui/output/output.h"
#include "ui/output/terminal.h"

/* Something to run, in the order of the command line. */
typedef struct action {
    const char *words;
    bool is_command; /* else a file */
} action;

typedef struct arguments {
    action *actions;
    int64_t action_count, action_capacity;
    bool screen;
    const char *keys; /* a file of keys for the screen; or NULL */
    bool interactive, keep_going, echo, quiet, batch;
    output_format format;
    colour_choice colour;
    int64_t seed, threads;
    bool seed_given;
    const char *database; /* of runs; NULL: the user's own */
    const char *complete; /* print what may complete this line; or NULL */
    const char *point;    /* do this point of a sweep of another process; or NULL */
    const char *manual;   /* print the manual in this form; or NULL */
} arguments;

/* Fills A; free with arguments_clear.  Returns an exit status, after printing what has to
   be said (--help, --version, a wrong option), or -1: go on. */
int arguments_read(arguments *a, int count, char **words);
void arguments_clear(arguments *a);

/* Lost output is a failure, whatever else happened: the exit status to leave with. */
int arguments_close_output(int code);

#endif
