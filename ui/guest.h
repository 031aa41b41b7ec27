/* SPDX-License-Identifier: GPL-3.0-or-later
   guest.h -- other programs that have the terminal for a while: an editor, a pager.  Whose
   the terminal is before and after, the caller knows. */
#ifndef LATHE_UI_GUEST_H
#define LATHE_UI_GUEST_H

#include <stdbool.h>
#include "base/error.h"

typedef struct guest {
    const char *words;   /* the program and its options, parted by blanks */
    const char *file;    /* its last argument; NULL: none */
    const char *setting; /* "NAME=VALUE" where the environment has no NAME; NULL: none */
    int input, output;   /* descriptors, or as in base/child.h */
} guest;

/* The value of the first of VARIABLES (NULL ends them) that is set and not empty; NULL
   where there is none.  Lent. */
const char *guest_choice(const char *const *variables);

/* Runs G to its end.  Ctrl-C and Ctrl-Z meanwhile are its own, the terminal's modes are
   afterwards as they were.  E_FILE where it is not found, cannot be started, or *FAILED
   where it was and ended with another status than 0 (FAILED may be NULL). */
status guest_run(const guest *g, bool *failed, error *e);

#endif
