/* SPDX-License-Identifier: GPL-3.0-or-later
   support_guard.h -- blocks that end where a page ends that is followed by one that cannot
   be touched: what a kernel reads or writes behind its arrays, be it with all lanes of a
   vector masked out, stops the test.  A sanitizer does not see such instructions. */
#ifndef LATHE_TESTS_SUPPORT_GUARD_H
#define LATHE_TESTS_SUPPORT_GUARD_H

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "support.h"

static inline size_t guard_room(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

/* BYTES of NaN; guard_free with the same BYTES. */
static inline void *guard_new(size_t bytes)
{
    size_t room = guard_room(bytes), page = (size_t)sysconf(_SC_PAGESIZE);
    char *block = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(block != MAP_FAILED);
    assert_int_equal(mprotect(block + room, page, PROT_NONE), 0);
    memset(block, 0xff, room);
    return block + (room - bytes);
}

static inline void guard_free(void *block, size_t bytes)
{
    size_t room = guard_room(bytes);
    char *start = (char *)block - (room - bytes);
    munmap(start, room + (size_t)sysconf(_SC_PAGESIZE));
}

#endif
