/* SPDX-License-Identifier: GPL-3.0-or-later
   autosave.c -- a session kept while it works: when it is due, what is unsaved, and what
   remains in the end.  Folders of other sessions are the business of autosave_list.c. */
#include "ui/autosave.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/process.h"
#include "base/random.h"
#include "session/folder.h"
#include "session/store.h"
#include "ui/autosave_parts.h"

/* Larger datasets are made again by their line of the history. */
#define DATASET_BYTES_MOST ((size_t)256 << 20)

struct autosave {
    const session *session;
    char *folder;
    char *inherited; /* a folder that goes with the next save; or NULL */
    char owner[PROCESS_NAME];
    store_memory known;
    uint64_t kept; /* the state that was kept; that of an empty session at first */
    bool written;
};

/* Of names, objects, variables and history. */
static uint64_t state_of(const session *s)
{
    const int64_t counts[] = {session_journal_count(s), session_variable_count(s),
                              (int64_t)session_seed(s)};
    uint64_t hash = random_hash(counts, sizeof counts, HASH_START);
    for (int64_t i = 0; i < session_count(s); i++) {
        const char *name = session_name(s, i, NULL);
        const int64_t serial = session_serial(s, name);
        hash = random_hash(name, (int64_t)strlen(name) + 1, hash);
        hash = random_hash(&serial, sizeof serial, hash);
    }
    return hash;
}

static char *name_folder(error *e)
{
    char when[32] = "";
    const time_t now = time(NULL);
    struct tm parts;
    char *all = autosave_folder(e);
    if (localtime_r(&now, &parts))
        strftime(when, sizeof when, "%Y%m%d-%H%M%S", &parts);
    char *folder = all ? memory_format(e, "%s/%s-%ld", all, when, (long)getpid()) : NULL;
    memory_free(all);
    return folder;
}

autosave *autosave_new(const session *s, error *e)
{
    autosave *a = memory_new(1, sizeof *a, e);
    if (!a)
        return NULL;
    a->session = s;
    a->kept = state_of(s);
    process_name(a->owner);
    a->known = (store_memory){.owner = a->owner, .most = DATASET_BYTES_MOST};
    a->folder = name_folder(e);
    if (a->folder) {
        autosave_clean();
        return a;
    }
    autosave_free(a);
    return NULL;
}

void autosave_free(autosave *a)
{
    if (!a)
        return;
    store_memory_clear(&a->known);
    memory_free(a->folder);
    memory_free(a->inherited);
    memory_free(a);
}

bool autosave_is_due(const autosave *a)
{
    return state_of(a->session) != a->kept;
}

static void drop_inherited(autosave *a)
{
    if (a->inherited)
        folder_remove(a->inherited);
    memory_free(a->inherited);
    a->inherited = NULL;
}

static void drop_own(autosave *a)
{
    if (a->written)
        folder_remove(a->folder);
    store_memory_clear(&a->known);
    a->written = false;
}

status autosave_now(autosave *a, error *e)
{
    const uint64_t state = state_of(a->session);
    if (autosave_unsaved(a->session) == 0) {
        drop_own(a);
        a->kept = state;
        return E_OK;
    }
    TRY(session_autosave(a->session, a->folder, &a->known, e));
    a->kept = state;
    a->written = true;
    drop_inherited(a);
    return E_OK;
}

/* A model that was only made is made again by its line. */
static bool is_result(const session *s, const char *name, object_kind kind)
{
    if (kind == OBJECT_TABLE)
        return true;
    const model *m = kind == OBJECT_MODEL ? session_get_model(s, name, NULL) : NULL;
    return m && (m->epoch_count > 0 || m->step_count > 1);
}

int64_t autosave_unsaved(const session *s)
{
    int64_t count = 0;
    for (int64_t i = 0; i < session_count(s); i++) {
        object_kind kind;
        const char *name = session_name(s, i, &kind);
        count += is_result(s, name, kind) && !session_is_kept(s, name);
    }
    return count;
}

void autosave_finish(autosave *a, text *out)
{
    const int64_t unsaved = autosave_unsaved(a->session);
    error e = {0};
    if (unsaved == 0) {
        drop_own(a);
        drop_inherited(a);
        return;
    }
    if ((autosave_is_due(a) || !a->written) && autosave_now(a, &e) != E_OK)
        text_addf(out, "lathe: unsaved results could not be kept: %s\n", e.text);
    else
        text_addf(out, "%lld unsaved result%s saved: 'session recover' gets %s back\n",
                  (long long)unsaved, unsaved > 1 ? "s are" : " is",
                  unsaved > 1 ? "them" : "it");
}

void autosave_inherit(autosave *a, const char *folder)
{
    char *all = autosave_folder(NULL);
    memory_free(a->inherited);
    a->inherited = NULL;
    if (all && text_starts(folder, all) && strcmp(folder, a->folder) != 0)
        a->inherited = memory_text(folder, NULL);
    memory_free(all);
}
