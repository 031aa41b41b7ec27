/* SPDX-License-Identifier: GPL-3.0-or-later
   goal.h -- the search for a pipeline that reaches requirements: what was tried, and which
   of it is best.  It names nothing in the session and prints nothing. */
#ifndef LATHE_UI_COMMAND_GOAL_H
#define LATHE_UI_COMMAND_GOAL_H

#include <signal.h>

#include "ui/command/command.h"
#include "ui/command/yardstick.h"

#define CANDIDATES_MAX 256
/* Candidates that are timed a second time, at most. */
#define GOAL_CONFIRMED_MOST 8

/* A model that was tried, and the commands that made it from the base. */
typedef struct candidate {
    model *model;
    char *label;    /* "channels 0.5, distil 2, integers" */
    char *commands; /* one a line, names put in */
    quantities q;
    int parent;     /* -1: the base */
    int level;      /* goal_level */
    int learnt;     /* how often it was trained */
    bool cut;       /* the time ended its training */
    bool open;      /* may be trained (again) */
    bool confirmed; /* timed a second time */
    double seconds;
} candidate;

typedef enum goal_level { LEVEL_BASE, LEVEL_SHRUNK, LEVEL_LEARNT, LEVEL_DONE } goal_level;

typedef struct goal_search {
    call *call;
    const char *base_name, *data_name;
    char *name; /* of the result, and of what is at work */
    const model *base;
    yardstick measure; /* on the split that chooses */
    requirement required[REQUIREMENTS_MAX];
    int required_count;
    const metric_row *metric; /* what is best among those that meet all */
    int64_t epochs, batch;    /* of a first training */
    double rate, deadline;    /* by task_clock */
    candidate list[CANDIDATES_MAX];
    int count;
    volatile sig_atomic_t over; /* the time is, or the user stopped */
    bool stopped;               /* by the user */
    char stage[96];
} goal_search;

/* Fills LIST until the deadline, or until nothing is left to try; E_STOPPED where the user
   stopped: LIST has what was found. */
status goal_run(goal_search *g, error *e);
/* Times the best a second time: of many that were measured the best is often one that was
   measured too well.  The worse of both times counts, and where that misses what is
   required the next best is asked, until one meets all twice. */
status goal_confirm(goal_search *g, error *e);
void goal_clear(goal_search *g);

/* The sum of the shares by which C misses requirements; 0 where all are met. */
double goal_gap(const goal_search *g, const candidate *c);
/* The best: of those that meet all the one with the best metric, else the nearest. */
int goal_best(const goal_search *g);
/* Is no other better or equal in size, time and metric, and better in one? */
bool goal_is_pareto(const goal_search *g, int at);

#endif
