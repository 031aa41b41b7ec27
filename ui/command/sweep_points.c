/* SPDX-License-Identifier: GPL-3.0-or-later
   sweep_points.c -- what the points of a sweep answered, in memory and in a file below
   $XDG_STATE_HOME/lathe/sweeps, named by all that the answers depend on: the command, what
   is in the session, and the version of the program.  It runs nothing. */
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "format/field.h"
#include "ledger/ledger.h"
#include "session/digest.h"
#include "session/table_json.h"
#include "ui/command/sweep_parts.h"

enum { VERSION = 1 };

#define SECONDS_BETWEEN 1.0 /* of writing the file: a crash loses no more */
#define FILE_BYTES_MAX  ((size_t)1 << 30)

/* ---- JSON ---- */

json_t *sweep_outcome_json(const table *rows, const char *notes)
{
    json_t *object = json_object();
    if (object && field_put(object, "answer", table_to_json(rows), NULL) == E_OK &&
        field_put(object, "notes", field_from_text(notes), NULL) == E_OK)
        return object;
    json_decref(object);
    return NULL;
}

status sweep_outcome_read(const json_t *object, table **rows, char **notes, error *e)
{
    json_t *answer;
    const char *words;
    TRY(field_object(object, "answer", &answer, e));
    TRY(field_text(object, "notes", &words, e));
    *rows = table_from_json(answer, e);
    *notes = *rows ? memory_text(words, e) : NULL;
    if (*notes)
        return E_OK;
    table_free(*rows);
    *rows = NULL;
    return e->code;
}

/* ---- the file ---- */

static char *path_of(const sweep_points *p, const session *s, error *e)
{
    uint64_t key = 0;
    char name[17];
    if (digest_session(s, &key, e) != E_OK)
        return NULL;
    key = random_hash(p->line, (int64_t)strlen(p->line), key);
    key = random_hash(PACKAGE_VERSION, (int64_t)strlen(PACKAGE_VERSION), key);
    char *folder = file_state_folder(e);
    char *path =
        folder ? memory_format(e, "%s/sweeps/%s.json", folder, ledger_hash(name, key))
               : NULL;
    memory_free(folder);
    return path;
}

static status take_point(sweep_points *p, const json_t *object, error *e)
{
    int64_t i;
    TRY(field_integer(object, "point", 0, p->count - 1, &i, e));
    if (p->items[i].rows)
        return fail(e, E_FORMAT, "point %lld is there twice", (long long)i);
    TRY(sweep_outcome_read(object, &p->items[i].rows, &p->items[i].notes, e));
    p->done++;
    return E_OK;
}

static status take_all(sweep_points *p, const json_t *object, error *e)
{
    int64_t version;
    const char *line;
    json_t *points;
    TRY(field_integer(object, "lathe_sweep", VERSION, VERSION, &version, e));
    TRY(field_text(object, "line", &line, e));
    if (strcmp(line, p->line) != 0)
        return fail(e, E_FORMAT, "it is of another command");
    TRY(field_array(object, "points", &points, e));
    for (size_t i = 0; i < json_array_size(points); i++)
        TRY(take_point(p, json_array_get(points, i), e));
    return E_OK;
}

static void forget(sweep_points *p)
{
    for (int64_t i = 0; i < p->count; i++) {
        table_free(p->items[i].rows);
        memory_free(p->items[i].notes);
        p->items[i] = (outcome){0};
    }
    p->done = 0;
}

/* A file that cannot be used is as good as none: its points are run again. */
static status read_earlier(sweep_points *p, error *e)
{
    void *bytes;
    size_t length;
    json_error_t why;
    error wrong = {0};
    if (!file_exists(p->path))
        return E_OK;
    TRY(file_read_regular(p->path, FILE_BYTES_MAX, &bytes, &length, e));
    json_t *object = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &why);
    memory_free(bytes);
    if (!object || take_all(p, object, &wrong) != E_OK)
        forget(p);
    json_decref(object);
    return wrong.code == E_MEMORY ? fail(e, E_MEMORY, "%s", wrong.text) : E_OK;
}

static status fill(json_t *object, const sweep_points *p)
{
    TRY(field_put(object, "lathe_sweep", json_integer(VERSION), NULL));
    TRY(field_put(object, "name", field_from_text(p->name), NULL));
    TRY(field_put(object, "line", field_from_text(p->line), NULL));
    json_t *points = field_put_array(object, "points", NULL);
    if (!points)
        return E_MEMORY;
    for (int64_t i = 0; i < p->count; i++) {
        const outcome *o = &p->items[i];
        if (!o->rows)
            continue;
        json_t *one = sweep_outcome_json(o->rows, o->notes);
        TRY(field_append(points, one, NULL));
        TRY(field_put(one, "point", json_integer(i), NULL));
    }
    return E_OK;
}

static status write_stream(const char *path, json_t *object, error *e)
{
    atomic_file f;
    TRY(atomic_open(&f, path, e));
    if (json_dumpf(object, f.stream, JSON_COMPACT) != 0) {
        atomic_abandon(&f);
        return fail(e, E_FILE, "%s: cannot be written", path);
    }
    return atomic_commit(&f, e);
}

status sweep_points_write(sweep_points *p, error *e)
{
    if (!p->pending || !p->path)
        return E_OK;
    json_t *object = json_object();
    status s = object && fill(object, p) == E_OK
                   ? write_stream(p->path, object, e)
                   : fail(e, E_MEMORY, "memory: no room for the points of the sweep");
    json_decref(object);
    p->pending = s != E_OK;
    p->written = task_clock();
    return s;
}

/* ---- points ---- */

static status begin(sweep_points *p, int64_t count, const char *line, error *e)
{
    *p = (sweep_points){.count = count, .written = task_clock()};
    p->items = memory_new(count, sizeof *p->items, e);
    p->line = p->items ? memory_text(line, e) : NULL;
    return p->line ? E_OK : E_MEMORY;
}

status sweep_points_open(sweep_points *p, int64_t count, const char *name,
                         const char *line, const session *s, error *e)
{
    TRY(begin(p, count, line, e));
    p->name = memory_text(name, e);
    if (!p->name)
        return E_MEMORY;
    if (count < 2)
        return E_OK;
    p->path = path_of(p, s, e);
    return p->path ? read_earlier(p, e) : e->code;
}

status sweep_points_look(sweep_points *p, int64_t count, const char *path,
                         const char *line, error *e)
{
    TRY(begin(p, count, line, e));
    p->path = memory_text(path, e);
    status s = p->path ? read_earlier(p, e) : E_MEMORY;
    memory_free(p->path);
    p->path = NULL; /* its file is another's */
    return s;
}

status sweep_points_put(sweep_points *p, int64_t i, table *rows, const char *notes,
                        error *e)
{
    char *words = memory_text(notes, e);
    if (!words) {
        table_free(rows);
        return E_MEMORY;
    }
    p->items[i] = (outcome){rows, words};
    p->done++;
    p->pending = true;
    return task_clock() - p->written < SECONDS_BETWEEN ? E_OK : sweep_points_write(p, e);
}

void sweep_points_finish(sweep_points *p)
{
    if (p->path)
        (void)unlink(p->path); /* often there is none */
    p->pending = false;
}

void sweep_points_clear(sweep_points *p)
{
    if (p->items)
        forget(p);
    memory_free(p->items);
    memory_free(p->line);
    memory_free(p->name);
    memory_free(p->path);
    *p = (sweep_points){0};
}
