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

/* The pieces, in the sizes that the child cuts them. */
static status hear_numbers(const hdf5_child *c, tensor *t, error *e)
{
    float *to = tensor_write_f32(t, e);
    const shape s = tensor_shape(t);
    if (!to)
        return E_MEMORY;
    int split = 0;
    while (split + 1 < s.rank && s.dim[split] == 1)
        split++;
    int64_t row = 1;
    for (int i = split + 1; i < s.rank; i++)
        row *= s.dim[i];
    const int64_t step = row < HDF5_PIECE ? HDF5_PIECE / row : 1;
    for (int64_t at = 0; at < s.dim[split]; at += step) {
        int32_t told;
        const int64_t rows = s.dim[split] - at < step ? s.dim[split] - at : step;
        TRY(hear(c, &told, sizeof told, e));
        if (told != E_OK)
            return fail(e, E_FORMAT, "%s: is damaged: its numbers cannot be read",
                        c->file);
        TRY(hear(c, to + at * row, (size_t)(rows * row) * sizeof *to, e));
    }
    return E_OK;
}

static tensor *hear_answer(const hdf5_child *c, error *e)
{
    hdf5_answer answer;
    if (hear(c, &answer, sizeof answer, e) != E_OK)
        return NULL;
    if (answer.why.code != E_OK) {
        if (e)
            *e = answer.why;
        return NULL;
    }
    tensor *t = tensor_new(DTYPE_F32, answer.shape, e);
    if (t && hear_numbers(c, t, e) != E_OK) {
        tensor_free(t);
        return NULL;
    }
    return t;
}

tensor *hdf5_read(const char *file, const char *path, int rank, const hdf5_box *box,
                  const task *watch, error *e)
{
    struct stat about;
    hdf5_child c = {.file = file, .watch = watch};
    hdf5_question q = {
        .file = file,
        .path = path,
        .rank = rank,
        .box = box,
        .room = memory_available() / 3,
    };
    if (stat(file, &about) != 0) {
        fail(e, E_FILE, "%s: cannot be opened: %s", file, strerror(errno));
        return NULL;
    }
    if (!S_ISREG(about.st_mode)) {
        fail(e, E_FILE, "%s: cannot be opened: it is no regular file", file);
        return NULL;
    }
    if (start_child(&c, &q, e) != E_OK)
        return NULL;
    tensor *t = hear_answer(&c, e);
    end_child(&c);
    return t;
}
