/* SPDX-License-Identifier: GPL-3.0-or-later
   sweep_live.c -- the figure of a sweep that is at work, drawn again as points are done, and
   the sweep of another lathe that is found by its name.  It runs no point. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/field.h"
#include "ui/command/rows.h"
#include "ui/command/sweep_parts.h"
#include "ui/interpreter.h"
#include "ui/lexer.h"

#define SECONDS_BETWEEN 1.0 /* of drawing */
#define SHARE_OF_TIME   0.1 /* that drawing may take */
#define FILE_BYTES_MAX  ((size_t)1 << 30)

/* ---- drawing ---- */

/* ROWS, which are taken, as the table NAME, for the figure alone. */
static status draw_rows(call *c, const char *name, const char *file, table *rows,
                        error *e)
{
    text line = {0}, notes = {0};
    table *answer = table_new(e);
    text_addf(&line, "plot curve %s > ", name);
    lexer_quote(file, &line);
    status s = answer ? text_ok(&line, e) : E_MEMORY;
    if (s == E_OK)
        s = session_begin(c->session, "sweep", e);
    if (s == E_OK) {
        s = session_put_table(c->session, name, rows, e);
        rows = NULL;
        const bool recorded = interpreter_record(c->interpreter, false);
        if (s == E_OK)
            s = interpreter_capture(c->interpreter, text_get(&line), NULL, answer, &notes,
                                    e);
        interpreter_record(c->interpreter, recorded);
        session_rollback(c->session);
    }
    table_free(rows);
    table_free(answer);
    text_clear(&line);
    text_clear(&notes);
    return s;
}

void sweep_draw(sweep_figure *f, call *c, const char *name, sweep_gather *gather,
                void *context, bool last)
{
    error e = {0};
    const double begin = task_clock();
    const double pause = f->took / SHARE_OF_TIME;
    if (!f->file || (!last && begin - f->drawn < fmax(SECONDS_BETWEEN, pause)))
        return;
    table *rows = table_new(&e);
    if (rows)
        gather(context, rows);
    status s = rows ? draw_rows(c, name, f->file, rows, &e) : E_MEMORY;
    f->drawn = task_clock();
    f->took = f->drawn - begin;
    if (s != E_OK && last)
        rows_note(c, "sweep: %s is not drawn: %s", f->file, e.text);
}

/* ---- finding ---- */

/* Is the file PATH of the sweep NAME?  Then the line of its command, the caller's. */
static char *line_in(const char *path, const char *name)
{
    void *bytes;
    size_t length;
    const char *own, *words;
    char *line = NULL;
    if (file_read_regular(path, FILE_BYTES_MAX, &bytes, &length, NULL) != E_OK)
        return NULL;
    json_t *object = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);
    memory_free(bytes);
    if (object && field_text(object, "name", &own, NULL) == E_OK &&
        field_text(object, "line", &words, NULL) == E_OK && text_equal(own, name))
        line = memory_text(words, NULL);
    json_decref(object);
    return line;
}

static status fail_unknown(const char *name, error *e)
{
    fail(e, E_NAME, "sweep: no sweep called %s is at work, nor was one interrupted",
         name);
    return fail_hint(e, "the command behind the name is missing: 'help sweep'");
}

status sweep_find(const char *name, char **path, char **line, error *e)
{
    struct timespec latest = {0};
    char *state = file_state_folder(e);
    char *folder = state ? memory_format(e, "%s/sweeps", state) : NULL;
    DIR *entries = folder ? opendir(folder) : NULL;
    *path = *line = NULL;
    for (struct dirent *d; entries && (d = readdir(entries));) {
        struct stat about;
        char *file = text_ends(d->d_name, ".json")
                         ? memory_format(NULL, "%s/%s", folder, d->d_name)
                         : NULL;
        char *words = file && stat(file, &about) == 0 ? line_in(file, name) : NULL;
        const bool later = words && (about.st_mtim.tv_sec > latest.tv_sec ||
                                     (about.st_mtim.tv_sec == latest.tv_sec &&
                                      about.st_mtim.tv_nsec > latest.tv_nsec));
        if (later) {
            memory_free(*path);
            memory_free(*line);
            *path = file;
            *line = words;
            latest = about.st_mtim;
            continue;
        }
        memory_free(words);
        memory_free(file);
    }
    if (entries)
        closedir(entries);
    memory_free(folder);
    memory_free(state);
    return *path ? E_OK : fail_unknown(name, e);
}
