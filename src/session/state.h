/* SPDX-License-Identifier: GPL-3.0-or-later
   state.h -- what a session is made of: counted objects, sorted lists of names that point
   at them, and stacks of such lists.  For session.c alone. */
#ifndef LATHE_SESSION_STATE_H
#define LATHE_SESSION_STATE_H

#include <stdbool.h>
#include "session/session.h"

/* Something that has names; freed with the last of them. */
typedef struct object {
    int64_t references;
    object_kind kind;
    model *model;
    dataset *dataset;
    table *table;
    size_t bytes;
    int64_t serial; /* no other object ever has the same */
    bool kept;      /* it stands in a file of the user's */
    bool counted;   /* scratch of state_count_bytes */
} object;

typedef struct entry {
    char *name;
    object *object;
} entry;

typedef struct state {
    entry *entries; /* sorted by name */
    int64_t count, capacity;
} state;

/* Takes the one of the three that is not NULL, also on failure. */
object *object_new(model *m, dataset *d, table *t, error *e);
void object_release(object *o); /* gives one reference back; NULL is fine */

void state_clear(state *s);
status state_copy(state *to, const state *from, error *e);
bool state_equal(const state *a, const state *b); /* the same names of the same objects */
object *state_find(const state *s, const char *name);
/* Takes one reference of O, also on failure. */
status state_put(state *s, const char *name, object *o, error *e);
void state_remove(state *s, const char *name);
/* Bytes of the objects not yet COUNTed; false takes the marks away. */
size_t state_count_bytes(const state *s, bool count);

/* The state before (or, to be done again, after) a command. */
typedef struct step {
    char *command;
    state state;
} step;

typedef struct stack {
    step *steps; /* the last is the top */
    int64_t count, capacity;
} stack;

void step_clear(step *s);
void stack_clear(stack *s);
status stack_reserve(stack *s, error *e);
void stack_push(stack *s, step top); /* after stack_reserve: cannot fail */
step stack_pop(stack *s);
void stack_drop_oldest(stack *s);

#endif
