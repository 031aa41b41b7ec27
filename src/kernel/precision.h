/* SPDX-License-Identifier: GPL-3.0-or-later
   precision.h -- what operands of products are rounded to, and what values are kept in
   between operators; sums and master weights are f32.  It knows no kernel. */
#ifndef LATHE_KERNEL_PRECISION_H
#define LATHE_KERNEL_PRECISION_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef enum precision { PRECISION_F32, PRECISION_BF16 } precision;

static inline const char *precision_name(precision p)
{
    return p == PRECISION_BF16 ? "bf16" : "f32";
}

static inline size_t precision_bytes(precision p)
{
    return p == PRECISION_BF16 ? sizeof(uint16_t) : sizeof(float);
}

/* Where number I lies of those that begin at BASE and are kept in P. */
static inline void *precision_write_at(void *base, precision p, int64_t i)
{
    return (char *)base + i * (int64_t)precision_bytes(p);
}

static inline const void *precision_at(const void *base, precision p, int64_t i)
{
    return (const char *)base + i * (int64_t)precision_bytes(p);
}

/* The precision called WORDS; f32 for all words that are none. */
static inline precision precision_find(const char *words)
{
    return strcmp(words, "bf16") == 0 ? PRECISION_BF16 : PRECISION_F32;
}

#endif
