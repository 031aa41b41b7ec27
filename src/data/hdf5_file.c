/* SPDX-License-Identifier: GPL-3.0-or-later
   hdf5_file.c -- the parent's side: starts a process that reads, and takes from it no more
   than it said and no longer than it gives.  It never calls libhdf5 itself. */
#include "data/hdf5_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/memory.h"

enum { WAIT_MS = 100, SILENCE_MS = 60000 };

/* clang says it in its own way. */
#ifdef __has_feature
#if __has_feature(address_sanitizer) && !defined __SANITIZE_ADDRESS__
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

typedef struct hdf5_child {
    pid_t process;
    int pipe;
    const char *file;
    const task *watch;
    shape shape; /* of what is answered */
    int64_t row; /* numbers of each of ROWS rows, as pieces are cut */
    int64_t rows;
    int64_t next;     /* row of the next piece */
    int64_t of_piece; /* numbers left in this one */
} hdf5_child;

/* What is not read within a minute never comes: damaged files can make the library loop. */
static status hear(const hdf5_child *c, void *to, size_t length, error *e)
{
    int silent = 0;
    for (char *at = to; length > 0;) {
        struct pollfd wait = {.fd = c->pipe, .events = POLLIN};
        if (task_cancelled(c->watch))
            return fail(e, E_STOPPED, "%s: stopped", c->file);
        const int ready = poll(&wait, 1, WAIT_MS);
        if (ready == 0 && (silent += WAIT_MS) >= SILENCE_MS)
            return fail(e, E_FORMAT, "%s: gave no answer for %d seconds: it is damaged",
                        c->file, SILENCE_MS / 1000);
        if (ready <= 0)
            continue;
        const ssize_t got = read(c->pipe, at, length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(e, E_FILE, "%s: cannot be read: %s", c->file, strerror(errno));
        if (got == 0)
            return fail(e, E_FORMAT, "%s: is damaged: the HDF5 library broke off on it",
                        c->file);
        silent = 0;
        at += got;
        length -= (size_t)got;
    }
    return E_OK;
}

/* A file may not take more memory than there is, in the child either.  Sanitizers map
   more than any limit allows. */
static void limit_child(size_t room)
{
#ifndef __SANITIZE_ADDRESS__
    struct rlimit most;
    if (getrlimit(RLIMIT_DATA, &most) == 0) {
        const rlim_t wanted = memory_in_use() + room + ((rlim_t)1 << 28);
        most.rlim_cur = wanted < most.rlim_max ? wanted : most.rlim_max;
        setrlimit(RLIMIT_DATA, &most);
    }
#else
    (void)room;
#endif
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
}

/* What the session does at a signal or a crash is not this child's to do; and a signal
   that nothing handles is the one way to end it that runs none of the session's own
   clearing up. */
static void run_child(const hdf5_question *q)
{
    static const int plain[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                                SIGABRT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        signal(plain[i], SIG_DFL);
    signal(SIGINT, SIG_IGN); /* the parent hears it, and ends this one */
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nor does it loop on when the parent is gone */
#endif
    limit_child(q->room);
    hdf5_answer_question(q);
    raise(SIGKILL);
}

static status start_child(hdf5_child *c, hdf5_question *q, error *e)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail(e, E_FILE, "%s: cannot be read: %s", c->file, strerror(errno));
    q->pipe = ends[1];
    c->process = fork();
    if (c->process == 0) {
        close(ends[0]);
        run_child(q);
    }
    close(ends[1]);
    c->pipe = ends[0];
    if (c->process > 0)
        return E_OK;
    close(ends[0]);
    return fail(e, E_FILE, "%s: no process can be started to read it: %s", c->file,
                strerror(errno));
}

static void end_child(const hdf5_child *c)
{
    int how;
    close(c->pipe);
    kill(c->process, SIGKILL);
    while (waitpid(c->process, &how, 0) < 0 && errno == EINTR)
        continue;
}

/* The next piece's status, and how much is in it. */
static status hear_piece(hdf5_child *c, error *e)
{
    int32_t told;
    const int64_t step = c->row < HDF5_PIECE ? HDF5_PIECE / c->row : 1;
    const int64_t rows = c->rows - c->next < step ? c->rows - c->next : step;
    TRY(hear(c, &told, sizeof told, e));
    if (told != E_OK)
        return fail(e, E_FORMAT, "%s: is damaged: its numbers cannot be read", c->file);
    c->next += rows;
    c->of_piece = rows * c->row;
    return E_OK;
}

static status hear_numbers(hdf5_child *c, float *to, int64_t count, error *e)
{
    for (int64_t n; count > 0; count -= n, to += n) {
        if (c->of_piece == 0)
            TRY(hear_piece(c, e));
        n = count < c->of_piece ? count : c->of_piece;
        TRY(hear(c, to, (size_t)n * sizeof *to, e));
        c->of_piece -= n;
    }
    return E_OK;
}

static status hear_answer(hdf5_child *c, error *e)
{
    hdf5_answer answer;
    TRY(hear(c, &answer, sizeof answer, e));
    if (answer.why.code != E_OK) {
        answer.why.text[sizeof answer.why.text - 1] = 0;
        answer.why.hint[sizeof answer.why.hint - 1] = 0;
        if (e)
            *e = answer.why;
        return answer.why.code;
    }
    /* A process that a file has broken may say anything. */
    const shape s = c->shape = answer.shape;
    if (s.rank < 1 || s.rank > SHAPE_MAX || shape_count(s) < 0)
        return fail(e, E_FORMAT, "%s: is damaged: the HDF5 library broke on it", c->file);
    int split = 0;
    while (split + 1 < s.rank && s.dim[split] == 1)
        split++;
    c->rows = s.dim[split];
    c->row = 1;
    for (int i = split + 1; i < s.rank; i++)
        c->row *= s.dim[i];
    return E_OK;
}

/* Bytes that one byte of a file may stand for: by deflate 1032 (RFC 1951), each of them a
   number of four. */
enum { STAND_MOST = 4 * 1032 };

/* A file of little may say that it holds much: no more is believed than its bytes can stand
   for, or than there is memory for. */
static status weigh_file(hdf5_question *q, error *e)
{
    struct stat about;
    if (stat(q->file, &about) != 0)
        return fail(e, E_FILE, "%s: cannot be opened: %s", q->file, strerror(errno));
    if (!S_ISREG(about.st_mode))
        return fail(e, E_FILE, "%s: cannot be opened: it is no regular file", q->file);
    q->room = memory_available() / 3;
    if (__builtin_mul_overflow((size_t)about.st_size, (size_t)STAND_MOST, &q->most))
        q->most = SIZE_MAX;
    q->most = q->most > q->room ? q->most : q->room;
    return E_OK;
}

/* A child that has answered what shape its numbers have; end_child ends it. */
static status ask(hdf5_child *c, hdf5_question *q, const task *watch, error *e)
{
    *c = (hdf5_child){.file = q->file, .watch = watch};
    TRY(weigh_file(q, e));
    TRY(start_child(c, q, e));
    const status result = hear_answer(c, e);
    if (result != E_OK)
        end_child(c);
    return result;
}

tensor *hdf5_read(const char *file, const char *path, int rank, const hdf5_box *box,
                  const task *watch, error *e)
{
    hdf5_child c;
    hdf5_question q = {file, path, rank, box, -1, 0, 0};
    if (ask(&c, &q, watch, e) != E_OK)
        return NULL;
    tensor *t = tensor_new(DTYPE_F32, c.shape, e);
    float *to = t ? tensor_write_f32(t, e) : NULL;
    const status result = to ? hear_numbers(&c, to, tensor_count(t), e) : E_MEMORY;
    end_child(&c);
    if (result == E_OK)
        return t;
    tensor_free(t);
    return NULL;
}

/* A reading that goes on, and what begins it anew. */
typedef struct hdf5_reading {
    hdf5_child child;
    hdf5_question q;
    hdf5_box box;
    const task *watch;
    char *file, *path;
    bool asked;
} hdf5_reading;

static status feed_fill(void *context, void *to, size_t bytes, error *e)
{
    hdf5_reading *r = context;
    return hear_numbers(&r->child, to, (int64_t)(bytes / sizeof(float)), e);
}

static void feed_stop(hdf5_reading *r)
{
    if (r->asked)
        end_child(&r->child);
    r->asked = false;
}

static status feed_start(void *context, error *e)
{
    hdf5_reading *r = context;
    feed_stop(r);
    TRY(ask(&r->child, &r->q, r->watch, e));
    r->asked = true;
    return E_OK;
}

static status feed_finish(void *context, error *e)
{
    (void)context, (void)e; /* every piece had its status */
    return E_OK;
}

static void feed_close(void *context)
{
    hdf5_reading *r = context;
    feed_stop(r);
    memory_free(r->file);
    memory_free(r->path);
    memory_free(r);
}

status hdf5_feed(const char *file, const char *path, int rank, const hdf5_box *box,
                 const task *watch, array_feed *out, error *e)
{
    hdf5_reading *r = memory_new(1, sizeof *r, e);
    *out = (array_feed){.type = DTYPE_F32};
    if (!r)
        return E_MEMORY;
    r->box = *box;
    r->watch = watch;
    r->file = memory_text(file, e);
    r->path = r->file ? memory_text(path, e) : NULL;
    r->q = (hdf5_question){r->file, r->path, rank, &r->box, -1, 0, 0};
    status result = r->path ? feed_start(r, e) : E_MEMORY;
    if (result == E_OK)
        out->who = memory_text(file, e);
    if (!out->who) {
        feed_close(r);
        return result == E_OK ? E_MEMORY : result;
    }
    out->shape = r->child.shape;
    out->context = r;
    out->fill = feed_fill;
    out->rewind = feed_start;
    out->finish = feed_finish;
    out->close = feed_close;
    return E_OK;
}
