/* SPDX-License-Identifier: GPL-3.0-or-later
   winograd_loops.h -- the inner loops of Winograd convolution, compiled once for each
   instruction set from loops_winograd*.inc.  They run in one thread and know nothing of
   how the work was cut.

   An image is cut into tiles of m x m pixels of the output; each reads (m + 2) x (m + 2)
   pixels of the input.  Transformed, a tile has (m + 2)^2 numbers for each channel: one
   in each of (m + 2)^2 planes.  A plane of transformed tiles is laid out
   [group of lanes channels][tile][lane], so that lanes run over channels where tiles are
   transformed, and a channel's next tile is near where they are multiplied. */
#ifndef LATHE_KERNEL_WINOGRAD_LOOPS_H
#define LATHE_KERNEL_WINOGRAD_LOOPS_H

#include <stdbool.h>
#include <stdint.h>
#include "kernel/finish.h"
#include "kernel/precision.h"

/* Images of H x W pixels, PITCH numbers apart, cut into ROWS x COLUMNS tiles each. */
typedef struct winograd_grid {
    int64_t h, w, channels, pitch;
    int64_t rows, columns;
    int64_t pad_h, pad_w; /* the first tile begins at pixel (-pad_h, -pad_w) */
    precision kept;       /* of their numbers */
    const void *zeros;    /* [channels], what is outside; NULL where nothing is read */
} winograd_grid;

/* Transformed tiles: distances in floats. */
typedef struct winograd_planes {
    float *first;
    int64_t plane, group; /* from plane to plane, from group of channels to the next */
} winograd_planes;

/* Of tiles first .. first + count - 1, counted through images, and of the channel groups
   group .. group + groups - 1. */
typedef struct winograd_part {
    int64_t first, count, group, groups;
} winograd_part;

/* y[plane][tile][o] (+)= sum over channels of x[plane][channel][tile] u[plane][channel][o],
   for PLANES planes and one panel of up to VECTORS * lanes outputs.  Meanwhile it fetches
   what will be read next: NEXT_STEP floats for each vector of weights, from NEXT + i
   NEXT_PLANE on with plane i, and from AFTER on with the last. */
typedef struct winograd_product {
    int64_t planes, tiles, channels;
    int vectors;
    bool add;
    const float *x; /* [group][tile][lane] */
    int64_t x_plane, x_group;
    const float *u; /* [channel][vectors * lanes] */
    int64_t u_plane;
    const float *next, *after;
    int64_t next_plane, next_step;
    float *y; /* [tile][vectors * lanes] */
    int64_t y_plane;
} winograd_product;

/* Where a panel's tiles go, and what is done to them on the way. */
typedef struct winograd_target {
    const float *scale, *shift; /* [vectors * lanes] */
    rectifier rectify;
    float slope;
    const float *residual; /* may be NULL; both at the panel's first output */
    int64_t residual_pitch;
    void *y;         /* kept as its grid says */
    int64_t outputs; /* that there are, <= vectors * lanes */
    int vectors;
    bool accumulate;
} winograd_target;

/* Weights g[channel][output][3][3] of a panel: distances in floats.  One of the channel's
   and the output's is 1. */
typedef struct winograd_filter {
    const float *weight;
    int64_t channels, outputs, channel_step, output_step, tap_step;
    bool turned; /* by half a turn, as the gradient by the input has them */
    bool thin;   /* F(4x4, 3x3): three lines, of which winograd_lines makes the others;
                    F(2x2, 3x3): the taps as they are */
    int vectors;
    float *u; /* as winograd_product has them */
    int64_t u_line, u_column;
} winograd_filter;

/* The four lines between the first and the last of G g G', F(4x4, 3x3), at COUNT numbers
   of one column.  Of each pair of points p and -p they have (g0 + p^2 g2) + p g1 and
   (g0 + p^2 g2) - p g1, times a norm: the first line, the last one and g1 are all they
   are made of. */
typedef struct winograd_lines {
    const float *first, *middle, *last; /* middle: g1, transformed by columns alone */
    int64_t count;                      /* a multiple of lanes */
    float *u;                           /* [4][count] */
    int64_t u_plane;
} winograd_lines;

/* The products of all planes of F(2x2, 3x3), of weights that are kept as taps and made in
   registers; at most as many tiles as loops say.  Partial sums, which are those of not
   all channels, lack a factor, which the last bring. */
typedef struct winograd_taps {
    int64_t tiles, channels;
    int vectors;
    bool add, last;
    const float *x; /* [group][tile][lane]; behind the tiles, and in y, there is room for
                       as many as loops say */
    int64_t x_plane, x_group;
    const float *taps; /* [channel][9][vectors * lanes] */
    const float *next; /* as much, which will be read then: fetched meanwhile */
    float *y;          /* [tile][vectors * lanes] */
    int64_t y_plane;
} winograd_taps;

/* sum[plane][o][c] += sum over tiles of g[plane][o][tile] x[plane][c][tile], for one
   plane; sum's rows are x_groups * lanes long. */
typedef struct winograd_outer {
    int64_t tiles, outputs, x_groups;
    const float *x, *g; /* [group][tile][lane] */
    int64_t x_group, g_group;
    float *sum;
} winograd_outer;

/* Sums, which are scratch, of PARTS parts of [planes][outputs][row] each, of which the
   first COUNT outputs become the gradient [output][3][3][channel]. */
typedef struct winograd_sums {
    float *sum;
    int64_t parts, part, plane, row;
    int64_t count, channels;
    float *grad_weight;
} winograd_sums;

/* The loops that depend on m. */
typedef struct winograd_form {
    int64_t tile, planes; /* m and (m + 2)^2 */
    /* B' d B of tiles that overlap by 2 pixels; and A g A' of tiles that do not. */
    void (*read_input)(const winograd_grid *grid, const void *x, winograd_part part,
                       const winograd_planes *to);
    void (*read_gradient)(const winograd_grid *grid, const void *g, winograd_part part,
                          const winograd_planes *to);
    /* A' m A of COUNT tiles of one panel, m [plane][tile][vectors * lanes]. */
    void (*write_output)(const winograd_grid *grid, const winograd_target *target,
                         int64_t first, int64_t count, const float *m, int64_t plane);
    void (*transform_weight)(const winograd_filter *filter); /* G g G' */
    void (*write_weight)(const winograd_sums *sums);         /* G' s G */
} winograd_form;

typedef struct winograd_loops {
    int64_t lanes, tiles;    /* tiles: of a block of the product */
    int64_t taps_tiles;      /* the most of a product of taps */
    winograd_form two, four; /* F(2x2, 3x3) and F(4x4, 3x3) */
    void (*product)(const winograd_product *p);
    void (*outer)(const winograd_outer *o);
    void (*make_lines)(const winograd_lines *lines); /* of F(4x4, 3x3) */
    void (*product_of_taps)(const winograd_taps *t);
} winograd_loops;

/* The loops for cpu_get_level(). */
const winograd_loops *winograd_loops_get(void);

/* Of each instruction set; NULL where this build has none. */
extern const winograd_loops *const winograd_scalar, *const winograd_avx2,
                                                        *const winograd_avx512;

#endif
