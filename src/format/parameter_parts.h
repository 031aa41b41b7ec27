/* SPDX-License-Identifier: GPL-3.0-or-later
   parameter_parts.h -- what writing and reading a parameter share: its forms and their
   names.  Nobody else reads it. */
#ifndef LATHE_FORMAT_PARAMETER_PARTS_H
#define LATHE_FORMAT_PARAMETER_PARTS_H

#include "graph/coding.h"
#include "graph/model.h"

/* How a mask is stored. */
typedef enum mask_form {
    MASK_NONE,    /* there is none */
    MASK_PACKED,  /* a bitmap, and the kept elements alone */
    MASK_NONZERO, /* all elements; kept are those that are not 0 */
    MASK_BITMAP,  /* a bitmap, and all elements */
    MASK_COUNT
} mask_form;

extern const char *const parameter_mask_names[MASK_COUNT];
extern const char *const parameter_grain_names[PER_GROUP + 1];

typedef struct mask_facts {
    int64_t count, kept;
    bool obeyed;    /* all that is masked is 0 */
    bool derivable; /* and all that is kept is not */
} mask_facts;

/* Of P, which has a mask. */
mask_facts parameter_look_at_mask(const parameter *p);

/* Do elements of so many bits stand side by side, not in whole numbers? */
static inline bool is_packed(int bits)
{
    return bits != 8 && bits != 16 && bits != 32;
}

#endif
