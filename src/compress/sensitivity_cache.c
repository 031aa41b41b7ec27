/* SPDX-License-Identifier: GPL-3.0-or-later
   sensitivity_cache.c -- measured sensitivities to a file and back.  Failures leave nothing
   behind: what is not there is measured again. */
#include "compress/sensitivity_cache.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"

#define LIMIT (1 << 24)
#define HEAD  "lathe sensitivity 1\n"
#define NOTE  256 /* bytes of a note, at most */

static bool append(sensitivity_cache *c, const sensitivity_row *row)
{
    if (memory_grow((void **)&c->rows, &c->capacity, c->count + 1, sizeof *c->rows, NULL))
        return false;
    c->rows[c->count++] = *row;
    return true;
}

static bool read_line(const char *line, sensitivity_row *r)
{
    *r = (sensitivity_row){.cached = true};
    return sscanf(line, "%d %la %la %la %la %la %" SCNd64 " %" SCNd64, &r->layer,
                  &r->level, &r->value, &r->change, &r->low, &r->high, &r->samples,
                  &r->elements) == 8 &&
           r->layer >= 0 && r->samples > 0 && isfinite(r->value) && isfinite(r->change);
}

static void read_all(sensitivity_cache *c, char *words)
{
    char *rest = NULL;
    if (strncmp(words, HEAD, strlen(HEAD)) != 0)
        return;
    for (char *line = strtok_r(words + strlen(HEAD), "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        sensitivity_row row;
        if (!read_line(line, &row) || !append(c, &row))
            return;
    }
}

void sensitivity_cache_open(sensitivity_cache *c, uint64_t key)
{
    *c = (sensitivity_cache){0};
    char *folder = file_cache_folder(NULL);
    void *bytes = NULL;
    size_t length = 0;
    if (!folder)
        return;
    c->path = memory_format(NULL, "%s/sensitivity/%016" PRIx64 ".txt", folder, key);
    memory_free(folder);
    if (!c->path || file_read_regular(c->path, LIMIT, &bytes, &length, NULL))
        return;
    char *words = memory_new((int64_t)length + 1, 1, NULL);
    if (words) {
        memcpy(words, bytes, length);
        read_all(c, words);
    }
    memory_free(words);
    memory_free(bytes);
}

const sensitivity_row *sensitivity_cache_find(const sensitivity_cache *c, int layer,
                                              double level)
{
    for (int64_t i = 0; i < c->count; i++)
        if (c->rows[i].layer == layer && c->rows[i].level == level)
            return &c->rows[i];
    return NULL;
}

void sensitivity_cache_add(sensitivity_cache *c, const sensitivity_row *row)
{
    c->changed = append(c, row) || c->changed;
}

static void write_all(const sensitivity_cache *c)
{
    atomic_file f;
    if (atomic_open(&f, c->path, NULL))
        return;
    bool whole = fputs(HEAD, f.stream) >= 0;
    for (int64_t i = 0; whole && i < c->count; i++) {
        const sensitivity_row *r = &c->rows[i];
        whole = fprintf(f.stream, "%d %a %a %a %a %a %" PRId64 " %" PRId64 "\n", r->layer,
                        r->level, r->value, r->change, r->low, r->high, r->samples,
                        r->elements) > 0;
    }
    if (!whole || atomic_commit(&f, NULL))
        atomic_abandon(&f);
}

void sensitivity_cache_close(sensitivity_cache *c)
{
    if (c->path && c->changed)
        write_all(c);
    memory_free(c->path);
    memory_free(c->rows);
    *c = (sensitivity_cache){0};
}

/* ---- notes ---- */

/* NULL where there is no folder; the caller frees. */
static char *note_path(uint64_t weights, sensitivity_kind kind)
{
    char *folder = file_cache_folder(NULL), *path = NULL;
    if (folder)
        path = memory_format(NULL, "%s/sensitivity/%016" PRIx64 "-%s.latest", folder,
                             weights, sensitivity_kind_name(kind));
    memory_free(folder);
    return path;
}

void sensitivity_cache_note(uint64_t weights, sensitivity_kind kind, uint64_t key,
                            const char *metric)
{
    char *path = note_path(weights, kind);
    atomic_file f;
    if (path && atomic_open(&f, path, NULL) == E_OK &&
        (fprintf(f.stream, "%016" PRIx64 " %s\n", key, metric) < 0 ||
         atomic_commit(&f, NULL)))
        atomic_abandon(&f);
    memory_free(path);
}

static bool read_note(const char *path, uint64_t *key, char *metric)
{
    void *bytes = NULL;
    size_t length = 0;
    char words[NOTE] = "";
    if (!path || file_read_regular(path, NOTE - 1, &bytes, &length, NULL))
        return false;
    memcpy(words, bytes, length);
    memory_free(bytes);
    return sscanf(words, "%" SCNx64 " %63s", key, metric) == 2;
}

status sensitivity_cache_latest(sensitivity_cache *c, uint64_t weights,
                                sensitivity_kind kind, char *metric, error *e)
{
    char *path = note_path(weights, kind);
    uint64_t key = 0;
    bool noted = read_note(path, &key, metric);
    memory_free(path);
    *c = (sensitivity_cache){0};
    if (noted)
        sensitivity_cache_open(c, key);
    return c->count > 0 ? E_OK : fail(e, E_NAME, "nothing was measured of these weights");
}
