/* SPDX-License-Identifier: GPL-3.0-or-later
   listing.h -- the files and folders of a folder, in the order of their names.  It opens
   none of them, and lets nobody out of the folder. */
#ifndef LATHE_DATA_LISTING_H
#define LATHE_DATA_LISTING_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"

typedef struct listing {
    char **names; /* without the folder, in the order of their bytes */
    int64_t count;
} listing;

/* Regular files of FOLDER with one of the ENDINGS ("png|npy"; capitals count, too), or,
   with ENDINGS NULL, its folders.  Names that begin with a dot are left out.  E_FILE
   where there is no such folder; E_FORMAT where one of them is a link that leads out of
   ROOT, or there are more than ten million. */
status listing_read(listing *l, const char *root, const char *folder, const char *endings,
                    error *e);
void listing_clear(listing *l);

/* How many bytes of NAME come before its ending. */
int listing_stem(const char *name);

#endif
