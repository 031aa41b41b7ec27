/* SPDX-License-Identifier: GPL-3.0-or-later
   store_parts.c -- the files of a session's folder and their checksums.  It knows no
   object. */
#include "session/store_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "ledger/ledger.h"

#define CHECKSUM "\"checksum\": \""

enum { CHUNK_BYTES = 1 << 20, HASH_DIGITS = 16 };

const char *const store_kinds[OBJECT_TABLE + 1] = {"", "model", "dataset", "table"};
const char *const store_endings[OBJECT_TABLE + 1] = {"", ".safetensors", ".npz",
                                                     ".table.json"};

int64_t store_mask_channels(const dataset *d)
{
    const shape s = d->mask ? tensor_shape(d->mask) : (shape){0};
    return d->mask ? s.dim[s.rank - 1] : 0;
}

char *store_path(const char *folder, const char *name, const char *ending, error *e)
{
    return memory_format(e, "%s/%s%s", folder, name, ending);
}

json_t *store_read_json(const char *folder, const char *name, const char *ending,
                        error *e)
{
    void *bytes;
    size_t length;
    json_error_t why;
    char *path = store_path(folder, name, ending, e);
    if (!path)
        return NULL;
    json_t *value = NULL;
    if (file_read(path, STORE_BYTES_MAX, &bytes, &length, e) == E_OK) {
        value = json_loadb(bytes, length, 0, &why);
        if (!value)
            fail(e, E_FORMAT, "%s: line %d: %s", path, why.line, why.text);
        memory_free(bytes);
    }
    memory_free(path);
    return value;
}

/* ---- checksums ---- */

status store_file_hash(const char *folder, const char *name, uint64_t *hash, error *e)
{
    char *path = store_path(folder, name, "", e);
    char *bytes = path ? memory_new_raw(CHUNK_BYTES, 1, e) : NULL;
    FILE *f = bytes ? fopen(path, "rbe") : NULL;
    *hash = HASH_START;
    for (size_t got; f && (got = fread(bytes, 1, CHUNK_BYTES, f)) > 0;)
        *hash = random_hash(bytes, (int64_t)got, *hash);
    status result = bytes ? E_OK : E_MEMORY;
    if (bytes && (!f || ferror(f)))
        result = fail(e, E_FILE, "%s: cannot be read: %s", path, strerror(errno));
    if (f)
        fclose(f);
    memory_free(bytes);
    memory_free(path);
    return result;
}

/* The digits of the manifest's own checksum in its WORDS, which is of the bytes with these
   as zeros; NULL where there are none. */
static char *find_checksum(char *words)
{
    char *found = strstr(words, CHECKSUM);
    return found && strlen(found) > sizeof CHECKSUM - 1 + HASH_DIGITS
               ? found + sizeof CHECKSUM - 1
               : NULL;
}

/* Is what WORDS say of themselves right?  The checksum becomes zeros. */
static bool is_whole(char *words, size_t length)
{
    char said[HASH_DIGITS + 1], is[HASH_DIGITS + 1];
    char *digits = strlen(words) == length ? find_checksum(words) : NULL;
    if (!digits)
        return false;
    memcpy(said, digits, HASH_DIGITS);
    said[HASH_DIGITS] = '\0';
    memset(digits, '0', HASH_DIGITS);
    return text_equal(said,
                      ledger_hash(is, random_hash(words, (int64_t)length, HASH_START)));
}

json_t *store_read_manifest(const char *folder, error *e)
{
    void *bytes;
    size_t length;
    char *path = store_path(folder, STORE_MANIFEST, "", e);
    if (!path)
        return NULL;
    json_t *value = NULL;
    if (file_read(path, STORE_BYTES_MAX, &bytes, &length, e) == E_OK) {
        value = json_loadb(bytes, length, 0, NULL);
        const json_t *version = json_object_get(value, STORE_VERSION_KEY);
        /* Version 1 had no checksums. */
        if (!(json_is_integer(version) && json_integer_value(version) == 1) &&
            !is_whole(bytes, length)) {
            json_decref(value);
            value = NULL;
        }
        if (!value)
            fail(e, E_FORMAT, "%s: is damaged, or no manifest of a session", path);
        memory_free(bytes);
    }
    memory_free(path);
    return value;
}

status store_write_words(const char *folder, const char *name, const char *words,
                         error *e)
{
    atomic_file f;
    char *path = store_path(folder, name, "", e);
    if (!path)
        return E_MEMORY;
    status result = atomic_open(&f, path, e);
    memory_free(path);
    TRY(result);
    fputs(words, f.stream); /* the commit asks ferror */
    return atomic_commit(&f, e);
}

status store_write_manifest(const char *folder, json_t *value, error *e)
{
    char hash[HASH_DIGITS + 1];
    char *words = value ? json_dumps(value, JSON_INDENT(1)) : NULL;
    json_decref(value);
    char *digits = words ? find_checksum(words) : NULL;
    status result = digits ? E_OK : fail(e, E_MEMORY, "memory: no room for the manifest");
    if (result == E_OK) {
        const int64_t length = (int64_t)strlen(words);
        memcpy(digits, ledger_hash(hash, random_hash(words, length, HASH_START)),
               HASH_DIGITS);
        result = store_write_words(folder, STORE_MANIFEST, words, e);
    }
    free(words);
    return result;
}
