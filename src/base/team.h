/* SPDX-License-Identifier: GPL-3.0-or-later
   team.h -- the threads behind parallel.h.  They wait for the next piece of work awake
   for some microseconds and asleep after that: quick where a plan calls a hundred times
   in a row, and out of the way where other programs want the processor. */
#ifndef LATHE_BASE_TEAM_H
#define LATHE_BASE_TEAM_H

#include <stdbool.h>

#define TEAM_MOST 256

/* Calls WORK(context, member) at once in up to SIZE threads, the caller being member 0,
   and returns when all are done.  Where a thread cannot be started there are fewer, but
   always the caller.  False, and nothing was called, where another thread is using the
   team.  Members have all signals blocked: these are the caller's. */
bool team_run(int size, void (*work)(void *context, int member), void *context);

#endif
