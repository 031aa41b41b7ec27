/* SPDX-License-Identifier: GPL-3.0-or-later
   file.h -- files written beside their place, synced and renamed, so that a reader finds
   the old one or the new one whole; and the folders of the XDG base directories. */
#ifndef LATHE_BASE_FILE_H
#define LATHE_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "base/error.h"

typedef struct atomic_file {
    FILE *stream;     /* write here */
    char *path, *beside;
} atomic_file;

/* Folders that PATH names and that are missing are made. */
status atomic_open(atomic_file *f, const char *path, error *e);
/* Flush, fsync, rename, fsync of the folder.  On failure the old file stays. */
status atomic_commit(atomic_file *f, error *e);
void atomic_abandon(atomic_file *f); /* closes and removes; fine after a commit */

/* Whole file into memory (the caller frees), at most LIMIT bytes. */
status file_read(const char *path, size_t limit, void **bytes, size_t *length, error *e);
/* The same, but a device, a pipe or a folder is refused, and never waited for. */
status file_read_regular(const char *path, size_t limit, void **bytes, size_t *length,
                         error *e);
bool file_exists(const char *path);
bool folder_exists(const char *path);
status file_make_folder(const char *path, error *e); /* with parents, 0700 */

/* $XDG_STATE_HOME/lathe and the like; unset, empty or relative values give the default
   below $HOME.  The caller frees; NULL with an error. */
char *file_state_folder(error *e);
char *file_config_folder(error *e);
char *file_cache_folder(error *e);
char *file_temporary(const char *suffix, error *e); /* a fresh empty file's path */
char *file_temporary_folder(error *e);              /* that of a fresh private folder */

#endif
