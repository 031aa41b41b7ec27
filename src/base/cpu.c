/* SPDX-License-Identifier: GPL-3.0-or-later
   cpu.c -- asks the processor and the system once, and remembers the answers.
   It never chooses a kernel: those who have kernels ask for the level. */
#include "base/cpu.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "base/text.h"
#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

enum { THREADS_MOST = 256 };

static const char *const level_names[] = {"scalar", "avx2", "avx512", "vnni", "amx"};
enum { LEVEL_COUNT = sizeof level_names / sizeof *level_names };

static pthread_once_t level_once = PTHREAD_ONCE_INIT;
static pthread_once_t name_once = PTHREAD_ONCE_INIT;
static cpu_level level;
static bool has_bf16;
static char model[160];
static atomic_int threads; /* 0: the default */

const char *cpu_level_name(cpu_level wanted)
{
    return level_names[wanted];
}

/* The level that LATHE_CPU names: LEVEL_COUNT where unset, -1 where it is no level. */
static int level_cap(void)
{
    const char *words = getenv("LATHE_CPU");
    if (!words || !*words)
        return LEVEL_COUNT;
    for (int i = 0; i < LEVEL_COUNT; i++)
        if (text_equal(words, level_names[i]))
            return i;
    return -1;
}

#ifdef __x86_64__
/* Tiles need the processor's word, the system's (XCR0) and its leave for this process.
   Source: Linux, Documentation/arch/x86/xstate.rst. */
static bool tiles_usable(void)
{
    enum { TILE_BF16 = 1 << 22, TILE = 1 << 24, TILE_INT8 = 1 << 25, OSXSAVE = 1 << 27 };
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & OSXSAVE) ||
        !__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return false;
    unsigned wanted = TILE | TILE_INT8 | TILE_BF16;
    if ((d & wanted) != wanted)
        return false;
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    unsigned state = 3u << 17;
    return (low & state) == state &&
           syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

static cpu_level detect(int cap)
{
    if (cap < CPU_AVX2 || !__builtin_cpu_supports("avx2") ||
        !__builtin_cpu_supports("fma"))
        return CPU_SCALAR;
    if (cap < CPU_AVX512 || !__builtin_cpu_supports("avx512f") ||
        !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl"))
        return CPU_AVX2;
    if (cap < CPU_VNNI || !__builtin_cpu_supports("avx512vnni"))
        return CPU_AVX512;
    return cap < CPU_AMX || !tiles_usable() ? CPU_VNNI : CPU_AMX;
}

/* Source: Intel, Architecture Instruction Set Extensions, CPUID leaf 7, sub-leaf 1. */
static bool detect_bf16(void)
{
    enum { BF16 = 1 << 5 };
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & BF16);
}
#else
static bool detect_bf16(void)
{
    return false;
}

static cpu_level detect(int cap)
{
    (void)cap;
    return CPU_SCALAR;
}
#endif

static void find_level(void)
{
    int cap = level_cap();
    level = detect(cap < 0 ? LEVEL_COUNT : cap);
    has_bf16 = level >= CPU_VNNI && detect_bf16();
}

cpu_level cpu_get_level(void)
{
    pthread_once(&level_once, find_level);
    return level;
}

bool cpu_has_bf16(void)
{
    pthread_once(&level_once, find_level);
    return has_bf16;
}

status cpu_start(error *e)
{
    if (level_cap() < 0) {
        fail(e, E_RANGE, "LATHE_CPU=%s: not one of scalar, avx2, avx512, vnni, amx",
             getenv("LATHE_CPU"));
        return fail_hint(e, "unset LATHE_CPU to use all that this processor has");
    }
    cpu_get_level();
    return E_OK;
}

static void find_model(void)
{
    FILE *f = fopen("/proc/cpuinfo", "re");
    char line[256];
    while (f && !model[0] && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (colon && text_starts(line, "model name")) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(model, sizeof model, "%s", colon + 1 + strspn(colon + 1, " "));
        }
    }
    if (f)
        fclose(f);
    struct utsname system;
    if (!model[0] && uname(&system) == 0)
        snprintf(model, sizeof model, "%s", system.machine);
}

const char *cpu_model_name(void)
{
    pthread_once(&name_once, find_model);
    return model;
}

int cpu_cores(void)
{
    int count = 0;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        count = CPU_COUNT(&set);
    if (count < 1)
        count = (int)sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count;
}

static int default_threads(void)
{
    int count = 0;
    const char *words = getenv("OMP_NUM_THREADS"); /* "4", or "4,2" by nesting */
    if (words)
        count = (int)strtol(words, NULL, 10);
    if (count < 1)
        count = cpu_cores();
    return count < 1 ? 1 : count > THREADS_MOST ? THREADS_MOST : count;
}

int cpu_threads(void)
{
    int count = atomic_load(&threads);
    if (count == 0) {
        count = default_threads();
        atomic_store(&threads, count);
    }
    return count;
}

void cpu_set_threads(int wanted)
{
    atomic_store(&threads, wanted < 1              ? 0
                           : wanted > THREADS_MOST ? THREADS_MOST
                                                   : wanted);
}

void cpu_flush_subnormals(void)
{
#if defined(__x86_64__)
    enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 };
    _mm_setcsr(_mm_getcsr() | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
#elif defined(__aarch64__)
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    __asm__ volatile("msr fpcr, %0" ::"r"(control | UINT64_C(1) << 24));
#endif
}
