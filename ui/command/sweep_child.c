/* SPDX-License-Identifier: GPL-3.0-or-later
   sweep_child.c -- asking for one point of a sweep, doing it, and answering.  It begins no
   process. */
#include "ui/command/sweep_child.h"

#include <signal.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/field.h"
#include "session/store.h"
#include "ui/command/sweep_parts.h"
#include "ui/interpreter.h"

#define FILE_BYTES_MAX ((size_t)1 << 30)

/* OBJECT is taken; NULL: there was no memory for it. */
static status write_json(json_t *object, const char *path, error *e)
{
    atomic_file f;
    status s = object ? atomic_open(&f, path, e)
                      : fail(e, E_MEMORY, "memory: no room for %s", path);
    if (s == E_OK) {
        (void)json_dumpf(object, f.stream, JSON_COMPACT); /* the commit asks ferror */
        s = atomic_commit(&f, e);
    }
    json_decref(object);
    return s;
}

static json_t *read_json(const char *path, error *e)
{
    void *bytes;
    size_t length;
    json_error_t why;
    if (file_read_regular(path, FILE_BYTES_MAX, &bytes, &length, e) != E_OK)
        return NULL;
    json_t *object = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &why);
    memory_free(bytes);
    if (!object)
        fail(e, E_FORMAT, "%s: line %d: %s", path, why.line, why.text);
    return object;
}

static status fill_request(json_t *object, const sweep_request *r)
{
    TRY(field_put(object, "folder", field_from_text(r->folder), NULL));
    TRY(field_put(object, "line", field_from_text(r->line), NULL));
    TRY(field_put(object, "asker", json_integer(r->asker), NULL));
    return field_put(object, "run", json_integer(r->run), NULL);
}

status sweep_request_write(const sweep_request *r, const char *path, error *e)
{
    json_t *object = json_object();
    if (object && fill_request(object, r) != E_OK) {
        json_decref(object);
        object = NULL;
    }
    return write_json(object, path, e);
}

static char *answer_path(const char *path, error *e)
{
    return memory_format(e, "%s.answer", path);
}

/* The error that the point had there. */
static status its_error(const json_t *object, error *e)
{
    int64_t code;
    const char *words, *hint;
    TRY(field_integer(object, "code", E_OK + 1, INT32_MAX, &code, e));
    TRY(field_text(object, "error", &words, e));
    TRY(field_text(object, "hint", &hint, e));
    fail(e, (status)code, "%s", words);
    return *hint ? fail_hint(e, "%s", hint) : e->code;
}

status sweep_answer_read(const char *path, table **rows, char **notes, error *e)
{
    char *from = answer_path(path, e);
    json_t *object = from ? read_json(from, e) : NULL;
    memory_free(from);
    if (!object)
        return e->code;
    status s = json_object_get(object, "error")
                   ? its_error(object, e)
                   : sweep_outcome_read(object, rows, notes, e);
    json_decref(object);
    return s;
}

static status fill_error(json_t *object, const error *why)
{
    TRY(field_put(object, "code", json_integer(why->code), NULL));
    TRY(field_put(object, "error", field_from_text(why->text), NULL));
    return field_put(object, "hint", field_from_text(why->hint), NULL);
}

static json_t *error_json(const error *why)
{
    json_t *object = json_object();
    if (object && fill_error(object, why) == E_OK)
        return object;
    json_decref(object);
    return NULL;
}

/* The point's own failure is in its answer; E is for what keeps it from answering. */
static status answer(interpreter *i, const json_t *request, const char *path, error *e)
{
    const char *folder, *line;
    int64_t run, asker;
    text notes = {0};
    error why = {0};
    TRY(field_text(request, "folder", &folder, e));
    TRY(field_text(request, "line", &line, e));
    TRY(field_integer(request, "run", 0, INT64_MAX, &run, e));
    TRY(field_integer(request, "asker", 1, INT32_MAX, &asker, e));
    if (getppid() != (pid_t)asker)
        return fail(e, E_STOPPED, "sweep: who asked for the point is no more");
    interpreter_set_outer_run(i, run);
    char *to = answer_path(path, e);
    table *rows = to ? table_new(e) : NULL;
    status s = rows ? session_load(interpreter_session(i), folder, e) : e->code;
    if (s == E_OK) {
        bool done = interpreter_capture(i, line, NULL, rows, &notes, &why) == E_OK;
        s = write_json(
            done ? sweep_outcome_json(rows, text_get(&notes)) : error_json(&why), to, e);
    }
    table_free(rows);
    text_clear(&notes);
    memory_free(to);
    return s;
}

status sweep_child_run(interpreter *i, const char *path, error *e)
{
#ifdef __linux__
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody else would read the answer */
#endif
    json_t *request = read_json(path, e);
    status s = request ? answer(i, request, path, e) : e->code;
    json_decref(request);
    return s;
}
