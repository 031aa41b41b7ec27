/* SPDX-License-Identifier: GPL-3.0-or-later
   task.c -- passes progress on and asks whether to stop.
   It draws nothing and starts nothing. */
#include "base/task.h"

#include <stddef.h>
#include <time.h>

bool task_cancelled(const task *t)
{
    return t && t->cancel && *t->cancel;
}

void task_report(const task *t, const progress *p)
{
    if (t && t->report)
        t->report(t->context, p);
}

double task_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
