/* SPDX-License-Identifier: GPL-3.0-or-later
   task.h -- what long work tells whoever started it, and how it is asked to stop.
   The engine calls; the user interface draws.  A NULL task is one that nobody watches. */
#ifndef LATHE_BASE_TASK_H
#define LATHE_BASE_TASK_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"

typedef struct progress {
    const char *stage;     /* "train", "simulate"; lent */
    const char *unit;      /* "batch", "sample" */
    int64_t done, total;   /* units of this stage */
    int64_t epoch, epochs; /* 0 where there are none */
    double loss;           /* NaN where there is none */
    double metric;         /* validation metric of the last epoch, NaN where none */
    bool milestone;        /* end of an epoch or a stage: worth a line in a log */
} progress;

typedef struct task {
    void (*report)(void *context, const progress *p); /* called on the caller's thread */
    void *context;
    const volatile sig_atomic_t *cancel; /* non-zero asks for an end; may be NULL */
} task;

bool task_cancelled(const task *t);
void task_report(const task *t, const progress *p);

/* Seconds of a monotonic clock. */
double task_clock(void);

#endif
