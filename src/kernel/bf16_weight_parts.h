/* SPDX-License-Identifier: GPL-3.0-or-later
   bf16_weight_parts.h -- what the files of the gradient by the weight in bf16 share.
   Nobody else reads it. */
#ifndef LATHE_KERNEL_BF16_WEIGHT_PARTS_H
#define LATHE_KERNEL_BF16_WEIGHT_PARTS_H

#include "kernel/bf16.h"

enum {
    BF16_WEIGHT_PIXELS = 256 /* of a gathered tile */
};

typedef struct bf16_weight_target bf16_weight_target; /* bf16_weight.c */

/* One run of the gradient, of one group. */
typedef struct bf16_weight_job {
    const mapping *m;
    const bf16_loops *loops;
    const void *x, *grad_y;
    float *grad_weight;
    bf16_layout layout;    /* of one chunk, channels up to `chunk` */
    int64_t outputs;       /* of a merged pixel */
    int64_t run_length;    /* k of a run that a pixel by itself reads */
    int64_t chunk, chunks; /* channels */
    int64_t block, blocks; /* times 16 outputs */
    int64_t n_tiles, parts;
    int64_t batch;   /* tiles that one multiply goes through */
    float *sums;     /* [part][chunk][block], or [thread] where there is one part:
                        [16 outputs][n tile][16][16] */
    int64_t *offset; /* [n tile] words from the tile's start */
    bf16_weight_target *targets; /* [n tile] */
    int64_t line;                /* pixels of a line of turned grad_y: blocks of 32 */
    int64_t g_step;              /* pixels of all lines of a tile */
    bf16 *turned;                /* [tile, or thread and batch where there is one chunk]
                                    [output][g_step] */
    bf16 *copies;                /* of each thread: [layout.numbers] */
    uint32_t *words; /* of each thread: [batch][words_count], pairs of pixels */
    int64_t *places; /* of each thread: [3][batch * g_step / 32], of blocks */
    size_t apart;    /* from thread to thread */
    int64_t words_count;
} bf16_weight_job;

static inline int64_t divided_up(int64_t n, int64_t by)
{
    return (n + by - 1) / by;
}

static inline int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t chunk_channels(const bf16_weight_job *j, int64_t chunk)
{
    return smaller(j->chunk, j->m->channels - chunk * j->chunk);
}

/* to[output - first][j->g_step] = grad_y of a tile, for the outputs FIRST to LAST - 1 and,
   zeros, what is missing to a multiple of 16. */
void bf16_weight_turn(const bf16_weight_job *j, int64_t tile, int64_t first, int64_t last,
                      bf16 *to);

/* words[j->words_count] = x of a tile, the channels of CHUNK: pairs of pixels. */
void bf16_weight_pair(const bf16_weight_job *j, int64_t chunk, int64_t tile, int thread,
                      uint32_t *words);

#endif
