/* SPDX-License-Identifier: GPL-3.0-or-later
   capture.c -- standard output and standard error as a pipe.  It reads nothing. */
#include "ui/screen/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void close_one(int *descriptor)
{
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
}

status capture_open(capture *c, error *e)
{
    int ends[2] = {-1, -1};
    *c = (capture){-1, -1, -1, -1};
    fflush(stdout);
    c->out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    c->err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    int failed = c->out < 0 || c->err < 0 || pipe2(ends, O_CLOEXEC) != 0;
    c->read = ends[0];
    c->write = ends[1];
    if (!failed)
        failed = fcntl(c->read, F_SETFL, O_NONBLOCK) != 0 ||
                 dup2(c->write, STDOUT_FILENO) < 0 || dup2(c->write, STDERR_FILENO) < 0;
    if (!failed)
        return E_OK;
    fail(e, E_FILE, "screen: what is printed cannot be read: %s", strerror(errno));
    capture_close(c);
    return e ? e->code : E_FILE;
}

void capture_close(capture *c)
{
    fflush(stdout);
    fflush(stderr);
    if (c->out >= 0)
        dup2(c->out, STDOUT_FILENO);
    if (c->err >= 0)
        dup2(c->err, STDERR_FILENO);
    close_one(&c->out);
    close_one(&c->err);
    close_one(&c->read);
    close_one(&c->write);
}
