/* SPDX-License-Identifier: GPL-3.0-or-later
   store.c -- a session as a folder, written beside and exchanged as a whole.
   What an object's file holds is the business of the module that writes it; the manifest
   has what that file does not say, and a hash of what it says. */
#include "session/store.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "format/field.h"
#include "format/model_file.h"
#include "session/digest.h"
#include "session/folder.h"
#include "session/table_json.h"

#define KEY_VERSION    "lathe_session"
#define MANIFEST       "manifest.json"
#define JOURNAL        "journal.lathe"
#define JSON_BYTES_MAX ((size_t)1 << 31)

enum { VERSION = 1 };

static const char *const kinds[] = {"", "model", "dataset", "table"};
static const char *const endings[] = {"", ".safetensors", ".npz", ".table.json"};

/* ---- files ---- */

static char *path_in(const char *folder, const char *name, const char *ending, error *e)
{
    return memory_format(e, "%s/%s%s", folder, name, ending);
}

static status write_bytes(const char *folder, const char *name, const char *bytes,
                          error *e)
{
    atomic_file f;
    char *path = path_in(folder, name, "", e);
    if (!path)
        return E_MEMORY;
    status result = atomic_open(&f, path, e);
    memory_free(path);
    TRY(result);
    fputs(bytes, f.stream); /* the commit asks ferror */
    return atomic_commit(&f, e);
}

/* VALUE is taken; NULL: there was no memory for it. */
static status write_json(const char *folder, const char *name, json_t *value, error *e)
{
    char *words = value ? json_dumps(value, JSON_INDENT(1) | JSON_ENCODE_ANY) : NULL;
    json_decref(value);
    if (!words)
        return fail(e, E_MEMORY, "memory: no room for %s", name);
    status result = write_bytes(folder, name, words, e);
    free(words);
    return result;
}

static json_t *read_json(const char *folder, const char *name, const char *ending,
                         error *e)
{
    void *bytes;
    size_t length;
    json_error_t why;
    char *path = path_in(folder, name, ending, e);
    if (!path)
        return NULL;
    json_t *value = NULL;
    if (file_read(path, JSON_BYTES_MAX, &bytes, &length, e) == E_OK) {
        value = json_loadb(bytes, length, 0, &why);
        if (!value)
            fail(e, E_FORMAT, "%s: line %d: %s", path, why.line, why.text);
        memory_free(bytes);
    }
    memory_free(path);
    return value;
}

/* ---- what the manifest says of a dataset ---- */

static int64_t mask_channels(const dataset *d)
{
    const shape s = d->mask ? tensor_shape(d->mask) : (shape){0};
    return d->mask ? s.dim[s.rank - 1] : 0;
}

static status put_classes(json_t *object, const dataset *d, error *e)
{
    if (d->class_count == 0)
        return E_OK;
    TRY(field_put(object, "class_count", json_integer(d->class_count), e));
    json_t *names = d->class_names ? field_put_array(object, "class_names", e) : NULL;
    if (d->class_names && !names)
        return E_MEMORY;
    for (int64_t i = 0; names && i < d->class_count; i++)
        TRY(field_append(names, field_from_text(d->class_names[i]), e));
    return E_OK;
}

static status put_dataset(json_t *object, const dataset *d, error *e)
{
    TRY(field_put(object, "source", field_from_text(d->source), e));
    TRY(field_put(object, "origin", field_from_text(d->origin), e));
    TRY(field_put(object, "input_name", field_from_text(d->input_name), e));
    TRY(field_put(object, "target_name", field_from_text(d->target_name), e));
    TRY(field_put(object, "mask_channels", json_integer(mask_channels(d)), e));
    TRY(field_put(object, "facts", d->facts ? table_to_json(d->facts) : json_null(), e));
    TRY(put_classes(object, d, e));
    return field_put(object, "hash", field_from_unsigned(digest_dataset(d)), e);
}

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
    if (channels == 1 && mask_channels(d) > 1)
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

/* ---- saving ---- */

static status save_object(const session *s, int64_t i, const char *folder, json_t *object,
                          error *e)
{
    object_kind kind;
    const char *name = session_name(s, i, &kind);
    TRY(field_put(object, "name", field_from_text(name), e));
    TRY(field_put(object, "kind", json_string(kinds[kind]), e));
    char *path = path_in(folder, name, endings[kind], e);
    if (!path)
        return E_MEMORY;
    status result = E_OK;
    if (kind == OBJECT_MODEL) {
        const model *m = session_get_model(s, name, e);
        result = field_put(object, "hash", field_from_unsigned(graph_hash(m->graph)), e);
        if (result == E_OK)
            result = model_write(m, path, e);
    } else if (kind == OBJECT_DATASET) {
        const dataset *d = session_get_dataset(s, name, e);
        result = put_dataset(object, d, e);
        if (result == E_OK)
            result = dataset_write_npz(d, path, e);
    } else {
        result = write_json(folder, path + strlen(folder) + 1,
                            table_to_json(session_get_table(s, name, e)), e);
    }
    memory_free(path);
    return result;
}

static status save_objects(const session *s, const char *folder, json_t *manifest,
                           error *e)
{
    json_t *objects = field_put_array(manifest, "objects", e);
    if (!objects)
        return E_MEMORY;
    for (int64_t i = 0; i < session_count(s); i++) {
        json_t *object = field_append_object(objects, e);
        TRY(object ? save_object(s, i, folder, object, e) : E_MEMORY);
    }
    return E_OK;
}

static status save_variables(const session *s, json_t *manifest, error *e)
{
    json_t *variables = field_put_array(manifest, "variables", e);
    if (!variables)
        return E_MEMORY;
    for (int64_t i = 0; i < session_variable_count(s); i++) {
        const char *name = session_variable_name(s, i);
        json_t *one = field_append_object(variables, e);
        if (!one)
            return E_MEMORY;
        TRY(field_put(one, "name", field_from_text(name), e));
        TRY(field_put(one, "words", field_from_text(session_variable(s, name)), e));
    }
    return E_OK;
}

static status save_journal(const session *s, const char *folder, error *e)
{
    text lines = {0};
    for (int64_t i = 0; i < session_journal_count(s); i++)
        text_addf(&lines, "%s\n", session_journal_line(s, i));
    status result = text_ok(&lines, e);
    if (result == E_OK)
        result = write_bytes(folder, JOURNAL, text_get(&lines), e);
    text_clear(&lines);
    return result;
}

/* The manifest comes last: a folder that has one is whole. */
static status save_all(const session *s, const char *folder, error *e)
{
    json_t *manifest = json_object();
    if (!manifest)
        return fail(e, E_MEMORY, "memory: no room for the manifest");
    status result = field_put(manifest, KEY_VERSION, json_integer(VERSION), e);
    if (result == E_OK)
        result = field_put(manifest, "seed", field_from_unsigned(session_seed(s)), e);
    if (result == E_OK)
        result = save_variables(s, manifest, e);
    if (result == E_OK)
        result = save_objects(s, folder, manifest, e);
    if (result == E_OK)
        result = save_journal(s, folder, e);
    if (result == E_OK)
        return write_json(folder, MANIFEST, manifest, e);
    json_decref(manifest);
    return result;
}

/* The files that the session of FOLDER is made of, each behind a line's end. */
static status list_files(const char *folder, text *files, error *e)
{
    json_t *objects, *manifest = read_json(folder, MANIFEST, "", e);
    if (!manifest)
        return E_FORMAT;
    status result = field_array(manifest, "objects", &objects, e);
    text_add(files, "\n" MANIFEST "\n" JOURNAL "\n");
    for (size_t i = 0; result == E_OK && i < json_array_size(objects); i++) {
        const char *name;
        int kind;
        const json_t *object = json_array_get(objects, i);
        result = field_text(object, "name", &name, e);
        if (result == E_OK)
            result = field_word(object, "kind", kinds, OBJECT_TABLE + 1, &kind, e);
        if (result == E_OK)
            text_addf(files, "%s%s\n", name, endings[kind]);
    }
    json_decref(manifest);
    return result == E_OK ? text_ok(files, e) : result;
}

/* What is replaced is wholly ours, or the folder is left alone. */
static status check_replaceable(const char *folder, error *e)
{
    text files = {0};
    char *manifest = path_in(folder, MANIFEST, "", e);
    if (!manifest)
        return E_MEMORY;
    bool ours = file_exists(manifest);
    memory_free(manifest);
    status result = ours ? list_files(folder, &files, e) : E_OK;
    if (result == E_OK)
        result = folder_check_only(folder, text_get(&files), e);
    text_clear(&files);
    return result;
}

status session_save(const session *s, const char *folder, error *e)
{
    if (file_exists(folder))
        TRY(check_replaceable(folder, e));
    char *beside = folder_make_beside(folder, e);
    if (!beside)
        return e ? e->code : E_FILE;
    status result = save_all(s, beside, e);
    if (result == E_OK)
        result = folder_replace(beside, folder, e);
    if (result != E_OK)
        folder_remove(beside);
    memory_free(beside);
    return result;
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
    json_t *value = read_json(folder, name, endings[OBJECT_TABLE], e);
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
    TRY(field_word(object, "kind", kinds, OBJECT_TABLE + 1, &kind, e));
    char *path = path_in(folder, name, endings[kind], e);
    if (!path)
        return E_MEMORY;
    status result = kind == OBJECT_MODEL     ? read_model(r, i, object, path, e)
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
    r->manifest = read_json(folder, MANIFEST, "", e);
    if (!r->manifest)
        return e ? e->code : E_FORMAT;
    TRY(field_integer(r->manifest, KEY_VERSION, 1, INT32_MAX, &version, e));
    if (version > VERSION)
        return fail(e, E_FORMAT, "is of version %" PRId64 ", this lathe reads up to %d",
                    version, VERSION);
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
        return r->manifest ? fail_prefix(e, "%s/" MANIFEST, folder) : result;
    for (size_t i = 0; i < json_array_size(r->objects); i++)
        TRY(read_object(r, i, folder, e));
    char *path = path_in(folder, JOURNAL, "", e);
    if (!path)
        return E_MEMORY;
    result = file_read(path, JSON_BYTES_MAX, &r->journal, &r->journal_length, e);
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
