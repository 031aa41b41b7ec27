/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_amx.c -- products of codes with AMX: tiles of 16 rows by 64 taps times 64 taps
   by 16 outputs.  It allocates nothing and knows no convolution.
   Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2,
   TDPBSSD, LDTILECFG. */
#include "kernel/integer_product.h"

#if defined(__x86_64__)
#pragma GCC target(                                                                      \
    "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,amx-tile,amx-int8,prefer-vector-width=512")
#pragma GCC optimize("O3")
#include <immintrin.h>
#include <string.h>

enum {
    UNIT = 64,
    TILE = 1024 /* bytes of a full tile, here of weights: 16 words of 16 lanes */
};

/* Registers: sums are 0 to 3, rows of the source 4 and 5, weights 6 and 7. */
typedef struct tile_shape {
    uint8_t palette, start, reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
} tile_shape;

/* All sums of a row start at the shifts: a load whose rows do not move on. */
#define BEGIN(tile, lane) _tile_loadd(tile, p->shift + (lane), 0)
#define ROWS(tile, row)   _tile_loadd(tile, x + (row)*p->row_distance, p->row_distance)
#define WEIGHTS(tile, block)                                                             \
    _tile_loadd(tile, weight + (block)*p->block_distance, 4 * INTEGER_LANES)
#define END(tile, row, lane)                                                             \
    _tile_stored(tile, p->sum + (row)*p->blocks * INTEGER_LANES + (lane),                \
                 p->blocks * INTEGER_LANES * 4)
#define FOR_EACH_STEP                                                                    \
    for (int64_t run = 0; run < p->runs; run++, run_x += p->run_distance)                \
        for (const char *x = run_x, *end = x + p->run_steps * UNIT; x < end;             \
             x += UNIT, weight += TILE)

static void one_by_one(const integer_product *p)
{
    const char *run_x = p->x, *weight = p->weight;
    BEGIN(0, 0);
    FOR_EACH_STEP
    {
        ROWS(4, 0);
        WEIGHTS(6, 0);
        _tile_dpbssd(0, 4, 6);
    }
    END(0, 0, 0);
}

static void two_by_one(const integer_product *p)
{
    const char *run_x = p->x, *weight = p->weight;
    BEGIN(0, 0);
    BEGIN(1, 0);
    FOR_EACH_STEP
    {
        WEIGHTS(6, 0);
        ROWS(4, 0);
        _tile_dpbssd(0, 4, 6);
        ROWS(5, 16);
        _tile_dpbssd(1, 5, 6);
    }
    END(0, 0, 0);
    END(1, 16, 0);
}

static void three_by_one(const integer_product *p)
{
    const char *run_x = p->x, *weight = p->weight;
    BEGIN(0, 0);
    BEGIN(1, 0);
    BEGIN(2, 0);
    FOR_EACH_STEP
    {
        WEIGHTS(6, 0);
        ROWS(4, 0);
        _tile_dpbssd(0, 4, 6);
        ROWS(5, 16);
        _tile_dpbssd(1, 5, 6);
        ROWS(4, 32);
        _tile_dpbssd(2, 4, 6);
    }
    END(0, 0, 0);
    END(1, 16, 0);
    END(2, 32, 0);
}

static void four_by_one(const integer_product *p)
{
    const char *run_x = p->x, *weight = p->weight;
    BEGIN(0, 0);
    BEGIN(1, 0);
    BEGIN(2, 0);
    BEGIN(3, 0);
    FOR_EACH_STEP
    {
        WEIGHTS(6, 0);
        ROWS(4, 0);
        _tile_dpbssd(0, 4, 6);
        ROWS(5, 16);
        _tile_dpbssd(1, 5, 6);
        ROWS(4, 32);
        _tile_dpbssd(2, 4, 6);
        ROWS(5, 48);
        _tile_dpbssd(3, 5, 6);
    }
    END(0, 0, 0);
    END(1, 16, 0);
    END(2, 32, 0);
    END(3, 48, 0);
}

static void one_by_two(const integer_product *p)
{
    const char *run_x = p->x, *weight = p->weight;
    BEGIN(0, 0);
    BEGIN(1, 16);
    FOR_EACH_STEP
    {
        ROWS(4, 0);
        WEIGHTS(6, 0);
        _tile_dpbssd(0, 4, 6);
        WEIGHTS(7, 1);
        _tile_dpbssd(1, 4, 7);
    }
    END(0, 0, 0);
    END(1, 0, 16);
}

static void two_by_two(const integer_product *p)
{
    const char *run_x = p->x, *weight = p->weight;
    BEGIN(0, 0);
    BEGIN(1, 16);
    BEGIN(2, 0);
    BEGIN(3, 16);
    FOR_EACH_STEP
    {
        ROWS(4, 0);
        WEIGHTS(6, 0);
        _tile_dpbssd(0, 4, 6);
        WEIGHTS(7, 1);
        _tile_dpbssd(1, 4, 7);
        ROWS(5, 16);
        _tile_dpbssd(2, 5, 6);
        _tile_dpbssd(3, 5, 7);
    }
    END(0, 0, 0);
    END(1, 0, 16);
    END(2, 16, 0);
    END(3, 16, 16);
}

static void one_by_four(const integer_product *p)
{
    const char *run_x = p->x, *weight = p->weight;
    BEGIN(0, 0);
    BEGIN(1, 16);
    BEGIN(2, 32);
    BEGIN(3, 48);
    FOR_EACH_STEP
    {
        ROWS(4, 0);
        WEIGHTS(6, 0);
        _tile_dpbssd(0, 4, 6);
        WEIGHTS(7, 1);
        _tile_dpbssd(1, 4, 7);
        WEIGHTS(6, 2);
        _tile_dpbssd(2, 4, 6);
        WEIGHTS(7, 3);
        _tile_dpbssd(3, 4, 7);
    }
    END(0, 0, 0);
    END(1, 0, 16);
    END(2, 0, 32);
    END(3, 0, 48);
}

static void multiply(const integer_product *p)
{
    if (p->blocks == 4)
        one_by_four(p);
    else if (p->blocks == 2)
        (p->rows > INTEGER_ROWS ? two_by_two : one_by_two)(p);
    else if (p->rows > 2 * INTEGER_ROWS)
        (p->rows > 3 * INTEGER_ROWS ? four_by_one : three_by_one)(p);
    else
        (p->rows > INTEGER_ROWS ? two_by_one : one_by_one)(p);
}

/* Parts of fewer rows than a tile has read no others. */
static void begin(int64_t rows)
{
    _Alignas(64) tile_shape shape = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        shape.bytes[i] = UNIT;
        shape.rows[i] =
            (uint8_t)(i < 6 && rows < INTEGER_ROWS ? rows : (int64_t)INTEGER_ROWS);
    }
    /* The compiler does not know that the instruction reads all of it. */
    __asm__ volatile("" : : "r"(&shape) : "memory");
    _tile_loadconfig(&shape);
}

static void end(void)
{
    _tile_release();
}

static void copy(void *source, const int8_t *codes, int64_t n, int32_t zero)
{
    (void)zero;
    memcpy(source, codes, (size_t)n);
}

/* The level says nothing about the byte permutations of AVX-512 VBMI. */
static bool usable(void)
{
    return __builtin_cpu_supports("avx512vbmi");
}

static const integer_kernel kernel = {
    .form = {.unit = UNIT, .element = 1, .offset = 0, .gaps = true},
    .in_place = true,
    .usable = usable,
    .begin = begin,
    .end = end,
    .multiply = multiply,
    .copy = copy,
};

const integer_kernel *const integer_kernel_amx = &kernel;
#else
const integer_kernel *const integer_kernel_amx = 0;
#endif
