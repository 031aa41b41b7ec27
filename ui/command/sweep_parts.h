/* SPDX-License-Identifier: GPL-3.0-or-later
   sweep_parts.h -- what the files of the command `sweep` share: its points, what they
   answered, and where that is kept until all of them are done. */
#ifndef LATHE_UI_COMMAND_SWEEP_PARTS_H
#define LATHE_UI_COMMAND_SWEEP_PARTS_H

#include <jansson.h>
#include "ui/command/command.h"

/* What one point answered. */
typedef struct outcome {
    table *rows; /* owned; NULL: the point is not done */
    char *notes; /* owned, one a line */
} outcome;

/* The points of a sweep.  Those done are also in a file until the last one is, so that the
   same command goes on where it, or the machine, was stopped. */
typedef struct sweep_points {
    outcome *items; /* [count] */
    int64_t count, done;
    char *line;     /* of the command: what is swept */
    char *path;     /* of the file; NULL: nothing is kept */
    double written; /* when, by task_clock */
    bool pending;   /* something done is not in the file yet */
} sweep_points;

/* COUNT points of the command LINE on what is in S: those that an earlier sweep has done
   are there.  Free with sweep_points_clear, also after a failure. */
status sweep_points_open(sweep_points *p, int64_t count, const char *line,
                         const session *s, error *e);
/* Point I is done: ROWS is taken, also on failure. */
status sweep_points_put(sweep_points *p, int64_t i, table *rows, const char *notes,
                        error *e);
/* Writes what is not in the file yet. */
status sweep_points_write(sweep_points *p, error *e);
/* All is done: the file goes. */
void sweep_points_finish(sweep_points *p);
void sweep_points_clear(sweep_points *p);

/* A point's answer as JSON; NULL where there is no memory.  From JSON: *ROWS and *NOTES
   become the caller's. */
json_t *sweep_outcome_json(const table *rows, const char *notes);
status sweep_outcome_read(const json_t *object, table **rows, char **notes, error *e);

/* Runs the points of P that are not done, LINE_OF each, in JOBS other processes at once,
   each on a copy of the session.  DONE is told of each, in any order.  E_STOPPED where C's
   task is cancelled: what others had done is kept. */
typedef struct sweep_jobs {
    call *call;
    sweep_points *points;
    int64_t jobs;
    status (*line_of)(void *context, int64_t point, text *line);
    status (*fail_at)(void *context, int64_t point, error *e); /* says where */
    void *context;
} sweep_jobs;

status sweep_jobs_run(const sweep_jobs *j, error *e);

/* Removes what the processes of sweeps that were killed have left. */
void sweep_jobs_clean(void);

#endif
