/* SPDX-License-Identifier: GPL-3.0-or-later
   sensitivity_cache.h -- sensitivities that were measured before, as lines of a text file
   in the cache folder, one file for weights, samples and settings.  A cache that cannot be
   read or written is one that is empty. */
#ifndef LATHE_COMPRESS_SENSITIVITY_CACHE_H
#define LATHE_COMPRESS_SENSITIVITY_CACHE_H

#include "compress/sensitivity.h"

typedef struct sensitivity_cache {
    char *path; /* NULL: there is no folder */
    sensitivity_row *rows;
    int64_t count, capacity;
    bool changed;
} sensitivity_cache;

void sensitivity_cache_open(sensitivity_cache *c, uint64_t key);
const sensitivity_row *sensitivity_cache_find(const sensitivity_cache *c, int layer,
                                              double level);
void sensitivity_cache_add(sensitivity_cache *c, const sensitivity_row *row);
/* Writes what was added, atomically, and frees. */
void sensitivity_cache_close(sensitivity_cache *c);

/* Notes that the file of KEY is the latest of KIND about the model of hash WEIGHTS, and of
   METRIC. */
void sensitivity_cache_note(uint64_t weights, sensitivity_kind kind, uint64_t key,
                            const char *metric);
/* Opens that one; METRIC [64] is the name noted.  E_NAME where nothing was measured.
   Close with sensitivity_cache_close. */
status sensitivity_cache_latest(sensitivity_cache *c, uint64_t weights,
                                sensitivity_kind kind, char *metric, error *e);

#endif
