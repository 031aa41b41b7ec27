/* SPDX-License-Identifier: GPL-3.0-or-later
   precision.h -- what operands of products are rounded to; sums and master weights are
   f32.  It knows no kernel. */
#ifndef LATHE_KERNEL_PRECISION_H
#define LATHE_KERNEL_PRECISION_H

#include <string.h>

typedef enum precision { PRECISION_F32, PRECISION_BF16 } precision;

static inline const char *precision_name(precision p)
{
    return p == PRECISION_BF16 ? "bf16" : "f32";
}

/* The precision called WORDS; f32 for all words that are none. */
static inline precision precision_find(const char *words)
{
    return strcmp(words, "bf16") == 0 ? PRECISION_BF16 : PRECISION_F32;
}

#endif
