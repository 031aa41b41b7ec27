/* SPDX-License-Identifier: GPL-3.0-or-later
   gnuplot.c -- starts gnuplot without a shell, reads its two pipes under a time limit and
   always waits for its end.  It makes no scripts and touches no file of the user's. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/child.h"
#include "base/memory.h"
#include "plots/gnuplot.h"

extern char **environ;

#define PICTURE_BYTES_MAX ((size_t)256 << 20)
#define MESSAGE_BYTES_MAX ((size_t)64 << 10)

char *gnuplot_find(error *e)
{
    char *path;
    if (child_find("gnuplot", &path, e) != E_OK || path)
        return path;
    fail(e, E_FILE, "gnuplot: not found in PATH, it draws the figures");
    fail_hint(e, "install it: apt install gnuplot-nox");
    return NULL;
}

int64_t gnuplot_epoch(void)
{
    const char *words = getenv("SOURCE_DATE_EPOCH");
    int64_t epoch = 0;
    /* Later than the year 9999 does not fit where dates are written. */
    const int64_t latest = INT64_C(253402300799);
    if (!words || !text_to_integer(words, &epoch) || epoch < 0 || epoch > latest)
        return 0;
    return epoch;
}

/* The environment without what would change a picture, and with what must hold. */
static char **make_environment(char *epoch_setting, error *e)
{
    static const char *const dropped[] = {
        "LC_", "LANG", "TZ=", "GNUTERM=", "GNUPLOT_LIB=", "SOURCE_DATE_EPOCH="};
    static char locale[] = "LC_ALL=C", zone[] = "TZ=UTC0", terminal[] = "GNUTERM=unknown";
    static char *const fixed[] = {locale, zone, terminal};
    enum {
        DROPPED = sizeof dropped / sizeof *dropped,
        FIXED = sizeof fixed / sizeof *fixed
    };
    int64_t count = 0, kept = 0;
    while (environ[count])
        count++;
    char **environment = memory_new(count + FIXED + 2, sizeof *environment, e);
    if (!environment)
        return NULL;
    for (int64_t i = 0; i < count; i++) {
        bool drop = false;
        for (int k = 0; k < DROPPED; k++)
            drop |= text_starts(environ[i], dropped[k]);
        if (!drop)
            environment[kept++] = environ[i];
    }
    for (int k = 0; k < FIXED; k++)
        environment[kept++] = fixed[k];
    environment[kept] = epoch_setting;
    return environment;
}

static status spawn(const char *folder, const char *script, int output, int messages,
                    pid_t *child, error *e)
{
    char *program = gnuplot_find(e);
    char *epoch = memory_format(e, "SOURCE_DATE_EPOCH=%lld", (long long)gnuplot_epoch());
    char *file = memory_text(script, e);
    char **environment = epoch ? make_environment(epoch, e) : NULL;
    status result = e->code;
    if (program && file && environment) {
        char name[] = "gnuplot", settings[] = "-d";
        char *arguments[] = {name, settings, file, NULL};
        int failed = child_start(&(child_call){.program = program,
                                               .arguments = arguments,
                                               .environment = environment,
                                               .folder = folder,
                                               .input = CHILD_NOWHERE,
                                               .output = output,
                                               .messages = messages},
                                 child);
        result =
            failed ? fail(e, E_FILE, "gnuplot: %s: %s", program, strerror(failed)) : E_OK;
    }
    memory_free(program);
    memory_free(epoch);
    memory_free(file);
    memory_free(environment);
    return result;
}

/* Takes what is there from *DESCRIPTOR; closes it and sets it to -1 at the end. */
static status drain(int *descriptor, text *into, size_t limit, error *e)
{
    char buffer[16384];
    ssize_t length = read(*descriptor, buffer, sizeof buffer);
    if (length < 0)
        return errno == EINTR
                   ? E_OK
                   : fail(e, E_FILE, "gnuplot: its output: %s", strerror(errno));
    if (length == 0) {
        close(*descriptor);
        *descriptor = -1;
        return E_OK;
    }
    text_add_bytes(into, buffer, (size_t)length);
    if (into->length > limit)
        return fail(e, E_FILE, "gnuplot: it wrote over %zu MiB, a figure is smaller",
                    limit >> 20);
    return text_ok(into, e);
}

static status check_patience(double end, double seconds, const task *watch, error *e)
{
    if (task_cancelled(watch))
        return fail(e, E_STOPPED, "gnuplot: stopped, no figure was made");
    if (task_clock() > end)
        return fail(e, E_FILE, "gnuplot: not done after %g s, ended", seconds);
    return E_OK;
}

/* Reads both pipes to their ends, then waits for the process. */
static status attend(int pipes[2], text *out, text *messages, pid_t child, int *ended,
                     double seconds, const task *watch, error *e)
{
    double end = task_clock() + seconds;
    enum { SLICE_MS = 50 };
    while (pipes[0] >= 0 || pipes[1] >= 0) {
        struct pollfd ready[2] = {{pipes[0], POLLIN, 0}, {pipes[1], POLLIN, 0}};
        if (poll(ready, 2, SLICE_MS) < 0 && errno != EINTR)
            return fail(e, E_FILE, "gnuplot: poll: %s", strerror(errno));
        if (pipes[0] >= 0 && ready[0].revents)
            TRY(drain(&pipes[0], out, PICTURE_BYTES_MAX, e));
        if (pipes[1] >= 0 && ready[1].revents)
            TRY(drain(&pipes[1], messages, MESSAGE_BYTES_MAX, e));
        TRY(check_patience(end, seconds, watch, e));
    }
    pid_t waited;
    while ((waited = waitpid(child, ended, WNOHANG)) == 0 ||
           (waited < 0 && errno == EINTR)) {
        TRY(check_patience(end, seconds, watch, e));
        poll(NULL, 0, 1);
    }
    return waited == child ? E_OK
                           : fail(e, E_FILE, "gnuplot: waitpid: %s", strerror(errno));
}

/* gnuplot's own sentence: the last line that is no warning and no echo of the script, as
   an error ends it.  "figure.gp" line 3: ... loses the file, which is no one's. */
static void copy_message(char *message, size_t size, text *lines)
{
    message[0] = '\0';
    for (char *line = lines->data, *next; line && *line; line = next) {
        size_t length = strcspn(line, "\n");
        next = line + length + (line[length] == '\n');
        line[length] = '\0';
        line += strspn(line, " \t^");
        char *place = line[0] == '"' ? strstr(line, "\" line ") : NULL;
        if (place)
            line = place + 2;
        if (!*line || strstr(line, "warning: ") || strstr(line, "-WARNING **"))
            continue;
        strncpy(message, line, size - 1);
        message[size - 1] = '\0';
    }
    for (char *p = message; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
}

static status judge(int ended, text *messages, error *e)
{
    if (WIFEXITED(ended) && WEXITSTATUS(ended) == 0)
        return E_OK;
    char message[400];
    copy_message(message, sizeof message, messages);
    if (message[0])
        return fail(e, E_FILE, "gnuplot: %s", message);
    if (WIFSIGNALED(ended))
        return fail(e, E_FILE, "gnuplot: ended by signal %d", WTERMSIG(ended));
    return fail(e, E_FILE, "gnuplot: ended with status %d and no message",
                WEXITSTATUS(ended));
}

status gnuplot_run(const char *folder, const char *script, double seconds,
                   const task *watch, text *out, error *e)
{
    int output[2] = {-1, -1}, messages[2] = {-1, -1}, ended = 0;
    text lines = {0};
    pid_t child = -1;
    status result;
    if (pipe2(output, O_CLOEXEC) != 0 || pipe2(messages, O_CLOEXEC) != 0)
        result = fail(e, E_FILE, "gnuplot: pipe: %s", strerror(errno));
    else
        result = spawn(folder, script, output[1], messages[1], &child, e);
    for (int i = 0; i < 2; i++) {
        int write_end = i ? messages[1] : output[1];
        if (write_end >= 0)
            close(write_end);
    }
    int pipes[2] = {output[0], messages[0]};
    if (result == E_OK) {
        result = attend(pipes, out, &lines, child, &ended, seconds, watch, e);
        if (result == E_OK)
            result = judge(ended, &lines, e);
        else {
            kill(-child, SIGKILL);
            while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
                ;
        }
    }
    for (int i = 0; i < 2; i++)
        if (pipes[i] >= 0)
            close(pipes[i]);
    text_clear(&lines);
    return result;
}
