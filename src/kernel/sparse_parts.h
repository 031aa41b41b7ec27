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

/* Clock cycles of one core for so many entries of all lists, about. */
double sparse_shape_cost(const sparse_shape *s, double entries);

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

/* An entry is a weight's word of 32 bits, which is a number or four codes of consecutive
   channels, and its place: where its input begins in a turned tile, in vectors behind the
   first channel of its chunk.  Places and words are two lists, so that four places are
   one load: inputs alone keep the processor loading all the time. */
enum { SPARSE_PLACES = 1 << 16, SPARSE_GROUP = 4 };

/* Place K of a group that was loaded as it lies. */
static inline uint64_t sparse_place(uint64_t group, int k)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    k = SPARSE_GROUP - 1 - k;
#endif
    return group >> 16 * k & (SPARSE_PLACES - 1);
}

/* Numbers of four consecutive outputs; the place is in words. */
typedef struct sparse_four {
    uint32_t place;
    float weight[4];
} sparse_four;

/* Weights to be packed: numbers, or codes less ZERO (of the layer or of each output),
   where CODES is not NULL. */
typedef struct sparse_weights {
    const convolution *v; /* its channels are words */
    const float *numbers;
    const int8_t *codes;
    int64_t code_channels, zeros;
    const int32_t *zero; /* [zeros] */
} sparse_weights;

/* Packed weights: lists of entries, [block][chunk][row][kind], a block being LANES
   outputs, a row one output or four, a chunk CHANNELS of them.  Behind it come, in this
   order: cuts [SPARSE_CUTS + 1], starts [blocks + 1], counts [lists], the entries: fours,
   or words and then places. */
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
    sparse_four *fours;
    uint32_t *words;
    uint16_t *places;
} sparse_view;

/* The view of memory at BASE (or NULL, to measure), whose head is *HEAD; its bytes. */
size_t sparse_view_make(sparse_view *view, const sparse_packed *head, void *base);
/* How W will be packed. */
sparse_packed sparse_pack_head(const sparse_shape *s, const sparse_weights *w);
void sparse_pack(const sparse_shape *s, const sparse_weights *w, void *prepared);

/* What a thread has for itself, in words. */
typedef struct sparse_room {
    int64_t tile;   /* whose input is in x; -1: none */
    void *x;        /* [plane][slot][lane] */
    void *sums;     /* [output of a block][kind][vector][lane] */
    int64_t *pixel; /* [vector][lane] of the output; -1: there is none */
} sparse_room;

/* One run of a sparse convolution.  Pixels of x are PITCH bytes apart; OUTSIDE is what
   those have that are not there.  FINISH computes one block of a turned tile. */
typedef struct sparse_work {
    sparse_shape shape;
    sparse_view view;
    const char *x, *outside;
    int64_t pitch, channels;
    /* to[c * step + lane] = from[lane][c] for all words of CHANNELS channels. */
    void (*turn)(const char *const *from, int64_t channels, void *to, int64_t step);
    void (*finish)(const struct sparse_work *w, int64_t block, const sparse_room *r);
    const void *context;      /* of finish */
    int64_t sums_step, reach; /* reach: words around sums that shifted loads touch */
    int64_t *shift;           /* [kinds] */
    int32_t *inside;          /* [kinds][parts][lanes]: all bits, or none */
    sparse_room *room;        /* of each thread */
    size_t apart;             /* from thread to thread */
    int64_t parts;            /* in which the outputs of a tile are cut */
} sparse_work;

/* Cuts scratch memory for W, whose shape is made; its bytes. */
size_t sparse_work_layout(sparse_work *w, void *block);
void sparse_work_run(sparse_work *w);

/* sums[list][vector] (+)= sum over the list's entries of weight * x[place ..], for VECTORS
   vectors.  A list of four outputs has four rows of
   sums, KINDS rows apart. */
typedef struct sparse_sum {
    const sparse_four *fours; /* of sum_four; else: */
    const uint32_t *words;
    const uint16_t *places;
    const uint32_t *counts;
    int64_t lists, kinds;
    const float *x; /* from the chunk's first channel on */
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
    void (*turn)(const char *const *from, int64_t channels, void *to, int64_t step);
    void (*sum)(const sparse_sum *s);
    void (*sum_four)(const sparse_sum *s);
    void (*emit)(const sparse_emit *e);
} sparse_loops;

extern const sparse_loops *const sparse_scalar, *const sparse_avx2, *const sparse_avx512;
const sparse_loops *sparse_loops_get(void);

/* The same on codes: x is of words of four bytes, codes + 128, and sums are modulo 2^32;
   those of a list begin at its start. */
typedef struct sparse_code_sum {
    const uint32_t *words;
    const uint16_t *places;
    const uint32_t *counts, *starts;
    int64_t lists;
    const uint32_t *x;
    int64_t vectors;
    uint32_t *sums;
    int64_t sums_step;
    bool add;
} sparse_code_sum;

/* to[lane][output] = the sums of all kinds at one vector and up to LANES outputs, plus
   BIAS [lanes].  Rows of TO are SPARSE_CODE_ROW words long. */
enum { SPARSE_CODE_ROW = 16 };
typedef struct sparse_code_gather {
    const uint32_t *sums; /* [output][kind] rows, at this vector */
    int64_t sums_step, outputs, kinds;
    const int64_t *shift;
    const int32_t *inside; /* [kinds], INSIDE_STEP apart: [lanes] */
    int64_t inside_step;
    const int32_t *bias;
    int32_t *to;
} sparse_code_gather;

typedef struct sparse_code_loops {
    int64_t lanes;
    void (*turn)(const char *const *from, int64_t channels, void *to, int64_t step);
    void (*sum)(const sparse_code_sum *s);
    void (*gather)(const sparse_code_gather *g);
} sparse_code_loops;

extern const sparse_code_loops *const sparse_codes_scalar, *const sparse_codes_vnni;

#endif
