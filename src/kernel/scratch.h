/* SPDX-License-Identifier: GPL-3.0-or-later
   scratch.h -- pieces cut from a block of scratch memory.  The same walk with no block
   (base NULL) measures how large it must be. */
#ifndef LATHE_KERNEL_SCRATCH_H
#define LATHE_KERNEL_SCRATCH_H

#include <stddef.h>
#include <stdint.h>
#include "base/cpu.h"

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

/* What was taken since the scratch had USED bytes is room for one thread: as much follows
   for each of the others.  Returns the bytes from a thread's room to the next, for
   room_of.  Between large ones lies nothing, as far as they are long: a processor fetches
   ahead by the distance of its last accesses, from plane to plane out of the room, and
   lines that another core writes would go to and fro. */
static inline size_t scratch_rooms(scratch *s, size_t used)
{
    const size_t LARGE = 16 << 10, APART_MOST = 128 << 10;
    size_t room = s->used - used, others = (size_t)cpu_threads() - 1;
    size_t apart = room < LARGE ? 0 : room < APART_MOST ? room : APART_MOST;
    s->used += others * (room + apart);
    return room + apart;
}

/* Where THREAD has what the first one has at FIRST. */
static inline void *room_of(void *first, size_t apart, int thread)
{
    return (char *)first + (size_t)thread * apart;
}

#endif
