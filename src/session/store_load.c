/* SPDX-License-Identifier: GPL-3.0-or-later
   store_load.c -- a session's folder read and checked, and then given to a session.  It
   writes no file. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/field.h"
#include "format/model_file.h"
#include "session/digest.h"
#include "session/table_json.h"
#include "session/store_parts.h"

/* ---- what the manifest says of a dataset ---- */

static status take_words(const json_t *object, const char *key, char **words, error *e)
{
    const char *found = json_string_value(json_object_get(object, key));
    memory_free(*words);
    *words = found ? memory_text(found, e) : NULL;
    return found && !*words ? E_MEMORY : E_OK;
}

/* Classes that no sample of the file belongs to count, too. */
static status take_classes(const json_t *object, dataset *d, error *e)
{
    const json_t *names = json_object_get(object, "class_names");
    int64_t count = 0;
    if (json_object_get(object, "class_count"))
        TRY(field_integer(object, "class_count", 1, INT32_MAX, &count, e));
    if (count < d->class_count)
        return fail(e, E_FORMAT, "it has labels of %lld classes, not of %lld",
                    (long long)d->class_count, (long long)count);
    if (names && (count == 0 || json_array_size(names) != (size_t)count))
        return fail(e, E_FORMAT, "it has the names of %zu classes, not of %lld",
                    json_array_size(names), (long long)count);
    d->class_count = count;
    d->class_names = names ? memory_new(count, sizeof *d->class_names, e) : NULL;
    for (int64_t i = 0; d->class_names && i < count; i++) {
        const char *name = json_string_value(json_array_get(names, (size_t)i));
        if (!(d->class_names[i] = memory_text(name ? name : "", e)))
            return E_MEMORY;
    }
    return names && !d->class_names ? E_MEMORY : E_OK;
}

/* The published layout has a mask for each channel of the target, which may be copies. */
static status join_mask(dataset *d, error *e)
{
    shape s = tensor_shape(d->mask);
    int64_t channels = s.dim[s.rank - 1], pixels = shape_count(s) / channels;
    s.dim[s.rank - 1] = 1;
    tensor *one = tensor_new(DTYPE_U8, s, e);
    uint8_t *to = one ? tensor_write(one, e) : NULL;
    const uint8_t *from = tensor_data(d->mask);
    for (int64_t i = 0; to && i < pixels; i++)
        to[i] = from[i * channels];
    if (!to) {
        tensor_free(one);
        return E_MEMORY;
    }
    tensor_free(d->mask);
    d->mask = one;
    return E_OK;
}

static status take_dataset(const json_t *object, dataset *d, error *e)
{
    int64_t channels;
    uint64_t hash;
    TRY(take_words(object, "source", &d->source, e));
    TRY(take_words(object, "origin", &d->origin, e));
    TRY(take_words(object, "input_name", &d->input_name, e));
    TRY(take_words(object, "target_name", &d->target_name, e));
    TRY(field_integer(object, "mask_channels", 0, INT32_MAX, &channels, e));
    if (channels == 1 && store_mask_channels(d) > 1)
        TRY(join_mask(d, e));
    TRY(take_classes(object, d, e));
    const json_t *facts = json_object_get(object, "facts");
    table_free(d->facts);
    d->facts = NULL;
    if (!json_is_null(facts) && !(d->facts = table_from_json(facts, e)))
        return E_FORMAT;
    TRY(field_unsigned(object, "hash", &hash, e));
    if (hash != digest_dataset(d))
        return fail(e, E_FORMAT, "its arrays are not those that were saved");
    return dataset_check(d, e);
}

/* ---- loading ---- */

/* Everything that was read, before any of it is given to the session. */
typedef struct reading {
    json_t *manifest, *objects, *variables;
    uint64_t seed;
    model **models; /* [objects], NULL for others */
    dataset **datasets;
    table **tables;
    void *journal;
    size_t journal_length;
} reading;

static void reading_clear(reading *r)
{
    for (size_t i = 0; r->models && i < json_array_size(r->objects); i++)
        model_free(r->models[i]);
    for (size_t i = 0; r->datasets && i < json_array_size(r->objects); i++)
        dataset_free(r->datasets[i]);
    for (size_t i = 0; r->tables && i < json_array_size(r->objects); i++)
        table_free(r->tables[i]);
    memory_free(r->models);
    memory_free(r->datasets);
    memory_free(r->tables);
    memory_free(r->journal);
    json_decref(r->manifest);
}

/* Are the bytes of NAME those that OBJECT, or the manifest, says under KEY?  Version 1 says
   nothing. */
static status check_sum(const json_t *object, const char *key, const char *folder,
                        const char *name, error *e)
{
    uint64_t said, is;
    if (!json_object_get(object, key))
        return E_OK;
    TRY(field_unsigned(object, key, &said, e));
    TRY(store_file_hash(folder, name, &is, e));
    if (said == is)
        return E_OK;
    return fail(e, E_FORMAT, "%s/%s: is damaged: its bytes are not those that were saved",
                folder, name);
}

static status read_model(reading *r, size_t i, const json_t *object, const char *path,
                         error *e)
{
    uint64_t hash;
    TRY(field_unsigned(object, "hash", &hash, e));
    r->models[i] = model_read(path, e);
    if (!r->models[i])
        return E_FORMAT;
    if (graph_hash(r->models[i]->graph) != hash)
        return fail(e, E_FORMAT, "%s: is not the model that was saved", path);
    return E_OK;
}

static status read_dataset(reading *r, size_t i, const json_t *object, const char *path,
                           error *e)
{
    r->datasets[i] = dataset_read_npz(path, e);
    if (!r->datasets[i])
        return E_FORMAT;
    status result = take_dataset(object, r->datasets[i], e);
    return result == E_OK ? E_OK : fail_prefix(e, "%s", path);
}

static status read_table(reading *r, size_t i, const char *folder, const char *name,
                         error *e)
{
    json_t *value = store_read_json(folder, name, store_endings[OBJECT_TABLE], e);
    if (!value)
        return E_FORMAT;
    r->tables[i] = table_from_json(value, e);
    json_decref(value);
    return r->tables[i] ? E_OK : fail_prefix(e, "%s/%s", folder, name);
}

static status read_object(reading *r, size_t i, const char *folder, error *e)
{
    const char *name;
    int kind;
    const json_t *object = json_array_get(r->objects, i);
    TRY(field_text(object, "name", &name, e));
    TRY(session_check_name(name, e));
    TRY(field_word(object, "kind", store_kinds, OBJECT_TABLE + 1, &kind, e));
    char *path = store_path(folder, name, store_endings[kind], e);
    if (!path)
        return E_MEMORY;
    status result = check_sum(object, "sum", folder, path + strlen(folder) + 1, e);
    if (result == E_OK)
        result = kind == OBJECT_MODEL     ? read_model(r, i, object, path, e)
                 : kind == OBJECT_DATASET ? read_dataset(r, i, object, path, e)
                 : kind == OBJECT_TABLE   ? read_table(r, i, folder, name, e)
                                          : fail(e, E_FORMAT, "%s: has no kind", name);
    memory_free(path);
    return result;
}

static status check_variables(const reading *r, error *e)
{
    const char *words;
    for (size_t i = 0; i < json_array_size(r->variables); i++) {
        const json_t *one = json_array_get(r->variables, i);
        TRY(field_text(one, "name", &words, e));
        TRY(field_text(one, "words", &words, e));
    }
    return E_OK;
}

static status read_manifest(reading *r, const char *folder, error *e)
{
    int64_t version;
    r->manifest = store_read_manifest(folder, e);
    if (!r->manifest)
        return e ? e->code : E_FORMAT;
    TRY(field_integer(r->manifest, STORE_VERSION_KEY, 1, INT32_MAX, &version, e));
    if (version > STORE_VERSION)
        return fail(e, E_FORMAT, "is of version %" PRId64 ", this lathe reads up to %d",
                    version, STORE_VERSION);
    TRY(field_unsigned(r->manifest, "seed", &r->seed, e));
    TRY(field_array(r->manifest, "variables", &r->variables, e));
    TRY(check_variables(r, e));
    TRY(field_array(r->manifest, "objects", &r->objects, e));
    int64_t count = (int64_t)json_array_size(r->objects);
    r->models = memory_new(count, sizeof *r->models, e);
    r->datasets = memory_new(count, sizeof *r->datasets, e);
    r->tables = memory_new(count, sizeof *r->tables, e);
    return r->models && r->datasets && r->tables ? E_OK : E_MEMORY;
}

static status read_all(reading *r, const char *folder, error *e)
{
    status result = read_manifest(r, folder, e);
    if (result != E_OK)
        return r->manifest ? fail_prefix(e, "%s/" STORE_MANIFEST, folder) : result;
    for (size_t i = 0; i < json_array_size(r->objects); i++)
        TRY(read_object(r, i, folder, e));
    TRY(check_sum(r->manifest, "journal_sum", folder, STORE_JOURNAL, e));
    char *path = store_path(folder, STORE_JOURNAL, "", e);
    if (!path)
        return E_MEMORY;
    result = file_read(path, STORE_BYTES_MAX, &r->journal, &r->journal_length, e);
    memory_free(path);
    return result;
}

/* The parts are the session's now, also where it refused one. */
static status give_object(reading *r, size_t i, session *s, error *e)
{
    const char *name;
    TRY(field_text(json_array_get(r->objects, i), "name", &name, e));
    model *m = r->models[i];
    dataset *d = r->datasets[i];
    table *t = r->tables[i];
    r->models[i] = NULL;
    r->datasets[i] = NULL;
    r->tables[i] = NULL;
    if (m)
        return session_put_model(s, name, m, e);
    if (d)
        return session_put_dataset(s, name, d, e);
    return session_put_table(s, name, t, e);
}

static status give_journal(const reading *r, session *s, error *e)
{
    for (char *line = r->journal; line && *line;) {
        size_t length = strcspn(line, "\n");
        bool last = line[length] == '\0';
        line[length] = '\0';
        TRY(session_journal_add(s, line, e));
        line += length + !last;
    }
    return E_OK;
}

static status give_all(reading *r, session *s, error *e)
{
    bool fresh = session_count(s) == 0 && session_journal_count(s) == 0;
    for (size_t i = 0; i < json_array_size(r->objects); i++)
        TRY(give_object(r, i, s, e));
    for (size_t i = 0; i < json_array_size(r->variables); i++) {
        const char *name, *words;
        const json_t *one = json_array_get(r->variables, i);
        TRY(field_text(one, "name", &name, e));
        TRY(field_text(one, "words", &words, e));
        TRY(session_let(s, name, words, e));
    }
    if (fresh)
        TRY(give_journal(r, s, e));
    session_set_seed(s, r->seed);
    return E_OK;
}

status session_load(session *s, const char *folder, error *e)
{
    reading r = {0};
    status result = read_all(&r, folder, e);
    if (result == E_OK)
        result = give_all(&r, s, e);
    reading_clear(&r);
    return result;
}

/* ---- looking ---- */

static status summarize(const json_t *manifest, store_summary *out, error *e)
{
    json_t *objects;
    int64_t *const counts[] = {NULL, &out->models, &out->datasets, &out->tables};
    text names = {0};
    TRY(field_array(manifest, "objects", &objects, e));
    for (size_t i = 0; i < json_array_size(objects); i++) {
        int kind;
        TRY(field_word(json_array_get(objects, i), "kind", store_kinds, OBJECT_TABLE + 1,
                       &kind, e));
        if (counts[kind])
            ++*counts[kind];
    }
    out->commands = json_integer_value(json_object_get(manifest, "commands"));
    TRY(take_words(manifest, "owner", &out->owner, e));
    const json_t *left = json_object_get(manifest, "left_out");
    for (size_t i = 0; i < json_array_size(left); i++) {
        const char *name = json_string_value(json_array_get(left, i));
        text_addf(&names, "%s%s", i > 0 ? " " : "", name ? name : "");
    }
    if (names.length > 0)
        out->left_out = text_take(&names, e);
    return E_OK;
}

status store_summarize(const char *folder, store_summary *out, error *e)
{
    *out = (store_summary){0};
    json_t *manifest = store_read_manifest(folder, e);
    status result = manifest ? summarize(manifest, out, e) : E_FORMAT;
    json_decref(manifest);
    if (result != E_OK)
        store_summary_clear(out);
    return result;
}

void store_summary_clear(store_summary *s)
{
    memory_free(s->owner);
    memory_free(s->left_out);
    *s = (store_summary){0};
}
