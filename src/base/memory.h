/* SPDX-License-Identifier: GPL-3.0-or-later
   memory.h -- checked allocation.  Every block is 64-byte aligned and zeroed.
   LATHE_FAIL_ALLOC=N in the environment makes the N-th allocation fail, for tests. */
#ifndef LATHE_BASE_MEMORY_H
#define LATHE_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

/* COUNT items of SIZE bytes, zeroed; NULL with E_MEMORY where there is no room or the
   product overflows.  COUNT 0 gives a block that can be freed.  The caller frees. */
void *memory_new(int64_t count, size_t size, error *e) __attribute__((malloc));

/* The same without zeroing, for large buffers that are written whole. */
void *memory_new_raw(int64_t count, size_t size, error *e) __attribute__((malloc));

/* A private copy of TEXT; NULL with E_MEMORY. */
char *memory_text(const char *text, error *e) __attribute__((malloc));

/* A formatted text; the caller frees. */
char *memory_format(error *e, const char *format, ...)
    __attribute__((malloc, format(printf, 2, 3)));

void memory_free(void *block);

/* Makes room for NEEDED items of SIZE in the array *ITEMS of *CAPACITY; new items are
   zeroed.  On failure the array is as it was. */
status memory_grow(void **items, int64_t *capacity, int64_t needed, size_t size,
                   error *e);

/* Bytes now in use through this module, and the most there ever were since the last
   memory_peak_reset.  Resident bytes of the process, 0 where unknown. */
size_t memory_in_use(void);
size_t memory_peak(void);
void memory_peak_reset(void);
size_t memory_resident_peak(void);

/* Bytes that the system could still give without pushing others out; SIZE_MAX where it
   does not say. */
size_t memory_available(void);

#endif
