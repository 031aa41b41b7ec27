/* SPDX-License-Identifier: GPL-3.0-or-later
   rows.c -- the columns that many commands share, measured on the file that holds a
   model.  It never prints and never estimates. */
#include "ui/command/rows.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "format/model_file.h"
#include "graph/operator.h"
#include "ledger/ledger.h"

#define NAMES_MAX 64

status artefact_make(const model *m, artefact *a, error *e)
{
    *a = (artefact){0};
    a->model = model_roundtrip(m, &a->bytes, e);
    return a->model ? E_OK : e->code;
}

void artefact_clear(artefact *a)
{
    model_free(a->model);
    *a = (artefact){0};
}

/* The fewest bits of any weight: 32 where nothing is quantized. */
static int64_t weight_bits(const graph *g)
{
    int bits = 32;
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        if (p->role == ROLE_WEIGHT && p->quantizer && p->quantizer->bits < bits)
            bits = p->quantizer->bits;
    }
    return bits;
}

status rows_put_model(table *t, const artefact *a, error *e)
{
    const model *m = a->model;
    const graph *g = m->graph;
    int64_t parameters = graph_parameter_count(g);
    int64_t nonzero = graph_nonzero(g);
    int64_t multiply_adds = graph_multiply_adds(g, g->input_shape, e);
    if (multiply_adds < 0)
        return e->code;
    table_text(t, "architecture", m->architecture);
    table_integer(t, "parameters", parameters);
    table_integer(t, "nonzero", nonzero);
    table_real(t, "sparsity",
               parameters > 0 ? 1.0 - (double)nonzero / (double)parameters : 0.0);
    table_integer(t, "bits", weight_bits(g));
    table_integer(t, "bytes", a->bytes);
    table_integer(t, "multiply_adds", multiply_adds);
    return E_OK;
}

char *rows_shape(char buffer[128], shape s)
{
    shape outside = s;
    for (int i = 0; i < s.rank; i++)
        outside.dim[(i + 1) % s.rank] = s.dim[i];
    return shape_text(buffer, outside);
}

static double valid_share(const dataset *d)
{
    if (!d->mask)
        return 1;
    const uint8_t *mask = tensor_data(d->mask);
    int64_t n = tensor_count(d->mask), invalid = 0;
    for (int64_t i = 0; i < n; i++)
        invalid += mask[i];
    return 1 - (double)invalid / (double)n;
}

static int compare_groups(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* -1 where there is no memory to count in. */
static int64_t group_count(const dataset *d)
{
    int64_t count = 0;
    int64_t *sorted = memory_new_raw(d->count, sizeof *sorted, NULL);
    if (!sorted)
        return -1;
    memcpy(sorted, d->group, (size_t)d->count * sizeof *sorted);
    qsort(sorted, (size_t)d->count, sizeof *sorted, compare_groups);
    for (int64_t i = 0; i < d->count; i++)
        count += i == 0 || sorted[i] != sorted[i - 1];
    memory_free(sorted);
    return count;
}

void rows_put_dataset(table *t, const char *name, const dataset *d)
{
    char words[128];
    table_text(t, "data", name);
    table_text(t, "source", d->source);
    table_integer(t, "samples", d->count);
    table_text(t, "input", rows_shape(words, dataset_input_shape(d)));
    if (d->target)
        table_text(t, "target", rows_shape(words, dataset_target_shape(d)));
    if (d->class_count > 0)
        table_integer(t, "classes", d->class_count);
    table_real(t, "valid", valid_share(d));
    if (d->group)
        table_integer(t, "groups", group_count(d));
    table_integer(t, "train", dataset_split_count(d, SPLIT_TRAIN));
    table_integer(t, "val", dataset_split_count(d, SPLIT_VAL));
    table_integer(t, "test", dataset_split_count(d, SPLIT_TEST));
    table_integer(t, "bytes", (int64_t)dataset_bytes(d));
}

status rows_sample_set(const call *c, const char *who, sample_set *on, error *e)
{
    on->batch = 0;
    on->name = option_words(&c->options, "data");
    on->split = split_find(option_words(&c->options, "split"));
    on->data = session_get_dataset(c->session, on->name, e);
    if (!on->data)
        return e->code;
    if (dataset_split_count(on->data, on->split) > 0)
        return E_OK;
    fail(e, E_RANGE, "%s: %s has no samples in split %s", who, on->name,
         split_name(on->split));
    return fail_hint(e, "divide it with 'split %s', or say split=all", on->name);
}

status rows_put_metrics(const call *c, const artefact *a, const sample_set *on,
                        const certainty *how, evaluation *v, error *e)
{
    evaluation local;
    if (!v)
        v = &local;
    TRY(evaluate(a->model, on->data, on->split, on->batch, how, c->task, v, NULL, e));
    table_text(c->rows, "data", on->name);
    table_text(c->rows, "split", split_name(on->split));
    table_integer(c->rows, "samples", v->samples);
    evaluation_put(v, c->rows);
    return E_OK;
}

status rows_keep(call *c, const char *name, model *m, const char *summary,
                 const sample_set *on, evaluation *v, error *e)
{
    artefact a = {0};
    status measured = E_OK;
    /* The step is part of the file: first it, then the measuring. */
    status s = model_add_step(m, c->line, summary, e);
    if (s == E_OK)
        s = artefact_make(m, &a, e);
    if (s == E_OK && on)
        measured = rows_put_metrics(c, &a, on, NULL, v, e);
    if (s == E_OK && measured != E_STOPPED)
        s = measured;
    if (s == E_OK)
        s = rows_put_model(c->rows, &a, e);
    artefact_clear(&a);
    if (s != E_OK) {
        model_free(m);
        return s;
    }
    s = session_put_model(c->session, name, m, e);
    return s == E_OK ? measured : s;
}

void rows_put_real(table *t, const char *column, double value)
{
    if (isfinite(value))
        table_real(t, column, value);
    else
        table_none(t, column);
}

status rows_unknown(const char *what, const char *word, const char *(*name_at)(int i),
                    error *e)
{
    const char *names[NAMES_MAX];
    int count = 0;
    text all = {0};
    while (count < NAMES_MAX && name_at(count)) {
        names[count] = name_at(count);
        text_addf(&all, "%s%s", count > 0 ? ", " : "", names[count]);
        count++;
    }
    const char *nearest = text_nearest(word, names, count);
    fail(e, E_NAME, "there is no %s '%.80s'", what, word);
    if (nearest)
        fail_hint(e, "did you mean '%s'?", nearest);
    else
        fail_hint(e, "there are: %s", text_get(&all));
    text_clear(&all);
    return E_NAME;
}

status rows_unused(const call *c, const char *who, const char *const *names,
                   const char *where, error *e)
{
    for (; *names; names++)
        if (option_given(&c->options, *names))
            return fail(e, E_USAGE, "%s: %s= has no meaning %s", who, *names, where);
    return E_OK;
}

status rows_put_digest(table *t, const char *path, error *e)
{
    unsigned char bytes[65536];
    uint64_t hash = HASH_START;
    char words[17];
    FILE *f = fopen(path, "rbe");
    if (!f)
        return fail(e, E_FILE, "%s: cannot be read again: %s", path, strerror(errno));
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, f)) > 0;)
        hash = random_hash(bytes, (int64_t)n, hash);
    bool failed = ferror(f) != 0;
    fclose(f);
    if (failed)
        return fail(e, E_FILE, "%s: cannot be read again", path);
    table_text(t, "digest", ledger_hash(words, hash));
    return E_OK;
}

void rows_note(call *c, const char *format, ...)
{
    char sentence[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    text_add(&c->notes, sentence);
    text_add(&c->notes, "\n");
}

void rows_note_methods(call *c, const char *name, const model *m)
{
    int unknown = 0;
    const node *first = NULL;
    for (int i = 0; i < m->graph->node_count; i++) {
        const node *n = &m->graph->nodes[i];
        if (!n->method || (n->op->methods && n->op->methods->knows(n->method)))
            continue;
        first = unknown++ ? first : n;
    }
    if (unknown > 0)
        rows_note(c,
                  "%s: %d nodes were tuned to methods that this lathe does not have "
                  "(%s: %s) and run as planned",
                  name, unknown, first->name, first->method);
}

uint64_t rows_seed(const call *c)
{
    const option_value *seed = option_get(&c->options, "seed");
    return seed->present ? (uint64_t)seed->integer : session_seed(c->session);
}

const char *rows_target(const call *c)
{
    const char *as = option_words(&c->options, "as");
    return as ? as : option_words(&c->options, "model");
}
