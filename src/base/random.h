/* SPDX-License-Identifier: GPL-3.0-or-later
   random.h -- counter-based random numbers: what comes depends on the seed, the purpose
   and the index alone, never on threads or order.
   Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
   SC 2011 (Philox 4x32-10). */
#ifndef LATHE_BASE_RANDOM_H
#define LATHE_BASE_RANDOM_H

#include <stdint.h>

typedef struct random_stream {
    uint64_t seed, stream; /* the Philox key and the upper half of its counter */
    uint64_t counter;      /* blocks drawn */
    uint32_t block[4];
    uint32_t left;         /* words of block still unused */
} random_stream;

/* A stream for PURPOSE ("initialise", "shuffle", ...) and INDEX under SEED.  A stream is
   a plain value: copying it copies its position, and its fields may be stored. */
random_stream random_new(uint64_t seed, const char *purpose, uint64_t index);

uint32_t random_bits(random_stream *r);
double random_uniform(random_stream *r);                   /* [0, 1), 53 bits */
double random_between(random_stream *r, double low, double high);
double random_normal(random_stream *r);                    /* mean 0, variance 1 */
int64_t random_below(random_stream *r, int64_t n);         /* 0 .. n-1, unbiased */
void random_shuffle(random_stream *r, int64_t *items, int64_t n);
void random_fill_uniform(random_stream *r, float *x, int64_t n, double low, double high);

/* 64-bit FNV-1a of N bytes, going on from HASH (HASH_START to begin). */
#define HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t random_hash(const void *bytes, int64_t n, uint64_t hash);

#endif
