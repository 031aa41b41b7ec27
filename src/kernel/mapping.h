/* SPDX-License-Identifier: GPL-3.0-or-later
   mapping.h -- what convolutions and their gradients by the input have in common: each
   output pixel (i, j) gathers source pixels (i step_h + rows.place[a], j step_w +
   columns.place[b]), zeros outside of the image, times a weight for each a, b, channel
   and output.  Kept between the files of convolution. */
#ifndef LATHE_KERNEL_MAPPING_H
#define LATHE_KERNEL_MAPPING_H

#include <stdbool.h>
#include <stdint.h>
#include "kernel/convolution.h"
#include "kernel/scratch.h"

/* Taps along one axis, places ascending. */
typedef struct axis {
    int64_t count;
    int64_t place[CONVOLUTION_KERNEL_MAX];  /* pixels from the output's own place */
    int64_t weight[CONVOLUTION_KERNEL_MAX]; /* floats from the weight's start */
} axis;

/* Distances are in floats. */
typedef struct mapping {
    int64_t images, h, w, channels, pitch; /* source; pitch: from pixel to pixel */
    int64_t out_h, out_w, outputs;
    int64_t y_pixel, y_row, y_image;
    int64_t step_h, step_w;
    axis rows, columns;
    int64_t weight_channel, weight_output;
    precision source_kept, y_kept;
} mapping;

/* The mapping of a forward convolution, for one of its groups. */
void mapping_forward(mapping *m, const convolution *v);

/* The mapping of its gradient by the input: of the input pixels (phase_h + i stride_h,
   phase_w + j stride_w), out of grad_y.  False where there is no such pixel. */
bool mapping_backward(mapping *m, const convolution *v, int64_t phase_h, int64_t phase_w);

/* g[p - first][a, b, channel] = source pixels for the output pixels first..last-1,
   counted through rows and images; rows of g are STEP floats apart. */
void mapping_gather(const mapping *m, const float *source, int64_t first, int64_t last,
                    float *g, int64_t step);

/* Output rows of one image at a time, over source rows that are copied with their zeros
   around, or, where nothing sticks out, read in place.
   Pixel (i, j) begins at tile + i step_h row + j step_w pitch, and its run r there at
   offset[r], run_length numbers long: taps that are neighbours in memory are one run. */
typedef struct tiling {
    const mapping *m;
    bool in_place;
    int64_t height, tiles;    /* output rows of a tile; tiles of one image */
    int64_t pitch, row, room; /* room: floats of one copied tile */
    int64_t runs, run_length;
    int64_t *offset;
} tiling;

/* SLACK floats behind a tile may be read; in place only where IN_PLACE allows it. */
void tiling_prepare(tiling *t, const mapping *m, bool in_place, int64_t slack,
                    scratch *s);
const float *tiling_load(const tiling *t, const float *source, int64_t image,
                         int64_t begin, int64_t end, float *room);

#endif
