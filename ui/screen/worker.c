/* SPDX-License-Identifier: GPL-3.0-or-later
   worker.c -- the thread that runs commands: a queue of blocks, progress, questions, and
   cards of the session after every command.  It draws nothing. */
#include "ui/screen/worker.h"

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

#define NEWS_SECONDS  0.05 /* progress wakes the screen so often at most */
#define CARDS_SECONDS 1.0  /* of a script that runs, names are looked at so often */
#define TWICE_SECONDS 2.0

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
    double woken, looked, stopped; /* clocks */
    progress_view own;             /* the course of the work, as its line tells it */
    task watch;
    front front;
};

static void lock(worker *w)
{
    pthread_mutex_lock(&w->lock);
}

static void unlock(worker *w)
{
    pthread_mutex_unlock(&w->lock);
}

/* A full pipe wakes as well. */
static void wake(worker *w)
{
    ssize_t done = write(w->wake, "", 1);
    (void)done;
}

/* ---- what it tells ---- */

/* By the thread that owns the session. */
static void renew_cards(worker *w)
{
    cards *next = cards_new(interpreter_session(w->i), w->cards, NULL);
    if (!next)
        return;
    lock(w);
    cards *before = w->cards;
    w->cards = next;
    for (int64_t i = 0; i < next->count; i++)
        if (next->items[i].model)
            evidence_recall(&w->evidence, next->items[i].model->weights);
    w->view.news++;
    unlock(w);
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
    lock(w);
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
    unlock(w);
    if (now - w->looked >= CARDS_SECONDS)
        renew_cards(w);
    if (now - w->woken >= NEWS_SECONDS || p->milestone) {
        w->woken = now;
        wake(w);
    }
}

static void answered(void *context, const char *name, const call *c)
{
    worker *w = context;
    const command *done = command_find(name);
    lock(w);
    w->view.reads = done && done->flags & COMMAND_TEXT;
    evidence_answer(&w->evidence, name, c);
    unlock(w);
}

static void row_added(void *context, const char *name, const call *c)
{
    worker *w = context;
    lock(w);
    note_event(w, evidence_row(&w->evidence, name, c));
    unlock(w);
}

static void weights_changed(void *context, const char *name, const model *m)
{
    worker *w = context;
    model_card *card = card_of_weights(m, NULL);
    if (!card)
        return;
    lock(w);
    evidence_weights(&w->evidence, name, card);
    note_event(w, PICTURE_WEIGHTS);
    unlock(w);
    wake(w);
}

static bool confirm(void *context, const char *question)
{
    worker *w = context;
    lock(w);
    snprintf(w->view.question, sizeof w->view.question, "%s", question);
    w->waits = true;
    w->answer = false;
    wake(w);
    while (w->waits && !w->ending)
        pthread_cond_wait(&w->answered, &w->lock);
    bool yes = w->answer;
    w->view.question[0] = '\0';
    unlock(w);
    return yes;
}

/* Waits until the screen has done WISH. */
static status ask_screen(worker *w, worker_wish wish, const char *path, error *e)
{
    char *copy = memory_text(path, e);
    if (!copy)
        return E_MEMORY;
    lock(w);
    w->wish = wish;
    w->path = copy;
    wake(w);
    while (w->wish != WISH_NONE && !w->ending)
        pthread_cond_wait(&w->answered, &w->lock);
    const bool granted = w->wish == WISH_NONE;
    w->wish = WISH_NONE;
    memory_free(w->path);
    w->path = NULL;
    status result = granted ? w->granted : fail(e, E_STOPPED, "stopped");
    if (e && granted && result != E_OK)
        *e = w->refusal;
    unlock(w);
    return result;
}

static status save(void *context, const char *path, bool colour, error *e)
{
    worker *w = context;
    lock(w);
    w->view.save_colour = colour;
    unlock(w);
    return ask_screen(w, WISH_SAVE, path, e);
}

static status edit(void *context, const char *path, error *e)
{
    return ask_screen(context, WISH_EDIT, path, e);
}

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
    lock(w);
    snprintf(w->view.line, sizeof w->view.line, "%s", line);
    w->view.began = task_clock();
    w->view.told = w->view.stopping = w->view.reads = false;
    w->view.last = (progress){0};
    interpreter_settings(w->i)->columns = w->columns;
    curve_begin(&w->losses);
    w->view.event = PICTURE_AUTO;
    const output_style look = {0, interpreter_settings(w->i)->unicode, false};
    progress_begin(&w->own, PROGRESS_NONE, &look, NULL);
    unlock(w);
    /* To the log, in its place among the answers. */
    printf("> %s\n", line);
    fflush(stdout);
}

/* The cards have its weights now. */
static void end_line(worker *w)
{
    lock(w);
    evidence_weights(&w->evidence, NULL, NULL);
    unlock(w);
}

static bool is_ending(worker *w)
{
    lock(w);
    bool ending = w->ending;
    unlock(w);
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
        renew_cards(w);
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
    unlock(w);
    keep_session(w);
    lock(w);
}

/* Answers the inquiry of kind K.  Whoever waits for its end is not told of a command. */
static void answer_inquiry(worker *w, int k)
{
    lock(w);
    const inquiry wanted = w->inquiries[k];
    unlock(w);
    specimen *sample = k == INQUIRY_SPECIMEN ? inquiry_specimen(w->i, &wanted) : NULL;
    front_answer answer = {0};
    if (k == INQUIRY_FRONT)
        inquiry_front(w->i, &wanted, &answer);
    lock(w);
    if (k == INQUIRY_SPECIMEN)
        evidence_specimen(&w->evidence, sample);
    else
        evidence_front(&w->evidence, &answer);
    w->wanted[k] = !inquiry_equal(&w->inquiries[k], &wanted);
    w->view.looks = next_inquiry(w) >= 0;
    unlock(w);
    wake(w);
}

/* The next block (the caller frees), or an inquiry; false where the worker is to end. */
static bool await_work(worker *w, char **block, int *wanted)
{
    lock(w);
    w->view.busy = false;
    wake(w);
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
    unlock(w);
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
    lock(w);
    w->view.quit = interpreter_wants_quit(w->i, &code);
    w->view.mouse = interpreter_settings(w->i)->mouse;
    w->view.done++;
    unlock(w);
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
    lock(w);
    w->ended = true;
    unlock(w);
    wake(w);
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
    w->watch = (task){report, w, &interpreter_interrupted};
    w->front = (front){.context = w,
                       .watch = &w->watch,
                       .confirm = confirm,
                       .answered = answered,
                       .row = row_added,
                       .weights = weights_changed,
                       .save = save,
                       .edit = edit};
    interpreter_set_front(i, &w->front);
    renew_cards(w);
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
    lock(w);
    bool room = w->view.waiting < QUEUE_MOST;
    if (room)
        w->queue[w->view.waiting++] = copy;
    pthread_cond_signal(&w->work);
    unlock(w);
    if (room)
        return E_OK;
    memory_free(copy);
    return fail(e, E_RANGE, "%d commands wait already", QUEUE_MOST);
}

int64_t worker_stop(worker *w)
{
    const double now = task_clock();
    int64_t dropped = 0;
    lock(w);
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
    unlock(w);
    return dropped;
}

void worker_answer(worker *w, bool yes)
{
    lock(w);
    w->answer = yes;
    w->waits = false;
    pthread_cond_signal(&w->answered);
    unlock(w);
}

void worker_grant(worker *w, status result, const error *e)
{
    lock(w);
    w->granted = result;
    w->refusal = *e;
    w->wish = WISH_NONE;
    pthread_cond_signal(&w->answered);
    unlock(w);
}

void worker_set_columns(worker *w, int columns)
{
    lock(w);
    w->columns = columns;
    unlock(w);
}

void worker_look(worker *w, worker_view *v)
{
    lock(w);
    *v = w->view;
    v->line_view = w->own;
    v->wish = w->wish;
    v->path = w->path;
    unlock(w);
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
    lock(w);
    return w->cards;
}

void worker_give_back(worker *w)
{
    unlock(w);
}

void worker_end(worker *w)
{
    lock(w);
    w->ending = true;
    if (w->view.busy)
        interpreter_interrupted = 1;
    pthread_cond_broadcast(&w->work);
    pthread_cond_broadcast(&w->answered);
    unlock(w);
}

bool worker_ended(worker *w)
{
    lock(w);
    bool ended = w->ended;
    unlock(w);
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
