/* SPDX-License-Identifier: GPL-3.0-or-later
   winograd_parts.h -- what the files of Winograd convolution know of each other.
   It is no interface for anybody else. */
#ifndef LATHE_KERNEL_WINOGRAD_PARTS_H
#define LATHE_KERNEL_WINOGRAD_PARTS_H

#include "kernel/algorithm.h"
#include "kernel/scratch.h"
#include "kernel/winograd_loops.h"

/* One pass of 3x3 sums from images to images: a forward convolution, or a gradient by the
   input, which is one of grad_y with weights turned. */
typedef struct winograd_pass {
    const winograd_loops *loops;
    const winograd_form *form;
    winograd_grid in, out;
    int64_t tiles;          /* of all images */
    int64_t groups, panels; /* of in.channels; of out.channels */
    bool turned;
    bool thin; /* half of the planes, or the taps, are kept, and others made on the way */
} winograd_pass;

enum {
    WINOGRAD_PANEL = 2, /* vectors of a panel */
    WINOGRAD_KEPT_LINES =
        3,            /* of F(4x4, 3x3): the first, the last, and what those between
                                have of g1 */
    WINOGRAD_TAPS = 9 /* of F(2x2, 3x3), as they are */
};

winograd_pass winograd_forward_pass(const convolution *v, int64_t tile);
winograd_pass winograd_thin_pass(const convolution *v, int64_t tile); /* only in parts */
winograd_pass winograd_input_pass(const convolution *v, int64_t tile);

/* Of how many tiles a task takes some of the outputs alone: where tiles are few; else 0. */
int64_t winograd_parts_room(const winograd_pass *p);

/* Floats of one tile in all planes, of so many vectors of channels. */
static inline int64_t winograd_tile_floats(const winograd_pass *p, int64_t vectors)
{
    return p->form->planes * p->loops->lanes * vectors;
}

/* Planes in a line, or lines. */
static inline int64_t winograd_side(const winograd_pass *p)
{
    return p->form->tile + 2;
}

static inline int winograd_panel_vectors(const winograd_pass *p, int64_t panel)
{
    int64_t left = p->out.channels - panel * WINOGRAD_PANEL * p->loops->lanes;
    return left > p->loops->lanes ? WINOGRAD_PANEL : 1;
}

/* An odd number of cache lines from plane to plane: planes lie in different sets. */
static inline int64_t winograd_plane_floats(const winograd_pass *p, int64_t vectors)
{
    return (vectors | 1) * p->loops->lanes;
}

/* Weights are [panel][plane][channel][vectors * lanes].  Of three lines they are
   [panel][column][chunk of channels][line][channel][vectors * lanes], of nine taps
   [panel][channel][tap][vectors * lanes]: one stream. */
static inline int64_t winograd_weight_plane(const winograd_pass *p, int64_t vectors)
{
    return winograd_plane_floats(p, p->in.channels * vectors);
}

/* What is kept of a pair of channels. */
static inline int64_t winograd_kept(const winograd_pass *p)
{
    return !p->thin             ? p->form->planes
           : p->form->tile == 2 ? WINOGRAD_TAPS
                                : WINOGRAD_KEPT_LINES * winograd_side(p);
}

/* Floats before PANEL. */
static inline int64_t winograd_weight_panel(const winograd_pass *p, int64_t panel)
{
    return panel * winograd_kept(p) * winograd_weight_plane(p, WINOGRAD_PANEL);
}

/* Channels of a chunk, whose lines between are made at once. */
int64_t winograd_lines_channels(const winograd_pass *p);

static inline int64_t winograd_lines_plane(const winograd_pass *p)
{
    return winograd_plane_floats(p, winograd_lines_channels(p) * WINOGRAD_PANEL);
}

/* The same weights, [out_c][3][3][c] of the forward convolution, in planes. */
size_t winograd_weight_bytes(const winograd_pass *p);
void winograd_weight_prepare(const winograd_pass *p, const float *weight, float *u);

/* What a panel's products read and write: transformed tiles, and room for the lines that
   are made of others [tile][lines_plane]. */
typedef struct winograd_panel {
    const float *u, *after; /* weights of this panel and the next */
    int64_t tiles;
    int vectors;
    const float *spread;
    int64_t spread_plane, spread_group;
    float *sums;
    int64_t sums_plane;
    float *lines;
} winograd_panel;

/* All products of a panel whose planes are made on the way. */
void winograd_thin_multiply(const winograd_pass *p, const winograd_panel *panel);

/* y (+)= finish of the pass over x.  Returns the scratch bytes; where BLOCK is NULL, it
   computes nothing else. */
size_t winograd_run(const winograd_pass *p, const float *x, const float *u,
                    const float *bias, const finish *tail, float *y, bool accumulate,
                    void *block);

/* grad_weight of V, or what TAKER takes where there is one; BLOCK in the same way. */
size_t winograd_weight_run(const convolution *v, int64_t tile, const float *x,
                           const float *grad_y, float *grad_weight,
                           const weight_taker *taker, void *block);

#endif
