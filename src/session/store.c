/* SPDX-License-Identifier: GPL-3.0-or-later
   store.c -- a session as a folder, written beside and exchanged as a whole.
   What an object's file holds is the business of the module that writes it; the manifest
   has what that file does not say, a hash of what it says, and one of its bytes. */
#include "session/store.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/field.h"
#include "format/model_file.h"
#include "session/digest.h"
#include "session/folder.h"
#include "session/table_json.h"
#include "session/store_parts.h"

/* ---- files ---- */

/* VALUE is taken; NULL: there was no memory for it. */
static status write_json(const char *folder, const char *name, json_t *value, error *e)
{
    char *words = value ? json_dumps(value, JSON_INDENT(1) | JSON_ENCODE_ANY) : NULL;
    json_decref(value);
    if (!words)
        return fail(e, E_MEMORY, "memory: no room for %s", name);
    status result = store_write_words(folder, name, words, e);
    free(words);
    return result;
}

/* ---- what the manifest says of a dataset ---- */

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
    TRY(field_put(object, "mask_channels", json_integer(store_mask_channels(d)), e));
    TRY(field_put(object, "facts", d->facts ? table_to_json(d->facts) : json_null(), e));
    TRY(put_classes(object, d, e));
    return field_put(object, "hash", field_from_unsigned(digest_dataset(d)), e);
}

/* ---- saving ---- */

/* What a save of FOLDER goes by. */
typedef struct saving {
    const session *session;
    const char *folder;  /* written to */
    const char *former;  /* where the files of KNOWN are */
    store_memory *known; /* NULL: everything is written */
} saving;

static status write_object(const session *s, const char *name, object_kind kind,
                           const char *folder, json_t *object, error *e)
{
    char *path = store_path(folder, name, store_endings[kind], e);
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
    uint64_t hash = 0;
    if (result == E_OK)
        result = store_file_hash(folder, path + strlen(folder) + 1, &hash, e);
    if (result == E_OK)
        result = field_put(object, "sum", field_from_unsigned(hash), e);
    memory_free(path);
    return result;
}

/* What the manifest said of the object when it was written last, now that its file is in
   the new folder, too; NULL where it must be written. */
static json_t *link_object(const saving *k, const char *name, object_kind kind)
{
    json_t *found = NULL;
    for (int64_t i = 0; k->known && i < k->known->count && !found; i++)
        if (k->known->items[i].serial == session_serial(k->session, name) &&
            text_equal(
                json_string_value(json_object_get(k->known->items[i].object, "name")),
                name))
            found = k->known->items[i].object;
    if (!found)
        return NULL;
    char *from = store_path(k->former, name, store_endings[kind], NULL);
    char *to = store_path(k->folder, name, store_endings[kind], NULL);
    const bool linked = from && to && link(from, to) == 0;
    memory_free(from);
    memory_free(to);
    return linked ? json_incref(found) : NULL;
}

static status save_object(const saving *k, int64_t i, json_t *objects, error *e)
{
    object_kind kind;
    const char *name = session_name(k->session, i, &kind);
    json_t *object = link_object(k, name, kind);
    if (object)
        return field_append(objects, object, e);
    object = field_append_object(objects, e);
    if (!object)
        return E_MEMORY;
    TRY(field_put(object, "name", field_from_text(name), e));
    TRY(field_put(object, "kind", json_string(store_kinds[kind]), e));
    return write_object(k->session, name, kind, k->folder, object, e);
}

static bool is_left_out(const saving *k, const char *name, object_kind kind)
{
    return k->known && k->known->most > 0 && kind == OBJECT_DATASET &&
           dataset_bytes(session_get_dataset(k->session, name, NULL)) > k->known->most;
}

static status save_objects(const saving *k, json_t *manifest, error *e)
{
    json_t *left_out = field_put_array(manifest, "left_out", e);
    json_t *objects = left_out ? field_put_array(manifest, "objects", e) : NULL;
    if (!objects)
        return E_MEMORY;
    for (int64_t i = 0; i < session_count(k->session); i++) {
        object_kind kind;
        const char *name = session_name(k->session, i, &kind);
        if (is_left_out(k, name, kind))
            TRY(field_append(left_out, field_from_text(name), e));
        else
            TRY(save_object(k, i, objects, e));
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

static status save_journal(const session *s, const char *folder, json_t *manifest,
                           error *e)
{
    text lines = {0};
    uint64_t hash = 0;
    for (int64_t i = 0; i < session_journal_count(s); i++)
        text_addf(&lines, "%s\n", session_journal_line(s, i));
    status result = text_ok(&lines, e);
    if (result == E_OK)
        result = store_write_words(folder, STORE_JOURNAL, text_get(&lines), e);
    text_clear(&lines);
    TRY(result);
    TRY(store_file_hash(folder, STORE_JOURNAL, &hash, e));
    TRY(field_put(manifest, "journal_sum", field_from_unsigned(hash), e));
    return field_put(manifest, "commands", json_integer(session_journal_count(s)), e);
}

static status fill_manifest(const saving *k, json_t *manifest, error *e)
{
    /* First: no other words can be taken for it. */
    TRY(field_put(manifest, "checksum", json_string("0000000000000000"), e));
    TRY(field_put(manifest, STORE_VERSION_KEY, json_integer(STORE_VERSION), e));
    if (k->known && k->known->owner)
        TRY(field_put(manifest, "owner", field_from_text(k->known->owner), e));
    TRY(field_put(manifest, "seed", field_from_unsigned(session_seed(k->session)), e));
    TRY(save_variables(k->session, manifest, e));
    TRY(save_objects(k, manifest, e));
    return save_journal(k->session, k->folder, manifest, e);
}

/* Remembers what MANIFEST says of its objects. */
static void remember(store_memory *m, const session *s, const json_t *manifest)
{
    json_t *objects = json_object_get(manifest, "objects");
    const int64_t count = (int64_t)json_array_size(objects);
    store_memory_clear(m);
    if (memory_grow((void **)&m->items, &m->capacity, count, sizeof *m->items, NULL) !=
        E_OK)
        return;
    for (int64_t i = 0; i < count; i++) {
        json_t *object = json_array_get(objects, (size_t)i);
        const char *name = json_string_value(json_object_get(object, "name"));
        m->items[m->count++] =
            (store_item){name ? session_serial(s, name) : 0, json_incref(object)};
    }
}

void store_memory_clear(store_memory *m)
{
    for (int64_t i = 0; i < m->count; i++)
        json_decref(m->items[i].object);
    memory_free(m->items);
    m->items = NULL;
    m->count = m->capacity = 0;
}

/* The manifest comes last: a folder that has one is whole. */
static status save_all(const saving *k, json_t **manifest, error *e)
{
    *manifest = json_object();
    if (!*manifest)
        return fail(e, E_MEMORY, "memory: no room for the manifest");
    TRY(fill_manifest(k, *manifest, e));
    return store_write_manifest(k->folder, json_incref(*manifest), e);
}

/* The files that the session of FOLDER is made of, each behind a line's end. */
static status list_files(const char *folder, text *files, error *e)
{
    json_t *objects, *manifest = store_read_manifest(folder, e);
    if (!manifest)
        return E_FORMAT;
    status result = field_array(manifest, "objects", &objects, e);
    text_add(files, "\n" STORE_MANIFEST "\n" STORE_JOURNAL "\n");
    for (size_t i = 0; result == E_OK && i < json_array_size(objects); i++) {
        const char *name;
        int kind;
        const json_t *object = json_array_get(objects, i);
        result = field_text(object, "name", &name, e);
        if (result == E_OK)
            result = field_word(object, "kind", store_kinds, OBJECT_TABLE + 1, &kind, e);
        if (result == E_OK)
            text_addf(files, "%s%s\n", name, store_endings[kind]);
    }
    json_decref(manifest);
    return result == E_OK ? text_ok(files, e) : result;
}

/* What is replaced is wholly ours, or the folder is left alone. */
static status check_replaceable(const char *folder, error *e)
{
    text files = {0};
    char *manifest = store_path(folder, STORE_MANIFEST, "", e);
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

status session_autosave(const session *s, const char *folder, store_memory *known,
                        error *e)
{
    json_t *manifest = NULL;
    if (file_exists(folder))
        TRY(check_replaceable(folder, e));
    folder_remove_orphans(folder);
    char *beside = folder_make_beside(folder, e);
    if (!beside)
        return e ? e->code : E_FILE;
    const saving k = {.session = s, .folder = beside, .former = folder, .known = known};
    status result = save_all(&k, &manifest, e);
    if (result == E_OK)
        result = folder_replace(beside, folder, e);
    if (result != E_OK)
        folder_remove(beside);
    else if (known)
        remember(known, s, manifest);
    json_decref(manifest);
    memory_free(beside);
    return result;
}

status session_save(const session *s, const char *folder, error *e)
{
    return session_autosave(s, folder, NULL, e);
}
