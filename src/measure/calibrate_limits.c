/* SPDX-License-Identifier: GPL-3.0-or-later
   calibrate_limits.c -- the most that all threads together can multiply and read.
   Nothing is estimated: each is the best of several runs. */
#include <math.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "kernel/peak.h"
#include "measure/calibrate_parts.h"

enum { RUNS = 15, SINKS = 256 };

/* Half of a second-level cache of 2 MiB, or all of one of 1 MiB; more than any cache. */
static const size_t NEAR_BYTES = 1 << 19, FAR_BYTES = (size_t)1 << 28;

typedef struct job {
    peak_kind kind;
    int64_t rounds, done[SINKS];
    char *block;
    size_t bytes;
    int64_t repeats;
    float sink[SINKS];
    uint64_t words[SINKS];
} job;

static void multiply(void *context, int64_t tile, int thread)
{
    job *j = context;
    (void)thread;
    j->done[tile] = peak_multiply(j->kind, j->rounds, &j->sink[tile]);
}

static void read_block(void *context, int64_t tile, int thread)
{
    job *j = context;
    (void)thread;
    for (int64_t i = 0; i < j->repeats; i++)
        peak_read(j->block + (size_t)tile * j->bytes, j->bytes, &j->words[tile]);
}

/* The least time of several runs. */
static double least_seconds(job *j, void (*body)(void *, int64_t, int))
{
    double least = INFINITY;
    for (int i = 0; i < RUNS; i++) {
        double begin = task_clock();
        parallel_for(cpu_threads(), body, j);
        least = fmin(least, task_clock() - begin);
    }
    return least;
}

/* Multiply-adds a second; 0 where there are none of the kind. */
static double multiply_rate(job *j, peak_kind kind)
{
    j->kind = kind;
    double seconds = 0, all = 0;
    for (j->rounds = 1000; seconds < 2e-3; j->rounds *= 2) {
        all = 0;
        seconds = least_seconds(j, multiply);
        for (int t = 0; t < cpu_threads(); t++)
            all += (double)j->done[t];
        if (all == 0)
            return 0;
    }
    return all / seconds;
}

static double read_rate(job *j, size_t bytes, int64_t repeats)
{
    j->bytes = bytes;
    j->repeats = repeats;
    return (double)bytes * (double)repeats * cpu_threads() / least_seconds(j, read_block);
}

status calibrate_limits(calibration *c, error *e)
{
    size_t threads = (size_t)cpu_threads(), far = FAR_BYTES / threads / 512 * 512;
    far = far > NEAR_BYTES ? far : NEAR_BYTES;
    job *j = memory_new(1, sizeof *j, e);
    char *block = j ? memory_new((int64_t)(far * threads), 1, e) : NULL;
    if (!block) {
        memory_free(j);
        return E_MEMORY;
    }
    j->block = block;
    for (size_t i = 0; i < far * threads; i += 4096)
        block[i] = 1; /* every page is its own */
    calibration_limits *l = &c->limits;
    l->f32 = fmax(l->f32, multiply_rate(j, PEAK_F32));
    l->bf16 = fmax(l->bf16, multiply_rate(j, PEAK_BF16));
    l->s8 = fmax(l->s8, multiply_rate(j, PEAK_S8));
    l->cache = fmax(l->cache, read_rate(j, NEAR_BYTES, 64));
    l->memory = fmax(l->memory, read_rate(j, far, 1));
    l->cache_bytes = (double)(NEAR_BYTES * threads);
    memory_free(block);
    memory_free(j);
    return E_OK;
}
