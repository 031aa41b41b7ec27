/* SPDX-License-Identifier: GPL-3.0-or-later
   bf16.h -- bf16 numbers: the innermost loops of their convolution, the copy of an image
   that its products read, and packed weights.  Nobody else reads it: others move numbers
   from bf16 and back by kept.h.

   A bf16 is the upper half of an f32, rounded to nearest even.  Products of two are exact
   in f32; sums are f32.  Numbers in memory must be finite: one that is not also spoils
   its neighbours, because zeros stand beside what a block of 32 reads too much. */
#ifndef LATHE_KERNEL_BF16_H
#define LATHE_KERNEL_BF16_H

#include <stdbool.h>
#include <stdint.h>
#include "kernel/finish.h"
#include "kernel/mapping.h"
#include "kernel/scratch.h"

typedef uint16_t bf16;

enum {
    BF16_LANES = 16,             /* outputs of a tile of sums, and its rows */
    BF16_DEPTH = 32,             /* k of a block: 16 pairs */
    BF16_TILE = 16 * BF16_LANES, /* sums of a tile; words of a packed block */
    BF16_ROWS = 32               /* rows that one multiply takes at most */
};

/* sum[row][output] (+)= sum over blocks b and k < 32 of
   x[row * x_step + x_offset[b] + k] w[b][k][output], for 1..32 rows and one or two times
   16 outputs.  Weights are pairs of k: the word w[v][w_offset[b] + i * w_row + o] holds
   k = 2 i of output o in its lower half and k = 2 i + 1 in the upper one.  Rows behind the
   last one, up to 16 or 32, are read and summed too. */
typedef struct bf16_multiply {
    int64_t rows, blocks;
    int vectors;
    const bf16 *x;
    int64_t x_step;
    const int64_t *x_offset; /* [blocks] */
    const uint32_t *w[2];
    const int64_t *w_offset; /* [blocks]; NULL: b * w_block */
    const int64_t *pairs; /* [blocks] behind which all pairs of either factor are zeros */
    int64_t w_row, w_block;
    float *sum[2][2]; /* [rows / 16][vector], each [16][16] */
    bool add;
    /* Of multiply_split: numbers from a row's first pixel to its second. */
    int64_t second;
} bf16_multiply;

/* y[row][o] (+)= rectify(sum[row][o] * scale[o] + shift[o] + residual[row][o]) for at most
   16 outputs; rows of sums are 16 floats long. */
typedef struct bf16_finish {
    int64_t rows, outputs;
    const float *sum, *scale, *shift;
    const float *residual; /* may be NULL */
    int64_t residual_step;
    rectifier rectify;
    float slope;
    bool accumulate;
    void *y;
    precision kept; /* of y */
    int64_t y_step;
} bf16_finish;

typedef struct bf16_loops {
    const char *name;
    /* Around the multiplies of a task, in its thread. */
    void (*enter)(void);
    void (*leave)(void);
    void (*multiply)(const bf16_multiply *t);
    /* The same of rows that are two pixels of 8 outputs, for one vector that is not added
       to.  The word w[0][b * w_block + u * w_row + 2 o + h] is the pair of k = 4 u + 2 h
       of output o: each step takes four k of a pixel.  NULL where it would not be
       faster. */
    void (*multiply_split)(const bf16_multiply *t);
    void (*finish)(const bf16_finish *t);

    void (*convert)(int64_t n, const float *x, bf16 *to);
    /* Rows of N numbers, STEP apart, to and from ones that follow each other. */
    void (*widen_rows)(int64_t rows, int64_t n, const bf16 *x, int64_t step, float *to);
    void (*narrow_rows)(int64_t rows, int64_t n, const float *x, bf16 *to, int64_t step);
    /* to[i] = a[i] in the lower half, b[i] in the upper one. */
    void (*interleave)(int64_t n, const bf16 *a, const bf16 *b, uint32_t *to);
    /* to[i][o] = row[2 i][o], row[2 i + 1][o] as a pair, o < n; zeros from N to 16. */
    void (*zip)(const void *const row[BF16_DEPTH], precision kept, int64_t n,
                uint32_t *to);
    /* to[i][o] = row[o][2 i], row[o][2 i + 1] of f32 rows as a pair; zeros where they are N
       or more. */
    void (*pack)(const void *const row[BF16_LANES], int64_t n, uint32_t *to);
    /* to[o * to_step + p] = row[p][o], o < n; zeros from N to 16; to_step is even. */
    void (*turn)(const void *const row[BF16_DEPTH], precision kept, int64_t n, bf16 *to,
                 int64_t to_step);
} bf16_loops;

/* The loops for cpu_get_level() and cpu_has_bf16(). */
const bf16_loops *bf16_loops_get(void);

/* NULL where this build has none. */
extern const bf16_loops *const bf16_scalar,
    *const bf16_avx2, *const bf16_avx512, *const bf16_dot, *const bf16_amx;

/* What products read of a source.  It is copied with its zeros around, some output rows of
   an image at a time; or, where images are small, each pixel is gathered first: its k side
   by side, zeros up to a multiple of 32.

   Where outputs are few, `merge` neighbouring pixels count as one that has merge * outputs
   outputs and reads what all of them read, so that tiles are full; or, split, each of two
   reads its own, which multiplies fewer zeros.

   Lines of pixels follow each other at one distance through a whole tile: behind the
   `line_pixels` of one come those that stick out of it, up to `line`, which nobody
   wants. */
typedef struct bf16_layout {
    const mapping *m;
    bool gathered;
    int64_t merge;
    int64_t split; /* numbers from the first of two merged pixels to the second; or 0 */
    int64_t pitch, row;               /* numbers from source pixel to pixel, row to row */
    int64_t height, tiles;            /* output rows of a tile; tiles of one image */
    int64_t pixels;                   /* gathered: of a tile */
    int64_t count;                    /* tiles in all */
    int64_t numbers, slack;           /* of a tile; zeros at its end that are written */
    int64_t step;                     /* from (merged) pixel to pixel */
    int64_t line, line_pixels;        /* (merged) pixels */
    int64_t runs, run_length, blocks; /* runs: of neighbouring k */
} bf16_layout;

/* The layout with MERGE pixels as one, numbers PITCH apart (m->channels or more), in TILES
   tiles or more where there are so many rows. */
void bf16_layout_make(bf16_layout *l, const mapping *m, int64_t pitch, int64_t merge,
                      int64_t tiles);
static inline int64_t bf16_run_blocks(const bf16_layout *l)
{
    return (l->run_length + BF16_DEPTH - 1) / BF16_DEPTH;
}

/* Splits the merged pixels of L, where LOOPS can multiply them so. */
void bf16_layout_split(bf16_layout *l, const bf16_loops *loops);
/* How many pixels are best merged for M, whose k are taken DEPTH at a time; EVEN: lines
   must be a multiple of them. */
int64_t bf16_merge(const mapping *m, int64_t depth, bool even);
bool bf16_is_gathered(const mapping *m);

/* offset[b] of each block of 32 k, and how many of its pairs there are. */
void bf16_layout_offsets(const bf16_layout *l, int64_t *offset, int64_t *pairs);
/* Copies CHANNELS (at most pitch) channels of tile I of SOURCE to TO. */
void bf16_layout_load(const bf16_layout *l, const bf16_loops *loops, int64_t channels,
                      const void *source, int64_t i, bf16 *to);

/* One line of a tile, or all of them where they follow each other at one distance: pixels
   FIRST.. of the tile's lines from LINE (rows of all images, counted through). */
typedef struct bf16_flow {
    int64_t line, first, count; /* (merged) pixels, with those that stick out */
    int64_t x;                  /* numbers from the tile's start */
} bf16_flow;
int64_t bf16_flow_count(const bf16_layout *l, int64_t tile);
bf16_flow bf16_flow_at(const bf16_layout *l, int64_t tile, int64_t i);

/* Packed weights: panels of 32 outputs (the last of 16 where that is enough), each
   [block][vector][16 pairs][16 outputs] words. */
int64_t bf16_panel_count(const bf16_layout *l);
int bf16_panel_vectors(const bf16_layout *l, int64_t panel);
int64_t bf16_panel_start(const bf16_layout *l, int64_t panel); /* words before it */
int64_t bf16_packed_words(const bf16_layout *l);
void bf16_pack(const bf16_layout *l, const bf16_loops *loops, const float *weight,
               uint32_t *packed);

/* algorithm.h's gradient by the weight, and its scratch. */
size_t bf16_weight_scratch(const convolution *v);
void bf16_grad_weight(const convolution *v, const float *x, const float *grad_y,
                      float *grad_weight, void *scratch);

#endif
