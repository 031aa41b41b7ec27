/* SPDX-License-Identifier: GPL-3.0-or-later
   folder.c -- a folder of files, replaced as a whole.  Their content is not its own. */
#include "session/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"

static status fail_system(error *e, const char *path, const char *action)
{
    return fail(e, E_FILE, "%s: cannot be %s: %s", path, action, strerror(errno));
}

/* Length of PATH without the slashes at its end. */
static int trimmed(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return (int)length;
}

static char *name_beside(const char *folder, const char *ending, error *e)
{
    char process[PROCESS_NAME];
    return memory_format(e, "%.*s.%s%s", trimmed(folder), folder, process_name(process),
                         ending);
}

/* Length of PATH up to its last slash; 0 where it has none. */
static int parent_length(const char *path)
{
    int length = trimmed(path);
    while (length > 0 && path[length - 1] != '/')
        length--;
    return length;
}

/* The folder that FOLDER stands in, made where it is missing. */
static status make_parent(const char *folder, error *e)
{
    int length = parent_length(folder);
    char *parent = length > 0 ? memory_format(e, "%.*s", length, folder) : NULL;
    if (!parent)
        return length > 0 ? E_MEMORY : E_OK;
    status result = file_exists(parent) ? E_OK : file_make_folder(parent, e);
    memory_free(parent);
    return result;
}

char *folder_make_beside(const char *folder, error *e)
{
    char *path = make_parent(folder, e) == E_OK ? name_beside(folder, ".part", e) : NULL;
    if (!path)
        return NULL;
    folder_remove(path); /* what we ourselves left there */
    if (mkdir(path, 0777) == 0)
        return path;
    fail_system(e, folder, "made");
    memory_free(path);
    return NULL;
}

static void sync_path(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return;
    fsync(descriptor);
    close(descriptor);
}

/* The new name itself must survive a crash. */
static void sync_parent(const char *folder)
{
    int length = parent_length(folder);
    char *parent =
        length > 0 ? memory_format(NULL, "%.*s", length, folder) : memory_text(".", NULL);
    if (parent)
        sync_path(parent);
    memory_free(parent);
}

/* For file systems that cannot exchange two folders. */
static status swap_in_steps(const char *beside, const char *folder, error *e)
{
    char *old = name_beside(folder, ".old", e);
    if (!old)
        return E_MEMORY;
    status result = E_OK;
    if (rename(folder, old) != 0) {
        result = fail_system(e, folder, "replaced");
    } else if (rename(beside, folder) != 0) {
        result = fail_system(e, folder, "replaced");
        if (rename(old, folder) != 0)
            fail_hint(e, "the former one is %s", old);
    } else {
        folder_remove(old);
    }
    memory_free(old);
    return result;
}

status folder_replace(const char *beside, const char *folder, error *e)
{
    sync_path(beside);
    if (!file_exists(folder)) {
        if (rename(beside, folder) != 0)
            return fail_system(e, folder, "made");
    } else if (renameat2(AT_FDCWD, beside, AT_FDCWD, folder, RENAME_EXCHANGE) == 0) {
        folder_remove(beside);
    } else {
        TRY(swap_in_steps(beside, folder, e));
    }
    sync_parent(folder);
    return E_OK;
}

static bool is_entry(const char *name)
{
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static status check_entry(const char *folder, const char *name, const char *files,
                          error *e)
{
    char *line = memory_format(e, "\n%s\n", name);
    if (!line)
        return E_MEMORY;
    bool known = strstr(files, line) != NULL;
    memory_free(line);
    if (known)
        return E_OK;
    fail(e, E_FILE, "%s: holds '%s', which is no part of a session and would be lost",
         folder, name);
    return fail_hint(e, "save to a folder of its own");
}

status folder_check_only(const char *folder, const char *files, error *e)
{
    DIR *entries = opendir(folder);
    if (!entries)
        return fail_system(e, folder, "replaced");
    status result = E_OK;
    for (struct dirent *d; result == E_OK && (d = readdir(entries));)
        if (is_entry(d->d_name))
            result = check_entry(folder, d->d_name, files, e);
    closedir(entries);
    return result;
}

void folder_remove(const char *folder)
{
    DIR *entries = opendir(folder);
    if (!entries)
        return;
    for (struct dirent *d; (d = readdir(entries));) {
        char *path =
            is_entry(d->d_name) ? memory_format(NULL, "%s/%s", folder, d->d_name) : NULL;
        if (path)
            unlink(path);
        memory_free(path);
    }
    closedir(entries);
    rmdir(folder);
}

/* Is ENTRY the name that name_beside gave to FOLDER in a process that is no more? */
static bool is_orphan(const char *name, const char *entry)
{
    const size_t length = strlen(name), cut = strlen(".part");
    if (strncmp(entry, name, length) != 0 || entry[length] != '.' ||
        !text_ends(entry, ".part") || strlen(entry) < length + 1 + cut)
        return false;
    char *process = memory_format(NULL, "%.*s", (int)(strlen(entry) - length - 1 - cut),
                                  entry + length + 1);
    const bool gone = process && process_is_gone(process);
    memory_free(process);
    return gone;
}

void folder_remove_orphans(const char *folder)
{
    int length = parent_length(folder);
    char *parent = memory_format(NULL, "%.*s", length, folder);
    char *name = memory_format(NULL, "%.*s", trimmed(folder) - length, folder + length);
    DIR *entries = parent && name ? opendir(length > 0 ? parent : ".") : NULL;
    for (struct dirent *d; entries && (d = readdir(entries));) {
        char *path = is_orphan(name, d->d_name)
                         ? memory_format(NULL, "%s%s", parent, d->d_name)
                         : NULL;
        if (path)
            folder_remove(path);
        memory_free(path);
    }
    if (entries)
        closedir(entries);
    memory_free(parent);
    memory_free(name);
}
