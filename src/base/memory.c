/* SPDX-License-Identifier: GPL-3.0-or-later
   memory.c -- aligned blocks, each behind a header that holds its size.
   It keeps counts only, no list of blocks: finding leaks is the sanitizer's work. */
#include "base/memory.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { ALIGNMENT = 64 }; /* a cache line, and the widest vector */

/* From here on blocks begin at a huge page: weights that stream through the processor
   would miss the translation of an address every 4 KiB. */
enum { HUGE_PAGE = 1 << 21, LARGE = 2 * HUGE_PAGE };

static atomic_size_t in_use, peak;
static atomic_llong calls;
static long long failing_call; /* 0: none */

static void read_failing_call(void)
{
    const char *words = getenv("LATHE_FAIL_ALLOC");
    failing_call = words ? strtoll(words, NULL, 10) : 0;
}

static bool must_fail(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_failing_call);
    return failing_call > 0 && atomic_fetch_add(&calls, 1) + 1 == failing_call;
}

static void count_more(size_t bytes)
{
    size_t now = atomic_fetch_add(&in_use, bytes) + bytes;
    size_t most = atomic_load(&peak);
    while (now > most && !atomic_compare_exchange_weak(&peak, &most, now)) {
    }
}

static char *take(size_t bytes)
{
    void *start = NULL;
    if (posix_memalign(&start, bytes < LARGE ? ALIGNMENT : HUGE_PAGE, bytes))
        return NULL;
#ifdef MADV_HUGEPAGE
    if (bytes >= LARGE)
        (void)madvise(start, bytes, MADV_HUGEPAGE); /* a wish: small pages serve too */
#endif
    return start;
}

void *memory_new_raw(int64_t count, size_t size, error *e)
{
    size_t bytes, whole;
    if (count < 0 || __builtin_mul_overflow((size_t)count, size, &bytes) ||
        __builtin_add_overflow(bytes, (size_t)(2 * ALIGNMENT - 1), &whole) ||
        whole > PTRDIFF_MAX) {
        fail(e, E_MEMORY,
             "memory: %lld items of %zu bytes are more than can be addressed",
             (long long)count, size);
        return NULL;
    }
    whole -= whole % ALIGNMENT;
    char *start = must_fail() ? NULL : take(whole);
    if (!start) {
        fail(e, E_MEMORY, "memory: no room for %zu bytes (%zu in use)", bytes,
             memory_in_use());
        fail_hint(e, "use a smaller batch or grid, or drop what is no longer needed");
        return NULL;
    }
    memcpy(start, &bytes, sizeof bytes);
    count_more(bytes);
    return start + ALIGNMENT;
}

void *memory_new(int64_t count, size_t size, error *e)
{
    void *block = memory_new_raw(count, size, e);
    if (block)
        memset(block, 0, (size_t)count * size);
    return block;
}

char *memory_text(const char *text, error *e)
{
    size_t bytes = strlen(text) + 1;
    char *copy = memory_new_raw((int64_t)bytes, 1, e);
    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

char *memory_format(error *e, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *words = NULL;
    if (length < 0)
        fail(e, E_MEMORY, "memory: a text could not be formatted");
    else
        words = memory_new_raw(length + 1, 1, e);
    if (words)
        vsnprintf(words, (size_t)length + 1, format, again);
    va_end(again);
    return words;
}

void memory_free(void *block)
{
    if (!block)
        return;
    char *start = (char *)block - ALIGNMENT;
    size_t bytes;
    memcpy(&bytes, start, sizeof bytes);
    atomic_fetch_sub(&in_use, bytes);
    free(start);
}

status memory_grow(void **items, int64_t *capacity, int64_t needed, size_t size, error *e)
{
    if (needed <= *capacity)
        return E_OK;
    int64_t target = *capacity < 8 ? 8 : *capacity + *capacity / 2;
    if (target < needed)
        target = needed;
    char *more = memory_new_raw(target, size, e);
    if (!more)
        return E_MEMORY;
    size_t old_bytes = (size_t)*capacity * size;
    if (old_bytes)
        memcpy(more, *items, old_bytes);
    memset(more + old_bytes, 0, (size_t)(target - *capacity) * size);
    memory_free(*items);
    *items = more;
    *capacity = target;
    return E_OK;
}

size_t memory_in_use(void)
{
    return atomic_load(&in_use);
}

size_t memory_peak(void)
{
    return atomic_load(&peak);
}

void memory_peak_reset(void)
{
    atomic_store(&peak, atomic_load(&in_use));
}

size_t memory_resident_peak(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return (size_t)usage.ru_maxrss * 1024; /* Linux counts in KiB */
}

size_t memory_available(void)
{
    FILE *file = fopen("/proc/meminfo", "re");
    unsigned long long kib = 0;
    bool found = false;
    char line[128];
    while (file && !found && fgets(line, sizeof line, file))
        found = sscanf(line, "MemAvailable: %llu", &kib) == 1;
    if (file)
        fclose(file);
    return found && kib <= SIZE_MAX / 1024 ? (size_t)kib * 1024 : SIZE_MAX;
}
