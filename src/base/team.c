/* SPDX-License-Identifier: GPL-3.0-or-later
   team.c -- threads that are started once and wait for work.
   They know nothing of tiles. */
#include "base/team.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

/* About 30 microseconds: longer than the serial code between two steps of a plan. */
enum { SPINS = 2000, SIZE_BITS = 16, LINE = 64 };

/* A job passes two lines from core to core: one from the caller, with all that it is, and
   one back, and none that both write.  Whoever goes to sleep says so and then looks again;
   whoever has something to tell writes it and then looks who sleeps: one of them sees the
   other. */
static struct {
    pthread_mutex_t busy; /* held through a job */
    pthread_mutex_t lock; /* of going to sleep */
    pthread_cond_t wake, finished;
    atomic_int sleeping; /* members in `wake` */
    atomic_bool caller_sleeps;
    int started; /* members beside the caller */

    _Alignas(LINE)
        atomic_uint_fast64_t job; /* number << SIZE_BITS | size, in one piece */
    team_work *work;
    unsigned char message[TEAM_MESSAGE];
} team = {.busy = PTHREAD_MUTEX_INITIALIZER,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER,
          .finished = PTHREAD_COND_INITIALIZER};

/* The job that a member has left last. */
static struct {
    _Alignas(LINE) atomic_uint_fast64_t job;
} left[TEAM_MOST];

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

static team_seat seat_of(uint_fast64_t job, int member)
{
    return (team_seat){member, (int)(job & ((1u << SIZE_BITS) - 1)), job >> SIZE_BITS};
}

static void leave_job(uint_fast64_t job, int member)
{
    atomic_store(&left[member].job, job);
    if (!atomic_load(&team.caller_sleeps))
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
        team_seat seat = seat_of(seen, member);
        /* A job that counts this member stays until it leaves; others may pass unseen. */
        if (member < seat.size) {
            team.work(team.message, seat);
            leave_job(seen, member);
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

/* The next job, for SIZE members. */
static uint_fast64_t job_after(uint_fast64_t job, int size)
{
    return ((job >> SIZE_BITS) + 1) << SIZE_BITS | (uint_fast64_t)size;
}

static void publish(uint_fast64_t job)
{
    atomic_store(&team.job, job);
    if (!atomic_load(&team.sleeping))
        return;
    pthread_mutex_lock(&team.lock);
    pthread_cond_broadcast(&team.wake);
    pthread_mutex_unlock(&team.lock);
}

static bool all_have_left(uint_fast64_t job)
{
    const team_seat seat = seat_of(job, 0);
    for (int i = 1; i < seat.size; i++)
        if (!team_has_left(i, seat.number))
            return false;
    return true;
}

static void await_members(uint_fast64_t job)
{
    for (int i = 0; i < SPINS; i++) {
        if (all_have_left(job))
            return;
        relax();
    }
    pthread_mutex_lock(&team.lock);
    atomic_store(&team.caller_sleeps, true);
    while (!all_have_left(job))
        pthread_cond_wait(&team.finished, &team.lock);
    atomic_store(&team.caller_sleeps, false);
    pthread_mutex_unlock(&team.lock);
}

bool team_has_left(int member, uint64_t number)
{
    return atomic_load(&left[member].job) >> SIZE_BITS == number;
}

bool team_run(int size, team_work *work, const void *message, size_t bytes)
{
    if (pthread_mutex_trylock(&team.busy))
        return false;
    size = grow(size < TEAM_MOST ? size : TEAM_MOST);
    uint_fast64_t job = job_after(atomic_load(&team.job), size);
    team.work = work;
    memcpy(team.message, message, bytes);
    publish(job);
    work(message, seat_of(job, 0));
    await_members(job);
    pthread_mutex_unlock(&team.busy);
    return true;
}
