/* SPDX-License-Identifier: GPL-3.0-or-later
   bf16_amx.c -- the bf16 loops for AMX: tiles of 16 rows by 32 k times 32 k by 16
   outputs, two by two, so that each that is loaded is used twice.
   It knows no images.
   Source: Intel, Architecture Instruction Set Extensions, chapter 3 (tile configuration,
   TDPBF16PS). */
#if defined(__x86_64__)
#pragma GCC target(                                                                      \
    "amx-tile,amx-bf16,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,prefer-vector-width=512")
#pragma GCC optimize("O3,no-trapping-math,no-math-errno")
#define LANES     16
#define BF16_DOT  1
#define BF16_NAME "amx"
#include "kernel/bf16_loops.inc"

enum { TILES = 8, TILE_ROWS = 16, TILE_BYTES = 64 };

static void loop_enter(void)
{
    struct {
        uint8_t palette, start;
        uint8_t reserved[14];
        uint16_t bytes[16]; /* of a row */
        uint8_t rows[16];
    } shapes __attribute__((aligned(64))) = {.palette = 1};
    for (int i = 0; i < TILES; i++) {
        shapes.bytes[i] = TILE_BYTES;
        shapes.rows[i] = TILE_ROWS;
    }
    /* The compiler sees only the first bytes being read. */
    __asm__ volatile("" : : "r"(&shapes) : "memory");
    _tile_loadconfig(&shapes);
}

static void loop_leave(void)
{
    _tile_release();
}

/* Sums are tiles 0 to 3, [rows][vector]; x is 4 and 5, weights are 6 and 7. */
#define FOR_SUMS(f)                                                                      \
    do {                                                                                 \
        f(0, 0, 0, 4, 6);                                                                \
        if (vectors == 2)                                                                \
            f(1, 0, 1, 4, 7);                                                            \
        if (halves_of_rows == 2)                                                         \
            f(2, 1, 0, 5, 6);                                                            \
        if (halves_of_rows == 2 && vectors == 2)                                         \
            f(3, 1, 1, 5, 7);                                                            \
    } while (0)
#define SUM_ZERO(tile, half, v, x, w)  _tile_zero(tile)
#define SUM_LOAD(tile, half, v, x, w)  _tile_loadd(tile, t->sum[half][v], TILE_BYTES)
#define SUM_STORE(tile, half, v, x, w) _tile_stored(tile, t->sum[half][v], TILE_BYTES)
#define SUM_ADD(tile, half, v, x, w)   _tile_dpbf16ps(tile, x, w)

ALWAYS void multiply_tiles(const bf16_multiply *t, const int halves_of_rows,
                           const int vectors)
{
    int64_t x_bytes = t->x_step * (int64_t)sizeof *t->x;
    int64_t w_bytes = t->w_row * (int64_t)sizeof *t->w[0];
    if (t->add)
        FOR_SUMS(SUM_LOAD);
    else
        FOR_SUMS(SUM_ZERO);
    for (int64_t b = 0; b < t->blocks; b++) {
        const bf16 *x = t->x + t->x_offset[b];
        int64_t at = t->w_offset ? t->w_offset[b] : b * t->w_block;
        _tile_loadd(6, t->w[0] + at, w_bytes);
        _tile_loadd(4, x, x_bytes);
        if (vectors == 2)
            _tile_loadd(7, t->w[1] + at, w_bytes);
        if (halves_of_rows == 2)
            _tile_loadd(5, x + TILE_ROWS * t->x_step, x_bytes);
        FOR_SUMS(SUM_ADD);
    }
    FOR_SUMS(SUM_STORE);
}

static void loop_multiply(const bf16_multiply *t)
{
    if (t->rows > TILE_ROWS && t->vectors == 2)
        multiply_tiles(t, 2, 2);
    else if (t->rows > TILE_ROWS)
        multiply_tiles(t, 2, 1);
    else if (t->vectors == 2)
        multiply_tiles(t, 1, 2);
    else
        multiply_tiles(t, 1, 1);
}

#include "kernel/bf16_table.inc"

const bf16_loops *const bf16_amx = &loops_here;
#else
#include "kernel/bf16.h"
const bf16_loops *const bf16_amx = 0;
#endif
