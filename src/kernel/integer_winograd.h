/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_winograd.h -- the inner loops of Winograd's algorithm F(4x4, 3x3) on codes.
   Kept between the files of integer_winograd. */
#ifndef LATHE_KERNEL_INTEGER_WINOGRAD_H
#define LATHE_KERNEL_INTEGER_WINOGRAD_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CODES_TILE = 4,    /* outputs of a tile, along each axis */
    CODES_SIDE = 6,    /* pixels that it reads */
    CODES_PLANES = 36, /* numbers that these become */
    CODES_TAPS = 9,
    CODES_LANES = 16,   /* outputs of a vector */
    CODES_CHANNELS = 32 /* of a vector of 16-bit numbers */
};

/* sum[plane][tile][output] (+)= sum over channels of x[plane][tile][c] u[plane][c][output],
   modulo 2^32, for the CODES_SIDE planes of a row, TILES tiles and VECTORS (1 or 2)
   vectors of outputs.
   Tiles up to a multiple of 4 can be read, and are written. */
typedef struct codes_product {
    int64_t tiles, channels;
    int vectors, row;
    const int16_t *x;        /* of all planes */
    int64_t x_tile, x_plane; /* numbers from one to the next */
    const int16_t *u;        /* of the row's: [pair of channels][vector][output][2] */
    int64_t u_plane;
    int32_t *sum; /* of all planes: [tile][vector][output] */
    int64_t sum_plane;
    bool add;
} codes_product;

typedef struct integer_winograd_loops {
    /* to[plane * step + c] = B' d B of channels FIRST + c, a multiple of CODES_CHANNELS up
       to END, of the tile whose pixels begin at PIXEL. */
    void (*read)(const int8_t *const pixel[CODES_PLANES], int64_t first, int64_t end,
                 int16_t *to, int64_t step);
    /* to[plane * step + i * CODES_CHANNELS + k] = row ROW of G g G' of COUNT times
       CODES_CHANNELS kernels [i][tap][k], each row of G times its denominator: CODES_SIDE
       planes. */
    void (*spread)(const int8_t *g, int64_t count, int row, int16_t *to, int64_t step);
    void (*multiply)(const codes_product *p);
    /* The same of four tiles, all rows, and kernels G
       [pair of channels][vector][tap][output][2] themselves, without u: for four tiles
       alone they are not worth their way through memory. */
    void (*multiply_four)(const codes_product *p, const int8_t *g);
    /* to[pixel][output] = A' m A / 576 + more[pixel * more_step + output] of one tile, m
       being VECTORS vectors of each plane, STEP numbers apart.  MORE may be TO. */
    void (*write)(const int32_t *m, int64_t step, int vectors, const int32_t *more,
                  int64_t more_step, int32_t *to);
} integer_winograd_loops;

/* NULL where this build has none. */
extern const integer_winograd_loops *const integer_winograd_vnni;

#endif
