/* SPDX-License-Identifier: GPL-3.0-or-later
   spill.c -- blocks in mapped files.  The files have no name once they are open, so that
   nothing stays behind, however the program ends. */
#include "base/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

enum { LEAST = 1 << 20, UNASKED = 1 << 26 }; /* smaller ones always find room */

static atomic_size_t budget;

void spill_set_budget(size_t bytes)
{
    atomic_store(&budget, bytes);
}

size_t spill_budget(void)
{
    return atomic_load(&budget);
}

size_t spill_room(void)
{
    const size_t most = spill_budget(), used = memory_in_use();
    if (most == 0)
        return memory_available() / 2;
    return used < most ? most - used : 0;
}

bool spill_wanted(size_t bytes)
{
    const size_t least = spill_budget() ? LEAST : UNASKED;
    return bytes >= least && bytes > spill_room();
}

/* A file of its own, already without a name; -1 with the error. */
static int open_unnamed(error *e)
{
    char *folder = file_cache_folder(e);
    char *path = folder ? memory_format(e, "%s/samples-XXXXXX", folder) : NULL;
    int file = -1;
    if (path && file_make_folder(folder, e) == E_OK) {
        file = mkostemp(path, O_CLOEXEC);
        if (file < 0)
            fail(e, E_FILE, "%s: no file can be made: %s", folder, strerror(errno));
        else
            unlink(path);
    }
    memory_free(path);
    memory_free(folder);
    return file;
}

void *spill_new(size_t bytes, error *e)
{
    char words[32];
    const int file = open_unnamed(e);
    if (file < 0)
        return NULL;
    void *block = MAP_FAILED;
    const int reason = posix_fallocate(file, 0, (off_t)bytes);
    if (reason == 0)
        block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (block == MAP_FAILED) {
        fail(e, E_FILE, "memory: %s go to a file, but it has no room: %s",
             text_bytes(words, (double)bytes), strerror(reason ? reason : errno));
        fail_hint(e,
                  "set memory= allows more memory; XDG_CACHE_HOME names another folder");
        block = NULL;
    }
    close(file);
    return block;
}

void spill_free(void *block, size_t bytes)
{
    if (block)
        munmap(block, bytes);
}

void spill_settle(void *part, size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), off = (uintptr_t)part % page;
    madvise((char *)part - off, off + bytes,
            MADV_DONTNEED); /* a shared file loses none */
}
