/* SPDX-License-Identifier: GPL-3.0-or-later
   scratch.h -- pieces cut from a block of scratch memory.  The same walk with no block
   (base NULL) measures how large it must be. */
#ifndef LATHE_KERNEL_SCRATCH_H
#define LATHE_KERNEL_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

typedef struct scratch {
    char *base; /* 64-byte aligned, or NULL while measuring */
    size_t used;
} scratch;

/* COUNT items of SIZE bytes, 64-byte aligned, not zeroed; NULL while measuring. */
static inline void *scratch_take(scratch *s, int64_t count, size_t size)
{
    size_t at = s->used;
    s->used += ((size_t)count * size + 63) / 64 * 64;
    return s->base ? s->base + at : NULL;
}

static inline float *scratch_floats(scratch *s, int64_t count)
{
    return (float *)scratch_take(s, count, sizeof(float));
}

#endif
