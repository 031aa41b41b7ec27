/* SPDX-License-Identifier: GPL-3.0-or-later
   store.h -- a session as a folder: manifest.json, one file for each object, and the
   journal.  Written beside, then renamed: a reader finds the old or the new one whole. */
#ifndef LATHE_SESSION_STORE_H
#define LATHE_SESSION_STORE_H

#include <jansson.h>
#include "session/session.h"

status session_save(const session *s, const char *folder, error *e);

/* What stands in a folder that is saved to again and again: objects that are as they were
   there are not written again.  Fill owner and most; free with store_memory_clear, which
   forgets the objects. */
typedef struct store_item {
    int64_t serial;
    json_t *object; /* of the manifest */
} store_item;
typedef struct store_memory {
    const char *owner; /* the process (process.h) that keeps the folder; lent */
    size_t most;       /* bytes; larger datasets are left out; 0: none are */
    store_item *items;
    int64_t count, capacity;
} store_memory;
void store_memory_clear(store_memory *m);
/* session_save of the session that KNOWN is of; KNOWN may be NULL. */
status session_autosave(const session *s, const char *folder, store_memory *known,
                        error *e);

/* What the manifest of FOLDER says, without reading an object. */
typedef struct store_summary {
    int64_t models, datasets, tables, commands;
    char *owner; /* or NULL; the caller frees */
    char *
        left_out; /* names of datasets that were too large, by blanks; or NULL; the same */
} store_summary;
status store_summarize(const char *folder, store_summary *out, error *e);
void store_summary_clear(store_summary *s);

/* Everything is read and checked before anything of S changes; names are replaced. */
status session_load(session *s, const char *folder, error *e);

#endif
