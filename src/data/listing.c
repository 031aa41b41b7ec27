/* SPDX-License-Identifier: GPL-3.0-or-later
   listing.c -- what stands in a folder.  It reads no file. */
#include "data/listing.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "base/memory.h"
#include "base/option.h"

enum { NAMES_MOST = 10000000 };

int listing_stem(const char *name)
{
    const char *dot = strrchr(name, '.');
    return (int)(dot ? (size_t)(dot - name) : strlen(name));
}

static bool has_ending(const char *name, const char *endings)
{
    char ending[16];
    const char *dot = strrchr(name, '.');
    for (int64_t i = 0; dot && option_choice(endings, i, ending, sizeof ending); i++)
        if (strcasecmp(dot + 1, ending) == 0)
            return true;
    return false;
}

/* Does the link PATH lead to a place within ROOT? */
static status check_link(const char *root, const char *path, error *e)
{
    char *top = realpath(root, NULL), *place = realpath(path, NULL);
    const size_t length = top ? strlen(top) : 0;
    const bool within = top && place && strncmp(place, top, length) == 0 &&
                        (place[length] == '/' || length == 1);
    free(top);
    free(place);
    return within ? E_OK
                  : fail(e, E_FORMAT, "%s: is a link that leads out of the folder %s",
                         path, root);
}

/* Is NAME in FOLDER one of those wanted? */
static status look(const char *root, const char *folder, const char *name,
                   const char *endings, bool *wanted, error *e)
{
    struct stat about;
    *wanted = false;
    if (name[0] == '.' || (endings && !has_ending(name, endings)))
        return E_OK;
    char *path = memory_format(e, "%s/%s", folder, name);
    if (!path)
        return E_MEMORY;
    status result = E_OK;
    const bool found = lstat(path, &about) == 0;
    const bool link = found && S_ISLNK(about.st_mode);
    if (found && (!link || stat(path, &about) == 0)) {
        *wanted = endings ? S_ISREG(about.st_mode) : S_ISDIR(about.st_mode);
        if (*wanted && link)
            result = check_link(root, path, e);
    }
    memory_free(path);
    return result;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static status add(listing *l, int64_t *capacity, const char *name, const char *folder,
                  error *e)
{
    if (l->count == NAMES_MOST)
        return fail(e, E_FORMAT, "%s: has more than the %d files that are read at most",
                    folder, NAMES_MOST);
    TRY(memory_grow((void **)&l->names, capacity, l->count + 1, sizeof *l->names, e));
    l->names[l->count] = memory_text(name, e);
    return l->names[l->count] ? (l->count++, E_OK) : E_MEMORY;
}

status listing_read(listing *l, const char *root, const char *folder, const char *endings,
                    error *e)
{
    int64_t capacity = 0;
    *l = (listing){0};
    DIR *stream = opendir(folder);
    if (!stream)
        return fail(e, E_FILE, "%s: cannot be opened: %s", folder, strerror(errno));
    status result = E_OK;
    for (const struct dirent *at; result == E_OK && (at = readdir(stream));) {
        bool wanted;
        result = look(root, folder, at->d_name, endings, &wanted, e);
        if (result == E_OK && wanted)
            result = add(l, &capacity, at->d_name, folder, e);
    }
    closedir(stream);
    if (result != E_OK) {
        listing_clear(l);
        return result;
    }
    if (l->count > 0)
        qsort(l->names, (size_t)l->count, sizeof *l->names, compare);
    return E_OK;
}

void listing_clear(listing *l)
{
    for (int64_t i = 0; i < l->count; i++)
        memory_free(l->names[i]);
    memory_free(l->names);
    *l = (listing){0};
}
