/* SPDX-License-Identifier: GPL-3.0-or-later
   store_parts.h -- what writing and reading a session's folder share: names of its files,
   and checksums.  Others use store.h. */
#ifndef LATHE_SESSION_STORE_PARTS_H
#define LATHE_SESSION_STORE_PARTS_H

#include <jansson.h>
#include "session/store.h"

#define STORE_VERSION_KEY "lathe_session"
#define STORE_MANIFEST    "manifest.json"
#define STORE_JOURNAL     "journal.lathe"

#define STORE_BYTES_MAX ((size_t)1 << 31)

/* Version 2 has checksums. */
enum { STORE_VERSION = 2 };

/* By object_kind. */
extern const char *const store_kinds[OBJECT_TABLE + 1];
extern const char *const store_endings[OBJECT_TABLE + 1];

/* FOLDER/NAME with ENDING; the caller frees. */
char *store_path(const char *folder, const char *name, const char *ending, error *e);
status store_write_words(const char *folder, const char *name, const char *words,
                         error *e);
/* The hash of all bytes of the file NAME in FOLDER. */
status store_file_hash(const char *folder, const char *name, uint64_t *hash, error *e);
/* The manifest of FOLDER, whose own checksum is right; NULL with an error. */
json_t *store_read_manifest(const char *folder, error *e);
/* VALUE, which is taken (NULL: there was no memory for it), as the manifest of FOLDER. */
status store_write_manifest(const char *folder, json_t *value, error *e);
json_t *store_read_json(const char *folder, const char *name, const char *ending,
                        error *e);
/* How many channels the mask of D has; 0 without one. */
int64_t store_mask_channels(const dataset *d);

#endif
