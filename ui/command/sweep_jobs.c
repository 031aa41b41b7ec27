/* SPDX-License-Identifier: GPL-3.0-or-later
   sweep_jobs.c -- points of a sweep in several processes at once.  Each is this program
   again, with a copy of the session and a share of the threads; it runs one point and
   writes what that answered to a file.  Answers do not depend on threads, so they are those
   of one process. */
#include "ui/command/sweep_parts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/child.h"
#include "base/cpu.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/field.h"
#include "session/folder.h"
#include "session/store.h"
#include "ui/command/sweep_child.h"
#include "ui/interpreter.h"

/* A process and the point that it runs. */
typedef struct worker {
    pid_t process; /* 0: none */
    int64_t point;
    char *request; /* path; the answer is beside it */
} worker;

typedef struct crew {
    const sweep_jobs *j;
    char *folder; /* the copy of the session, requests and answers */
    worker *workers;
    int64_t next; /* the first point that nobody has begun */
    int64_t run;  /* number of the sweep's receipt; 0: none */
} crew;

/* ---- one worker ---- */

static status write_request(const crew *c, const worker *w, error *e)
{
    text line = {0};
    status s = c->j->line_of(c->j->context, w->point, &line);
    s = s == E_OK ? text_ok(&line, e) : s;
    if (s == E_OK) {
        sweep_request r = {.folder = c->folder,
                           .line = text_get(&line),
                           .asker = getpid(),
                           .run = c->run};
        s = sweep_request_write(&r, w->request, e);
    }
    text_clear(&line);
    return s;
}

/* Ctrl-C reaches lathe alone, which then ends its workers. */
static status spawn(const crew *c, worker *w, error *e)
{
    char threads[24], name[] = "lathe", quiet[] = "-q", count[] = "--threads",
                      base[] = "--db", point[] = "--sweep-point";
    int64_t share = cpu_threads() / c->j->jobs;
    snprintf(threads, sizeof threads, "%lld", (long long)(share < 1 ? 1 : share));
    char *database = memory_text(interpreter_database(c->j->call->interpreter), e);
    if (!database)
        return E_MEMORY;
    char *words[] = {name,     quiet, count,      threads, base,
                     database, point, w->request, NULL};
    int failed = child_start(&(child_call){.program = "/proc/self/exe",
                                           .arguments = words,
                                           .input = CHILD_NOWHERE,
                                           .output = CHILD_NOWHERE,
                                           .messages = CHILD_SAME},
                             &w->process);
    memory_free(database);
    if (!failed)
        return E_OK;
    w->process = 0;
    return fail(e, E_FILE, "sweep: another process cannot be begun: %s",
                strerror(failed));
}

static status begin(crew *c, worker *w, int64_t point, error *e)
{
    w->point = point;
    w->request = memory_format(e, "%s/point-%lld.json", c->folder, (long long)point);
    if (!w->request)
        return E_MEMORY;
    TRY(write_request(c, w, e));
    return spawn(c, w, e);
}

static void end_worker(worker *w)
{
    memory_free(w->request);
    *w = (worker){0};
}

/* The answer of a worker that has ended with STATE. */
static status take_answer(const crew *c, const worker *w, int state, error *e)
{
    table *rows = NULL;
    char *notes = NULL;
    status s = sweep_answer_read(w->request, &rows, &notes, e);
    if (s == E_FILE && WIFSIGNALED(state)) {
        error_clear(e);
        s = fail(e, E_FILE, "its process was ended by signal %d", WTERMSIG(state));
    }
    if (s != E_OK)
        return c->j->fail_at(c->j->context, w->point, e);
    s = sweep_points_put(c->j->points, w->point, rows, notes, e);
    memory_free(notes);
    return s;
}

/* ---- all of them ---- */

static void nap(void)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    (void)nanosleep(&pause, NULL);
}

static void report(const crew *c)
{
    task_report(c->j->call->task, &(progress){.stage = "sweep",
                                              .unit = "point",
                                              .done = c->j->points->done,
                                              .total = c->j->points->count});
}

static int64_t next_point(crew *c)
{
    while (c->next < c->j->points->count && c->j->points->items[c->next].rows)
        c->next++;
    return c->next < c->j->points->count ? c->next++ : -1;
}

/* Gives W work where it has none, or asks whether it is done; *BUSY where it has work. */
static status look_after(crew *c, worker *w, bool *busy, error *e)
{
    int state = 0;
    if (w->process) {
        pid_t ended = waitpid(w->process, &state, WNOHANG);
        *busy = true;
        if (ended == 0 || (ended < 0 && errno == EINTR))
            return E_OK;
        w->process = 0;
        status s = take_answer(c, w, state, e);
        end_worker(w);
        report(c);
        if (s == E_OK)
            c->j->done(c->j->context);
        return s;
    }
    int64_t point = next_point(c);
    if (point < 0)
        return E_OK;
    *busy = true;
    return begin(c, w, point, e);
}

static status work(crew *c, error *e)
{
    for (bool busy = true; busy;) {
        if (task_cancelled(c->j->call->task))
            return fail(e, E_STOPPED, "sweep: stopped");
        busy = false;
        for (int64_t i = 0; i < c->j->jobs; i++)
            TRY(look_after(c, &c->workers[i], &busy, e));
        if (busy)
            nap();
    }
    return E_OK;
}

static void dismiss(crew *c)
{
    for (int64_t i = 0; c->workers && i < c->j->jobs; i++) {
        worker *w = &c->workers[i];
        if (w->process) {
            (void)kill(-w->process, SIGKILL);
            while (waitpid(w->process, NULL, 0) < 0 && errno == EINTR)
                continue;
        }
        end_worker(w);
    }
    if (c->folder)
        folder_remove(c->folder);
    memory_free(c->folder);
    memory_free(c->workers);
}

/* Folders are made beside this one. */
static char *folder_name(error *e)
{
    char *state = file_state_folder(e);
    char *name = state ? memory_format(e, "%s/sweeps/jobs", state) : NULL;
    memory_free(state);
    return name;
}

static char *make_folder(error *e)
{
    char *name = folder_name(e);
    char *folder = name ? folder_make_beside(name, e) : NULL;
    memory_free(name);
    return folder;
}

void sweep_jobs_clean(void)
{
    char *name = folder_name(NULL);
    if (name)
        folder_remove_orphans(name);
    memory_free(name);
}

status sweep_jobs_run(const sweep_jobs *j, error *e)
{
    crew c = {.j = j};
    c.run = interpreter_run_number(j->call->interpreter);
    c.workers = memory_new(j->jobs, sizeof *c.workers, e);
    c.folder = c.workers ? make_folder(e) : NULL;
    status s = c.folder ? session_save(j->call->session, c.folder, e) : e->code;
    if (s == E_OK)
        s = work(&c, e);
    dismiss(&c);
    return s;
}
