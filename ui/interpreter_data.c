/* SPDX-License-Identifier: GPL-3.0-or-later
   interpreter_data.c -- what the ledger keeps of the data that a command read or made.  A
   digest is taken of each dataset once. */
#include <string.h>

#include "base/memory.h"
#include "session/digest.h"
#include "ui/interpreter_parts.h"

uint64_t interpreter_data_digest(interpreter *i, const char *name)
{
    digests *known = &i->digests;
    const int64_t serial = session_serial(i->session, name);
    const dataset *d = session_get_dataset(i->session, name, NULL);
    for (int64_t k = 0; k < known->count; k++)
        if (known->items[k].serial == serial)
            return known->items[k].digest;
    const uint64_t digest = d ? digest_glance(d) : 0;
    if (d && memory_grow((void **)&known->items, &known->capacity, known->count + 1,
                         sizeof *known->items, NULL) == E_OK)
        known->items[known->count++] = (digest_row){serial, digest};
    return digest;
}

static void add(run *r, const char *role, const char *name, record_data *to)
{
    const dataset *d = session_get_dataset(r->i->session, name, NULL);
    if (!d || memory_grow((void **)&to->items, &to->capacity, to->count + 1,
                          sizeof *to->items, NULL) != E_OK)
        return;
    record_datum *one = &to->items[to->count];
    *one = (record_datum){.name = memory_text(name, NULL),
                          .source = memory_text(d->source ? d->source : "", NULL),
                          .origin = d->origin ? memory_text(d->origin, NULL) : NULL};
    one->facts = (ledger_data){
        .name = one->name ? one->name : "",
        .role = role,
        .digest = interpreter_data_digest(r->i, name),
        .source = one->source,
        .origin = one->origin,
        .samples = d->count,
        .train = dataset_split_count(d, SPLIT_TRAIN),
        .val = dataset_split_count(d, SPLIT_VAL),
        .test = dataset_split_count(d, SPLIT_TEST),
    };
    to->count++;
}

/* Whatever an option names, also where several names may stand. */
void record_data_inputs(run *r, record_data *to)
{
    const session *s = r->i->session;
    const option_set *o = &r->call.options;
    to->newest = 0;
    for (int64_t i = 0; i < session_count(s); i++) {
        const int64_t serial = session_serial(s, session_name(s, i, NULL));
        to->newest = serial > to->newest ? serial : to->newest;
    }
    for (int64_t i = 0; i < o->count; i++) {
        const option_value *v = &o->values[i];
        if (!v->present)
            continue;
        const bool one = v->row->kind == OPTION_DATASET ||
                         (v->row->kind == OPTION_WORD && !v->row->range);
        if (one && session_kind(s, v->words) == OBJECT_DATASET)
            add(r, v->row->name, v->words, to);
        for (int64_t k = 0; v->row->kind == OPTION_WORDS && k < v->count; k++)
            if (session_kind(s, v->items[k]) == OBJECT_DATASET)
                add(r, v->row->name, v->items[k], to);
    }
}

void record_data_outputs(run *r, record_data *to)
{
    const session *s = r->i->session;
    object_kind kind;
    for (int64_t i = 0; i < session_count(s); i++) {
        const char *name = session_name(s, i, &kind);
        if (kind == OBJECT_DATASET && session_serial(s, name) > to->newest)
            add(r, "output", name, to);
    }
}

void record_data_clear(record_data *d)
{
    for (int64_t i = 0; i < d->count; i++) {
        memory_free(d->items[i].name);
        memory_free(d->items[i].source);
        memory_free(d->items[i].origin);
    }
    memory_free(d->items);
    *d = (record_data){0};
}
