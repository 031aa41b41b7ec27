/* SPDX-License-Identifier: GPL-3.0-or-later
   worker_news.c -- what commands tell the worker on their way: progress, rows, weights,
   questions, wishes; and the cards that come of it.  It runs no command. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/memory.h"
#include "ui/screen/worker_parts.h"

#define NEWS_SECONDS  0.05 /* progress wakes the screen so often at most */
#define CARDS_SECONDS 1.0  /* of a script that runs, names are looked at so often */

void worker_lock(worker *w)
{
    pthread_mutex_lock(&w->lock);
}

void worker_unlock(worker *w)
{
    pthread_mutex_unlock(&w->lock);
}

/* A full pipe wakes as well. */
void worker_wake(worker *w)
{
    ssize_t done = write(w->wake, "", 1);
    (void)done;
}

/* By the thread that owns the session. */
void worker_renew_cards(worker *w)
{
    cards *next = cards_new(interpreter_session(w->i), w->cards, NULL);
    if (!next)
        return;
    worker_lock(w);
    cards *before = w->cards;
    w->cards = next;
    for (int64_t i = 0; i < next->count; i++)
        if (next->items[i].model)
            evidence_recall(&w->evidence, next->items[i].model->weights);
    w->view.news++;
    worker_unlock(w);
    cards_free(before);
    w->looked = task_clock();
}

/* There is news for picture P; the lock is held. */
static void note_event(worker *w, picture p)
{
    if (p == PICTURE_AUTO || p == w->view.event)
        return;
    w->view.event = p;
    w->view.events++;
}

static void report(void *context, const progress *p)
{
    worker *w = context;
    const double now = task_clock();
    worker_lock(w);
    progress_take(&w->own, p, now);
    curve_add(&w->losses, p->loss);
    if (isfinite(p->loss) && w->view.event != PICTURE_WEIGHTS)
        note_event(w, PICTURE_LOSS);
    w->view.told = true;
    w->view.last = *p;
    snprintf(w->view.stage, sizeof w->view.stage, "%s", p->stage ? p->stage : "work");
    snprintf(w->view.unit, sizeof w->view.unit, "%s", p->unit ? p->unit : "");
    if (!p->unit)
        w->view.last.unit = NULL;
    worker_unlock(w);
    if (now - w->looked >= CARDS_SECONDS)
        worker_renew_cards(w);
    if (now - w->woken >= NEWS_SECONDS || p->milestone) {
        w->woken = now;
        worker_wake(w);
    }
}

static void answered(void *context, const char *name, const call *c)
{
    worker *w = context;
    const command *done = command_find(name);
    worker_lock(w);
    w->view.reads = done && done->flags & COMMAND_TEXT;
    evidence_answer(&w->evidence, name, c);
    worker_unlock(w);
}

static void row_added(void *context, const char *name, const call *c)
{
    worker *w = context;
    worker_lock(w);
    note_event(w, evidence_row(&w->evidence, name, c));
    worker_unlock(w);
}

static void weights_changed(void *context, const char *name, const model *m)
{
    worker *w = context;
    const double now = task_clock();
    model_card *card = now - w->moved >= NEWS_SECONDS ? card_of_weights(m, NULL) : NULL;
    if (!card)
        return;
    w->moved = now;
    worker_lock(w);
    evidence_weights(&w->evidence, name, card);
    note_event(w, PICTURE_WEIGHTS);
    worker_unlock(w);
    worker_wake(w);
}

static bool confirm(void *context, const char *question)
{
    worker *w = context;
    worker_lock(w);
    snprintf(w->view.question, sizeof w->view.question, "%s", question);
    w->waits = true;
    w->answer = false;
    worker_wake(w);
    while (w->waits && !w->ending)
        pthread_cond_wait(&w->answered, &w->lock);
    bool yes = w->answer;
    w->view.question[0] = '\0';
    worker_unlock(w);
    return yes;
}

/* Waits until the screen has done WISH. */
static status ask_screen(worker *w, worker_wish wish, const char *path, error *e)
{
    char *copy = memory_text(path, e);
    if (!copy)
        return E_MEMORY;
    worker_lock(w);
    w->wish = wish;
    w->path = copy;
    worker_wake(w);
    while (w->wish != WISH_NONE && !w->ending)
        pthread_cond_wait(&w->answered, &w->lock);
    const bool granted = w->wish == WISH_NONE;
    w->wish = WISH_NONE;
    memory_free(w->path);
    w->path = NULL;
    status result = granted ? w->granted : fail(e, E_STOPPED, "stopped");
    if (e && granted && result != E_OK)
        *e = w->refusal;
    worker_unlock(w);
    return result;
}

static status save(void *context, const char *path, bool colour, error *e)
{
    worker *w = context;
    worker_lock(w);
    w->view.save_colour = colour;
    worker_unlock(w);
    return ask_screen(w, WISH_SAVE, path, e);
}

static status edit(void *context, const char *path, error *e)
{
    return ask_screen(context, WISH_EDIT, path, e);
}

void worker_listen(worker *w)
{
    w->watch = (task){report, w, &interpreter_interrupted};
    w->front = (front){.context = w,
                       .watch = &w->watch,
                       .confirm = confirm,
                       .answered = answered,
                       .row = row_added,
                       .weights = weights_changed,
                       .save = save,
                       .edit = edit};
}
