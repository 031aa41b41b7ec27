/* SPDX-License-Identifier: GPL-3.0-or-later
   sparse_parts.h -- what the files of the sparse convolution share: how pixels become
   lanes, how weights are packed, and the loops.  Nobody else includes it. */
#ifndef LATHE_KERNEL_SPARSE_PARTS_H
#define LATHE_KERNEL_SPARSE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "kernel/convolution.h"
#include "kernel/finish.h"

/* Taps of one axis.  With stride s, tap k of output o reads place o s + k d - pad =
   (o + shift) s + phase, 0 <= phase < s: the image falls apart into one image for each
   phase, on which the convolution has stride 1. */
typedef struct sparse_axis {
    int64_t phases, least, most;            /* distinct phases; extremes of shift */
    int64_t phase[CONVOLUTION_KERNEL_MAX];  /* [phases] */
    int64_t shift[CONVOLUTION_KERNEL_MAX];  /* of each tap */
    int64_t number[CONVOLUTION_KERNEL_MAX]; /* of its phase, or -1: never inside */
} sparse_axis;

/* How pixels become lanes.  A tile is some rows of one image, or some whole images of one
   vector each.  Its input is turned to [plane][slot][lane], planes being (channel,
   phase_h, phase_w) and a slot LANES columns of one row or, where images are narrow, of
   several rows.  Slots are in such an order that the vectors of the output read slots
   that follow each other, from that of the tap's vertical shift on: always aligned.
   Horizontal shifts are made up for at the end: there is one sum for each, a "kind", and
   they are added side by side. */
typedef struct sparse_shape {
    int64_t images, h, w, channels, out_h, out_w, outputs;
    int64_t step_h, step_w; /* input pixels from output to output */
    int64_t pixels,
        pixels_read; /* of all outputs and inputs: what follows is not there */
    int64_t x_pitch, y_pitch;
    sparse_axis rows, columns;
    int64_t lanes, width;   /* width: columns of a row within vectors */
    int64_t rows_in, parts; /* rows in a vector, or vectors in a row: one of them is 1 */
    int64_t tile_rows, tiles, tile_images;
    int64_t vectors, slots;                      /* of a tile */
    int64_t apart, deep, next;                   /* order of slots: see sparse_slot */
    int64_t planes;                              /* of one channel */
    int64_t kinds, kind[CONVOLUTION_KERNEL_MAX]; /* horizontal shift of each */
} sparse_shape;

/* False where it has no tap inside or places overflow. */
bool sparse_shape_make(sparse_shape *s, const convolution *v, int64_t lanes);

/* Floats from channel to channel of a turned tile. */
static inline int64_t sparse_channel_floats(const sparse_shape *s)
{
    return s->planes * s->slots * s->lanes;
}

/* The first slot of taps with a vertical shift of least + ROW.  Behind it are those of
   the next vectors: APART rows further down, NEXT slots on. */
static inline int64_t sparse_slot(const sparse_shape *s, int64_t row)
{
    return row % s->apart * s->deep + row / s->apart * s->next;
}

/* A weight and where its input begins in a turned tile, in floats. */
typedef struct sparse_entry {
    uint32_t place;
    float weight;
} sparse_entry;

/* The same for four consecutive outputs. */
typedef struct sparse_four {
    uint32_t place;
    float weight[4];
} sparse_four;

/* Packed weights: lists of entries, [block][chunk][row][kind], a block being LANES
   outputs, a row one output or four, a chunk CHANNELS of them.  Behind it come, in this
   order: cuts [SPARSE_CUTS + 1], starts [blocks + 1], counts [lists], the entries. */
enum { SPARSE_CUTS = 16 };
typedef struct sparse_packed {
    int64_t together;                        /* outputs of an entry: 1 or 4 */
    int64_t blocks, chunks, channels, lists; /* lists: of one block and chunk */
    int64_t entries;
} sparse_packed;

/* Pointers into the memory of a prepared convolution. */
typedef struct sparse_view {
    sparse_packed *head;
    int64_t *cuts;   /* blocks of about equal work: cuts[i] .. cuts[i + 1] - 1 */
    int64_t *starts; /* the first entry of each block */
    uint32_t *counts;
    void *entries;
} sparse_view;

/* The view of memory at BASE (or NULL, to measure), whose head is *HEAD; its bytes. */
size_t sparse_view_make(sparse_view *view, const sparse_packed *head, void *base);
size_t sparse_pack_bytes(const sparse_shape *s, const convolution *v,
                         const float *weight);
void sparse_pack(const sparse_shape *s, const convolution *v, const float *weight,
                 void *prepared);

/* sums[list][vector] (+)= sum over the list's entries of weight * x[place ..], for VECTORS
   vectors.  A list of four outputs has four rows of
   sums, KINDS rows apart. */
typedef struct sparse_sum {
    const void *entries;
    const uint32_t *counts;
    int64_t lists, kinds;
    const float *x;
    int64_t vectors;
    float *sums;
    int64_t sums_step; /* floats from row to row */
    bool add;
} sparse_sum;

/* y of VECTORS vectors of pixels and up to LANES outputs: the sums of all kinds, shifted,
   masked, turned and finished. */
typedef struct sparse_emit {
    const float *sums; /* [output][kind] rows of vectors */
    int64_t sums_step, vectors, outputs, kinds;
    const int64_t *shift;  /* [kinds] */
    const int32_t *inside; /* [kinds][parts][lanes]: all bits, or none */
    int64_t parts;
    const int64_t *pixel; /* [vectors][lanes]; -1: there is none */
    const float *bias;    /* or NULL */
    const finish *tail;   /* its pointers are at these outputs, as y is */
    float *y;
    int64_t y_pitch;
} sparse_emit;

typedef struct sparse_loops {
    int64_t lanes;
    /* to[c * step + lane] = from[lane][c] for all channels. */
    void (*turn)(const float *const *from, int64_t channels, float *to, int64_t step);
    void (*sum)(const sparse_sum *s);
    void (*sum_four)(const sparse_sum *s);
    void (*emit)(const sparse_emit *e);
} sparse_loops;

extern const sparse_loops *const sparse_scalar, *const sparse_avx2, *const sparse_avx512;
const sparse_loops *sparse_loops_get(void);

#endif
