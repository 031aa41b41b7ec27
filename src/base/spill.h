/* SPDX-License-Identifier: GPL-3.0-or-later
   spill.h -- large blocks for which there is no memory, in files without a name that the
   system maps: pages come when they are touched and go when others need the room.  It
   decides by size alone, never by what is in a block. */
#ifndef LATHE_BASE_SPILL_H
#define LATHE_BASE_SPILL_H

#include <stdbool.h>
#include <stddef.h>
#include "base/error.h"

/* Bytes that memory.h may hand out before large blocks go to files; 0, as it is at first,
   for half of what the system has left, asked anew for each block. */
void spill_set_budget(size_t bytes);
size_t spill_budget(void);

/* What of the budget is left; of half of what the system has left, where none is set. */
size_t spill_room(void);

/* Should a block of BYTES (from 1 MiB on) be one of these? */
bool spill_wanted(size_t bytes);

/* A zeroed block of BYTES, in the cache folder: all its room on the disk is taken at once,
   so that writing to it cannot fail later.  E_FILE where there is none. */
void *spill_new(size_t bytes, error *e);
void spill_free(void *block, size_t bytes);

/* Whoever goes through such a block gives back what is behind him, each time it is so
   many bytes. */
#define SPILL_WINDOW ((size_t)1 << 23)

/* Gives the memory of the pages that BYTES at PART of a block are on back to the system,
   which writes to the disk what was changed.  What is in the block stays. */
void spill_settle(void *part, size_t bytes);

#endif
