/* SPDX-License-Identifier: GPL-3.0-or-later
   random.c -- Philox 4x32-10 and the distributions drawn from it.
   It keeps no state of its own.
   Source: Salmon, Moraes, Dror, Shaw, SC 2011, section 3.3. */
#include "base/random.h"

#include <math.h>
#include <string.h>

/* Block OUT for COUNTER under KEY, ten rounds. */
static void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = UINT64_C(0xD2511F53) * c0, p1 = UINT64_C(0xCD9E8D57) * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += UINT32_C(0x9E3779B9); /* the golden ratio */
        k1 += UINT32_C(0xBB67AE85); /* sqrt(3) - 1 */
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

random_stream random_new(uint64_t seed, const char *purpose, uint64_t index)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(index >> 8 * i);
    uint64_t stream = random_hash(purpose, (int64_t)strlen(purpose) + 1, HASH_START);
    return (random_stream){.seed = seed, .stream = random_hash(bytes, 8, stream)};
}

uint32_t random_bits(random_stream *r)
{
    if (r->left == 0) {
        uint32_t key[2] = {(uint32_t)r->seed, (uint32_t)(r->seed >> 32)};
        uint32_t counter[4] = {(uint32_t)r->counter, (uint32_t)(r->counter >> 32),
                               (uint32_t)r->stream, (uint32_t)(r->stream >> 32)};
        philox(counter, key, r->block);
        r->counter++;
        r->left = 4;
    }
    return r->block[4 - r->left--];
}

static uint64_t bits64(random_stream *r)
{
    uint64_t high = random_bits(r);
    return high << 32 | random_bits(r);
}

double random_uniform(random_stream *r)
{
    return (double)(bits64(r) >> 11) * 0x1p-53;
}

double random_between(random_stream *r, double low, double high)
{
    return low + (high - low) * random_uniform(r);
}

/* Source: Box and Muller, Ann. Math. Statist. 29 (1958) 610.  The sine half of the pair
   is given up, so that a draw depends on the stream's position alone. */
double random_normal(random_stream *r)
{
    double u = 1 - random_uniform(r); /* (0, 1] */
    double v = random_uniform(r);
    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

int64_t random_below(random_stream *r, int64_t n)
{
    if (n <= 1)
        return 0;
    uint64_t last = (uint64_t)n - 1;
    uint64_t mask = UINT64_MAX >> __builtin_clzll(last);
    for (;;) {
        uint64_t draw = (mask >> 32 ? bits64(r) : random_bits(r)) & mask;
        if (draw <= last)
            return (int64_t)draw;
    }
}

/* Source: Fisher and Yates; Durstenfeld, CACM 7 (1964) 420. */
void random_shuffle(random_stream *r, int64_t *items, int64_t n)
{
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = random_below(r, i + 1);
        int64_t kept = items[i];
        items[i] = items[j];
        items[j] = kept;
    }
}

/* One word each: a float has no more than 24 bits. */
void random_fill_uniform(random_stream *r, float *x, int64_t n, double low, double high)
{
    double step = (high - low) * 0x1p-24;
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(low + step * (double)(random_bits(r) >> 8));
}

uint64_t random_hash(const void *bytes, int64_t n, uint64_t hash)
{
    const unsigned char *at = bytes;
    for (int64_t i = 0; i < n; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}
