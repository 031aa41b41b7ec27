/* SPDX-License-Identifier: GPL-3.0-or-later
   state.c -- counted objects, lists of names and stacks of them.
   It knows no command and no rule about names. */
#include "session/state.h"

#include <string.h>
#include "base/memory.h"

/* ---- objects ---- */

static size_t tensor_bytes_of(const tensor *t)
{
    return t ? tensor_bytes(t) : 0;
}

static size_t model_bytes(const model *m)
{
    size_t bytes = 0;
    for (int i = 0; i < m->graph->parameter_count; i++) {
        const parameter *p = &m->graph->parameters[i];
        bytes += tensor_bytes_of(p->data) + tensor_bytes_of(p->mask) +
                 tensor_bytes_of(p->codes);
    }
    return bytes;
}

void object_release(object *o)
{
    if (!o || --o->references > 0)
        return;
    model_free(o->model);
    dataset_free(o->dataset);
    table_free(o->table);
    memory_free(o);
}

object *object_new(model *m, dataset *d, table *t, error *e)
{
    object *o = memory_new(1, sizeof *o, e);
    if (!o) {
        model_free(m);
        dataset_free(d);
        table_free(t);
        return NULL;
    }
    static int64_t serials;
    o->references = 1;
    o->serial = ++serials;
    o->kind = m ? OBJECT_MODEL : d ? OBJECT_DATASET : OBJECT_TABLE;
    o->model = m;
    o->dataset = d;
    o->table = t;
    o->bytes = m   ? model_bytes(m)
               : d ? dataset_bytes(d)
                   : (size_t)(t->row_count * t->column_count) * sizeof(cell);
    return o;
}

/* ---- states ---- */

void state_clear(state *s)
{
    for (int64_t i = 0; i < s->count; i++) {
        memory_free(s->entries[i].name);
        object_release(s->entries[i].object);
    }
    memory_free(s->entries);
    *s = (state){0};
}

status state_copy(state *to, const state *from, error *e)
{
    *to = (state){0};
    TRY(memory_grow((void **)&to->entries, &to->capacity, from->count, sizeof(entry), e));
    for (int64_t i = 0; i < from->count; i++) {
        char *name = memory_text(from->entries[i].name, e);
        if (!name) {
            state_clear(to);
            return E_MEMORY;
        }
        from->entries[i].object->references++;
        to->entries[to->count++] = (entry){name, from->entries[i].object};
    }
    return E_OK;
}

bool state_equal(const state *a, const state *b)
{
    bool equal = a->count == b->count;
    for (int64_t i = 0; equal && i < a->count; i++)
        equal = a->entries[i].object == b->entries[i].object &&
                strcmp(a->entries[i].name, b->entries[i].name) == 0;
    return equal;
}

/* Where NAME stands, or would stand. */
static int64_t state_place(const state *s, const char *name, bool *found)
{
    int64_t low = 0, high = s->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (strcmp(s->entries[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low < s->count && strcmp(s->entries[low].name, name) == 0;
    return low;
}

object *state_find(const state *s, const char *name)
{
    bool found;
    int64_t i = state_place(s, name, &found);
    return found ? s->entries[i].object : NULL;
}

void state_remove(state *s, const char *name)
{
    bool found;
    int64_t i = state_place(s, name, &found);
    if (!found)
        return;
    memory_free(s->entries[i].name);
    object_release(s->entries[i].object);
    s->count--;
    memmove(s->entries + i, s->entries + i + 1, (size_t)(s->count - i) * sizeof(entry));
}

status state_put(state *s, const char *name, object *o, error *e)
{
    bool found;
    int64_t i = state_place(s, name, &found);
    if (found) {
        object_release(s->entries[i].object);
        s->entries[i].object = o;
        return E_OK;
    }
    char *copy = memory_text(name, e);
    if (!copy || memory_grow((void **)&s->entries, &s->capacity, s->count + 1,
                             sizeof(entry), e) != E_OK) {
        memory_free(copy);
        object_release(o);
        return E_MEMORY;
    }
    memmove(s->entries + i + 1, s->entries + i, (size_t)(s->count - i) * sizeof(entry));
    s->entries[i] = (entry){copy, o};
    s->count++;
    return E_OK;
}

size_t state_count_bytes(const state *s, bool count)
{
    size_t bytes = 0;
    for (int64_t i = 0; i < s->count; i++) {
        object *o = s->entries[i].object;
        if (count && !o->counted)
            bytes += o->bytes;
        o->counted = count;
    }
    return bytes;
}

/* ---- stacks of steps ---- */

void step_clear(step *s)
{
    memory_free(s->command);
    state_clear(&s->state);
    *s = (step){0};
}

void stack_clear(stack *s)
{
    for (int64_t i = 0; i < s->count; i++)
        step_clear(&s->steps[i]);
    memory_free(s->steps);
    *s = (stack){0};
}

status stack_reserve(stack *s, error *e)
{
    return memory_grow((void **)&s->steps, &s->capacity, s->count + 1, sizeof(step), e);
}

void stack_push(stack *s, step top)
{
    s->steps[s->count++] = top;
}

step stack_pop(stack *s)
{
    step top = s->steps[--s->count];
    s->steps[s->count] = (step){0};
    return top;
}

void stack_drop_oldest(stack *s)
{
    step_clear(&s->steps[0]);
    s->count--;
    memmove(s->steps, s->steps + 1, (size_t)s->count * sizeof(step));
    s->steps[s->count] = (step){0};
}
