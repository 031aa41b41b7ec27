/* SPDX-License-Identifier: GPL-3.0-or-later
   autosave_list.c -- the folders that sessions left: which there are, whose they are, and
   which are too old.  It reads no object of theirs. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "session/folder.h"
#include "session/store.h"
#include "ui/autosave_parts.h"

enum { MOST = 10, DAYS = 30, DAY_SECONDS = 86400 };

/* A folder that was left, or is at work. */
typedef struct left {
    char *folder;
    time_t saved;
    bool running;
    store_summary summary;
} left;

typedef struct left_list {
    left *items;
    int64_t count, capacity;
} left_list;

static void clear(left_list *l)
{
    for (int64_t i = 0; i < l->count; i++) {
        memory_free(l->items[i].folder);
        store_summary_clear(&l->items[i].summary);
    }
    memory_free(l->items);
    *l = (left_list){0};
}

char *autosave_folder(error *e)
{
    char *state = file_state_folder(e);
    char *folder = state ? memory_format(e, "%s/autosave", state) : NULL;
    memory_free(state);
    return folder;
}

static int by_time(const void *a, const void *b)
{
    const left *x = a, *y = b;
    if (x->saved != y->saved)
        return x->saved < y->saved ? 1 : -1;
    return strcmp(y->folder, x->folder);
}

static void add(left_list *l, const char *all, const char *name)
{
    struct stat about;
    left one = {.folder = memory_format(NULL, "%s/%s", all, name)};
    char *manifest = memory_format(NULL, "%s/%s/manifest.json", all, name);
    const bool there = one.folder && manifest && stat(manifest, &about) == 0 &&
                       store_summarize(one.folder, &one.summary, NULL) == E_OK &&
                       memory_grow((void **)&l->items, &l->capacity, l->count + 1,
                                   sizeof *l->items, NULL) == E_OK;
    memory_free(manifest);
    if (!there) {
        memory_free(one.folder);
        store_summary_clear(&one.summary);
        return;
    }
    one.saved = about.st_mtime;
    one.running = !process_is_gone(one.summary.owner);
    l->items[l->count++] = one;
}

/* All of them, the latest first. */
static status gather(left_list *l, error *e)
{
    *l = (left_list){0};
    char *all = autosave_folder(e);
    if (!all)
        return e ? e->code : E_MEMORY;
    DIR *entries = opendir(all);
    for (struct dirent *d; entries && (d = readdir(entries));)
        if (d->d_name[0] != '.' && !strchr(d->d_name, '.'))
            add(l, all, d->d_name);
    if (entries)
        closedir(entries);
    memory_free(all);
    if (l->count > 0)
        qsort(l->items, (size_t)l->count, sizeof *l->items, by_time);
    return E_OK;
}

static const char *time_words(char buffer[32], time_t when)
{
    struct tm parts;
    buffer[0] = '\0';
    if (localtime_r(&when, &parts))
        strftime(buffer, 32, "%Y-%m-%d %H:%M", &parts);
    return buffer;
}

status autosave_list(table *out, error *e)
{
    left_list l;
    char when[32];
    TRY(gather(&l, e));
    for (int64_t i = 0; i < l.count; i++) {
        const left *one = &l.items[i];
        table_row(out);
        table_text(out, "folder", one->folder);
        table_text(out, "saved", time_words(when, one->saved));
        table_integer(out, "models", one->summary.models);
        table_integer(out, "datasets", one->summary.datasets);
        table_integer(out, "tables", one->summary.tables);
        table_integer(out, "commands", one->summary.commands);
        table_text(out, "state", one->running ? "running" : "left");
    }
    clear(&l);
    return table_ok(out, e);
}

char *autosave_latest(error *e)
{
    left_list l;
    char *latest = NULL;
    if (gather(&l, e) != E_OK)
        return NULL;
    for (int64_t i = 0; i < l.count && !latest; i++)
        if (!l.items[i].running)
            latest = memory_text(l.items[i].folder, e);
    clear(&l);
    return latest;
}

void autosave_clean(void)
{
    left_list l;
    int64_t idle = 0;
    const time_t now = time(NULL);
    if (gather(&l, NULL) != E_OK)
        return;
    for (int64_t i = 0; i < l.count; i++) {
        const left *one = &l.items[i];
        if (!one->running && (++idle > MOST || now - one->saved > DAYS * DAY_SECONDS))
            folder_remove(one->folder);
    }
    clear(&l);
}

/* When it was asked last; now from here on. */
static time_t told_before(void)
{
    struct stat about;
    time_t before = 0;
    char *all = autosave_folder(NULL);
    char *mark = all ? memory_format(NULL, "%s/.told", all) : NULL;
    if (mark && folder_exists(all)) {
        if (stat(mark, &about) == 0)
            before = about.st_mtime;
        const int descriptor = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (descriptor >= 0) {
            (void)futimens(descriptor, NULL);
            close(descriptor);
        }
    }
    memory_free(all);
    memory_free(mark);
    return before;
}

static void count(text *out, int64_t number, const char *what)
{
    if (number > 0)
        text_addf(out, "%s%lld %s%s", out->length > 0 ? ", " : "", (long long)number,
                  what, number > 1 ? "s" : "");
}

void autosave_tell(text *out)
{
    left_list l;
    char when[32];
    if (gather(&l, NULL) != E_OK)
        return;
    const time_t before = told_before();
    const left *latest = NULL;
    int64_t others = 0;
    for (int64_t i = 0; i < l.count; i++) {
        if (l.items[i].running || l.items[i].saved <= before)
            continue;
        others += latest != NULL;
        latest = latest ? latest : &l.items[i];
    }
    if (latest) {
        text what = {0};
        count(&what, latest->summary.models, "model");
        count(&what, latest->summary.datasets, "dataset");
        count(&what, latest->summary.tables, "table");
        text_addf(
            out, "unsaved session of %s (autosave, %s): 'session recover' gets it back\n",
            time_words(when, latest->saved), text_get(&what));
        if (others > 0)
            text_addf(out, "%lld more: 'session list'\n", (long long)others);
        text_clear(&what);
    }
    clear(&l);
}
