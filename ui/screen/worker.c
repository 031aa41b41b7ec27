/* SPDX-License-Identifier: GPL-3.0-or-later
   worker.c -- the thread that runs commands: a queue of blocks, progress, questions, and
   cards of the session after every command.  It draws nothing. */
#include "ui/screen/worker_parts.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/memory.h"
#include "ui/keep.h"
#include "ui/lexer.h"
#include "ui/screen/crash.h"

#define TWICE_SECONDS 2.0

/* ---- running ---- */

/* The next line of *BLOCK, continued ones joined; moves *BLOCK behind it. */
static void next_line(const char **block, text *line)
{
    text_clear(line);
    while (**block) {
        size_t length = strcspn(*block, "\n");
        text_add_bytes(line, *block, length);
        *block += length + ((*block)[length] == '\n');
        if (line->length == 0 || !lexer_continues(text_get(line)))
            return;
        line->data[--line->length] = '\0';
    }
}

static void begin_line(worker *w, const char *line)
{
    worker_lock(w);
    snprintf(w->view.line, sizeof w->view.line, "%s", line);
    w->view.began = task_clock();
    w->view.told = w->view.stopping = w->view.reads = false;
    w->view.last = (progress){0};
    interpreter_settings(w->i)->columns = w->columns;
    curve_begin(&w->losses);
    w->view.event = PICTURE_AUTO;
    const output_style look = {0, interpreter_settings(w->i)->unicode, false};
    progress_begin(&w->own, PROGRESS_NONE, &look, NULL);
    worker_unlock(w);
    /* To the log, in its place among the answers. */
    printf("> %s\n", line);
    fflush(stdout);
}

/* The cards have its weights now. */
static void end_line(worker *w)
{
    worker_lock(w);
    evidence_weights(&w->evidence, NULL, NULL);
    worker_unlock(w);
}

static bool is_ending(worker *w)
{
    worker_lock(w);
    bool ending = w->ending;
    worker_unlock(w);
    return ending;
}

static void run_block(worker *w, const char *block)
{
    text line = {0};
    int code;
    while (*block && !is_ending(w)) {
        next_line(&block, &line);
        if (!text_get(&line)[strspn(text_get(&line), " \t")])
            continue;
        begin_line(w, text_get(&line));
        status result = interpreter_line(w->i, text_get(&line), NULL, 0);
        worker_renew_cards(w);
        end_line(w);
        if (result != E_OK && block[strspn(block, " \t\n")])
            fputs("the lines below it were not run\n", stderr);
        if (result != E_OK || interpreter_wants_quit(w->i, &code))
            break;
    }
    text_clear(&line);
}

static int next_inquiry(const worker *w)
{
    for (int i = 0; i < INQUIRY_KINDS; i++)
        if (w->wanted[i])
            return i;
    return -1;
}

/* Keeps the session where that is due. */
static void keep_session(worker *w)
{
    error e = {0};
    if (keep_is_due(w->i) && keep_now(w->i, &e) != E_OK)
        fprintf(stderr, "the session is not kept: %s\n", e.text);
}

/* Waits for a block, or to be ended; where the session is to be kept, no longer than that
   takes.  The lock is held. */
static void await_news(worker *w, bool due)
{
    struct timespec until;
    if (!due) {
        pthread_cond_wait(&w->work, &w->lock);
        return;
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += KEEP_SECONDS;
    if (pthread_cond_timedwait(&w->work, &w->lock, &until) != ETIMEDOUT ||
        w->view.waiting > 0 || next_inquiry(w) >= 0)
        return;
    worker_unlock(w);
    keep_session(w);
    worker_lock(w);
}

/* Answers the inquiry of kind K.  Whoever waits for its end is not told of a command. */
static void answer_inquiry(worker *w, int k)
{
    worker_lock(w);
    const inquiry wanted = w->inquiries[k];
    worker_unlock(w);
    specimen *sample = k == INQUIRY_SPECIMEN ? inquiry_specimen(w->i, &wanted) : NULL;
    front_answer answer = {0};
    if (k == INQUIRY_FRONT)
        inquiry_front(w->i, &wanted, &answer);
    worker_lock(w);
    if (k == INQUIRY_SPECIMEN)
        evidence_specimen(&w->evidence, sample);
    else
        evidence_front(&w->evidence, &answer);
    w->wanted[k] = !inquiry_equal(&w->inquiries[k], &wanted);
    w->view.looks = next_inquiry(w) >= 0;
    worker_unlock(w);
    worker_wake(w);
}

/* The next block (the caller frees), or an inquiry; false where the worker is to end. */
static bool await_work(worker *w, char **block, int *wanted)
{
    worker_lock(w);
    w->view.busy = false;
    worker_wake(w);
    while (w->view.waiting == 0 && next_inquiry(w) < 0 && !w->ending)
        await_news(w, keep_is_due(w->i));
    *wanted = next_inquiry(w);
    *block = w->ending || *wanted >= 0 ? NULL : w->queue[0];
    if (*block) {
        w->view.waiting--;
        memmove(w->queue, w->queue + 1, (size_t)w->view.waiting * sizeof *w->queue);
        w->view.busy = true;
    }
    const bool goes_on = !w->ending;
    worker_unlock(w);
    return goes_on;
}

static void run_and_keep(worker *w, char *block)
{
    int code;
    const double began = task_clock();
    run_block(w, block);
    memory_free(block);
    if (task_clock() - began > KEEP_SECONDS)
        keep_session(w);
    worker_lock(w);
    w->view.quit = interpreter_wants_quit(w->i, &code);
    w->view.mouse = interpreter_settings(w->i)->mouse;
    w->view.done++;
    worker_unlock(w);
}

static void *life(void *context)
{
    worker *w = context;
    char *block;
    int wanted;
    crash_guard_thread();
    while (await_work(w, &block, &wanted)) {
        if (wanted >= 0)
            answer_inquiry(w, wanted);
        else if (block)
            run_and_keep(w, block);
    }
    worker_lock(w);
    w->ended = true;
    worker_unlock(w);
    worker_wake(w);
    return NULL;
}

/* ---- from outside ---- */

worker *worker_new(interpreter *i, int wake_descriptor, int columns, error *e)
{
    sigset_t all, before;
    worker *w = memory_new(1, sizeof *w, e);
    if (!w)
        return NULL;
    w->i = i;
    w->wake = wake_descriptor;
    w->columns = columns;
    w->view.mouse = interpreter_settings(i)->mouse;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    pthread_cond_init(&w->answered, NULL);
    worker_listen(w);
    interpreter_set_front(i, &w->front);
    worker_renew_cards(w);
    /* Signals are the screen's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = w->cards ? pthread_create(&w->thread, NULL, life, w) : -1;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed == 0)
        return w;
    fail(e, E_MEMORY, "screen: no thread could be started for commands");
    w->ending = w->ended = true;
    interpreter_set_front(i, NULL);
    cards_free(w->cards);
    memory_free(w);
    return NULL;
}

status worker_submit(worker *w, const char *block, error *e)
{
    char *copy = memory_text(block, e);
    if (!copy)
        return E_MEMORY;
    worker_lock(w);
    bool room = w->view.waiting < QUEUE_MOST;
    if (room)
        w->queue[w->view.waiting++] = copy;
    pthread_cond_signal(&w->work);
    worker_unlock(w);
    if (room)
        return E_OK;
    memory_free(copy);
    return fail(e, E_RANGE, "%d commands wait already", QUEUE_MOST);
}

int64_t worker_stop(worker *w)
{
    const double now = task_clock();
    int64_t dropped = 0;
    worker_lock(w);
    if (w->view.busy) {
        interpreter_interrupted = 1;
        if (w->view.stopping && now - w->stopped < TWICE_SECONDS) {
            dropped = w->view.waiting;
            for (int64_t i = 0; i < dropped; i++)
                memory_free(w->queue[i]);
            w->view.waiting = 0;
        }
        w->view.stopping = true;
        w->stopped = now;
    }
    if (w->waits) {
        w->waits = false;
        pthread_cond_signal(&w->answered);
    }
    worker_unlock(w);
    return dropped;
}

void worker_answer(worker *w, bool yes)
{
    worker_lock(w);
    w->answer = yes;
    w->waits = false;
    pthread_cond_signal(&w->answered);
    worker_unlock(w);
}

void worker_grant(worker *w, status result, const error *e)
{
    worker_lock(w);
    w->granted = result;
    w->refusal = *e;
    w->wish = WISH_NONE;
    pthread_cond_signal(&w->answered);
    worker_unlock(w);
}

void worker_set_columns(worker *w, int columns)
{
    worker_lock(w);
    w->columns = columns;
    worker_unlock(w);
}

void worker_look(worker *w, worker_view *v)
{
    worker_lock(w);
    *v = w->view;
    v->line_view = w->own;
    v->wish = w->wish;
    v->path = w->path;
    worker_unlock(w);
    v->last.stage = v->stage;
    v->last.unit = v->last.unit ? v->unit : NULL;
}

void worker_losses_held(worker *w, curve *c)
{
    *c = w->losses;
}

const evidence *worker_evidence_held(const worker *w)
{
    return &w->evidence;
}

bool worker_ask_held(worker *w, const inquiry *wanted)
{
    inquiry *before = &w->inquiries[wanted->kind];
    if (!inquiry_equal(before, wanted)) {
        *before = *wanted;
        w->wanted[wanted->kind] = true;
        w->view.looks = true;
        pthread_cond_signal(&w->work);
    }
    return w->wanted[wanted->kind];
}

const cards *worker_borrow(worker *w)
{
    worker_lock(w);
    return w->cards;
}

void worker_give_back(worker *w)
{
    worker_unlock(w);
}

void worker_end(worker *w)
{
    worker_lock(w);
    w->ending = true;
    if (w->view.busy)
        interpreter_interrupted = 1;
    pthread_cond_broadcast(&w->work);
    pthread_cond_broadcast(&w->answered);
    worker_unlock(w);
}

bool worker_ended(worker *w)
{
    worker_lock(w);
    bool ended = w->ended;
    worker_unlock(w);
    return ended;
}

void worker_free(worker *w)
{
    if (!w)
        return;
    pthread_join(w->thread, NULL);
    for (int64_t i = 0; i < w->view.waiting; i++)
        memory_free(w->queue[i]);
    interpreter_set_front(w->i, NULL);
    cards_free(w->cards);
    evidence_clear(&w->evidence);
    pthread_cond_destroy(&w->work);
    pthread_cond_destroy(&w->answered);
    pthread_mutex_destroy(&w->lock);
    memory_free(w);
}
