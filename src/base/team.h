/* SPDX-License-Identifier: GPL-3.0-or-later
   team.h -- the threads behind parallel.h.  They wait for the next piece of work awake
   for some microseconds and asleep after that: quick where a plan calls a hundred times
   in a row, and out of the way where other programs want the processor. */
#ifndef LATHE_BASE_TEAM_H
#define LATHE_BASE_TEAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEAM_MOST 256

/* What is handed to each member, with the number of the job, in one line of the cache. */
enum { TEAM_MESSAGE = 48 };

/* Of a thread in a job: members are 0..size-1, and the number grows by one from job to
   job. */
typedef struct team_seat {
    int member, size;
    uint64_t number;
} team_seat;

typedef void team_work(const void *message, team_seat seat);

/* Calls WORK at once in up to SIZE threads, the caller being member 0, and returns when
   all are done.  MESSAGE [bytes], at most TEAM_MESSAGE, is copied.  Where a thread cannot
   be started there are fewer, but always the caller.  False, and nothing was called, where
   another thread is using the team.  Members have all signals blocked: these are the
   caller's. */
bool team_run(int size, team_work *work, const void *message, size_t bytes);

/* Has MEMBER, counted in job NUMBER, done its work there? */
bool team_has_left(int member, uint64_t number);

#endif
