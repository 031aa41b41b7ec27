/* SPDX-License-Identifier: GPL-3.0-or-later
   sweep_parts.h -- what the files of the command `sweep` share: its points, what they
   answered, and where that is kept until all of them are done. */
#ifndef LATHE_UI_COMMAND_SWEEP_PARTS_H
#define LATHE_UI_COMMAND_SWEEP_PARTS_H

#include <jansson.h>
#include "ui/command/command.h"

/* An option with several values. */
typedef struct axis {
    int64_t word; /* of the sentence */
    char *key;
    char *values[OPTION_LIST_MAX];
    int64_t count;
} axis;

bool sweep_is_scalar(option_kind kind);
/* The values of LIST, "a,b,c"; free with sweep_axis_clear, also after a failure. */
status sweep_axis_fill(axis *a, const char *list, error *e);
void sweep_axis_clear(axis *a);
/* WORDS in the current row of T, as a number where they are one. */
void sweep_put_value(table *t, const char *column, const char *words);

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
    char *name;     /* of the sweep's table */
    char *path;     /* of the file; NULL: nothing is kept */
    double written; /* when, by task_clock */
    bool pending;   /* something done is not in the file yet */
} sweep_points;

/* COUNT points of the command LINE on what is in S, for the table NAME: those that an
   earlier sweep has done are there.  Free with sweep_points_clear, also after a failure. */
status sweep_points_open(sweep_points *p, int64_t count, const char *name,
                         const char *line, const session *s, error *e);
/* The same of the sweep whose file PATH is, without going on with it. */
status sweep_points_look(sweep_points *p, int64_t count, const char *path,
                         const char *line, error *e);
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
    void (*done)(void *context);                               /* one more point is */
    void *context;
} sweep_jobs;

status sweep_jobs_run(const sweep_jobs *j, error *e);

/* The figure of a sweep at work. */
typedef struct sweep_figure {
    char *file;         /* owned; NULL: none is drawn */
    double drawn, took; /* when, by task_clock, and how long, in seconds */
} sweep_figure;
typedef void sweep_gather(void *context, table *rows);
/* Draws F of what GATHER has so far, unless it was drawn just before; LAST: in any case,
   and a failure is a note of C. */
void sweep_draw(sweep_figure *f, call *c, const char *name, sweep_gather *gather,
                void *context, bool last);

/* The file and the command of the sweep NAME that is at work, here or in another lathe, or
   was interrupted, the latest where there are several; the caller frees both.  E_NAME where
   there is none. */
status sweep_find(const char *name, char **path, char **line, error *e);

/* Removes what the processes of sweeps that were killed have left. */
void sweep_jobs_clean(void);

#endif
