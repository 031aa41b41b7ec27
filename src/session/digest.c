/* SPDX-License-Identifier: GPL-3.0-or-later
   digest.c -- hashes of what a session holds.  It reads no file and changes nothing. */
#include "session/digest.h"

#include <string.h>
#include "base/random.h"

uint64_t digest_dataset(const dataset *d)
{
    uint64_t hash = tensor_hash(d->input, HASH_START);
    if (d->target)
        hash = tensor_hash(d->target, hash);
    if (d->mask)
        hash = tensor_hash(d->mask, hash);
    if (d->group)
        hash = random_hash(d->group, d->count * (int64_t)sizeof *d->group, hash);
    return random_hash(d->split, d->count, hash);
}

/* The bytes of COUNT samples of T, of N, evenly spaced. */
static uint64_t add_samples(const tensor *t, int64_t n, int64_t count, uint64_t hash)
{
    const shape s = tensor_shape(t);
    const int64_t bytes = (int64_t)tensor_bytes(t) / n;
    const char *data = tensor_data(t);
    hash = random_hash(s.dim, s.rank * (int64_t)sizeof *s.dim, hash);
    for (int64_t i = 0; i < count; i++)
        hash = random_hash(data + i * n / count * bytes, bytes, hash);
    return hash;
}

uint64_t digest_glance(const dataset *d)
{
    if (dataset_bytes(d) <= DIGEST_BYTES_MOST || d->count <= DIGEST_SAMPLES_MOST)
        return digest_dataset(d);
    uint64_t hash = add_samples(d->input, d->count, DIGEST_SAMPLES_MOST, HASH_START);
    if (d->target && d->target != d->input)
        hash = add_samples(d->target, d->count, DIGEST_SAMPLES_MOST, hash);
    if (d->mask)
        hash = add_samples(d->mask, d->count, DIGEST_SAMPLES_MOST, hash);
    if (d->group)
        hash = random_hash(d->group, d->count * (int64_t)sizeof *d->group, hash);
    return random_hash(d->split, d->count, hash);
}

static uint64_t add_words(const char *words, uint64_t hash)
{
    return words ? random_hash(words, (int64_t)strlen(words) + 1, hash) : hash;
}

/* The steps name what was done to it beside its numbers, as the transform of its input. */
static uint64_t digest_model(const model *m)
{
    const uint64_t graph = graph_hash(m->graph);
    uint64_t hash = random_hash(&graph, sizeof graph, HASH_START);
    hash = add_words(m->architecture, add_words(m->options, hash));
    for (int64_t i = 0; i < m->step_count; i++)
        hash = add_words(m->steps[i].command, hash);
    return hash;
}

static uint64_t digest_table(const table *t)
{
    uint64_t hash = HASH_START;
    for (int64_t k = 0; k < t->column_count; k++)
        hash = add_words(t->columns[k], hash);
    for (int64_t i = 0; i < t->row_count * t->column_count; i++) {
        const cell *c = &t->cells[i];
        const double numbers[] = {(double)c->kind, (double)c->integer, c->real,
                                  c->flag ? 1 : 0};
        hash = add_words(c->kind == CELL_TEXT ? c->words : NULL,
                         random_hash(numbers, sizeof numbers, hash));
    }
    return hash;
}

static status digest_object(const session *s, const char *name, object_kind kind,
                            uint64_t *own, error *e)
{
    const model *m = kind == OBJECT_MODEL ? session_get_model(s, name, e) : NULL;
    const dataset *d = kind == OBJECT_DATASET ? session_get_dataset(s, name, e) : NULL;
    const table *t = kind == OBJECT_TABLE ? session_get_table(s, name, e) : NULL;
    if (!m && !d && !t)
        return e->code;
    *own = m ? digest_model(m) : d ? digest_dataset(d) : digest_table(t);
    return E_OK;
}

status digest_session(const session *s, uint64_t *digest, error *e)
{
    const uint64_t seed = session_seed(s);
    uint64_t hash = random_hash(&seed, sizeof seed, HASH_START);
    for (int64_t i = 0; i < session_count(s); i++) {
        object_kind kind;
        const char *name = session_name(s, i, &kind);
        uint64_t own = 0;
        TRY(digest_object(s, name, kind, &own, e));
        hash = random_hash(&own, sizeof own, add_words(name, hash));
    }
    *digest = hash;
    return E_OK;
}
