/* SPDX-License-Identifier: GPL-3.0-or-later
   folder.h -- a folder of files that is replaced as a whole: for the session's store. */
#ifndef LATHE_SESSION_FOLDER_H
#define LATHE_SESSION_FOLDER_H

#include "base/error.h"

/* A new empty folder beside FOLDER, on the same file system; the caller frees its path. */
char *folder_make_beside(const char *folder, error *e);

/* Removes those that processes made beside FOLDER which are no more, as far as that can be
   done. */
void folder_remove_orphans(const char *folder);

/* FOLDER becomes what BESIDE is, at one moment; the old one goes.  On failure FOLDER is
   as it was. */
status folder_replace(const char *beside, const char *folder, error *e);

/* E_FILE where FOLDER is none, or holds a file that is not among FILES (each between line
   ends): it would be lost. */
status folder_check_only(const char *folder, const char *files, error *e);

/* Removes FOLDER with its files, as far as that can be done. */
void folder_remove(const char *folder);

#endif
