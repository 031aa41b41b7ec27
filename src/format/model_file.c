/* SPDX-License-Identifier: GPL-3.0-or-later
   model_file.c -- a model as JSON and tensors: what is known about it, its graph, its
   parameters.  The container is safetensors.c, one parameter parameter_file.c
   and parameter_read.c. */
#include "format/model_file.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "format/field.h"
#include "format/graph_json.h"
#include "format/model_parts.h"

#define KEY            "lathe" /* of the metadata */
#define VERSION_KEY    "lathe_format"
#define VERSION        1
#define JSON_FLAGS     (JSON_COMPACT | JSON_REAL_PRECISION(17)) /* doubles read back */
#define TRANSFORM_MOST 16
#define CROP_MOST      65536

/* Not how long an epoch took: the same training gives the same file. */
static const attribute epoch_fields[] = {
    {"epoch", ATTR_INTEGER, offsetof(epoch_row, epoch)},
    {"train_loss", ATTR_REAL, offsetof(epoch_row, train_loss)},
    {"val_loss", ATTR_REAL, offsetof(epoch_row, val_loss)},
    {"learning_rate", ATTR_REAL, offsetof(epoch_row, learning_rate)},
    {"best", ATTR_FLAG, offsetof(epoch_row, best)},
    {NULL, ATTR_INTEGER, 0},
};

/* The metric that was monitored, where there was one: files that are older have none. */
static status put_score(json_t *row, const epoch_row *epoch, error *e)
{
    if (!epoch->metric[0])
        return E_OK;
    TRY(field_put(row, "metric", json_string(epoch->metric), e));
    return field_put(row, "score", field_from_real(epoch->score), e);
}

static status get_score(const json_t *row, epoch_row *epoch, error *e)
{
    const char *name;
    epoch->score = NAN;
    if (!json_object_get(row, "metric"))
        return E_OK;
    TRY(field_text(row, "metric", &name, e));
    const size_t length = strlen(name);
    if (length == 0 || length >= sizeof epoch->metric ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != length)
        return fail(e, E_FORMAT, "the field 'metric' holds no name of a metric");
    memcpy(epoch->metric, name, length + 1);
    return field_real(row, "score", &epoch->score, e);
}

static const char *const transform_names[] = {[TRANSFORM_NONE] = "none",
                                              [TRANSFORM_LOG] = "log",
                                              [TRANSFORM_NORMALIZE] = "normalize",
                                              [TRANSFORM_BLOCK_LOG] = "block-log"};

/* ---- writing ---- */

static status put_transform(json_t *object, const transform *t, error *e)
{
    json_t *fields = field_put_object(object, "input_transform", e);
    if (!fields)
        return E_MEMORY;
    TRY(field_put(fields, "kind", json_string(transform_names[t->kind]), e));
    TRY(field_put(fields, "epsilon", field_from_real(t->epsilon), e));
    if (t->height > 0) { /* left out where there is none, as in older files */
        TRY(field_put(fields, "height", json_integer(t->height), e));
        TRY(field_put(fields, "width", json_integer(t->width), e));
    }
    json_t *mean = field_put_array(fields, "mean", e);
    json_t *deviation = mean ? field_put_array(fields, "deviation", e) : NULL;
    if (!deviation)
        return E_MEMORY;
    for (int c = 0; c < t->channels; c++) {
        TRY(field_append(mean, field_from_real(t->mean[c]), e));
        TRY(field_append(deviation, field_from_real(t->deviation[c]), e));
    }
    return E_OK;
}

static const attribute augment_fields[] = {
    {"crop", ATTR_INTEGER, offsetof(augmentation, crop)},
    {"flip_x", ATTR_FLAG, offsetof(augmentation, flip_x)},
    {"flip_y", ATTR_FLAG, offsetof(augmentation, flip_y)},
    {"turn", ATTR_FLAG, offsetof(augmentation, turn)},
    {NULL, ATTR_INTEGER, 0},
};

/* Left out where there is none, as in files that are older than it. */
static status put_augmentation(json_t *object, const augmentation *a, error *e)
{
    if (augmentation_is_none(a))
        return E_OK;
    json_t *fields = field_put_object(object, "augment", e);
    return fields ? fields_put(fields, augment_fields, a, e) : E_MEMORY;
}

static status put_history(json_t *object, const model *m, error *e)
{
    json_t *epochs = field_put_array(object, "epochs", e);
    json_t *steps = epochs ? field_put_array(object, "steps", e) : NULL;
    if (!steps)
        return E_MEMORY;
    for (int64_t i = 0; i < m->epoch_count; i++) {
        json_t *row = field_append_object(epochs, e);
        TRY(row ? fields_put(row, epoch_fields, &m->epochs[i], e) : E_MEMORY);
        TRY(put_score(row, &m->epochs[i], e));
    }
    for (int64_t i = 0; i < m->step_count; i++) {
        json_t *row = field_append_object(steps, e);
        if (!row)
            return E_MEMORY;
        TRY(field_put(row, "command", field_from_text(m->steps[i].command), e));
        TRY(field_put(row, "summary", field_from_text(m->steps[i].summary), e));
        TRY(field_put(row, "hash", field_from_unsigned(m->steps[i].hash), e));
    }
    return E_OK;
}

static const parameter *twin_of(const model *twin, int i)
{
    return twin && i < twin->graph->parameter_count ? &twin->graph->parameters[i] : NULL;
}

status model_put(const model *m, const model *twin, const char *prefix, json_t *object,
                 safetensors_layout *l, error *e)
{
    TRY(field_put(object, VERSION_KEY, json_integer(VERSION), e));
    TRY(field_put(object, "architecture", field_from_text(m->architecture), e));
    TRY(field_put(object, "options", field_from_text(m->options), e));
    TRY(field_put(object, "seed", field_from_unsigned(m->seed), e));
    TRY(put_transform(object, &m->input_transform, e));
    TRY(put_augmentation(object, &m->augment, e));
    TRY(put_history(object, m, e));
    json_t *graph = field_put_object(object, "graph", e);
    if (!graph)
        return E_MEMORY;
    TRY(graph_to_json(m->graph, graph, e));
    json_t *list = json_object_get(graph, "parameters");
    for (int i = 0; i < m->graph->parameter_count; i++)
        TRY(parameter_put(&m->graph->parameters[i], twin_of(twin, i), prefix,
                          json_array_get(list, (size_t)i), l, e));
    return E_OK;
}

status layout_finish(safetensors_layout *l, const char *key, const json_t *object,
                     error *e)
{
    char *dump = json_dumps(object, JSON_FLAGS);
    l->key = key;
    l->words = dump ? memory_text(dump, e) : NULL;
    free(dump);
    return l->words ? E_OK : fail(e, E_MEMORY, "json: no room for the metadata");
}

/* What would be in the file of M; L refers to M. */
static status make_layout(const model *m, safetensors_layout *l, error *e)
{
    json_t *object = json_object();
    *l = (safetensors_layout){0};
    status s = object ? model_put(m, NULL, "", object, l, e)
                      : fail(e, E_MEMORY, "json: no room for a model");
    if (!s)
        s = layout_finish(l, KEY, object, e);
    json_decref(object);
    if (s)
        safetensors_layout_clear(l);
    return s;
}

status model_write(const model *m, const char *path, error *e)
{
    safetensors_layout l;
    TRY(make_layout(m, &l, e));
    status s = safetensors_write(&l, path, e);
    safetensors_layout_clear(&l);
    return s;
}

int64_t model_file_bytes(const model *m, error *e)
{
    safetensors_layout l;
    int64_t bytes = -1;
    if (make_layout(m, &l, e))
        return -1;
    status s = safetensors_bytes(&l, &bytes, e);
    safetensors_layout_clear(&l);
    return s ? -1 : bytes;
}

/* ---- reading ---- */

status check_version(const json_t *object, const char *key, int newest, error *e)
{
    int64_t version;
    TRY(field_integer(object, key, 1, INT64_MAX, &version, e));
    if (version <= newest)
        return E_OK;
    fail(e, E_FORMAT, "it is of version %lld, this program reads up to %d",
         (long long)version, newest);
    return fail_hint(e, "a newer lathe reads it");
}

static status get_numbers(const json_t *object, const char *key, double *numbers,
                          int *count, error *e)
{
    json_t *list;
    TRY(field_array(object, key, &list, e));
    size_t size = json_array_size(list);
    if (size > TRANSFORM_MOST)
        return fail(e, E_FORMAT, "the field '%s' has %zu numbers, wanted at most %d", key,
                    size, TRANSFORM_MOST);
    for (size_t i = 0; i < size; i++) {
        if (!json_is_number(json_array_get(list, i)))
            return fail(e, E_FORMAT, "the field '%s' holds something that is no number",
                        key);
        numbers[i] = json_number_value(json_array_get(list, i));
    }
    *count = (int)size;
    return E_OK;
}

static status get_transform(const json_t *object, transform *t, error *e)
{
    json_t *fields;
    int kind, deviations;
    TRY(field_object(object, "input_transform", &fields, e));
    TRY(field_word(fields, "kind", transform_names, TRANSFORM_BLOCK_LOG + 1, &kind, e));
    t->kind = (transform_kind)kind;
    TRY(field_real(fields, "epsilon", &t->epsilon, e));
    if (json_object_get(fields, "height")) {
        TRY(field_integer(fields, "height", 1, TRANSFORM_SIDE_MOST, &t->height, e));
        TRY(field_integer(fields, "width", 1, TRANSFORM_SIDE_MOST, &t->width, e));
    }
    TRY(get_numbers(fields, "mean", t->mean, &t->channels, e));
    TRY(get_numbers(fields, "deviation", t->deviation, &deviations, e));
    if (deviations != t->channels)
        return fail(e, E_FORMAT, "the input transform has %d means and %d deviations",
                    t->channels, deviations);
    return E_OK;
}

static status get_step(const json_t *row, step_row *s, error *e)
{
    const char *command, *summary;
    TRY(field_text(row, "command", &command, e));
    TRY(field_text(row, "summary", &summary, e));
    TRY(field_unsigned(row, "hash", &s->hash, e));
    s->command = memory_text(command, e);
    s->summary = s->command ? memory_text(summary, e) : NULL;
    return s->summary ? E_OK : E_MEMORY;
}

static status get_history(const json_t *object, model *m, error *e)
{
    json_t *epochs, *steps;
    TRY(field_array(object, "epochs", &epochs, e));
    TRY(field_array(object, "steps", &steps, e));
    for (size_t i = 0; i < json_array_size(epochs); i++) {
        epoch_row row = {.seconds = NAN};
        TRY(fields_get(json_array_get(epochs, i), epoch_fields, INT64_MAX, &row, e));
        TRY(get_score(json_array_get(epochs, i), &row, e));
        TRY(model_add_epoch(m, row, e));
    }
    int64_t count = (int64_t)json_array_size(steps);
    TRY(memory_grow((void **)&m->steps, &m->step_capacity, count, sizeof *m->steps, e));
    while (m->step_count < count) {
        const json_t *row = json_array_get(steps, (size_t)m->step_count);
        TRY(get_step(row, &m->steps[m->step_count++], e));
    }
    return E_OK;
}

static status get_words(const json_t *object, const char *key, char **to, error *e)
{
    const char *words;
    TRY(field_text(object, key, &words, e));
    memory_free(*to);
    *to = memory_text(words, e);
    return *to ? E_OK : E_MEMORY;
}

static status get_graph(const safetensors *f, const json_t *object, const model *twin,
                        const char *prefix, graph *g, error *e)
{
    const json_t *list = json_object_get(json_object_get(object, "graph"), "parameters");
    for (int i = 0; i < g->parameter_count; i++)
        TRY(parameter_get(f, json_array_get(list, (size_t)i), twin_of(twin, i), prefix,
                          &g->parameters[i], e));
    return graph_json_check(g, e);
}

static status get_annotations(const json_t *object, model *m, error *e)
{
    TRY(get_words(object, "architecture", &m->architecture, e));
    TRY(get_words(object, "options", &m->options, e));
    TRY(field_unsigned(object, "seed", &m->seed, e));
    TRY(get_transform(object, &m->input_transform, e));
    const json_t *augment = json_object_get(object, "augment");
    if (augment)
        TRY(fields_get(augment, augment_fields, CROP_MOST, &m->augment, e));
    return get_history(object, m, e);
}

model *model_get(const safetensors *f, const json_t *object, const model *twin,
                 const char *prefix, error *e)
{
    json_t *structure;
    if (check_version(object, VERSION_KEY, VERSION, e) ||
        field_object(object, "graph", &structure, e))
        return NULL;
    graph *g = graph_from_json(structure, e);
    model *m = g ? model_new(g, e) : NULL;
    if (m &&
        (get_graph(f, object, twin, prefix, g, e) || get_annotations(object, m, e))) {
        model_free(m);
        return NULL;
    }
    return m;
}

json_t *metadata_object(const safetensors *f, const char *key, const char *who, error *e)
{
    json_error_t wrong;
    const char *words = safetensors_metadata(f, key);
    if (!words) {
        fail(e, E_FORMAT, "%s: a safetensors file, but without '%s' in its metadata", who,
             key);
        return NULL;
    }
    json_t *object = json_loads(words, JSON_REJECT_DUPLICATES, &wrong);
    if (json_is_object(object))
        return object;
    json_decref(object);
    fail(e, E_FORMAT, "%s: its metadata '%s' are no JSON object: %s", who, key,
         wrong.text);
    return NULL;
}

/* Takes F, which may be NULL after a failure. */
static model *read_model(safetensors *f, const char *who, error *e)
{
    json_t *object = f ? metadata_object(f, KEY, who, e) : NULL;
    model *m = object ? model_get(f, object, NULL, "", e) : NULL;
    if (object && !m)
        fail_prefix(e, "%s", who);
    json_decref(object);
    safetensors_free(f);
    return m;
}

model *model_read(const char *path, error *e)
{
    return read_model(safetensors_read(path, e), path, e);
}

model *model_parse(const void *bytes, size_t length, const char *who, error *e)
{
    return read_model(safetensors_parse(bytes, length, who, e), who, e);
}

model *model_roundtrip(const model *m, int64_t *bytes, error *e)
{
    struct stat about;
    char *path = file_temporary(".safetensors", e);
    if (!path)
        return NULL;
    model *back = model_write(m, path, e) ? NULL : model_read(path, e);
    if (back && stat(path, &about)) {
        fail(e, E_FILE, "%s: cannot be looked at", path);
        model_free(back);
        back = NULL;
    }
    if (back)
        *bytes = (int64_t)about.st_size;
    unlink(path);
    memory_free(path);
    return back;
}
