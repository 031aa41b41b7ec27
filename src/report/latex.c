/* SPDX-License-Identifier: GPL-3.0-or-later
   latex.c -- finds LaTeX, starts it without a shell, waits for its end under a time limit,
   and takes its pdf or its complaint.  It knows no document. */
#include "report/latex.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/child.h"
#include "base/file.h"
#include "base/memory.h"

extern char **environ;

#define SECONDS_MAX   120.0
#define PDF_BYTES_MAX ((size_t)512 << 20)
#define LOG_BYTES_MAX ((size_t)16 << 20)

/* References settle in as many passes. */
enum { PASSES = 3 };

static char *find_latex(error *e)
{
    static const char *const names[] = {"pdflatex", "lualatex"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path;
        if (child_find(names[i], &path, e) != E_OK || path)
            return path;
    }
    fail(e, E_FILE,
         "neither pdflatex nor lualatex is in PATH, one of them makes the pdf");
    fail_hint(e, "install one (apt install texlive-latex-recommended), or write .html, "
                 "which a browser prints");
    return NULL;
}

status latex_check(error *e)
{
    char *path = find_latex(e);
    memory_free(path);
    return path ? E_OK : e->code;
}

/* ---- a folder of its own ---- */

static const char *const leftovers[] = {"report.tex", "report.pdf", "report.aux",
                                        "report.log", "report.out", "report.toc"};

static void remove_folder(const char *folder)
{
    for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers; i++) {
        char *path = memory_format(NULL, "%s/%s", folder, leftovers[i]);
        if (path)
            unlink(path);
        memory_free(path);
    }
    rmdir(folder);
}

static status write_source(const char *folder, const char *source, size_t length,
                           error *e)
{
    atomic_file file;
    char *path = memory_format(e, "%s/report.tex", folder);
    if (!path)
        return E_MEMORY;
    status s = atomic_open(&file, path, e);
    if (s == E_OK) {
        fwrite(source, 1, length, file.stream); /* commit asks ferror */
        s = atomic_commit(&file, e);
    }
    memory_free(path);
    return s;
}

/* ---- running ---- */

/* The environment with the date that pdfs get: that of the source, else the first. */
static char **make_environment(error *e)
{
    static char forced[] = "FORCE_SOURCE_DATE=1", epoch[] = "SOURCE_DATE_EPOCH=0";
    int64_t count = 0;
    while (environ[count])
        count++;
    char **environment = memory_new(count + 3, sizeof *environment, e);
    if (!environment)
        return NULL;
    memcpy(environment, environ, (size_t)count * sizeof *environment);
    environment[count++] = forced;
    if (!getenv("SOURCE_DATE_EPOCH"))
        environment[count] = epoch;
    return environment;
}

static status spawn(const char *program, char *const *arguments, const char *place,
                    pid_t *child, error *e)
{
    char **environment = make_environment(e);
    if (!environment)
        return E_MEMORY;
    int failed = child_start(&(child_call){.program = program,
                                           .arguments = arguments,
                                           .environment = environment,
                                           .folder = place,
                                           .input = CHILD_NOWHERE,
                                           .output = CHILD_NOWHERE,
                                           .messages = CHILD_NOWHERE},
                             child);
    memory_free(environment);
    return failed ? fail(e, E_FILE, "%s: %s", program, strerror(failed)) : E_OK;
}

/* Waits for CHILD, or ends it. */
static status attend(pid_t child, double end, const task *watch, int *ended, error *e)
{
    enum { SLICE_MS = 20 };
    for (;;) {
        pid_t waited = waitpid(child, ended, WNOHANG);
        if (waited == child)
            return E_OK;
        if (waited < 0 && errno != EINTR)
            return fail(e, E_FILE, "LaTeX: waitpid: %s", strerror(errno));
        bool stopped = task_cancelled(watch), late = task_clock() > end;
        if (stopped || late) {
            kill(-child, SIGKILL);
            while (waitpid(child, ended, 0) < 0 && errno == EINTR)
                ;
            return stopped ? fail(e, E_STOPPED, "LaTeX: stopped, no pdf was made")
                           : fail(e, E_FILE, "LaTeX: not done after %g s, ended",
                                  SECONDS_MAX);
        }
        poll(NULL, 0, SLICE_MS);
    }
}

/* LaTeX's own sentence: the first line of its log that begins with "!". */
static status fail_latex(const char *folder, error *e)
{
    char *path = memory_format(e, "%s/report.log", folder);
    void *bytes = NULL;
    size_t length = 0;
    const char *line = NULL;
    if (path && file_read_regular(path, LOG_BYTES_MAX, &bytes, &length, NULL) == E_OK) {
        line = strstr(bytes, "\n! ");
        line = line ? line + 3 : NULL;
    }
    int n = line ? (int)strcspn(line, "\n") : 0;
    fail(e, E_FILE, "LaTeX refused: %.*s", line ? (n < 300 ? n : 300) : 13,
         line ? line : "it left no log");
    memory_free(bytes);
    memory_free(path);
    return fail_hint(e, "'report FILE.tex' writes the source, to look at");
}

static status run_passes(const char *program, const char *folder, const char *place,
                         const task *watch, error *e)
{
    char *output = memory_format(e, "-output-directory=%s", folder);
    char *file = memory_format(e, "%s/report.tex", folder);
    char name[] = "latex", mode[] = "-interaction=nonstopmode",
         shell[] = "-no-shell-escape";
    char *arguments[] = {name, mode, shell, output, file, NULL};
    const double end = task_clock() + SECONDS_MAX;
    status s = output && file ? E_OK : E_MEMORY;
    for (int pass = 0; pass < PASSES && s == E_OK; pass++) {
        pid_t child = -1;
        int ended = 0;
        s = spawn(program, arguments, place, &child, e);
        if (s == E_OK)
            s = attend(child, end, watch, &ended, e);
        if (s == E_OK && !(WIFEXITED(ended) && WEXITSTATUS(ended) == 0))
            s = fail_latex(folder, e);
    }
    memory_free(output);
    memory_free(file);
    return s;
}

static status take_pdf(const char *folder, text *pdf, error *e)
{
    void *bytes = NULL;
    size_t length = 0;
    char *path = memory_format(e, "%s/report.pdf", folder);
    status s =
        path ? file_read_regular(path, PDF_BYTES_MAX, &bytes, &length, e) : E_MEMORY;
    if (s == E_OK)
        text_add_bytes(pdf, bytes, length);
    memory_free(bytes);
    memory_free(path);
    return s == E_OK ? text_ok(pdf, e) : s;
}

status latex_run(const char *source, size_t length, const char *path, const task *watch,
                 text *pdf, error *e)
{
    const char *slash = strrchr(path, '/');
    char *program = find_latex(e);
    char *folder = program ? file_temporary_folder(e) : NULL;
    char *place = folder ? memory_format(e, "%.*s", slash ? (int)(slash - path) + 1 : 1,
                                         slash ? path : ".")
                         : NULL;
    status s = place ? E_OK : e->code;
    if (s == E_OK && slash)
        s = file_make_folder(place, e);
    if (s == E_OK)
        s = write_source(folder, source, length, e);
    if (s == E_OK)
        s = run_passes(program, folder, place, watch, e);
    if (s == E_OK)
        s = take_pdf(folder, pdf, e);
    if (folder)
        remove_folder(folder);
    memory_free(place);
    memory_free(folder);
    memory_free(program);
    return s;
}
