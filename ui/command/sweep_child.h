/* SPDX-License-Identifier: GPL-3.0-or-later
   sweep_child.h -- one point of a sweep in a process of its own, and the files by which it
   is asked and answers.  sweep_jobs.c is the other side. */
#ifndef LATHE_UI_COMMAND_SWEEP_CHILD_H
#define LATHE_UI_COMMAND_SWEEP_CHILD_H

#include <stdint.h>
#include "base/error.h"
#include "base/table.h"

typedef struct interpreter interpreter;

typedef struct sweep_request {
    const char *folder; /* of the session */
    const char *line;   /* the command of the point */
    int64_t asker;      /* the process that asks */
    int64_t run;        /* number of the receipt of the sweep; 0: none */
} sweep_request;

status sweep_request_write(const sweep_request *r, const char *path, error *e);

/* What the point answered, beside its request at PATH; its own error where it failed.
   E_FILE where there is no answer. */
status sweep_answer_read(const char *path, table **rows, char **notes, error *e);

/* Does what the request at PATH asks for, and leaves the answer there. */
status sweep_child_run(interpreter *i, const char *path, error *e);

#endif
