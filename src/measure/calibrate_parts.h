/* SPDX-License-Identifier: GPL-3.0-or-later
   calibrate_parts.h -- what the files of calibrate share.  Nobody else reads it. */
#ifndef LATHE_MEASURE_CALIBRATE_PARTS_H
#define LATHE_MEASURE_CALIBRATE_PARTS_H

#include "measure/calibrate.h"

/* A shape of the grid: SIZE x SIZE pixels out. */
typedef struct grid_shape {
    int size, c, out_c, kernel, stride;
    bool depthwise, sparse, train; /* also with zeros; also gradients, for a batch of 8 */
} grid_shape;

extern const grid_shape calibration_grid[];
extern const int calibration_grid_count;

/* Times all methods of one shape and adds their rows. */
status calibrate_shape(calibration *c, const grid_shape *g, error *e);

#endif
