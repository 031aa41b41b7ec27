/* SPDX-License-Identifier: GPL-3.0-or-later
   worker_parts.h -- what the two files of the worker share: its state and its lock.  Others
   use worker.h. */
#ifndef LATHE_UI_SCREEN_WORKER_PARTS_H
#define LATHE_UI_SCREEN_WORKER_PARTS_H

#include <pthread.h>
#include "ui/screen/worker.h"

enum { QUEUE_MOST = 64 };

struct worker {
    interpreter *i;
    int wake;
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t work, answered;
    char *queue[QUEUE_MOST]; /* the first is next */
    worker_view view;
    cards *cards;
    evidence evidence;
    curve losses;
    inquiry inquiries[INQUIRY_KINDS]; /* the latest of each kind */
    bool wanted[INQUIRY_KINDS];       /* it was not answered yet */
    int columns;
    bool ending, ended;
    bool waits, answer; /* for an answer; it */
    worker_wish wish;
    char *path; /* of the wish */
    status granted;
    error refusal;
    double woken, looked, moved, stopped; /* clocks */
    progress_view own; /* the course of the work, as its line tells it */
    task watch;
    front front;
};

/* Of all of it but the interpreter. */
void worker_lock(worker *w);
void worker_unlock(worker *w);
/* Tells who waits for news. */
void worker_wake(worker *w);

/* Makes the cards anew; by the thread that owns the session. */
void worker_renew_cards(worker *w);
/* Fills w->front and w->watch: what commands call. */
void worker_listen(worker *w);

#endif
