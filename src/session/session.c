/* SPDX-License-Identifier: GPL-3.0-or-later
   session.c -- names for models, datasets and tables, with undo, variables and journal.
   It reads no file and knows no command.

   A stored object is never changed, so a state of the session is a list of names that
   point at counted objects (state.h); undo keeps such lists. */
#include "session/session.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>
#include "base/memory.h"
#include "base/text.h"
#include "session/state.h"

enum { UNDO_STEPS_MAX = 200, NAME_MAX_LENGTH = 63 };

typedef struct variable {
    char *name, *words;
} variable;

struct session {
    uint64_t seed;
    state now;
    stack undo, redo;
    stack open;   /* brackets that have begun, the outermost first */
    char *answer; /* the command that undo or redo named last */
    variable *variables;
    int64_t variable_count, variable_capacity;
    char **journal;
    int64_t journal_count, journal_capacity;
};

static const char *kind_name(object_kind kind)
{
    static const char *const names[] = {
        [OBJECT_NONE] = "nothing",
        [OBJECT_MODEL] = "model",
        [OBJECT_DATASET] = "dataset",
        [OBJECT_TABLE] = "table",
    };
    return names[kind];
}

/* ---- the session ---- */

session *session_new(uint64_t seed, error *e)
{
    session *s = memory_new(1, sizeof *s, e);
    if (s)
        s->seed = seed;
    return s;
}

void session_free(session *s)
{
    if (!s)
        return;
    state_clear(&s->now);
    stack_clear(&s->undo);
    stack_clear(&s->redo);
    stack_clear(&s->open);
    memory_free(s->answer);
    for (int64_t i = 0; i < s->variable_count; i++) {
        memory_free(s->variables[i].name);
        memory_free(s->variables[i].words);
    }
    memory_free(s->variables);
    for (int64_t i = 0; i < s->journal_count; i++)
        memory_free(s->journal[i]);
    memory_free(s->journal);
    memory_free(s);
}

uint64_t session_seed(const session *s)
{
    return s->seed;
}

void session_set_seed(session *s, uint64_t seed)
{
    s->seed = seed;
}

status session_check_name(const char *name, error *e)
{
    size_t length = strlen(name);
    if (length == 0 || length > NAME_MAX_LENGTH)
        return fail(e, E_NAME, "name '%.80s': %zu letters, want 1 to %d", name, length,
                    NAME_MAX_LENGTH);
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
            return fail(e, E_NAME,
                        "name '%.80s': a '%c', want letters, digits, '-', '_' and '.'",
                        name, *p);
    double number;
    if (text_to_real(name, &number))
        return fail(e, E_NAME, "name '%.80s': a number, want a word", name);
    if (name[0] == '.' || name[0] == '-')
        return fail(e, E_NAME, "name '%.80s': begins with '%c', want a letter or a digit",
                    name, name[0]);
    return E_OK;
}

/* The hint for a name that is not there. */
static void hint_name(const session *s, object_kind kind, const char *name, error *e)
{
    const char **names = memory_new(s->now.count, sizeof *names, NULL);
    if (!names)
        return;
    int64_t count = 0;
    for (int64_t i = 0; i < s->now.count; i++)
        if (kind == OBJECT_NONE || s->now.entries[i].object->kind == kind)
            names[count++] = s->now.entries[i].name;
    const char *near = text_nearest(name, names, count);
    if (near)
        fail_hint(e, "did you mean '%s'?", near);
    else if (count == 1)
        fail_hint(e, "there is '%s'", names[0]);
    else if (count > 0)
        fail_hint(e, "'list' shows what there is");
    memory_free(names);
}

static status no_such(const session *s, object_kind kind, const char *name, error *e)
{
    fail(e, E_NAME, "no %s '%.80s'",
         kind == OBJECT_NONE ? "model, dataset or table" : kind_name(kind), name);
    if (e)
        hint_name(s, kind, name, e);
    return E_NAME;
}

static const object *get_object(const session *s, object_kind kind, const char *name,
                                error *e)
{
    const object *o = state_find(&s->now, name);
    if (!o) {
        no_such(s, kind, name, e);
        return NULL;
    }
    if (o->kind != kind) {
        fail(e, E_NAME, "'%s' is a %s, want a %s", name, kind_name(o->kind),
             kind_name(kind));
        return NULL;
    }
    return o;
}

const model *session_get_model(const session *s, const char *name, error *e)
{
    const object *o = get_object(s, OBJECT_MODEL, name, e);
    return o ? o->model : NULL;
}

const dataset *session_get_dataset(const session *s, const char *name, error *e)
{
    const object *o = get_object(s, OBJECT_DATASET, name, e);
    return o ? o->dataset : NULL;
}

const table *session_get_table(const session *s, const char *name, error *e)
{
    const object *o = get_object(s, OBJECT_TABLE, name, e);
    return o ? o->table : NULL;
}

object_kind session_kind(const session *s, const char *name)
{
    const object *o = state_find(&s->now, name);
    return o ? o->kind : OBJECT_NONE;
}

status session_check_put(const session *s, const char *name, object_kind kind, error *e)
{
    TRY(session_check_name(name, e));
    object_kind there = session_kind(s, name);
    if (there == OBJECT_NONE || there == kind)
        return E_OK;
    fail(e, E_NAME, "'%s' is a %s, a %s cannot take its place", name, kind_name(there),
         kind_name(kind));
    return fail_hint(e, "choose another name, or 'drop %s' first", name);
}

/* Takes O, also on failure and where it is NULL already. */
static status put_object(session *s, const char *name, object *o, error *e)
{
    if (!o)
        return E_MEMORY;
    status result = session_check_put(s, name, o->kind, e);
    if (result != E_OK) {
        object_release(o);
        return result;
    }
    return state_put(&s->now, name, o, e);
}

status session_put_model(session *s, const char *name, model *m, error *e)
{
    return put_object(s, name, object_new(m, NULL, NULL, e), e);
}

status session_put_dataset(session *s, const char *name, dataset *d, error *e)
{
    return put_object(s, name, object_new(NULL, d, NULL, e), e);
}

status session_put_table(session *s, const char *name, table *t, error *e)
{
    return put_object(s, name, object_new(NULL, NULL, t, e), e);
}

status session_copy(session *s, const char *from, const char *to, error *e)
{
    object *o = state_find(&s->now, from);
    if (!o)
        return no_such(s, OBJECT_NONE, from, e);
    o->references++; /* objects never change: two names may point at one */
    return put_object(s, to, o, e);
}

status session_rename(session *s, const char *from, const char *to, error *e)
{
    TRY(session_copy(s, from, to, e));
    if (strcmp(from, to) != 0)
        state_remove(&s->now, from);
    return E_OK;
}

status session_drop(session *s, const char *name, error *e)
{
    if (!state_find(&s->now, name))
        return no_such(s, OBJECT_NONE, name, e);
    state_remove(&s->now, name);
    return E_OK;
}

int64_t session_serial(const session *s, const char *name)
{
    const object *o = state_find(&s->now, name);
    return o ? o->serial : 0;
}

void session_keep(session *s, const char *name)
{
    object *o = state_find(&s->now, name);
    if (o)
        o->kept = true;
}

bool session_is_kept(const session *s, const char *name)
{
    const object *o = state_find(&s->now, name);
    return o && o->kept;
}

int64_t session_count(const session *s)
{
    return s->now.count;
}

const char *session_name(const session *s, int64_t i, object_kind *kind)
{
    if (kind)
        *kind = s->now.entries[i].object->kind;
    return s->now.entries[i].name;
}

/* ---- undo ---- */

/* Bytes of the objects that only undo still holds. */
static size_t undo_bytes(const session *s)
{
    state_count_bytes(&s->now, true);
    size_t bytes = 0;
    for (int64_t i = 0; i < s->undo.count; i++)
        bytes += state_count_bytes(&s->undo.steps[i].state, true);
    for (int64_t i = 0; i < s->undo.count; i++)
        state_count_bytes(&s->undo.steps[i].state, false);
    state_count_bytes(&s->now, false);
    return bytes;
}

/* Undo may hold a quarter of the machine's memory; the latest step always stays. */
static void bound_undo(session *s)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t limit = pages > 0 && page > 0 ? (size_t)pages / 4 * (size_t)page : SIZE_MAX;
    while (s->undo.count > UNDO_STEPS_MAX || (s->undo.count > 1 && undo_bytes(s) > limit))
        stack_drop_oldest(&s->undo);
}

/* Everything that session_end will need is reserved here, since that cannot fail. */
status session_begin(session *s, const char *command, error *e)
{
    TRY(stack_reserve(&s->open, e));
    TRY(stack_reserve(&s->undo, e));
    step before = {.command = memory_text(command, e)};
    if (!before.command)
        return E_MEMORY;
    if (state_copy(&before.state, &s->now, e) != E_OK) {
        step_clear(&before);
        return E_MEMORY;
    }
    stack_push(&s->open, before);
    return E_OK;
}

bool session_end(session *s)
{
    if (s->open.count == 0)
        return false;
    step before = stack_pop(&s->open);
    bool changed = !state_equal(&before.state, &s->now);
    if (s->open.count > 0 || !changed) {
        step_clear(&before);
        return changed;
    }
    stack_push(&s->undo, before);
    stack_clear(&s->redo);
    bound_undo(s);
    return true;
}

bool session_is_changed(const session *s)
{
    const stack *open = &s->open;
    return open->count > 0 && !state_equal(&open->steps[open->count - 1].state, &s->now);
}

void session_rollback(session *s)
{
    if (s->open.count == 0)
        return;
    step before = stack_pop(&s->open);
    state_clear(&s->now);
    s->now = before.state;
    before.state = (state){0};
    step_clear(&before);
}

/* The top of FROM becomes the present, which goes on top of TO. */
static status step_over(session *s, stack *from, stack *to, const char *what,
                        const char **command, error *e)
{
    if (from->count == 0)
        return fail(e, E_NAME, "there is nothing to %s", what);
    TRY(stack_reserve(to, e));
    char *answer = memory_text(from->steps[from->count - 1].command, e);
    if (!answer)
        return E_MEMORY;
    step top = stack_pop(from);
    stack_push(to, (step){top.command, s->now});
    s->now = top.state;
    memory_free(s->answer);
    s->answer = answer;
    *command = answer;
    return E_OK;
}

status session_undo(session *s, const char **command, error *e)
{
    return step_over(s, &s->undo, &s->redo, "undo", command, e);
}

status session_redo(session *s, const char **command, error *e)
{
    return step_over(s, &s->redo, &s->undo, "redo", command, e);
}

int64_t session_undo_count(const session *s)
{
    return s->undo.count;
}

const char *session_undo_command(const session *s, int64_t i)
{
    return i >= 0 && i < s->undo.count ? s->undo.steps[s->undo.count - 1 - i].command
                                       : NULL;
}

const model *session_past_model(const session *s, const char *name, int64_t i)
{
    if (i < 0 || i >= s->undo.count)
        return NULL;
    const object *o = state_find(&s->undo.steps[s->undo.count - 1 - i].state, name);
    return o ? o->model : NULL;
}

void session_forget_undo(session *s)
{
    stack_clear(&s->undo);
    stack_clear(&s->redo);
}

/* ---- variables and journal ---- */

static variable *find_variable(const session *s, const char *name)
{
    for (int64_t i = 0; i < s->variable_count; i++)
        if (strcmp(s->variables[i].name, name) == 0)
            return &s->variables[i];
    return NULL;
}

static status check_variable_name(const char *name, error *e)
{
    bool good = isalpha((unsigned char)name[0]) || name[0] == '_';
    for (const char *p = name; *p; p++)
        good = good && (isalnum((unsigned char)*p) || *p == '_');
    if (!good || strlen(name) > NAME_MAX_LENGTH)
        return fail(
            e, E_NAME,
            "variable '%.80s': want a letter, then letters, digits and '_', %d at "
            "most",
            name, NAME_MAX_LENGTH);
    return E_OK;
}

status session_let(session *s, const char *name, const char *words, error *e)
{
    TRY(check_variable_name(name, e));
    TRY(memory_grow((void **)&s->variables, &s->variable_capacity, s->variable_count + 1,
                    sizeof(variable), e));
    char *value = memory_text(words, e);
    if (!value)
        return E_MEMORY;
    variable *v = find_variable(s, name);
    if (v) {
        memory_free(v->words);
        v->words = value;
        return E_OK;
    }
    char *copy = memory_text(name, e);
    if (!copy) {
        memory_free(value);
        return E_MEMORY;
    }
    s->variables[s->variable_count++] = (variable){copy, value};
    return E_OK;
}

const char *session_variable(const session *s, const char *name)
{
    const variable *v = find_variable(s, name);
    return v ? v->words : NULL;
}

int64_t session_variable_count(const session *s)
{
    return s->variable_count;
}

const char *session_variable_name(const session *s, int64_t i)
{
    return s->variables[i].name;
}

session *session_view(const session *s, error *e)
{
    session *view = session_new(s->seed, e);
    status result = view ? state_copy(&view->now, &s->now, e) : E_MEMORY;
    for (int64_t i = 0; result == E_OK && i < s->variable_count; i++)
        result = session_let(view, s->variables[i].name, s->variables[i].words, e);
    if (result == E_OK)
        return view;
    session_free(view);
    return NULL;
}

status session_journal_add(session *s, const char *line, error *e)
{
    TRY(memory_grow((void **)&s->journal, &s->journal_capacity, s->journal_count + 1,
                    sizeof(char *), e));
    char *copy = memory_text(line, e);
    if (!copy)
        return E_MEMORY;
    s->journal[s->journal_count++] = copy;
    return E_OK;
}

int64_t session_journal_count(const session *s)
{
    return s->journal_count;
}

const char *session_journal_line(const session *s, int64_t i)
{
    return s->journal[i];
}
