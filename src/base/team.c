/* SPDX-License-Identifier: GPL-3.0-or-later
   team.c -- threads that are started once and wait for work.
   They know nothing of tiles. */
#include "base/team.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

/* About 30 microseconds: longer than the serial code between two steps of a plan. */
enum { SPINS = 2000, SIZE_BITS = 16, LINE = 64 };

/* A job passes few lines from core to core: one from the caller, one back, and none that
   both write.  Whoever goes to sleep says so and then looks again; whoever has something
   to tell writes it and then looks who sleeps: one of them sees the other. */
static struct {
    pthread_mutex_t busy; /* held through a job */
    pthread_mutex_t lock; /* of going to sleep */
    pthread_cond_t wake, finished;
    atomic_int sleeping; /* members in `wake` */
    atomic_bool caller_sleeps;
    int started; /* members beside the caller */

    _Alignas(LINE)
        atomic_uint_fast64_t job; /* number << SIZE_BITS | size, in one piece */
    void (*work)(void *context, int member);
    void *context;
    _Alignas(LINE) atomic_int running; /* members still at the job, without the caller */
} team = {.busy = PTHREAD_MUTEX_INITIALIZER,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER,
          .finished = PTHREAD_COND_INITIALIZER};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* The job that follows SEEN. */
static uint_fast64_t await_job(uint_fast64_t seen)
{
    for (int i = 0; i < SPINS; i++) {
        uint_fast64_t now = atomic_load_explicit(&team.job, memory_order_acquire);
        if (now != seen)
            return now;
        relax();
    }
    pthread_mutex_lock(&team.lock);
    atomic_fetch_add(&team.sleeping, 1);
    while (atomic_load(&team.job) == seen)
        pthread_cond_wait(&team.wake, &team.lock);
    atomic_fetch_sub(&team.sleeping, 1);
    pthread_mutex_unlock(&team.lock);
    return atomic_load(&team.job);
}

static void leave_job(void)
{
    if (atomic_fetch_sub(&team.running, 1) > 1 || !atomic_load(&team.caller_sleeps))
        return;
    pthread_mutex_lock(&team.lock);
    pthread_cond_signal(&team.finished);
    pthread_mutex_unlock(&team.lock);
}

static void *member_life(void *argument)
{
    int member = (int)(intptr_t)argument;
    uint_fast64_t seen = 0;
    for (;;) {
        seen = await_job(seen);
        /* A job that counts this member stays until it leaves; others may pass unseen. */
        if (member < (int)(seen & ((1u << SIZE_BITS) - 1))) {
            team.work(team.context, member);
            leave_job();
        }
    }
    return NULL;
}

/* Starts what is missing to SIZE; returns the size there is. */
static int grow(int size)
{
    sigset_t all, before;
    pthread_attr_t detached;
    if (team.started + 1 >= size)
        return size;
    if (pthread_attr_init(&detached))
        return team.started + 1;
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (team.started + 1 < size) {
        pthread_t thread;
        if (pthread_create(&thread, &detached, member_life,
                           (void *)(intptr_t)(team.started + 1)))
            break;
        team.started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&detached);
    return team.started + 1;
}

static void publish(int size)
{
    uint_fast64_t number = atomic_load(&team.job) >> SIZE_BITS;
    atomic_store_explicit(&team.running, size - 1, memory_order_relaxed);
    atomic_store(&team.job, (number + 1) << SIZE_BITS | (uint_fast64_t)size);
    if (!atomic_load(&team.sleeping))
        return;
    pthread_mutex_lock(&team.lock);
    pthread_cond_broadcast(&team.wake);
    pthread_mutex_unlock(&team.lock);
}

static void await_members(void)
{
    for (int i = 0; i < SPINS; i++) {
        if (!atomic_load_explicit(&team.running, memory_order_acquire))
            return;
        relax();
    }
    pthread_mutex_lock(&team.lock);
    atomic_store(&team.caller_sleeps, true);
    while (atomic_load(&team.running))
        pthread_cond_wait(&team.finished, &team.lock);
    atomic_store(&team.caller_sleeps, false);
    pthread_mutex_unlock(&team.lock);
}

bool team_run(int size, void (*work)(void *context, int member), void *context)
{
    if (pthread_mutex_trylock(&team.busy))
        return false;
    size = grow(size < TEAM_MOST ? size : TEAM_MOST);
    team.work = work;
    team.context = context;
    if (size > 1)
        publish(size);
    work(context, 0);
    if (size > 1)
        await_members();
    pthread_mutex_unlock(&team.busy);
    return true;
}
